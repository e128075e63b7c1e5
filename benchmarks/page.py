"""The result file as Markdown: medians over seeds, with the range where there are several."""

from __future__ import annotations

from benchmarks.judge import FLOOR
from benchmarks.markdown import cell, head, line
from benchmarks.methods import METHODS
from benchmarks.results import (
    Row,
    finished,
    methods,
    of_method,
    of_table,
    quality,
    seconds,
    tables,
)  # fmt: skip

# Key of a figure: its heading and format.
FIGURES = {
    "c2st_sdmetrics": ("C2ST", ".3f"),
    "c2st": ("C2ST native", ".3f"),
    "c2st_holdout": ("C2ST hold-out", ".3f"),
    "c2st_train": ("C2ST as many train", ".3f"),
    "c2st_linear": ("C2ST linear", ".3f"),
    "shape_error": ("Shape %", ".2f"),
    "trend_error_fixed": ("Trend %", ".2f"),
    "trend_error": ("Trend stock %", ".2f"),
    "utility": ("synthetic → real", ".3f"),
    "utility_rmse_log": ("log RMSE", ".3f"),
    "memorisation_excess": ("Memory", ".3f"),
    "dcr_share": ("DCR share", ".3f"),
    "copies": ("Copies %", ".2f"),
    "fit_seconds": ("fit s", ".0f"),
    "sample_seconds": ("sample s", ".1f"),
    "cpu_seconds": ("CPU s", ".0f"),
    "peak_gb": ("GB", ".2f"),
}
# In brief the library has one line per set, so its floors are columns.
_FLOORS_IN_BRIEF = {
    "trend_error_fixed" + FLOOR: ("Trend floor %", ".2f"),
    "utility" + FLOOR: ("real → real", ".3f"),
}
_KEYS_IN_BRIEF = (
    "c2st_sdmetrics", "c2st", "c2st_holdout", "c2st_train", "shape_error", "trend_error_fixed",
    "trend_error_fixed" + FLOOR, "utility", "utility" + FLOOR, "memorisation_excess", "copies",
    "fit_seconds", "sample_seconds", "peak_gb",
)  # fmt: skip
BRIEF = {key: (FIGURES | _FLOORS_IN_BRIEF)[key] for key in _KEYS_IN_BRIEF}


def full(rows: list[Row]) -> str:
    """One table per set: the floor first, then a line per method."""
    lines: list[str] = []
    for table in tables(rows):
        runs = of_table(rows, table)
        lines += [f"## {table.name}: {table.rows:,} rows × {table.columns} columns", ""]
        lines += head(["method", "seeds", *(heading for heading, _ in FIGURES.values())])
        # The floor is the judge's and the same for every run.
        for run in finished(runs)[:1]:
            cells = [cell([run.get(key + FLOOR)], form) for key, (_, form) in FIGURES.items()]
            lines.append(line(["*unseen real rows*", "–", *cells]))
        for method in methods(runs):
            lines.append(_method_line(method, of_method(runs, method)))
        lines.append("")
    return "\n".join([*lines, *_circumstances(rows)]) + "\n"


def brief(rows: list[Row]) -> str:
    """The library on every set; then, with rivals, the headline figure of every method."""
    lines = []
    if own := finished(of_method(rows, "tabdiff")):
        lines += [*_library(own), ""]
    if len(methods(rows)) > 1:
        lines += [*_headlines(rows), ""]
    return "\n".join([*lines, *_circumstances(rows)]) + "\n"


def _library(rows: list[Row]) -> list[str]:
    """A line per set."""
    lines = head(["set", "rows × columns", "seeds", *(heading for heading, _ in BRIEF.values())])
    for table in tables(rows):
        runs = of_table(rows, table)
        cells = [cell([r.get(key) for r in runs], form) for key, (_, form) in BRIEF.items()]
        size = f"{table.rows:,} × {table.columns}"
        lines.append(line([table.name, size, str(len(runs)), *cells]))
    return lines


def _headlines(rows: list[Row]) -> list[str]:
    """Method against set: the C2ST, and the seconds to fit and to sample in brackets."""
    shown = [table for table in tables(rows) if len(methods(of_table(rows, table))) > 1]
    lines = head(["C2ST (seconds)", *(f"{table.name}, {table.rows:,} rows" for table in shown)])
    for method in methods(rows):
        cells = []
        for table in shown:
            runs = of_method(of_table(rows, table), method)
            if done := finished(runs):
                cells.append(f"{quality(done):.3f} ({seconds(done):,.0f})")
            else:
                cells.append("failed" if runs else "–")
        lines.append(line([METHODS[method].label, *cells]))
    return lines


def _method_line(method: str, runs: list[Row]) -> str:
    """Figures of a method; how many of its runs came to an end, and why the others did not."""
    done, count = finished(runs), str(len(runs))
    if len(done) < len(runs):
        errors = "; ".join(dict.fromkeys(run["error"] for run in runs if "error" in run))
        count = f"{len(done)} of {count}: {errors}".replace("|", "\\|")
    cells = [cell([run.get(key) for run in done], form) for key, (_, form) in FIGURES.items()]
    return line([METHODS[method].label, count, *cells])


def _circumstances(rows: list[Row]) -> list[str]:
    """Machine and versions of the judge, then those of each rival; each a paragraph."""
    found: dict[str, None] = {}
    for row in rows:
        judged = f"{row['threads']} threads of {row['processor']}; Python {row['python']}"
        found[f"{judged}, {_listed(row['versions'])}."] = None
    for method in methods(rows):
        for row in finished(of_method(rows, method)):
            if METHODS[method].environment is not None:
                found[f"{METHODS[method].label}: {_listed(row['method_versions'])}."] = None
    return "\n\n".join(found).splitlines()


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
