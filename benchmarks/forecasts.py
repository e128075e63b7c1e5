"""Forecasts, gaps and faults of hourly series: tabdiff beside what is usual, with held-out hours.

The last fifth of each series is held out. Three questions about it, each a line of the result file
per set, variant, method and seed; what the file holds is not run again.

    python -m benchmarks.forecasts --data ../shared/data --sets etth1 --questions forecast
    python -m benchmarks.forecasts --data ../shared/data --horizons 24 48 --origins 20 --minutes 5
    python -m benchmarks.forecasts --report    # only the Markdown again

*forecast*: from several origins, with the 336 hours before them and nothing later, 100 draws of the
next hours. *seasonal day*, *seasonal week* and *last value* repeat what was and add errors that
this made in the past, the first two at that hour of the day; *change by hour* adds to the last
value how it changed in the past from that hour to that; *boosted* is gradient boosting of quantiles
with lags, calendar and step. *gaps*: 30 % of the cells, or days of a column at a time, are hidden
in four weeks and filled with 20 draws, beside straight lines and the same hour of the days around,
each with its own past errors. *faults*: spikes, shifts of level and days turned by twelve hours are
to be found by a score per row, beside the distance from the same hour of the last seven days, from
the mean of the hours before and after, and IsolationForest on lags.

CRPS and MAE (of the median) are in standard deviations of the column before the cut and means over
columns and regions; "50 %" is what the central interval covers that should hold so much.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import series_faults, series_forecasts, series_gaps
from benchmarks.circumstances import HERE, append_result, circumstances, read_results, told
from benchmarks.markdown import cell, head, line
from benchmarks.series_data import DAY, SERIES, WEEK, HourlySeries, load_series
from benchmarks.series_tabdiff import Tabdiff

Row = dict[str, Any]

RESULTS = HERE / "results" / "forecasts.jsonl"
LIBRARIES = ("torch", "numpy", "pandas", "scikit-learn")
TABDIFF = "tabdiff"
METHODS: dict[str, dict[str, Any]] = {
    "forecast": {
        "boosted": series_forecasts.boosted,
        "seasonal day": series_forecasts.repeating(DAY, DAY),
        "seasonal week": series_forecasts.repeating(WEEK, DAY),
        "change by hour": series_forecasts.repeating(0, DAY),
        "last value": series_forecasts.repeating(0, 1),
    },
    "gaps": {
        "same hours around": series_gaps.with_past_errors(series_gaps.filled_by_season),
        "straight lines": series_gaps.with_past_errors(series_gaps.filled_linearly),
    },
    "faults": {
        "seasonal distance": series_faults.by_season,
        "jump": series_faults.by_jump,
        "isolation forest": series_faults.by_isolation,
    },
}
GAP_HOURS = 4 * WEEK
_COVERED = {f"cover_{share:.0%}": (f"{share:.0%}", ".2f") for share in series_forecasts.COVERED}
# Key of a figure: its heading and format.
FIGURES = {
    "forecast": {
        "crps": ("CRPS", ".3f"), "wql": ("weighted quantile loss", ".3f"), "mae": ("MAE", ".3f"),
        **_COVERED,
    },
    "gaps": {"crps": ("CRPS", ".3f"), "mae": ("MAE", ".3f"), **_COVERED},
    "faults": {"auc_pr": ("AUC-PR", ".3f"), "chance": ("of chance", ".3f")},
}  # fmt: skip
SECONDS = {"fit_seconds": ("fit s", ".0f"), "answer_seconds": ("answer s", ".1f")}


def main() -> None:
    arguments = _arguments()
    if not arguments.report:
        if arguments.data is None:
            sys.exit("benchmarks/forecasts.py needs --data DIR, the folder with timeseries/.")
        run_all(arguments)
    text = render(read_results(arguments.results))
    arguments.results.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def _arguments() -> argparse.Namespace:
    names = [TABDIFF, *(name for methods in METHODS.values() for name in methods)]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds timeseries/")
    parser.add_argument("--sets", nargs="+", default=SERIES, choices=SERIES)
    parser.add_argument("--questions", nargs="+", default=[*METHODS], choices=[*METHODS])
    parser.add_argument("--methods", nargs="+", default=names, choices=names)
    parser.add_argument("--horizons", nargs="+", type=int, default=[48])
    parser.add_argument("--origins", type=int, default=20)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--minutes", type=float, help="of processor time for tabdiff's fit")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", action="store_true", help="only write the Markdown again")
    return parser.parse_args()


def run_all(arguments: argparse.Namespace) -> None:
    """A line of the result file for each run that it lacks."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(arguments.threads)
    try:
        with threadpool_limits(arguments.threads):
            for name in arguments.sets:
                series = load_series(name, arguments.data)
                for seed in arguments.seeds:
                    _run_series(series, seed, arguments)
    finally:
        torch.set_num_threads(before)


def _run_series(series: HourlySeries, seed: int, arguments: argparse.Namespace) -> None:
    minutes = arguments.minutes
    own = Tabdiff(series, 60 * minutes / arguments.threads if minutes else None, seed)
    answers = {"forecast": own.forecaster, "gaps": own.fill, "faults": own.score_rows}
    for question in arguments.questions:
        for variant in _variants(question, arguments):
            for method, answer in ({TABDIFF: answers[question]} | METHODS[question]).items():
                if method not in arguments.methods:
                    continue
                key = {"set": series.name, "hours": len(series.observed), "question": question}
                key |= {"variant": variant, "method": method, "seed": seed}
                key |= {"minutes": minutes if method == TABDIFF else None}
                key |= {"origins": arguments.origins if question == "forecast" else None}
                if any(key.items() <= row.items() for row in read_results(arguments.results)):
                    continue
                if method == TABDIFF:
                    # Fitted before the clock of the answer starts.
                    _ = own.synth
                row = key | _asked(series, key, answer)
                row["fit_seconds"] = own.fit_seconds if method == TABDIFF else None
                row["fit_warnings"] = own.fit_warnings if method == TABDIFF else []
                row |= circumstances(arguments.threads, LIBRARIES)
                append_result(arguments.results, row)
                headline = next(iter(FIGURES[question]))
                print(" ".join(map(str, key.values())), f"{row[headline]:.3f}", file=sys.stderr)


def _variants(question: str, arguments: argparse.Namespace) -> list[str]:
    if question == "forecast":
        return [f"{horizon} h" for horizon in arguments.horizons]
    return [*(series_gaps.LAWS if question == "gaps" else series_faults.FAULTS)]


def _asked(series: HourlySeries, key: Row, answer: Callable[..., Any]) -> Row:
    """Figures of one method on one variant, and the seconds of its answers.

    Those of a forecaster other than tabdiff contain its fit.
    """
    seed, variant = key["seed"], key["variant"]
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figures: Row
        if key["question"] == "forecast":
            horizon = int(variant.removesuffix(" h"))
            first = series_forecasts.origins(series, horizon, key["origins"])
            figures = series_forecasts.score(series, horizon, first, answer(series, horizon, seed))
        elif key["question"] == "gaps":
            # One stretch and one law for all methods of a seed.
            rng = np.random.default_rng([seed, series_gaps.LAWS.index(variant)])
            hours = min(GAP_HOURS, len(series.observed) - series.cut)
            tracks = len(series.track_columns)
            hidden = series_gaps.hide(variant, (hours, tracks), rng)
            first = int(rng.integers(series.cut, len(series.observed) - hours + 1))
            drawn = answer(series, first, hidden, seed)
            figures = dict(series_gaps.score(series, first, hidden, drawn))
        else:
            figures = dict(series_faults.score(series, variant, answer, seed))
    figures["answer_seconds"] = time.perf_counter() - began
    return figures | {"warnings": sorted({str(one.message) for one in caught})}


# ---- report ----


def render(rows: list[Row]) -> str:
    """A table per question: sets and variants down, with a line per method; medians over seeds."""
    lines = ["# Forecasts, gaps and faults", "", *__doc__.split("\n\n", 3)[3].splitlines(), ""]
    for question, figures in FIGURES.items():
        here = [row for row in rows if row["question"] == question]
        if not here:
            continue
        shown = figures | SECONDS
        lines += [f"## {question.capitalize()}", ""]
        lines += head(["set", "variant", "method", "seeds", *(name for name, _ in shown.values())])
        for name, variant in dict.fromkeys((row["set"], row["variant"]) for row in here):
            for method in [TABDIFF, *METHODS[question]]:
                runs = [
                    row for row in here
                    if (row["set"], row["variant"], row["method"]) == (name, variant, method)
                ]  # fmt: skip
                if runs:
                    cells = [cell([r[k] for r in runs], form) for k, (_, form) in shown.items()]
                    lines.append(line([name, variant, method, str(len(runs)), *cells]))
        lines.append("")
    lines += dict.fromkeys(told(row) for row in rows)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
