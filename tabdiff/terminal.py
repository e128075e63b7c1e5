"""How tables, columns and models look in a terminal: plain text in aligned columns."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import torch

    from tabdiff.data.schema import Column, Schema
    from tabdiff.data.sequence import SequenceEncoder
    from tabdiff.persistence import Envelope
    from tabdiff.synthesizer import DiffusionSynthesizer
    from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer

_WIDEST = 48  # characters of a name or of the values of a column
_NAMED = 12  # characters of the name of a fact


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Rows under a header, each column as wide as its widest cell.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequences of str
    right : sequence of int
        The columns that are flush right.
    """
    table = [[_one_line(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, cells)) for cells in zip(*table, strict=True)]
    lines = []
    for row in table:
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Text that cannot leave its line or cell, whatever the name of a column is."""
    safe = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return safe if len(safe) <= _WIDEST else safe[: _WIDEST - 1] + "…"


def describe_frame(frame: pd.DataFrame, schema: Schema) -> str:
    """One line per column: kind, dtype, missing cells, distinct values and a glance at them."""
    header = ["column", "kind", "dtype", "missing", "distinct", "values"]
    return aligned(header, facts_of_columns(frame, schema), right=(3, 4))


def facts_of_columns(frame: pd.DataFrame, schema: Schema) -> list[list[str]]:
    """Of each column: name, kind, dtype, missing cells, distinct values and a glance at them."""
    rows = []
    for place, column in enumerate(schema.columns):
        cells = frame.iloc[:, place]
        present = cells.dropna()
        missing = len(cells) - len(present)
        rows.append(
            [
                str(column.name),
                column.kind,
                column.dtype,
                f"{missing / len(cells):.1%}" if missing else "–",
                f"{present.nunique():,}",
                _glance(present, column),
            ]
        )
    return rows


def _glance(present: pd.Series, column: Column) -> str:
    if column.kind == "missing":
        return "none at all"
    if column.kind == "identifier":
        return "new ones are made, never copied"
    if column.kind == "constant":
        return f"always {present.iloc[0]}"
    if column.kind == "categorical":
        shares = present.value_counts(normalize=True, sort=True)
        shown = [f"{level} {share:.0%}" for level, share in shares.head(3).items()]
        return " · ".join(shown) + (" · …" if len(shares) > len(shown) else "")
    low, high = present.min(), present.max()
    return f"{_short(low)} … {_short(high)}"


def _short(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        return str(value.date())
    return str(value)


def describe_model(path: str, synth: DiffusionSynthesizer, envelope: Envelope) -> str:
    """What a saved model is, what it has seen, and what wrote it."""
    facts = {
        "learned from": f"{synth.n_rows_seen_:,} rows of {kinds_of(synth.schema_)}",
        "training": f"{duration(synth.fit_seconds_)}, {last_step(synth)}",
        "network": f"{_weights(synth.denoiser_)} parameters",
    }
    if synth.candidates_ > 1:
        facts["sampling"] = f"the best of {synth.candidates_} rows drawn for each"
    if synth.privacy_spent_ is not None:
        facts["promise"] = str(synth.privacy_spent_)
    told = [_listed(facts), _file(envelope)]
    if synth.constraint_set_ is not None:
        kept = [f"  {constraint}" for constraint in synth.constraint_set_.constraints]
        told += ["", "constraints", *kept]
    guards = synth.guards_.told()
    if synth.exclude_copies:
        guards.append(
            "rows that equal a training row are drawn anew, once the model is told these."
        )
    if guards:
        told += ["", "guards", *(f"  {line}" for line in guards)]
    return "\n".join([os.fspath(path), *told, "", _columns(synth.schema_)])


def describe_sequence_model(
    path: str, synth: TimeSeriesDiffusionSynthesizer, envelope: Envelope
) -> str:
    """What a saved model of sequences is, what it has seen, and what wrote it."""
    sequences = plural(synth.n_entities_seen_, "sequence")
    facts = {
        "learned from": f"{synth.n_rows_seen_:,} rows of {sequences}, {kinds_of(synth.schema_)}",
        "training": f"{duration(synth.fit_seconds_)}, {last_step(synth)}",
        "networks": f"{_weights(synth.denoiser_)} parameters for the rows, of which it sees "
        f"{synth.encoder_.window:,} at once; {_weights(synth.entities_.denoiser_)} for the context",
    }
    if synth.privacy_spent_ is not None:
        facts["promise"] = str(synth.privacy_spent_)
    told = [_listed(facts), describe_roles(synth.encoder_), _file(envelope)]
    return "\n".join([os.fspath(path), *told, "", _columns(synth.schema_)])


def describe_roles(encoder: SequenceEncoder) -> str:
    """What each column of a table of sequences is for, and how its index runs."""
    roles, timeline = encoder.roles, encoder.timeline
    step = timeline.described().removesuffix(" 00:00:00")
    index = f"{roles.index}, rows are {step} apart"
    if timeline.kind == "order":
        index = "none: rows are in order, and nothing is known of time"
    elif not timeline.regular:
        index = f"{roles.index}, irregular: rows are {step} apart in the median"
    calendar = f"; calendar: {', '.join(timeline.calendar)}" if timeline.calendar else ""
    facts = {
        "key": "none: one sequence" if roles.key is None else str(roles.key),
        "index": index + calendar,
        "context": ", ".join(map(str, roles.context)) or "none: no column is constant",
        "row columns": ", ".join(map(str, roles.rows)),
        "known ahead": ", ".join(map(str, roles.ahead)) or "none",
    }
    return _listed(facts)


def _file(envelope: Envelope) -> str:
    libraries = dict(envelope.libraries)
    writer = [f"{name} {libraries.pop(name)}" for name in ("tabdiff",) if name in libraries]
    writer += [f"{name} {version}" for name, version in sorted(libraries.items())]
    facts = {
        "file": f"{size(envelope.n_bytes)}, format {envelope.format_version}",
        "written by": ", ".join(writer),
        "SHA-256": envelope.sha256,
    }
    return _listed(facts)


def _listed(facts: dict[str, str]) -> str:
    return "\n".join(f"{name.ljust(_NAMED)}  {fact}" for name, fact in facts.items())


def _columns(schema: Schema) -> str:
    rows = [[str(c.name), c.kind, c.dtype, c.detail] for c in schema.columns]
    return aligned(["column", "kind", "dtype", "detail"], rows)


def _weights(network: torch.nn.Module) -> str:
    return f"{sum(p.numel() for p in network.parameters()):,}"


def describe_rows(frame: pd.DataFrame, most: int = 40) -> str:
    """The first rows of a table, numbers flush right, and how many more there are."""
    numbers = [at for at, d in enumerate(frame.dtypes) if pd.api.types.is_numeric_dtype(d)]
    head = [[_short(cell) for cell in row] for row in frame.head(most).itertuples(index=False)]
    shown = aligned([str(label) for label in frame.columns], head, right=numbers)
    more = len(frame) - len(head)
    return f"{shown}\n… and {plural(more, 'more row')}: -o FILE has them." if more > 0 else shown


def kinds_of(schema: Schema) -> str:
    """Number of columns, and how many of each kind: ``5 columns (3 numeric, 2 categorical)``."""
    counts = Counter(column.kind for column in schema.columns).most_common()
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts)
    return f"{plural(len(schema.columns), 'column')} ({kinds})"


_REASONS = {
    "max_steps": "all steps done",
    "max_time": "the time was up",
    "validation": "held-out rows stopped improving",
    "diverged": "the loss ceased to be finite",
    "interrupted": "interrupted",
}


def last_step(synth: DiffusionSynthesizer | TimeSeriesDiffusionSynthesizer) -> str:
    """Which weights were kept, and why training ended."""
    reason = _REASONS.get(synth.stopped_, synth.stopped_)
    return f"best weights at step {synth.best_step_:,} ({reason})"


def duration(seconds: float) -> str:
    """``8.1 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(n_bytes: int) -> str:
    """Bytes in the unit that fits them."""
    amount = float(n_bytes)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} GB"


def plural(count: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
