"""Devices by name, and how precisely they multiply."""

from contextlib import nullcontext

import pytest
import torch

from tabdiff.training.hardware import autocast_for, resolve_device


def test_auto_is_a_device_of_this_machine():
    device = resolve_device("auto")
    assert torch.zeros(1, device=device).device.type == device.type


def test_cpu_is_everywhere():
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "auto "])
def test_an_unknown_device_is_refused(name: str):
    with pytest.raises(ValueError, match="is not a device. Use 'auto', 'cpu', 'cuda'"):
        resolve_device(name)


@pytest.mark.parametrize(
    ("name", "present"),
    [
        ("cuda", torch.cuda.is_available),
        ("mps", torch.backends.mps.is_available),
        ("xpu", lambda: False),
        ("meta", lambda: False),
    ],
)
def test_a_device_that_is_not_here_is_refused(name: str, present):
    if present():
        assert resolve_device(name).type == name
    else:
        with pytest.raises(ValueError, match="is not available on this machine"):
            resolve_device(name)


def test_autocast_is_a_context_that_leaves_sums_alone():
    weight, x = torch.ones(2, 2), torch.ones(1, 2)
    with autocast_for(torch.device("cpu"))():
        assert (x @ weight).dtype in (torch.float32, torch.bfloat16)
    assert (x @ weight).dtype == torch.float32


def test_bfloat16_is_multiplied_where_one_kind_of_instruction_is_there(
    monkeypatch: pytest.MonkeyPatch,
):
    """And not where torch, as before 2.6, cannot be asked."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    for name in names:
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert autocast_for(torch.device("cpu")) is nullcontext
    for name in names:
        with monkeypatch.context() as here:
            here.setattr(torch.cpu, name, lambda: True, raising=False)
            with autocast_for(torch.device("cpu"))():
                assert (torch.ones(1, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("cuda", "mps", "best"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_the_best_that_is_there(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, best: str
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert resolve_device("auto").type == best


@pytest.mark.parametrize("native", [True, False])
def test_a_card_takes_bfloat16_where_it_multiplies_it_itself(
    monkeypatch: pytest.MonkeyPatch, native: bool
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    # What a card emulates it does not multiply.
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert (autocast_for(torch.device("cuda")) is nullcontext) is not native
    assert autocast_for(torch.device("mps")) is nullcontext
