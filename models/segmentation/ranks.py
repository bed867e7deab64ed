"""The processes that share one training run: how they start, and what they tell each other.

Used by the trainer. One process is the usual case and needs no torch.distributed; several are
started here, one for each GPU, or by torchrun.
"""

import datetime
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from catalog.errors import InputError, LookalikeError
from models.devices import choose_device

T = TypeVar("T")
PATIENCE = datetime.timedelta(hours=2)
"""How long a process waits for another, which may be scoring many validation photos."""


@dataclass(frozen=True)
class Ranks:
    """This process among those of the run: its number, how many there are, and its device."""

    device: torch.device
    number: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and reports."""
        return self.number == 0

    def share_gradients(self, model: nn.Module) -> nn.Module:
        """The model whose backward pass averages gradients over the processes."""
        if self.count == 1:
            return model
        # Batch norm keeps its stored statistics, so that there are no buffers to send around.
        return nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)

    def mean(self, values: Tensor) -> Tensor:
        """The mean of each value over the processes."""
        if self.count > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values / self.count

    def from_first(self, value: float) -> float:
        """The first process's value, so that all decide alike."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(shared, 0)
        return float(shared)

    def take(self, values: Sequence[T]) -> Sequence[T]:
        """This process's part of a row of work."""
        return values[self.number :: self.count]

    def gather(self, part: list[T]) -> list[T] | None:
        """The results of everybody's part in the order of the row; None but on the first."""
        if self.count == 1:
            return part
        parts: list[list[T]] | None = [[] for _ in range(self.count)] if self.first else None
        dist.gather_object(part, parts)
        if parts is None:
            return None
        total = sum(map(len, parts))
        return [parts[place % self.count][place // self.count] for place in range(total)]


def count_processes(wanted: int | None, device: str) -> int:
    """How many processes: as wanted, else one for each GPU; torchrun's number under torchrun."""
    if "WORLD_SIZE" in os.environ:
        return int(os.environ["WORLD_SIZE"])
    if wanted is not None:
        return wanted
    on_cuda = choose_device(device).type == "cuda" and ":" not in device
    return max(1, torch.cuda.device_count()) if on_cuda else 1


def run_on_ranks(
    task: Callable[[Ranks, Any], None], argument: Any, processes: int, device: str
) -> None:
    """Run `task(ranks, argument)` in each process and wait for all; one runs in this process.

    Raises InputError when a process ends with an error, which it has printed.
    """
    if "RANK" in os.environ:
        local = int(os.environ.get("LOCAL_RANK", 0))
        _join(int(os.environ["RANK"]), local, processes, "env://", device, task, argument)
    elif processes == 1:
        task(Ranks(choose_device(device)), argument)
    else:
        _spawn(task, argument, processes, device)


def _spawn(task: Callable[[Ranks, Any], None], argument: Any, processes: int, device: str) -> None:
    from torch.multiprocessing.spawn import ProcessExitedException, spawn

    with tempfile.TemporaryDirectory() as folder:
        address = (Path(folder) / "rendezvous").as_uri()
        arguments = (processes, address, device, task, argument)
        try:
            spawn(_start, arguments, nprocs=processes)  # type: ignore[no-untyped-call]
        except ProcessExitedException as error:
            raise InputError(f"a training process has ended: {error}") from error


def _start(
    rank: int,
    processes: int,
    address: str,
    device: str,
    task: Callable[[Ranks, Any], None],
    argument: Any,
) -> None:
    try:
        _join(rank, rank, processes, address, device, task, argument)
    except LookalikeError as error:
        print(f"Error in process {rank}: {error}", file=sys.stderr, flush=True)
        sys.exit(1)


def _join(
    rank: int,
    local: int,
    processes: int,
    address: str,
    wanted: str,
    task: Callable[[Ranks, Any], None],
    argument: Any,
) -> None:
    device = choose_device(wanted)
    if device.type == "cuda":
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(
        backend, init_method=address, rank=rank, world_size=processes, timeout=PATIENCE
    )
    try:
        task(Ranks(device, rank, processes), argument)
    finally:
        dist.destroy_process_group()
