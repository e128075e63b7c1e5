"""`evaluate`: judge a synthetic table, and the `Report` that holds the judgement.

The walk: frames → tables (`tables`) → quality, detection, utility, privacy, each on the synthetic
rows and on fresh real rows in their place (the floor) → `Report` → text, JSON, HTML.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tabdiff.data.schema import Schema, to_pandas
from tabdiff.evaluation import verdict
from tabdiff.evaluation.detection import (
    MIN_ROWS,
    DetectionSuite,
    HoldoutDetection,
    holdout_detection,
    judge_detection,
)
from tabdiff.evaluation.door import check_seed, overlap_notes, position_of, size_notes
from tabdiff.evaluation.marginals import Marginal, marginals
from tabdiff.evaluation.plain import Plain, plain
from tabdiff.evaluation.privacy import Privacy, judge_privacy
from tabdiff.evaluation.quality import (
    Diagnostic,
    Quality,
    QualityFloor,
    judge_quality,
    quality_floor,
    require_sdmetrics,
    sdmetrics_diagnostic,
)
from tabdiff.evaluation.scores import (
    Score,
    detection_scores,
    holdout_scores,
    privacy_scores,
    quality_scores,
    utility_scores,
)
from tabdiff.evaluation.tables import Table, Tables, code_tables
from tabdiff.evaluation.terminal import render_text
from tabdiff.evaluation.utility import Utility, judge_utility
from tabdiff.evaluation.verdict import Finding
from tabdiff.evaluation.versions import versions

JSON_FORMAT = 1


@dataclass(frozen=True)
class Report:
    """The judgement of one synthetic table.

    Attributes
    ----------
    card : tuple of Score
        Every figure with its floor, direction and meaning, section by section.
    verdict : tuple of Finding
        What the figures say, in plain words.
    quality : Quality
    quality_floor : QualityFloor
    detection : DetectionSuite or None
        None where there are too few rows.
    holdout_detection : HoldoutDetection or None
        None without a hold-out, or with too few rows.
    utility : Utility or None
        None without a target or a hold-out.
    privacy : Privacy
    marginals : tuple of NumericMarginal or LevelMarginal
        Histograms of every column, for pictures. They hold values of the real table.
    rows : dict of str to int
        Rows of "real", "synthetic" and "holdout" (0: none was given).
    floor_source : str
        Which real rows set the floors.
    excluded : dict of str to str
        Columns that were not judged, with the reason.
    notes : tuple of str
        What to know before believing a figure.
    versions : dict of str to str
        Python and the libraries whose version moves figures.
    seed : int
    seconds : dict of str to float
        Wall time of each section.
    """

    card: tuple[Score, ...]
    verdict: tuple[Finding, ...]
    quality: Quality
    quality_floor: QualityFloor
    detection: DetectionSuite | None
    holdout_detection: HoldoutDetection | None
    utility: Utility | None
    privacy: Privacy
    marginals: tuple[Marginal, ...]
    rows: dict[str, int]
    floor_source: str
    excluded: dict[str, str]
    notes: tuple[str, ...]
    versions: dict[str, str]
    seed: int
    seconds: dict[str, float]

    @property
    def scores(self) -> pd.Series:
        """The figures by key."""
        return pd.Series({score.key: score.value for score in self.card}, name="score", dtype=float)

    @property
    def floors(self) -> pd.Series:
        """The floors by key; NaN where there is none."""
        found = {s.key: np.nan if s.floor is None else s.floor for s in self.card}
        return pd.Series(found, name="floor", dtype=float)

    @property
    def table(self) -> pd.DataFrame:
        """The card as a frame, indexed by key."""
        rows = [
            {
                "key": s.key,
                "section": s.section,
                "score": s.value,
                "floor": np.nan if s.floor is None else s.floor,
                "better": s.better,
                "unit": s.unit,
                "meaning": s.meaning,
            }
            for s in self.card
        ]
        return pd.DataFrame(rows).set_index("key")

    def to_dict(self) -> dict[str, Plain]:
        """The report as plain values; see `to_json`."""
        return {
            "format": JSON_FORMAT,
            "rows": plain(self.rows),
            "floor_source": self.floor_source,
            "scores": {
                s.key: plain(
                    {
                        "value": s.value,
                        "floor": s.floor,
                        "interval": s.interval,
                        "better": s.better,
                        "unit": s.unit,
                        "section": s.section,
                        "meaning": s.meaning,
                    }
                )
                for s in self.card
            },
            "verdict": plain(self.verdict),
            "sections": {
                "quality": plain(self.quality),
                "quality_floor": plain(self.quality_floor),
                "detection": plain(self.detection),
                "holdout_detection": plain(self.holdout_detection),
                "utility": plain(self.utility),
                "privacy": plain(self.privacy),
            },
            "excluded": plain(self.excluded),
            "notes": plain(self.notes),
            "versions": plain(self.versions),
            "seed": self.seed,
            "seconds": plain(self.seconds),
        }

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The report as strict JSON: what is not a number is null.

        The object holds ``format`` (1), ``rows``, ``floor_source``, ``scores`` (by key: ``value``,
        ``floor``, ``interval``, ``better``, ``unit``, ``section``, ``meaning``), ``verdict`` (list
        of ``topic``, ``tone``, ``headline``, ``detail``), ``sections`` (the result objects,
        attribute by attribute), ``excluded``, ``notes``, ``versions``, ``seed`` and ``seconds``.
        Column names and notes come from the tables; histograms are left out.

        Parameters
        ----------
        path : path, optional
            Also write it there, as UTF-8.
        """
        text = json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=1)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """The report as one self-contained page: no network, no script from elsewhere.

        The page shows histograms of the real table. Share it as you would share those.

        Parameters
        ----------
        path : path, optional
            Also write it there, as UTF-8.

        Raises
        ------
        ImportError
            If jinja2 is not installed.
        """
        from tabdiff.evaluation.html.page import render_page

        text = render_page(self)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def __str__(self) -> str:
        return render_text(self)

    def _repr_html_(self) -> str:
        from tabdiff.evaluation.html.page import render_card

        return render_card(self)


def evaluate(
    real: object,
    synthetic: object,
    holdout: object = None,
    target: Hashable = None,
    schema: Schema | None = None,
    seed: int = 0,
) -> Report:
    """Judge a synthetic table against the real one it imitates.

    Every figure comes with its floor: what fresh real rows score in the place of the synthetic
    ones. They are the hold-out's; without one, one random half of the real rows is judged against
    the other.

    Parameters
    ----------
    real : DataFrame
        The rows that the synthesizer was trained on: pandas, polars or a 2-D numeric array.
    synthetic : DataFrame
        Synthetic rows with the same columns, in any order.
    holdout : DataFrame, optional
        Real rows that the synthesizer never saw. Needed for utility and memorisation.
    target : hashable, optional
        A column to predict; classes give AUC, numbers RMSE.
    schema : Schema, optional
        Column kinds; inferred from ``real`` by default. Identifiers are not judged.
    seed : int
        Deals folds and draws rows. The same seed gives the same report.

    Returns
    -------
    Report

    Raises
    ------
    ImportError
        If SDMetrics is not installed.
    EvaluationError
        If the frames cannot be compared: other columns, fewer than two rows, values that are not
        the column's; all faults at once.

    Warns
    -----
    EvaluationWarning
        If hold-out rows were also trained on.

    Examples
    --------
    >>> report = evaluate(train, fake, holdout=test, target="income")  # doctest: +SKIP
    >>> report.scores["c2st"]  # doctest: +SKIP
    0.917
    """
    require_sdmetrics()
    check_seed(seed)
    frames = {"real": to_pandas(real), "synthetic": to_pandas(synthetic)}
    if holdout is not None:
        frames["holdout"] = to_pandas(holdout)
    kinds = Schema.infer(real) if schema is None else schema
    tables = code_tables(frames["real"], frames["synthetic"], frames.get("holdout"), kinds)
    position = None if target is None else position_of(target, tables, kinds)
    notes = [*tables.notes, *size_notes(tables), *overlap_notes(tables)]
    return _judge(tables, frames, position, seed, notes)


def _judge(
    tables: Tables, frames: dict[str, pd.DataFrame], target: int | None, seed: int, notes: list[str]
) -> Report:
    real, synthetic, holdout = tables.real, tables.synthetic, tables.holdout
    clock = _Clock()
    if holdout is not None:
        fresh, source = (real, holdout), "the hold-out, distances scaled to the tables' sizes"
    else:
        fresh = real.halves(np.random.default_rng([seed, 5]))
        source = "one real half against the other, distances scaled to the tables' sizes"

    quality = judge_quality(real, synthetic, frames["real"], frames["synthetic"])
    floor = quality_floor(*fresh, _scale(real, synthetic, *fresh))
    unseen = frames.get("holdout", frames["real"])
    diagnostic_floor = sdmetrics_diagnostic(real, frames["real"], unseen)
    clock.lap("quality")

    suite, pair = _detect(real, synthetic, holdout, fresh, seed)
    clock.lap("detection")
    utility, reason = _utility(tables, target)
    clock.lap("utility")
    privacy = judge_privacy(real, synthetic, holdout, seed)
    clock.lap("privacy")

    return Report(
        card=_card(quality, floor, diagnostic_floor, suite, utility, privacy, pair),
        verdict=(
            verdict.likeness(suite),
            verdict.columns(quality, floor),
            verdict.usefulness(utility, reason),
            verdict.privacy(privacy, pair),
        ),
        quality=quality,
        quality_floor=floor,
        detection=suite,
        holdout_detection=pair,
        utility=utility,
        privacy=privacy,
        marginals=marginals(real, synthetic),
        rows={
            "real": real.n_rows,
            "synthetic": synthetic.n_rows,
            "holdout": holdout.n_rows if holdout is not None else 0,
        },
        floor_source=source,
        excluded=tables.excluded,
        notes=(*notes, *quality.problems, *(utility.notes if utility is not None else ())),
        versions=versions(),
        seed=seed,
        seconds=clock.laps,
    )


def _detect(
    real: Table, synthetic: Table, holdout: Table | None, fresh: tuple[Table, Table], seed: int
) -> tuple[DetectionSuite | None, HoldoutDetection | None]:
    """Run the detectors that have enough rows."""
    suite = pair = None
    if min(real.n_rows, synthetic.n_rows, *(table.n_rows for table in fresh)) >= MIN_ROWS:
        suite = judge_detection(real, synthetic, fresh, seed)
        if holdout is not None:
            pair = holdout_detection(real, synthetic, holdout, seed)
    return suite, pair


def _utility(tables: Tables, target: int | None) -> tuple[Utility | None, str]:
    """Judge the utility, or say why not."""
    if target is None or tables.holdout is None:
        wanting = [
            name
            for name, given in (("a target", target), ("a hold-out", tables.holdout))
            if given is None
        ]
        return None, f"Give {' and '.join(wanting)} to measure it."
    return judge_utility(tables.real, tables.synthetic, tables.holdout, target), ""


def _card(
    quality: Quality,
    floor: QualityFloor,
    diagnostic_floor: Diagnostic,
    suite: DetectionSuite | None,
    utility: Utility | None,
    privacy: Privacy,
    pair: HoldoutDetection | None,
) -> tuple[Score, ...]:
    """All figures that could be taken, section by section."""
    card = quality_scores(quality, floor, diagnostic_floor)
    if suite is not None:
        card += detection_scores(suite)
    if utility is not None:
        card += utility_scores(utility)
    card += privacy_scores(privacy)
    if pair is not None:
        card += holdout_scores(pair)
    return tuple(score for score in card if not np.isnan(score.value))


class _Clock:
    """Wall time since the last lap."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 3)
        self._last = now


def _scale(real: Table, synthetic: Table, first: Table, second: Table) -> float:
    """What the distance of two fresh samples becomes at the sizes of the judged tables.

    The sampling distance of tables of n and m rows grows as sqrt(1/n + 1/m).
    """
    judged = 1 / real.n_rows + 1 / synthetic.n_rows
    fresh = 1 / first.n_rows + 1 / second.n_rows
    return float(np.sqrt(judged / fresh))
