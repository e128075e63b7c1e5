import os

# Tiny networks are fastest on one thread; set before anything loads OpenMP.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest


def _global_state() -> dict[str, Any]:
    """What a well-behaved library leaves as its caller set it."""
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002
    state: dict[str, Any] = {
        "random": random.getstate(),
        "numpy.random": (kind, keys.tobytes(), position, has_gauss, gauss),
        "numpy errors": np.geterr(),
    }
    if "torch" in sys.modules:
        import torch

        state |= {
            "torch generator": torch.get_rng_state().numpy().tobytes(),
            "torch default dtype": torch.get_default_dtype(),
            "torch default device": torch.empty(0).device,
            "torch deterministic flag": torch.are_deterministic_algorithms_enabled(),
            "torch threads": torch.get_num_threads(),
            "torch precision": torch.get_float32_matmul_precision(),
            "torch gradients": torch.is_grad_enabled(),
        }
    return state


@pytest.fixture(autouse=True)
def globals_untouched() -> Iterator[None]:
    """Fail a test that moved a global random generator or a global torch setting."""
    before = _global_state()
    yield
    after = _global_state()
    moved = [name for name, value in before.items() if value != after[name]]
    if moved:
        pytest.fail(f"global state was changed: {', '.join(moved)}. Randomness is an argument.")


@pytest.fixture(scope="session")
def sdmetrics() -> None:
    """Leave a test out where the `eval` extra is not installed."""
    pytest.importorskip("sdmetrics")


@pytest.fixture
def double_by_default() -> Iterator[None]:
    """Let torch make float64 where no dtype is named, as a caller may have set it."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


FrameMaker = Callable[[pd.DataFrame], Any]


@pytest.fixture(params=["pandas", "polars", "numpy"])
def frame_kind(request: pytest.FixtureRequest) -> str:
    """The name of each kind of container that tabdiff takes."""
    return request.param


@pytest.fixture
def make_frame(frame_kind: str) -> FrameMaker:
    """Turn a pandas frame of numbers into each kind of container that tabdiff takes."""
    if frame_kind == "pandas":
        return pd.DataFrame.copy
    if frame_kind == "numpy":
        return pd.DataFrame.to_numpy
    polars = pytest.importorskip("polars")
    return lambda frame: polars.DataFrame({name: frame[name].to_numpy() for name in frame})
