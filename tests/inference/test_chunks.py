"""Seeds, and the streams that grow from them."""

import numpy as np
import pytest
import torch

from tabdiff.inference.chunks import entropy_of, generators


def first_numbers(entropy: int, *path: int) -> tuple[list[float], list[float]]:
    noise, rest = generators(entropy, *path)
    return torch.rand(4, generator=noise).tolist(), rest.random(4).tolist()


def test_an_int_is_its_own_entropy():
    assert entropy_of(0) == 0
    assert entropy_of(2**40) == 2**40
    assert entropy_of(np.int64(7)) == 7
    assert isinstance(entropy_of(np.int64(7)), int)


def test_none_is_new_every_time():
    # 63 bits: a collision in two draws once in 9e18.
    assert entropy_of(None) != entropy_of(None)


def test_none_asks_the_system_for_63_bits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("secrets.randbits", lambda k: 2**k - 1)
    assert entropy_of(None) == 2**63 - 1


def test_a_seed_means_the_same_numbers_in_every_version():
    """Rows that were published by their seed can be made again."""
    assert entropy_of(np.random.default_rng(3)) == 789974133212406139
    assert entropy_of(np.random.RandomState(1)) == 1791095845
    assert entropy_of(np.random.RandomState(0)) == 209652396
    noise, rest = generators(5, 1, 2)
    assert noise.initial_seed() == 5728954292365253812
    assert int(rest.integers(2**62)) == 4429777407449231011


@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
def test_a_generator_repeats_from_its_seed_and_moves_on(kind: type):
    random_state = kind(3)
    first, second = entropy_of(random_state), entropy_of(random_state)
    again = kind(3)
    assert (first, second) == (entropy_of(again), entropy_of(again))
    assert first != second


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match=r"random_state must be at least 0. Got -1"):
        entropy_of(-1)


@pytest.mark.parametrize("value", ["7", 7.0, True, [7], np.random])
def test_what_is_no_seed_is_refused(value: object):
    with pytest.raises(TypeError, match="random_state must be None, an int, a numpy Generator"):
        entropy_of(value)  # type: ignore[arg-type]


def test_streams_depend_on_entropy_and_path_alone():
    expected = first_numbers(5, 1, 2)
    first_numbers(5, 1, 1)
    first_numbers(6)
    assert first_numbers(5, 1, 2) == expected


def test_streams_of_different_paths_differ():
    paths = [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0)]
    streams = [first_numbers(entropy, *path) for entropy in (0, 1) for path in paths]
    assert len({tuple(noise) for noise, _ in streams}) == len(streams)
    assert len({tuple(rest) for _, rest in streams}) == len(streams)


def test_the_two_streams_of_a_path_are_strangers():
    noise, rest = generators(0, 3)
    a, b = torch.randn(20_000, generator=noise).numpy(), rest.standard_normal(20_000)
    # std of a correlation of n independent pairs: 1/sqrt(n); 5 of them, 6e-7.
    assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(20_000)


def test_streams_live_where_they_are_asked_to():
    assert generators(0, device="cpu")[0].device == torch.device("cpu")
