"""The whole product on one machine: servers, migrations, web app, workers and beat.

`lookalike up` and `lookalike demo` enter `local_stack`; leaving it stops every process.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from catalog.errors import ConflictError
from catalog.settings import Settings
from stack.children import run_lookalike
from stack.postgres import postgres_program, postgres_url
from stack.private import keep_secret, write_private
from stack.processes import Program, StartError, free_port, is_free, near_address
from stack.programs import beat_program, web_program, worker_programs
from stack.servers import edge_program
from stack.state import State, hold, write_state
from stack.supervisor import Supervisor
from stack.valkey import valkey_program, valkey_url

DEFAULT_PORT = 8000
ADMIN_EMAIL = "admin@localhost"
_CHECK_EVERY_S = 0.2
_STALE_AFTER_S = "120"
"""One machine has small tasks: what a killed worker held comes back sooner than in a cluster."""


@dataclass(frozen=True)
class LocalStack:
    """A stack that runs; call `check` often, it keeps the processes alive."""

    home: Path
    url: str
    ingest_token: str
    environment: Mapping[str, str]
    supervisor: Supervisor

    def check(self) -> None:
        """Restart who has died and write down the new process ids."""
        before = self.supervisor.pids()
        self.supervisor.check()
        if self.supervisor.pids() != before:
            self.write_state()

    def serve(self) -> None:
        """Keep everything running until the process is interrupted."""
        while True:
            self.check()
            time.sleep(_CHECK_EVERY_S)

    def write_state(self) -> None:
        """Tell `lookalike ingest` and `lookalike status` where we are."""
        pids = {"supervisor": os.getpid()} | self.supervisor.pids()
        names = {name.upper() for name in Settings.model_fields}
        settings = {name: value for name, value in self.environment.items() if name in names}
        write_state(self.home, State(self.url, self.ingest_token, pids, settings))

    def make_admin_link(self) -> str:
        """A link that logs the admin in, once; adds the admin when there is none yet."""
        link = ("user", "link", ADMIN_EMAIL)
        try:
            return run_lookalike(link, self.environment)
        except StartError:
            _add_admin(self.environment)
            return run_lookalike(link, self.environment)


@contextmanager
def local_stack(
    home: Path,
    tell: Callable[[str], None],
    host: str = "127.0.0.1",
    port: int | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[LocalStack]:
    """Start everything over the data in `home`; stop everything on the way out.

    An address that `environ` gives is used instead of the embedded server. Raises StartError,
    and ConflictError when the home or the port is taken.
    """
    home = home.resolve()
    with hold(home):
        supervisor = Supervisor(tell)
        try:
            chosen = choose_port(port)
            url = f"http://{near_address(host)}:{chosen}"
            environment = _start_servers(supervisor, home, url, environ)
            run_lookalike(("migrate",), environment)
            supervisor.start(_logged(home, web_program(home, environment, host, chosen)))
            token = _usable_token(home, url, environment)
            for program in (*worker_programs(home, environment), beat_program(home, environment)):
                supervisor.start(program)
            stack = LocalStack(home, url, token, environment, supervisor)
            stack.write_state()
            yield stack
        finally:
            supervisor.stop()


def choose_port(port: int | None) -> int:
    """`port` if it is free; without one the usual port, or any other one while that is taken."""
    if port is None:
        return DEFAULT_PORT if is_free(DEFAULT_PORT) else free_port()
    if not is_free(port):
        raise ConflictError(f"port {port} is taken; name another one with --port")
    return port


def _start_servers(
    supervisor: Supervisor, home: Path, url: str, environ: Mapping[str, str]
) -> Mapping[str, str]:
    """Start the servers whose address is not given; returns the environment of all the others."""
    addresses = {}
    if "DATABASE_URL" not in environ:
        data, port = home / "postgres", free_port()
        supervisor.start(_logged(home, postgres_program(data, port)))
        addresses["DATABASE_URL"] = postgres_url(data, port)
    if "REDIS_URL" not in environ:
        data, port = home / "valkey", free_port()
        supervisor.start(_logged(home, valkey_program(data, port)))
        addresses["REDIS_URL"] = valkey_url(data, port)
    if "QDRANT_URL" not in environ:
        port = free_port()
        supervisor.start(_logged(home, edge_program(home / "edge", port)))
        addresses["QDRANT_URL"] = f"http://127.0.0.1:{port}"
    defaults = {
        "IMAGE_STORE_URL": (home / "images").as_uri(),
        "SECRET_KEY": keep_secret(home / "secret_key"),
        "PUBLIC_URL": url,
        "PYTHONUNBUFFERED": "1",
        "STALE_AFTER_S": _STALE_AFTER_S,
        # A release brings checkpoints of its own, and here nobody keeps the former ones.
        "REINDEX_WHEN_MODELS_MISSING": "true",
    }
    return {**defaults, **environ, **addresses}


def _logged(home: Path, program: Program) -> Program:
    """The program with its log beside all the others."""
    return replace(program, log=home / "logs" / f"{program.name}.log")


def _usable_token(home: Path, url: str, environment: Mapping[str, str]) -> str:
    """The ingest token of the last time, if the database still knows it; else a new one."""
    file = home / "ingest_token"
    if file.exists() and _is_accepted(url, file.read_text()):
        return file.read_text()
    token = run_lookalike(("token", "create", "local stack", "--scope", "ingest"), environment)
    write_private(file, token)
    return token


def _add_admin(environment: Mapping[str, str]) -> None:
    """The admin of a local stack comes in by links; the password is one that nobody knows."""
    password = secrets.token_urlsafe(32)
    command = ("user", "create", ADMIN_EMAIL, "--admin")
    run_lookalike(command, environment, answers=f"{password}\n{password}\n")


def _is_accepted(url: str, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.get(f"{url}/api/v1/catalogs", headers=headers, timeout=30, trust_env=False)
    return answer.status_code == httpx.codes.OK
