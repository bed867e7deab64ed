"""The Chromium that the browser tests and the screenshots drive: finds one, installs one.

`make setup-browser` runs this file; whoever needs a browser asks `find_chromium`.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

_NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
_REMEDY = (
    "No Chromium was found that starts. `make setup-browser` installs one; where it can't, install"
    " the package chromium or google-chrome with the system's own tools."
)


def find_chromium() -> str | None:
    """The path of a Chromium that starts: the system's, else Playwright's own."""
    return next((path for path in _candidates() if _starts(path)), None)


def launch_chromium(playwright: Playwright) -> Browser:
    """A headless Chromium that can reach nothing but this machine; RuntimeError without one."""
    path = find_chromium()
    if path is None:
        raise RuntimeError(_REMEDY)
    here = "EXCLUDE 127.0.0.1, EXCLUDE localhost"
    arguments = [f"--host-resolver-rules=MAP * ~NOTFOUND, {here}", "--disable-gpu"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses to run as root otherwise
    return playwright.chromium.launch(executable_path=path, args=arguments)


def install_chromium() -> None:
    """Install one by the system's packages or by Playwright, until one starts.

    Root, as in a container, takes the packages first; others leave the system alone if they can.
    """
    ways = [_by_packages(), _by_playwright()]
    for commands in ways if os.geteuid() == 0 else reversed(ways):
        for command in commands:
            print("+", *command, flush=True)
            if subprocess.run(command).returncode:
                break
        if find_chromium():
            return


def _candidates() -> Iterator[str]:
    yield from filter(None, map(shutil.which, _NAMES))
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    if Path(own).exists():
        yield own


def _starts(path: str) -> bool:
    """Not so where libraries are missing, and for Ubuntu's placeholder of a snap."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and b"." in done.stdout


def _by_playwright() -> list[list[str]]:
    libraries = [] if _as_root() is None else ["--with-deps"]
    return [[sys.executable, "-m", "playwright", "install", *libraries, "chromium"]]


def _by_packages() -> list[list[str]]:
    root = _as_root()
    if root is None or not shutil.which("apt-get"):
        return []
    return [
        [*root, "apt-get", "update"],
        [*root, "apt-get", "install", "--yes", "--no-install-recommends", "chromium"],
    ]


def _as_root() -> list[str] | None:
    """What to put before a command that root must run; None where nobody may, unasked."""
    if os.geteuid() == 0:
        return []
    allowed = shutil.which("sudo") and not subprocess.run(["sudo", "-n", "true"]).returncode
    return ["sudo", "-n"] if allowed else None


def main() -> None:
    if find_chromium() is None:
        install_chromium()
    path = find_chromium()
    if path is None:
        sys.exit(_REMEDY)
    print(f"Chromium: {path}")


if __name__ == "__main__":
    main()
