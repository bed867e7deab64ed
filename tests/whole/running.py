"""The whole product running: `lookalike up` in a folder of its own, and what a test asks of it.

Used by the tests of the whole; everything goes through the command line, the API and the stores.
"""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from catalog.services import Services, make_services
from catalog.settings import load_settings
from stack.processes import free_port
from stack.state import State, find_state

COMMAND = (sys.executable, "-m", "lookalike")


@dataclass(frozen=True)
class Running:
    """A stack that is up; `home` is its folder."""

    home: Path
    process: "subprocess.Popen[bytes]"

    @property
    def state(self) -> State:
        state = find_state(self.home)
        assert state is not None, "the stack wrote no state"
        return state

    @property
    def services(self) -> Services:
        """Ours to look into its stores; close it."""
        return make_services(load_settings(self.state.environment))

    def lookalike(self, *arguments: str, check: bool = True) -> str:
        """Run a `lookalike` command against it; returns what it printed."""
        environment = {**os.environ, **self.state.environment, "LOOKALIKE_HOME": str(self.home)}
        done = subprocess.run(
            [*COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=1500
        )
        assert not check or done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def get(self, path: str, **parameters: Any) -> Any:
        """JSON of the API."""
        answer = httpx.get(
            f"{self.state.url}/api/v1{path}",
            params=parameters,
            headers={"Authorization": f"Bearer {self.state.ingest_token}"},
            timeout=30,
            trust_env=False,
        )
        answer.raise_for_status()
        return answer.json()

    def status(self, catalog: str) -> dict[str, Any]:
        return dict(self.get(f"/catalogs/{catalog}/status"))

    def is_settled(self, catalog: str) -> bool:
        """Whether every photo is indexed or failed and the index has learned of it."""
        try:
            status = self.status(catalog)
        except httpx.HTTPError:
            return False
        photos = status["photos"]
        return bool(photos["pending"] + photos["working"] + status["behind"] == 0)

    def kill(self, name: str) -> int:
        """Kill -9 one of its processes with its children; returns the pid that is gone."""
        pid = self.state.pids[name]
        os.killpg(pid, signal.SIGKILL)
        return pid


def wait_for(what: str, condition: Callable[[], bool], timeout_s: float = 240) -> None:
    """Return once `condition` holds; AssertionError when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.1)


@contextmanager
def running_stack(home: Path, **environment: str) -> Iterator[Running]:
    """Start `lookalike up` on free ports in `home`, stop it at the end."""
    log = home / "up.log"
    home.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, "up", "--home", str(home), "--port", str(free_port())],
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
        )
    try:
        wait_for(f"the stack is up, see {log}", lambda: _answers(home, process))
        yield Running(home, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(90)
        finally:
            process.kill()


def _answers(home: Path, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, (home / "up.log").read_text()
    state = find_state(home)
    if state is None:
        return False
    try:
        return httpx.get(f"{state.url}/readyz", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def draw_catalog(folder: Path, items: int, seed: int) -> Path:
    """A drawn catalog; its feed."""
    from sample.feed import write_sample

    write_sample(folder, items=items, seed=seed)
    return folder / "feed.csv"


def photos_in(feed: Path) -> int:
    """How many different photos a feed names."""
    with feed.open(encoding="utf-8", newline="") as file:
        return len({name for row in csv.DictReader(file) for name in row["photos"].split("|")})
