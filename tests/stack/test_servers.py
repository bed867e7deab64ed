"""The embedded servers: what they promise about data, passwords and orphans."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import redis

from stack import processes
from stack.postgres import start_postgres
from stack.processes import Program, Server, StartError, free_port, start_program
from stack.valkey import start_valkey
from tests.stack.watching import becomes_true, runs


def _sql(server: Server, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(server.url.replace("+psycopg2", ""))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("postgres")
    server = start_postgres(home / "pg", free_port(), durable=False)
    yield server
    server.stop()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Server]:
    server = start_valkey(tmp_path / "valkey", free_port())
    yield server
    server.stop()


def test_postgres_keeps_its_rows_when_it_is_killed(postgres: Server) -> None:
    _sql(postgres, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    postgres.kill()
    postgres.restart()
    assert _sql(postgres, "SELECT n FROM kept") == [(7,)]


def test_postgres_knows_upper_and_lower_case_outside_ascii(postgres: Server) -> None:
    assert _sql(postgres, "SELECT upper('ärmel'), 'ÄRMEL' ILIKE 'ärmel'") == [("ÄRMEL", True)]


def test_postgres_lets_nobody_in_without_the_password(postgres: Server) -> None:
    password = postgres.url.split(":")[2].split("@")[0]
    wrong = postgres.url.replace("+psycopg2", "").replace(password, "wrong")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(wrong)


def test_the_password_of_postgres_is_readable_by_its_owner_only(postgres: Server) -> None:
    folder = postgres.program.folder
    assert folder is not None
    mode = folder.with_name("pg.password").stat().st_mode
    assert mode & 0o777 == 0o600


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "PG_VERSION").write_text("18")
    server = start_postgres(tmp_path / "pg", free_port(), durable=False)
    assert _sql(server, "SELECT 1") == [(1,)]
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has an identity to drop")
def test_postgres_starts_where_user_namespaces_are_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "how_to_drop_root", lambda: "nobody")
    server = start_postgres(tmp_path / "pg", free_port(), durable=False)
    assert _sql(server, "SELECT 1") == [(1,)]
    owner = Path(f"/proc/{server.process.pid}").stat().st_uid
    server.stop()
    assert owner == 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user can't become another one")
def test_an_ordinary_user_starts_postgres_without_any_trick(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    script = (
        "from pathlib import Path; from stack.postgres import start_postgres;"
        "from stack.processes import free_port, how_to_drop_root;"
        f"s = start_postgres(Path({str(home)!r}) / 'pg', free_port());"
        "print(how_to_drop_root()); s.stop()"
    )
    launcher = Path(processes.__file__).with_name("launch.py")
    as_nobody = [sys.executable, str(launcher), str(os.getpid()), "9", "nobody", str(home)]
    done = subprocess.run(
        [*as_nobody, sys.executable, "-c", script], capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.returncode) == ("keep", 0), done.stderr


def test_valkey_keeps_its_queue_when_it_is_killed(valkey: Server) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        client.rpush("queue", *range(1000))
    valkey.kill()
    valkey.restart()
    with redis.Redis.from_url(valkey.url) as client:
        assert client.llen("queue") == 1000


def test_valkey_lets_nobody_in_without_the_password(valkey: Server) -> None:
    port = valkey.url.rsplit(":", 1)[1]
    with (
        redis.Redis.from_url(f"redis://127.0.0.1:{port}") as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_valkey_rather_refuses_than_forgets(valkey: Server) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_a_program_that_ends_while_starting_says_why(tmp_path: Path) -> None:
    program = Program(
        name="broken",
        command=(sys.executable, "-c", "raise SystemExit('no such flag')"),
        log=tmp_path / "broken.log",
        ready=lambda: False,
    )
    with pytest.raises(StartError, match="no such flag") as caught:
        start_program(program)
    assert caught.value.part == "broken"


def test_a_program_that_never_answers_is_given_up_and_ended(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = (
        f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    program = Program(
        name="silent",
        command=(sys.executable, "-c", script),
        log=tmp_path / "silent.log",
        ready=lambda: False,
        start_timeout_s=1,
    )
    with pytest.raises(StartError, match="no answer within 1 s"):
        start_program(program)
    assert not runs(int(pid_file.read_text()))


def test_stopping_takes_the_grandchildren_along(tmp_path: Path) -> None:
    script = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True); input()"
    log = tmp_path / "log"
    script = script.replace("input()", "import time; time.sleep(60)")
    program = Program(name="parent", command=(sys.executable, "-c", script), log=log)
    server = Server(program, start_program(program), "")
    assert becomes_true(lambda: log.exists() and log.read_text().strip().isdigit())
    server.stop()
    assert becomes_true(lambda: not runs(int(log.read_text())))


def test_servers_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; import time; from stack.servers import *;"
        "from stack.processes import free_port;"
        f"home = Path({str(tmp_path)!r});"
        "p = start_postgres(home / 'pg', free_port(), durable=False);"
        "v = start_valkey(home / 'valkey', free_port());"
        "print(p.process.pid, v.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert all(runs(pid) for pid in pids)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    assert becomes_true(lambda: not any(runs(pid) for pid in pids))
