"""What a stack tells about itself, to whom, and what the command line makes of it."""

from pathlib import Path

import pytest

from catalog.errors import ConflictError
from stack.state import State, find_state, hold, is_running, use_local_addresses, write_state

_STATE = State(
    url="http://127.0.0.1:8000",
    ingest_token="lk_secret",
    pids={"web": 7},
    environment={"DATABASE_URL": "postgresql://here/lookalike", "SECRET_KEY": "key"},
)


def test_the_state_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    write_state(tmp_path, _STATE)
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600
    assert find_state(tmp_path) == _STATE


def test_a_home_without_a_state_has_none(tmp_path: Path) -> None:
    assert find_state(tmp_path / "nowhere") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": "x"}', '{"unknown": 1}'])
def test_a_damaged_state_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    assert find_state(tmp_path) is None


def test_a_home_is_held_by_one_stack_only(tmp_path: Path) -> None:
    write_state(tmp_path, _STATE)
    assert not is_running(tmp_path)
    with hold(tmp_path):
        assert is_running(tmp_path)
        with pytest.raises(ConflictError, match="already at http"), hold(tmp_path):
            pass
    assert not is_running(tmp_path)


def test_commands_reach_the_stack_that_runs_here(tmp_path: Path) -> None:
    write_state(tmp_path, _STATE)
    environ = {"LOOKALIKE_HOME": str(tmp_path), "SECRET_KEY": "mine"}
    with hold(tmp_path):
        use_local_addresses(environ)
    assert environ["DATABASE_URL"] == "postgresql://here/lookalike"
    assert environ["SECRET_KEY"] == "mine"


def test_commands_ignore_a_stack_that_has_stopped(tmp_path: Path) -> None:
    write_state(tmp_path, _STATE)
    environ = {"LOOKALIKE_HOME": str(tmp_path)}
    use_local_addresses(environ)
    assert "DATABASE_URL" not in environ


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "QDRANT_URL"])
def test_an_address_in_the_environment_is_never_mixed_with_local_ones(
    tmp_path: Path, name: str
) -> None:
    write_state(tmp_path, _STATE)
    environ = {"LOOKALIKE_HOME": str(tmp_path), name: "elsewhere"}
    with hold(tmp_path):
        use_local_addresses(environ)
    assert environ == {"LOOKALIKE_HOME": str(tmp_path), name: "elsewhere"}
