"""Likelihoods of rows of sequences against laws in which they are known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from sklearn.exceptions import NotFittedError
from torch import Tensor

from tabdiff import SchemaError, TimeSeriesDiffusionSynthesizer
from tabdiff.analytics.measure import log_measure
from tabdiff.analytics.turns import log_likelihoods, oddities
from tabdiff.data.long import LongFrame, fit_encoder
from tabdiff.data.mixed import Belief, Known, Layout, Mixed
from tabdiff.data.reading import read_cells
from tabdiff.data.sequence import SequenceEncoder
from tabdiff.data.windows import windows_around, windows_in_turn
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.fitted import FittedSequences, Manner, history_frame, make_joint
from tabdiff.inference.unroll import unroll
from tabdiff.training.settings import Size

PHI = 0.8
Learned = TimeSeriesDiffusionSynthesizer
# One step of next to nothing leaves the heads at zero.
STILL: dict[str, Any] = {"max_steps": 1, "learning_rate": 1e-12}


def tiny(**changes: Any) -> TimeSeriesDiffusionSynthesizer:
    """A synthesizer that learns next to nothing, quickly."""
    settings: dict[str, Any] = {
        "max_steps": 3,
        "width": 16,
        "depth": 1,
        "sampling_steps": 4,
        "device": "cpu",
        "random_state": 0,
        "verbose": 0,
        "window": 6,
        "sequence_key": "who",
        "sequence_index": "day",
    }
    return TimeSeriesDiffusionSynthesizer(**(settings | changes))


def panel(n: int = 12, seed: int = 0) -> pd.DataFrame:
    """Entities of 5 to 16 days, one with a hole: a number, small counts with gaps, a category."""
    rng = np.random.default_rng(seed)
    frames = []
    for entity in range(n):
        length = int(rng.integers(5, 17))
        day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(length), unit="D")
        frame = pd.DataFrame({"who": f"e{entity}", "day": day, "town": "kl"[entity % 2]})
        frame["x"] = rng.normal(size=length).round(2)
        frame["count"] = pd.array(rng.choice(3, length, p=[0.6, 0.3, 0.1]), dtype="Int64")
        frame.loc[rng.random(length) < 0.2, "count"] = pd.NA
        frame["c"] = rng.choice(list("pqr"), length, p=[0.5, 0.3, 0.2])
        frames.append(frame.drop(index=3) if entity == 0 else frame)
    return pd.concat(frames, ignore_index=True)


# ------------------------------------------------------------------------------------- closed form


class Autoregression:
    """Exact beliefs about one number a row whose normal scores are an AR(1) process."""

    def __init__(self, encoder: SequenceEncoder, joint: JointDiffusion, phi: float) -> None:
        self._encoder, self._joint, self._phi = encoder, joint, phi

    def __call__(self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        y, seen = x_t.num[..., -1].double(), known.num[..., -1]
        absent = x_t.cat[..., 0] != 0
        alpha = self._joint.gaussian.schedule.alpha(t.double())[:, None]
        sigma = self._joint.gaussian.schedule.sigma(t.double())[:, None]
        kept = torch.where(absent, 0.0, torch.where(seen, 1.0, alpha))
        noise = torch.where(absent, 1.0, torch.where(seen, 0.0, sigma))
        place = torch.arange(y.shape[1])
        law = self._phi ** (place[:, None] - place).abs().double()
        cross = law * kept[:, None]
        total = kept[..., None] * cross + torch.diag_embed(noise**2)
        clean = (cross @ torch.linalg.solve(total, (y * ~absent)[..., None])).squeeze(-1)
        velocity = torch.zeros(x_t.num.shape)
        velocity[..., -1] = ((alpha * y - clean) / sigma).float()
        return Belief(velocity, torch.zeros(*x_t.shape, self._joint.multinomial.packing.size))


def exact(frame: pd.DataFrame, phi: float, window: int = 6) -> FittedSequences:
    """An encoder fitted to ``frame`` before the exact denoiser of an AR(1) process."""
    long = LongFrame.learn(frame, "who", "day", (), ())
    encoder = fit_encoder(frame, long, {}, window, np.random.default_rng(0))
    joint = make_joint(encoder.layout, "absorbing", Manner())
    model: Any = Autoregression(encoder, joint, phi)
    entities: Any = None
    return FittedSequences(
        encoder=encoder,
        entities=entities,
        denoiser=model,
        joint=joint,
        manner=Manner(),
        size=Size(1, 1),
        device=torch.device("cpu"),
        entropy=0,
        history=history_frame([]),
        best_step=0,
        stopped="",
        n_rows_seen=len(frame),
        seconds=0.0,
    )


def log_ratio(z: np.ndarray, places: np.ndarray) -> float:
    """log N(z; 0, AR(1)) - log N(z; 0, I) of the rows in these places."""
    law = PHI ** np.abs(places[:, None] - places)
    alone = stats.norm.logpdf(z).sum()
    return float(stats.multivariate_normal(np.zeros(len(z)), law).logpdf(z) - alone)


def test_scores_of_a_sequence_add_up_to_the_log_density_of_its_process():
    """Longer and shorter than a window, and with a hole: what exceeds independent rows is known.

    A process of order one is told all by the half window before, so nothing is lost between
    windows. On shared paths a linear denoiser is off by the same for all sequences of the same
    moments: they differ from each other exactly, and the level by its noise of .05 nats a row.
    """
    rng = np.random.default_rng(1)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(30), unit="D")
    frames = []
    for entity, length in enumerate([1, 4, 6, 9, 30] * 4):
        x = stats.norm.rvs(size=length, random_state=rng)
        for at in range(1, length):
            x[at] = PHI * x[at - 1] + np.sqrt(1 - PHI**2) * x[at]
        one = pd.DataFrame({"who": entity, "day": days[:length], "x": x, "length": length})
        frames.append(one.drop(index=2) if length == 9 else one)
    whole = pd.concat(frames, ignore_index=True)
    frame = whole.drop(columns="length")
    model, independent = exact(frame, PHI), exact(frame, 0.0)
    z = model.encoder.rows.encode(frame[["x"]], rng).num[:, 0].numpy()
    gain = log_likelihoods(model, frame, 32, 4, 0) - log_likelihoods(independent, frame, 1, 1, 0)
    place = (frame["day"] - days[0]).dt.days.to_numpy()
    wanted = whole.groupby("who")["day"].transform(
        lambda day: log_ratio(z[day.index], place[day.index]) / len(day)
    )
    off = (gain["x"] - wanted).groupby([whole["length"], whole["who"]]).mean()
    assert wanted.std() > 0.1
    assert off.groupby("length").std().max() < 1e-3
    assert off.abs().max() < 0.15


def test_scores_of_an_untrained_network_are_those_of_independent_cells():
    """Levels, atoms and missing cells by how often they occurred, numbers by their density."""
    frame = panel()
    synth = tiny(**STILL).fit(frame)
    shares = synth.score_samples(frame, explain=True)
    assert list(shares.columns) == ["x", "count", "c"]
    for column in ("count", "c"):
        share = frame[column].map(frame[column].value_counts(normalize=True, dropna=False))
        share[frame[column].isna()] = frame[column].isna().mean()
        np.testing.assert_allclose(shares[column], np.log(share.astype(float)), atol=1e-4)
    field = synth.encoder_.rows.fields[0]
    cells = read_cells(frame["x"], field.column)
    # Behind the first window numbers are scaled by what is known of theirs.
    since = frame["day"] - frame.groupby("who")["day"].transform("min")
    first = since.dt.days < synth.encoder_.window
    density = log_measure(field.encoder, cells)
    np.testing.assert_allclose(shares["x"][first], density[first], atol=1e-4)
    assert not first.all()


# ----------------------------------------------------------------------------------------- windows


@pytest.mark.parametrize("length", [1, 5, 6, 7, 9, 10, 12, 23])
def test_rows_are_asked_in_the_windows_in_which_they_are_drawn(length: int):
    joint = make_joint(Layout(("x",), (), (), (None,), ()), "absorbing", Manner())
    asked: list[np.ndarray] = []

    def denoiser(x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        asked.append(~known.num[0, :, 0].numpy())
        return Belief(torch.zeros_like(x_t.num), torch.zeros(*x_t.shape, 0))

    x0 = Mixed(torch.zeros(length + 1, 1), torch.zeros(length + 1, 0, dtype=torch.int64))
    known = Known.nothing(x0)
    known.num[-1] = True
    offsets = np.array([0, length])
    noise = torch.Generator().manual_seed(0)
    times = torch.tensor([1.0, 0.0])
    unroll(denoiser, joint, times, x0, known, torch.from_numpy(offsets), 6, 3, noise)
    places, fresh = windows_in_turn(offsets, 6, 3)
    assert [list(mask) for mask in fresh[:, : min(length, 6)]] == [list(mask) for mask in asked]
    assert sorted(places[fresh]) == list(range(length))


@pytest.mark.parametrize(("window", "apart"), [(2, 4), (6, 4), (8, 1), (7, 3)])
def test_each_row_is_asked_once_among_others_that_lie_apart(window: int, apart: int):
    offsets = np.array([0, 1, 1, 6, 29])
    places, asked = windows_around(offsets, window, apart)
    assert sorted(places[asked]) == list(range(29))
    assert asked.any(axis=1).all()
    for row, mask in zip(places, asked, strict=True):
        assert (np.diff(row[mask]) % apart == 0).all()
        inside = row[row < 29]
        assert (np.diff(inside) == 1).all()
        assert len(set(np.searchsorted(offsets, inside, side="right"))) == 1
        # A quarter of the window on either side, where the sequence has it.
        for at in row[mask]:
            begin, end = offsets[offsets <= at].max(), offsets[offsets > at].min()
            around = range(max(at - window // 4, begin), min(at + window // 4 + 1, end))
            assert set(around) <= set(inside)


def test_windows_keep_to_their_sequences():
    places, fresh = windows_in_turn(np.array([0, 4, 4, 11]), 4, 2)
    assert places.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [6, 7, 8, 9], [7, 8, 9, 10]]
    assert fresh.astype(int).tolist() == [[1] * 4, [1] * 4, [0, 0, 1, 1], [0, 0, 0, 1]]


# ----------------------------------------------------------------------------------------- company


@pytest.fixture(scope="module")
def learned() -> Learned:
    return tiny(max_steps=30, learning_rate=0.02).fit(panel())


def test_rows_score_the_same_in_any_order_and_company(learned: Learned):
    frame = panel()
    whole = learned.score_samples(frame, explain=True)
    assert list(whole.index) == list(frame.index)
    shuffled = frame.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(
        learned.score_samples(shuffled, explain=True).sort_index(), whole, atol=1e-5
    )
    few = frame[frame["who"].isin(["e5", "e0"])]
    pd.testing.assert_frame_equal(
        learned.score_samples(few, explain=True), whole.loc[few.index], atol=1e-5
    )


def test_shares_of_columns_add_up_to_the_score_and_come_again(learned: Learned):
    frame = panel().set_axis(np.arange(len(panel())) % 7)
    shares = learned.score_samples(frame, explain=True)
    assert np.isfinite(shares).all(axis=None)
    assert list(shares.index) == list(frame.index)
    np.testing.assert_array_equal(shares.sum(axis=1), learned.score_samples(frame))
    assert not np.allclose(learned.score_samples(frame, random_state=1), shares.sum(axis=1))


def test_more_draws_make_less_noise(learned: Learned):
    frame = panel()
    once, four = (
        [learned.score_samples(frame, n_draws=n, random_state=seed) for seed in range(3)]
        for n in (1, 4)
    )
    assert np.std(four, axis=0).mean() < 0.8 * np.std(once, axis=0).mean()


# ------------------------------------------------------------------------------------------ moments


def test_gaps_of_irregular_moments_are_scored_as_the_moments_but_the_first():
    """As independent columns: a gap of whole hours costs its frequency, the absent one nothing."""
    rng = np.random.default_rng(0)
    gaps = rng.choice([1, 2, 5], 120, p=[0.5, 0.3, 0.2])
    hours = pd.to_timedelta(np.cumsum(gaps), unit="h")
    frame = pd.DataFrame({"x": rng.normal(size=120), "day": pd.Timestamp("2024-01-01") + hours})
    frame["who"] = np.repeat(np.arange(12), 10)
    shares = tiny(**STILL).fit(frame).score_samples(frame, explain=True)
    assert list(shares.columns) == ["x", "day"]
    first = frame.index % 10 == 0
    assert (shares["day"][first] == 0).all()
    # At fit a first row takes the gap of another one.
    told = pd.Series(gaps)[~first]
    law = pd.concat([told, told.iloc[:12]]).value_counts(normalize=True)
    np.testing.assert_allclose(shares["day"][~first], np.log(told.map(law)), atol=1e-4)


@pytest.mark.parametrize("index", ["day", None])
@pytest.mark.parametrize("prior", ["absorbing", "uniform"])
def test_one_series_is_scored(prior: str, index: str | None):
    frame = panel(1, seed=3).drop(columns=["who", "town"] + ([] if index else ["day"]))
    synth = tiny(sequence_key=None, sequence_index=index, prior=prior).fit(frame)
    found = synth.score_samples(frame)
    assert found.shape == (len(frame),) and np.isfinite(found).all()
    assert synth.score_samples(frame.iloc[:1]).shape == (1,)


def test_a_frame_without_rows_has_no_scores(learned: Learned):
    nothing = panel().iloc[:0]
    assert learned.score_samples(nothing).shape == (0,)
    assert list(learned.anomalies(nothing).columns) == ["score", "anomaly", "column"]


# ---------------------------------------------------------------------------------------- anomalies


def test_the_odd_row_of_a_sequence_is_flagged_and_its_column_named(learned: Learned):
    frame = panel()
    frame.loc[40, "x"] = 30.0
    found = learned.anomalies(frame.sample(frac=1, random_state=0), contamination=1 / len(frame))
    assert list(found.columns) == ["score", "anomaly", "column"]
    assert list(found.index[found["anomaly"]]) == [40]
    assert found.loc[40, "column"] == "x"


def test_oddities_are_those_of_a_row_given_the_rows_around_it():
    """Of an AR(1) process N(phi (a + b) / (1 + phi^2), (1 - phi^2) / (1 + phi^2)) between a and b.

    On shared paths rows at one place of their sequences differ from each other exactly; the level
    of a place has noise of .25 nats, that of all .05.
    """
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(40), unit="D")
    quantiles = np.random.default_rng(0).permutation(stats.norm.ppf((np.arange(480) + 0.5) / 480))
    frame = pd.DataFrame({"who": np.repeat(np.arange(12), 40), "day": np.tile(days, 12)})
    frame["x"] = quantiles
    model, independent = exact(frame, PHI, window=16), exact(frame, 0.0, window=16)
    odd = oddities(model, frame, 16, 2, 0) - oddities(independent, frame, 1, 1, 0)
    parts = model.encoder.rows.encode(frame[["x"]], np.random.default_rng(0))
    z = parts.num.numpy().reshape(12, 40)
    between = PHI * (z[:, :-2] + z[:, 2:]) / (1 + PHI**2)
    law = stats.norm(between, np.sqrt((1 - PHI**2) / (1 + PHI**2)))
    wanted = stats.norm.logpdf(z[:, 1:-1]) - law.logpdf(z[:, 1:-1])
    off = odd["x"].to_numpy().reshape(12, 40)[:, 1:-1] - wanted
    assert wanted.std() > 1
    assert off.std(axis=0).max() < 0.05
    assert abs(off.mean()) < 0.2
    assert np.abs(off).max() < 1.0


def test_scoring_refuses_what_it_does_not_know(learned: Learned):
    with pytest.raises(NotFittedError):
        tiny().score_samples(panel())
    with pytest.raises(SchemaError, match="column 'c'.*'z'"):
        learned.score_samples(panel().assign(c="z"))
    with pytest.raises(SchemaError, match="'town'"):
        learned.anomalies(panel().assign(town="z"))
    with pytest.raises(ValueError, match="n_draws must be at least 1"):
        learned.score_samples(panel(), n_draws=0)
    with pytest.raises(ValueError, match="contamination must be in"):
        learned.anomalies(panel(), 0.7)
