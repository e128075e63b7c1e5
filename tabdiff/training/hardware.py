"""Where the tensors live and how precisely they are multiplied."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial

import torch

from tabdiff.training.loop import Autocast


def resolve_device(name: str) -> torch.device:
    """The device that ``name`` means; "auto" is the best of cuda, mps, cpu.

    Raises
    ------
    ValueError
        If torch knows no such device, or this machine has none.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device={name!r} is not a device. Use 'auto', 'cpu', 'cuda', 'cuda:0' or 'mps'."
        ) from error
    n_cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    present = {"cpu": True, "cuda": (device.index or 0) < n_cuda}
    present["mps"] = torch.backends.mps.is_available()
    if not present.get(device.type, False):
        raise ValueError(
            f"device={name!r} is not available on this machine. Use device='auto' or 'cpu'."
        )
    return device


def autocast_for(device: torch.device) -> Autocast:
    """bfloat16 autocast where the hardware multiplies bfloat16, otherwise nothing.

    A processor without such instructions emulates them, more slowly than it multiplies float32
    (benchmarks/NOTES.md).
    """
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        # torch offers no public question for this, and before 2.6 none at all.
        questions = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        fast = any(getattr(torch.cpu, question, lambda: False)() for question in questions)
    else:
        fast = False
    if not fast:
        return nullcontext
    # Within an autocast of the caller's, weights that were cast at one step would be kept for the
    # next ones, which have others.
    return partial(torch.autocast, device.type, dtype=torch.bfloat16, cache_enabled=False)
