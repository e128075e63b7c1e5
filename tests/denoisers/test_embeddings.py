"""Noisy parts as vectors."""

import math

import numpy as np
import pytest
import torch

from tabdiff.data.mixed import Packing
from tabdiff.denoisers.embeddings import LevelEmbedding, PeriodicEmbedding, TimeEmbedding


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def level_embedding(
    levels: tuple[int, ...], ordered: tuple[int, ...], dim: int, seed: int = 0
) -> LevelEmbedding:
    embedding = LevelEmbedding(Packing(levels), ordered, dim)
    embedding.initialise(generator(seed))
    return embedding


@pytest.mark.parametrize("shape", [(5,), (5, 4)], ids=["table", "sequence"])
def test_a_number_stands_beside_its_own_sines_and_cosines(shape: tuple[int, ...]):
    embedding = PeriodicEmbedding(2, 3, 0.5)
    embedding.initialise(generator())
    x = torch.randn((*shape, 2), generator=generator(1))
    features = embedding(x)
    assert features.shape == (*shape, 2 * 7)
    c = embedding.frequencies.detach().double().numpy()
    for place in np.ndindex(*shape):
        expected = []
        for part in range(2):
            value = float(x[place][part])
            phases = [2 * math.pi * c[part, i] * value for i in range(3)]
            expected += [value, *map(math.sin, phases), *map(math.cos, phases)]
        np.testing.assert_allclose(features[place].detach().numpy(), expected, atol=1e-5)


def test_waves_of_a_noisy_number_are_those_expected_of_its_clean_value():
    embedding = PeriodicEmbedding(2, 3, 0.3)
    embedding.initialise(torch.Generator().manual_seed(0))
    x, mean = torch.tensor([[5.0, -5.0]]), torch.tensor([[0.3, -1.0]])
    variance = torch.tensor([[0.0, 0.4]])
    noise = torch.randn((200_000, 2), generator=torch.Generator().manual_seed(1))
    expected = embedding(mean + variance.sqrt() * noise).mean(0).unflatten(-1, (2, 7))
    found = embedding(x, (mean, variance))[0].unflatten(-1, (2, 7))
    assert found[:, 0].equal(x[0])
    # A mean of 200,000 waves has an error below .0016; six of those.
    torch.testing.assert_close(found[:, 1:], expected[:, 1:], atol=0.01, rtol=0)
    assert embedding(x, (x, torch.zeros_like(x))).equal(embedding(x))


def test_frequencies_have_the_scale_asked_for():
    embedding = PeriodicEmbedding(100, 50, 0.25)
    embedding.initialise(generator())
    # The std of 5,000 normals is known to 1 / sqrt(2 * 5,000) = 1 %; 5 of them, 6e-7.
    assert abs(float(embedding.frequencies.detach().std()) / 0.25 - 1) < 0.05


@pytest.mark.parametrize("shape", [(5,), (5, 4)], ids=["table", "sequence"])
def test_every_token_of_every_part_has_a_vector_of_its_own(shape: tuple[int, ...]):
    levels = (3, 2, 4)
    embedding = level_embedding(levels, (0, 2, 0), 6)
    assert len(embedding.table) == sum(k + 1 for k in levels)
    seen = []
    for part, k in enumerate(levels):
        for token in range(k + 1):
            x = torch.zeros((*shape, 3), dtype=torch.int64)
            x[..., part] = token
            vectors = embedding(x)
            assert vectors.shape == (*shape, 18)
            seen.append(tuple(vectors[(0,) * len(shape)][6 * part : 6 * part + 6].tolist()))
    assert len(set(seen)) == sum(k + 1 for k in levels)


@pytest.mark.parametrize("ordered", [0, 29, 30])
def test_vectors_start_with_unit_variance(ordered: int):
    embedding = level_embedding((30,), (ordered,), 2_000)
    # Of 2,000 dimensions: a share of sin^2 or of a normal's square, std at most sqrt(2/2,000).
    mean_square = embedding.table.detach()[:30].square().mean(1)
    assert (mean_square - 1).abs().max() < 6 * math.sqrt(2 / 2_000)


def test_only_ordered_levels_start_like_their_neighbours():
    embedding = level_embedding((20, 20), (20, 0), 1_000)
    ordered, plain = embedding.table.detach()[:20], embedding.table.detach()[21:41]
    far = (ordered[0] - ordered[-1]).square().mean()
    assert (ordered.diff(dim=0).square().mean(1) < 0.2 * far).all()
    # Between independent unit vectors: 2 per dimension, std sqrt(8 / 1,000); 5.5 of them.
    steps = plain.diff(dim=0).square().mean(1)
    assert (steps - 2).abs().max() < 5.5 * math.sqrt(8 / 1_000)


@pytest.mark.parametrize("shape", [(5,), (5, 4)], ids=["table", "sequence"])
def test_a_logit_is_the_vector_of_its_level_times_the_query_of_its_part(shape: tuple[int, ...]):
    levels = (3, 2, 4, 40)
    embedding = level_embedding(levels, (0, 2, 3, 40), 6)
    queries = torch.randn((*shape, 24), generator=generator(1))
    bias = torch.randn(embedding.packing.size, generator=generator(2))
    packed = embedding.logits(queries, bias).detach()
    for part, k in enumerate(levels):
        x = torch.zeros((k, 4), dtype=torch.int64)
        x[:, part] = torch.arange(k)
        vectors = embedding(x).detach()[:, 6 * part : 6 * part + 6]
        expected = queries[..., 6 * part : 6 * part + 6] @ vectors.T
        expected = expected + embedding.packing.unpack(bias, part)
        torch.testing.assert_close(embedding.packing.unpack(packed, part), expected)


def test_logits_are_float32_under_autocast():
    embedding, queries = level_embedding((3, 9), (0, 9), 6), torch.ones(2, 12)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert embedding.logits(queries.bfloat16(), torch.zeros(1)).dtype == torch.float32


def test_embeddings_without_parts_are_empty():
    assert level_embedding((), (), 4).logits(torch.zeros(3, 0), torch.zeros(0)).shape == (3, 0)
    assert level_embedding((), (), 4)(torch.zeros((3, 0), dtype=torch.int64)).shape == (3, 0)
    assert PeriodicEmbedding(0, 4, 1.0)(torch.zeros(3, 0)).shape == (3, 0)


def test_times_are_told_apart_from_half_a_turn_upwards():
    embedding, t = TimeEmbedding(6), torch.linspace(0, 1, 500)
    features = embedding(t)
    assert features.shape == (500, 12)
    assert features.abs().max() <= 1
    np.testing.assert_allclose(features[:, 0], np.sin(math.pi * t.numpy()), atol=1e-6)
    # The fastest wave makes 2^4 turns.
    np.testing.assert_allclose(features[:, 11], np.cos(2 * math.pi * 16 * t.numpy()), atol=1e-4)
    gaps = (features[:, None] - features[None]).square().sum(-1) + 9 * torch.eye(500)
    assert gaps.min() > 1e-3
