"""The command line: complete, quick, and clear when something is wrong."""

import importlib
import subprocess
import sys

import pytest
from click.testing import CliRunner

from lookalike import ROOMS, cli, main


@pytest.mark.parametrize("room", ROOMS)
def test_the_table_of_commands_is_what_the_room_offers(room: str) -> None:
    commands = importlib.import_module(room).COMMANDS
    assert set(ROOMS[room]) == set(commands)


@pytest.mark.parametrize("words", [words for commands in ROOMS.values() for words in commands])
def test_every_command_explains_itself(words: str) -> None:
    result = CliRunner().invoke(cli, [*words.split(), "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


def test_help_lists_every_command() -> None:
    output = CliRunner().invoke(cli, ["--help"]).output
    for commands in ROOMS.values():
        for words in commands:
            assert f"  {words.split()[0]} " in output


def test_an_unknown_command_is_refused() -> None:
    result = CliRunner().invoke(cli, ["indexx"])
    assert result.exit_code == 2
    assert "No such command" in result.output


@pytest.mark.parametrize("words", ["--help", "ingest --help", "up --help", "status --help"])
def test_the_command_line_stays_light(words: str) -> None:
    script = (
        "import sys; from click.testing import CliRunner; from lookalike import cli;"
        f"CliRunner().invoke(cli, {words.split()!r});"
        "print(sorted({'torch', 'sqlalchemy', 'flask', 'celery'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_file_that_can_not_be_used_is_one_line_not_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise PermissionError(13, "Permission denied", "/srv/photos")

    monkeypatch.setattr("lookalike.cli", refuse)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    assert "Error: /srv/photos: Permission denied" in capsys.readouterr().err
