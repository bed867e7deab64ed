"""What a run says and writes down: lines or a bar, `metrics.jsonl`, TensorBoard, `run.json`.

Used by the trainer, in its first process alone.
"""

import importlib.metadata
import json
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from models.segmentation.schedule import Budget

PACKAGES = ("lookalike", "torchvision", "timm", "pb1-detectron2", "detectron2", "numpy")


class Screen(Protocol):
    """Where a person follows the run."""

    def say(self, text: str) -> None:
        """A line that stays."""

    def show(self, text: str, progress: float) -> None:
        """Where the run is, from 0 to 1."""

    def close(self) -> None:
        """The end."""


class Lines:
    """Plain lines, for a log."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def say(self, text: str) -> None:
        """Print a line now: a log is read while the run goes on."""
        print(text, file=self.stream, flush=True)

    def show(self, text: str, progress: float) -> None:
        """Print where the run is."""
        self.say(f"{progress:4.0%} {text}")

    def close(self) -> None:
        """Nothing is left to do."""


class Bar:
    """A bar on a terminal, with lines above it."""

    def __init__(self, console: Console) -> None:
        columns = (
            BarColumn(),
            TextColumn("{task.percentage:3.0f}%"),
            TextColumn("{task.fields[now]}"),
        )
        self.bar = Progress(*columns, console=console)
        self.task = self.bar.add_task("", total=1.0, now="")
        self.bar.start()

    def say(self, text: str) -> None:
        """A line above the bar."""
        self.bar.console.print(text, markup=False, highlight=False)

    def show(self, text: str, progress: float) -> None:
        """Move the bar."""
        self.bar.update(self.task, completed=progress, now=text)

    def close(self) -> None:
        """Leave the last state on the screen."""
        self.bar.stop()


def make_screen(stream: TextIO | None = None) -> Screen:
    """A bar on a terminal, else plain lines."""
    console = Console(file=stream or sys.stdout)
    return Bar(console) if console.is_terminal else Lines(stream or sys.stdout)


class Journal:
    """Everything that a run in folder `out` tells, from step `step` on."""

    def __init__(self, out: Path, step: int, screen: Screen) -> None:
        self.screen = screen
        self.path = out / "metrics.jsonl"
        _drop_after(self.path, step)
        self.curves = _open_curves(out / "tensorboard", step, screen)

    def say(self, text: str) -> None:
        """A line for the person."""
        self.screen.say(text)

    def record_training(
        self, budget: Budget, losses: Mapping[str, float], rate: float, photos_per_s: float
    ) -> None:
        """The means since the last time: losses by head, learning rate, photos a second."""
        total = sum(losses.values())
        text = f"step {budget.step} loss {total:.3f} {photos_per_s:.1f} photos/s"
        if budget.left_s is not None:
            text += f" {describe_seconds(budget.left_s)} left"
        self.screen.show(text, budget.progress)
        values = {"loss": total, "learning_rate": rate, "photos_per_s": photos_per_s}
        rounded = {name: float(f"{value:.6g}") for name, value in values.items()}
        heads = {name: round(value, 5) for name, value in losses.items()}
        self._write({"step": budget.step, **rounded, "losses": heads})
        named = {f"train/{name}": value for name, value in values.items()}
        self._draw(budget.step, named | {f"losses/{k}": v for k, v in losses.items()})

    def record_validation(self, step: int, result: Mapping[str, Any], best: bool) -> None:
        """The scores of the averaged weights at a step."""
        parts = [
            f"{name} box AP {s['box']['AP']} mask AP {s['mask']['AP']} AP50 {s['mask']['AP50']}"
            for name, s in result["folders"].items()
        ]
        mark = " (the best so far)" if best else ""
        self.say(f"step {step} validation: {'; '.join(parts)}; mean {result['mask_AP']}{mark}")
        self._write({"step": step, "validation": dict(result), "best": best})
        flat = {"validation/mask_AP": result["mask_AP"]} | {
            f"validation/{name}/{kind}_{key}": value
            for name, scores in result["folders"].items()
            for kind, values in scores.items()
            for key, value in values.items()
        }
        self._draw(step, {name: value for name, value in flat.items() if value is not None})

    def close(self) -> None:
        """Write what is still held back."""
        self.screen.close()
        if self.curves is not None:
            self.curves.close()

    def _write(self, entry: Mapping[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def _draw(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items() if self.curves is not None else ():
            self.curves.add_scalar(name, value, step)


def _drop_after(path: Path, step: int) -> None:
    """Take out lines that a killed run wrote after its last state: they will come again."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text().splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except ValueError:
            continue  # cut in the middle by the kill
    path.write_text("".join(f"{line}\n" for line in kept))


def _open_curves(folder: Path, step: int, screen: Screen) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        screen.say("no curves: TensorBoard is missing (it belongs to the extra `training`)")
        return None
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None, flush_secs=30)


def describe_seconds(seconds: float) -> str:
    """59 -> `59 s`, 240 -> `4 min`, 9,000 -> `2 h 30 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def write_run_file(path: Path, description: Mapping[str, Any], step: int, command: str) -> None:
    """Write `run.json`: what the run is, the versions, and each command with its first step."""
    sessions = json.loads(path.read_text())["sessions"] if step and path.exists() else []
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    sessions.append({"from_step": step, "command": command, "threads": torch.get_num_threads()})
    content = {**description, "versions": versions, "sessions": sessions}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
