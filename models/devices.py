"""Which device and number format the models run in.

Used by training and inference of both.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import nn


def choose_device(wanted: str = "auto") -> torch.device:
    """The device by name; `auto` is CUDA where there is one."""
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def runs_bfloat16_fast(device: torch.device) -> bool:
    """Whether bfloat16 pays: on a GPU or a CPU that computes in it (AMX, or AVX-512's dot product).

    Emulated on others it is several times slower than float32.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpu = Path("/proc/cpuinfo")
    return cpu.exists() and bool({"amx_bf16", "avx512_bf16"} & set(cpu.read_text().split()))


def put_on(network: nn.Module, device: torch.device) -> None:
    """Move a network to a device, its filters channels last: 1.4 times as fast on a CPU."""
    movable: Any = network  # torch's own annotations know this form for tensors only
    movable.to(device, memory_format=torch.channels_last)


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 arithmetic where it is fast, float32 elsewhere."""
    return torch.autocast(device.type, torch.bfloat16, enabled=runs_bfloat16_fast(device))
