"""A Chromium is found only if it starts; without one the remedy is named."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.browser import chromium


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that holds programs: a shell is in it, and nothing of Playwright's."""
    (tmp_path / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "nothing"))
    return tmp_path


def write_program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def test_a_placeholder_that_does_not_start_is_passed_over(folder: Path) -> None:
    write_program(folder / "chromium", "exit 1")
    assert chromium.find_chromium() is None
    write_program(folder / "google-chrome", "echo Chrome 150.0")
    assert chromium.find_chromium() == str(folder / "google-chrome")


def test_what_cannot_be_installed_ends_with_the_remedy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[list[str]] = []

    def fail(command: list[str], **_: Any) -> "subprocess.CompletedProcess[bytes]":
        tried.append(command)
        return subprocess.CompletedProcess(command, 1, b"")

    write_program(folder / "apt-get", "exit 1")
    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(SystemExit, match="make setup-browser"):
        chromium.main()
    assert any("playwright" in command for command in tried)
