"""Is epsilon what it is claimed to be? Audits that look for leaks, and that must find planted ones.

Whoever knows all but whether a canary was there must not tell it better than epsilon allows; from
how well an attacker does, a lower bound on the true epsilon follows. Where it exceeds the claim
with 99.9 % confidence, the claim is false: the audit *catches* it. Five attackers:

* *steps*: sees the noisy sum of every private step. A canary is a row whose gradient is a large
  multiple of a unit vector of its own (a Dirac canary; Nasr et al. 2023, arXiv:2302.07956), so all
  canaries are audited in one run (Steinke, Nasr & Jagielski 2023, arXiv:2305.08846).
* *crowd*: the same, where a canary asks whether the draws of other rows depend on its presence.
* *counts*: sees a noisy count many times; must find just the mu that is claimed.
* *encoder*: sees the bounds and the labels that the budget paid for; the canary has a value far
  outside and a label of its own.
* *model*: has the loss of every canary under the released model (one run).

Each is run against the library, and against one with a fault that is planted here.

    python -m benchmarks.privacy_audit
    python -m benchmarks.privacy_audit --audits steps crowd
    python -m benchmarks.privacy_audit --report    # only the table again, into privacy_audit.md
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn

from benchmarks.circumstances import append_result, circumstances, read_results, told
from benchmarks.privacy_bounds import from_many_runs, gaussian_bound, guess, told_apart
from tabdiff import DiffusionSynthesizer, Privacy, evaluate, membership_attack, private
from tabdiff.data import charter as charters
from tabdiff.data.mixed import Known, Layout, Mixed
from tabdiff.data.noise import NoisyCounts, epsilon_of
from tabdiff.data.table import TableEncoder
from tabdiff.private import Budget
from tabdiff.training import private as stepping
from tabdiff.training.masks import RowMasks
from tabdiff.training.private import Plan, PrivateDescent, spent
from tabdiff.training.standing import Batches, Standing

RESULTS = Path(__file__).parent / "results" / "privacy_audit.jsonl"
CONFIDENCE = 0.999
DELTA = 1e-6
LIBRARIES = ("torch", "numpy", "scipy", "opacus")
Array = npt.NDArray[Any]
Fault = Callable[[], AbstractContextManager[None]]


# ---------------------------------------------------------------- steps


class Dirac:
    """In the place of the diffusion: the loss of a row is ``SIZE`` times a weight of its own.

    Row i is the level i + 1 of the one part; rows of level 0 are no canaries, and move nothing.
    """

    SIZE = 50.0
    layout = Layout((), ("row",), (2,), (), (0,))

    def complete(self, x0: Mixed, generator: torch.Generator) -> Mixed:
        return x0

    def q_sample(self, x0: Mixed, t: Tensor, known: Known, generator: torch.Generator) -> Mixed:
        return x0

    def look(self, denoiser: nn.Module, x_t: Mixed, t: Tensor, known: Known) -> Tensor:
        return denoiser(x_t, t)

    def loss(self, seen: Tensor, x0: Mixed, x_t: Mixed, t: Tensor, known: Known) -> Tensor:
        return self.SIZE * seen


class Resonance(Dirac):
    """The loss of a row swings with its time, as often as there are rows without the canary."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def loss(self, seen: Tensor, x0: Mixed, x_t: Mixed, t: Tensor, known: Known) -> Tensor:
        return torch.cos(2 * math.pi * self.rows * t) * seen


class OneLayer(nn.Module):
    """A weight for each level but the first; a single one for all rows where there is but one."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels = levels
        # Without the draw of weights, which would move torch's global generator.
        self.layer = nn.utils.skip_init(nn.Linear, max(levels - 1, 1), 1, bias=False)
        nn.init.zeros_(self.layer.weight)

    def forward(self, x_t: Mixed, t: Tensor) -> Tensor:
        hot = nn.functional.one_hot(x_t.cat[..., 0], self.levels)
        hot = hot[..., 1:] if self.levels > 1 else hot
        # Hooks want something that learns before the layer: the time.
        return self.layer(hot.float() + 0.0 * t[..., None]).squeeze(-1)


class Noise:
    """What batches and noise are drawn from; faults draw otherwise."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def random(self, size: int) -> Array:
        return self._rng.random(size)

    def standard_normal(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return self._rng.standard_normal(shape, dtype)


class NoNoise(Noise):
    def standard_normal(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return np.zeros(shape, dtype)


class HalfTheNoise(Noise):
    def standard_normal(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return super().standard_normal(shape, dtype) / 2


class SameNoise(Noise):
    """Draws once what every step adds."""

    def standard_normal(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return np.random.default_rng(3).standard_normal(shape, dtype)


class EveryRow(Noise):
    """Has all rows in every batch, although the accountant counts on a sample of them."""

    def random(self, size: int) -> Array:
        return np.zeros(size)


@contextmanager
def clipping_off() -> Iterator[None]:
    clipped = stepping.watched
    with patch.object(stepping, "watched", lambda denoiser, clip: clipped(denoiser, 1e9)):
        yield


@contextmanager
def times_over_the_batch() -> Iterator[None]:
    """Times are spread evenly over a batch, as the ordinary step does."""

    def row_losses(
        joint: Any, denoiser: Any, rows: Mixed, masks: Any, draws: int, generator: torch.Generator
    ) -> Tensor:
        t = torch.arange(len(rows)) + torch.rand(1, generator=generator)
        t = (t[torch.randperm(len(rows), generator=generator)] / len(rows))[:, None]
        x = Mixed(rows.num[:, None], rows.cat[:, None])
        seen = joint.look(denoiser, x, t.requires_grad_(), Known.nothing(x))
        return joint.loss(seen, x, x, t.detach(), Known.nothing(x)).mean(1)

    with patch.object(stepping, "row_losses", row_losses):
        yield


def watched_steps(
    joint: Any, levels: int, codes: Array, plan: Plan, seed: int, noise: type[Noise]
) -> Array:
    """What each step adds up, clipped and with noise, for every weight: (steps, weights)."""
    denoiser = OneLayer(levels)
    rows = Mixed(torch.zeros((len(codes), 0)), torch.from_numpy(codes)[:, None])
    draws = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.SGD(denoiser.parameters(), lr=0.0)
    standing = Standing(denoiser, optimiser, Batches(len(codes), 1, draws))
    descend = PrivateDescent(joint, rows, RowMasks(joint.layout), plan, 1.0, draws, noise(seed))
    seen = []
    for _ in range(plan.steps):
        descend(standing)
        seen.append(denoiser.layer.weight.grad.flatten().double().numpy() * plan.sample_rate)
    return np.array(seen)


def audit_steps(
    plan: Plan, *, canaries: int = 6_000, seed: int = 0, noise: type[Noise] = Noise
) -> dict[str, float]:
    """Private steps of rows half of which are there, each with a weight of its own."""
    present = np.random.default_rng([seed, 1]).random(canaries) < 0.5
    codes = np.append(1 + np.flatnonzero(present), [0, 0])
    sums = watched_steps(Dirac(), canaries + 1, codes, plan, seed, noise)
    q, var = plan.sample_rate, (plan.sigma * plan.clip) ** 2
    ratio = np.clip((sums * plan.clip - plan.clip**2 / 2) / var, -500.0, 500.0)
    # The likelihood of what is claimed; and the spread, which noise that is added again and again
    # does not hide.
    scores = [np.log1p(q * np.expm1(ratio)).sum(0), np.ptp(sums, axis=0)]
    share = 1 - (1 - CONFIDENCE) / (len(scores) + 1)
    found = [guess(score, present, DELTA, share) for score in scores]
    if q == 1:
        # Every canary has weights of its own: so many runs of one Gaussian mechanism.
        mu = gaussian_bound(scores[0][~present], scores[0][present], share)
        found.append(epsilon_of(mu, DELTA))
    return {"claimed": spent(0.0, plan, DELTA), "found": max(found)}


def audit_crowd(
    plan: Plan, *, rows: int = 30, runs: int = 300, seed: int = 0, noise: type[Noise] = Noise
) -> dict[str, float]:
    """A step of all rows, from how their sum swings; a step that moves nothing is a run."""
    many = replace(plan, sample_rate=1.0, steps=runs)
    swings = [
        np.abs(watched_steps(Resonance(rows), 1, np.zeros(n, np.int64), many, seed + n, noise))
        for n in (rows, rows + 1)
    ]
    found = told_apart(*(swing.ravel() for swing in swings), DELTA, CONFIDENCE)
    return {"claimed": spent(0.0, replace(many, steps=1), DELTA), "found": found}


# ---------------------------------------------------------------- counts


class Unheard(NoisyCounts):
    """Counts are told as they are."""

    def of(self, counts: Array, mu: float) -> Array:
        super().of(counts, mu)
        return counts

    def scores(self, scores: Array, mu: float) -> Array:
        super().scores(scores, mu)
        return scores


class TooQuiet(NoisyCounts):
    """Scores have the noise of one score, however many there are."""

    def scores(self, scores: Array, mu: float) -> Array:
        return self.of(scores, mu)


def audit_counts(
    mu: float = 1.0, *, runs: int = 20_000, seed: int = 0, noise: type[NoisyCounts] = NoisyCounts
) -> dict[str, float]:
    """A count that one row changes, and twenty scores that it changes all."""
    told_counts = []
    for there in (0.0, 1.0):
        source = noise(np.random.default_rng([seed, int(there)]))
        counts = np.array([source.of(np.array([there]), mu)[0] for _ in range(runs)])
        scores = np.array([source.scores(np.full(20, there), mu).mean() for _ in range(runs)])
        told_counts.append((counts, scores))
    share = 1 - (1 - CONFIDENCE) / 2
    pairs = zip(*told_counts, strict=True)
    found = max(gaussian_bound(without, with_it, share) for without, with_it in pairs)
    return {"claimed": epsilon_of(mu, DELTA), "found": epsilon_of(found, DELTA)}


# ---------------------------------------------------------------- encoder


def crowd_of_strangers(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    town = rng.choice(["Ede", "Goes", "Epe"], n)
    return pd.DataFrame({"income": rng.uniform(20, 60, n), "town": town})


OUTLIER, NAME = 123_456.789, "Ann's house"


def exact_bounds(series: pd.Series, *others: Any) -> list[Any]:
    return [float(series.min()), float(series.max())]


def every_label(series: pd.Series, *others: Any) -> list[Any]:
    return [*sorted(series.unique()), charters.OTHER]


def exact_quantiles(own: Any, noise: NoisyCounts, mu: float) -> TableEncoder:
    return TableEncoder.fit(own.frame, own.schema, noise.rng)


@contextmanager
def encoder_of(where: Any, name: str, leaking: Callable[..., Any]) -> Iterator[None]:
    with patch.object(where, name, leaking):
        yield


def audit_encoder(epsilon: float = 1.0, *, runs: int = 60, seed: int = 0) -> dict[str, float]:
    """What is paid for: one row has an income beyond all others, and a town of its own."""
    privacy = Privacy(epsilon=epsilon, delta=DELTA, preprocessing_epsilon=epsilon / 2)
    seen = {False: 0, True: 0}
    for run in range(2 * runs):
        there = run % 2 == 1
        frame = crowd_of_strangers(1_000, seed)
        if there:
            frame.loc[len(frame)] = [OUTLIER, NAME]
        noise = NoisyCounts(np.random.default_rng([seed, run]))
        encoder = private.measured(frame, privacy, noise, Budget.of(privacy)).encoder
        income, town = (field.encoder for field in encoder.fields)
        seen[there] += income.bounds[1] > 1_000 or bool(town.knows(np.array([NAME], object))[0])
    found = from_many_runs(seen[False], runs - seen[True], runs, runs, DELTA, CONFIDENCE)
    return {"claimed": epsilon, "found": found}


# ---------------------------------------------------------------- model


@contextmanager
def steps_without_noise() -> Iterator[None]:
    """Many steps on rows, neither clipped nor hidden."""
    made = private.PrivateDescent

    def bare(joint: Any, rows: Mixed, masks: Any, plan: Plan, *others: Any) -> PrivateDescent:
        return made(joint, rows, masks, replace(plan, sigma=0.0, clip=1e9), *others)

    with patch.multiple(private, PrivateDescent=bare, PRIVATE_STEPS=600, PRIVATE_BATCH=0.5):
        yield


LABELS = list("abcdef")


def strangers(n: int, seed: int) -> pd.DataFrame:
    """Nothing that can be learned but the rows themselves."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({f"c{i}": rng.choice(LABELS, n) for i in range(8)})


def audit_model(
    *, epsilon: float = 1.0, rows: int = 400, private_fit: bool, seed: int = 0
) -> dict[str, float]:
    """The released model, by the nats of each row; half of the rows are there.

    Besides, the attacks of the report: with the model, and with rows that it drew.
    """
    frame = strangers(rows, seed)
    present = np.random.default_rng([seed, 1]).random(rows) < 0.5
    privacy = Privacy(
        epsilon=epsilon,
        delta=DELTA,
        categories=dict.fromkeys(frame.columns, LABELS),
        n_rows=rows // 2,
    )
    # Nothing tells the ordinary one to stop.
    by_heart = {"validation_fraction": 0.0, "max_steps": 1_000, "batch_size": rows // 2}
    mode = {"privacy": privacy, "max_steps": 600} if private_fit else by_heart
    synth = DiffusionSynthesizer(
        width=128, depth=2, random_state=seed, verbose=0, device="cpu", **mode
    )
    members, others = frame[present], frame[~present]
    synth.fit(members)
    nats = np.asarray(synth.score_samples(frame, n_draws=8, random_state=seed), dtype=np.float64)
    with_model = membership_attack(synth, members, others, n_draws=8, random_state=seed)
    report = evaluate(
        members, synth.sample(2_000), others, include=["privacy"], progress=False, seed=seed
    )
    with_rows = report.privacy.membership
    return {
        "claimed": epsilon if private_fit else math.inf,
        "found": guess(nats, present, DELTA, CONFIDENCE),
        "auc_model": with_model.auc,
        "auc_model_low": with_model.interval[0],
        "auc_model_high": with_model.interval[1],
        "auc_rows": with_rows.auc,
        "auc_rows_low": with_rows.interval[0],
        "auc_rows_high": with_rows.interval[1],
    }


# ---------------------------------------------------------------- all of them

WHOLE = Plan(1.0, 4.0, 20)
SAMPLED = Plan(0.1, 2.0, 20)
ONCE = Plan(1.0, 4.0, 1)
Audit = Callable[[], dict[str, float]]


def audits() -> dict[tuple[str, str], tuple[Audit, Fault]]:
    """Every audit by its name and the fault that is planted, "" for none."""
    found: dict[tuple[str, str], tuple[Audit, Fault]] = {}

    def add(name: str, fault: str, audit: Audit, planted: Fault = nullcontext) -> None:
        found[name, fault] = audit, planted

    for name, plan in (("steps, whole", WHOLE), ("steps, sampled", SAMPLED)):
        add(name, "", lambda plan=plan: audit_steps(plan))
        add(name, "no noise", lambda plan=plan: audit_steps(plan, noise=NoNoise))
        add(name, "clipping off", lambda plan=plan: audit_steps(plan), clipping_off)
    add("steps, sampled", "noise drawn once", lambda: audit_steps(SAMPLED, noise=SameNoise))
    add("steps, whole", "half the noise", lambda: audit_steps(WHOLE, noise=HalfTheNoise))
    add("steps, sampled", "every row in every batch", lambda: audit_steps(SAMPLED, noise=EveryRow))
    add("crowd", "", lambda: audit_crowd(ONCE))
    add("crowd", "times over the batch", lambda: audit_crowd(ONCE), times_over_the_batch)
    add("counts", "", lambda: audit_counts())
    add("counts", "no noise", lambda: audit_counts(noise=Unheard))
    add("counts", "scores as one", lambda: audit_counts(noise=TooQuiet))
    add("encoder", "", audit_encoder)
    leaks = {
        "exact bounds": (charters, "_bounds_of", exact_bounds),
        "every label": (charters, "_labels_of", every_label),
        "exact quantiles": (private, "fit_declared", exact_quantiles),
    }
    for fault, leak in leaks.items():
        add("encoder", fault, audit_encoder, lambda leak=leak: encoder_of(*leak))
    add("model", "", lambda: audit_model(private_fit=True))
    add("model", "no noise", lambda: audit_model(private_fit=True), steps_without_noise)
    add("model", "no privacy", lambda: audit_model(private_fit=False))
    return found


def main() -> None:
    arguments = _arguments()
    if not arguments.report:
        for (name, fault), (audit, planted) in audits().items():
            if name.split(",")[0] in arguments.audits:
                _run(name, fault, audit, planted, arguments.results)
    text = render(read_results(arguments.results))
    arguments.results.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def _arguments() -> argparse.Namespace:
    names = list(dict.fromkeys(name.split(",")[0] for name, _ in audits()))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--audits", nargs="+", default=names, choices=names)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", action="store_true", help="only write the Markdown again")
    return parser.parse_args()


def _run(name: str, fault: str, audit: Audit, planted: Fault, results: Path) -> None:
    if (name, fault) in {(row["audit"], row["fault"]) for row in read_results(results)}:
        print(f"{name}, {fault or 'as it is'}: done before")
        return
    began = time.process_time()
    with planted():
        found = audit()
    seconds = time.process_time() - began
    # A file has no infinity.
    figures = {k: None if math.isinf(v) else round(v, 4) for k, v in found.items()}
    row = {"audit": name, "fault": fault, **figures, "seconds": round(seconds, 1)}
    append_result(results, row | circumstances(torch.get_num_threads(), LIBRARIES))
    print(row)


def render(rows: list[dict[str, Any]]) -> str:
    """The table as Markdown."""
    lines = [
        f"Lower bounds on epsilon at delta = {DELTA:g}, {CONFIDENCE:.1%} confidence, by",
        "`benchmarks/privacy_audit.py`. A bound above the claim says that it is false.",
        "",
        "| audit | planted fault | claimed | found | caught | AUC, model | AUC, rows |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row["claimed"] is None:
            claimed, caught = "nothing", "no claim"
        else:
            claimed = f"{row['claimed']:.2f}"
            caught = "yes" if row["found"] > row["claimed"] else "no"
        areas = [
            f"{row[f'auc_{by}']:.3f} ({row[f'auc_{by}_low']:.3f} to {row[f'auc_{by}_high']:.3f})"
            if f"auc_{by}" in row
            else ""
            for by in ("model", "rows")
        ]
        cells = [row["audit"], row["fault"] or "none", claimed, f"{row['found']:.2f}"]
        lines.append("| " + " | ".join([*cells, caught, *areas]) + " |")
    seconds = sum(row["seconds"] for row in rows)
    lines += ["", *([f"{seconds:.0f} s of a processor; {told(rows[-1])}"] if rows else []), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
