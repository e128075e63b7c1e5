"""Frames in which every real value can be recognised wherever it turns up.

A text carries a mark, ``zq`` and twelve hexadecimal digits, or is a UUID that begins with
``fadefade``; the digits that follow are its own. A number has ten digits and more, a date its
second. So one search of what a program puts out tells every value of the frame that is in it, whole
or in part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.generic]

# Of what sort a real value is. The first group names rows, persons or entities.
CODES, EMAILS, IBANS, UUIDS = "codes", "e-mail addresses", "IBANs", "UUIDs"
NAMES, TEXTS, WHOLE_IDS, INDEX = "names", "free text", "whole identifiers", "index"
KEYS = "entity keys"
LEVELS, RARE, UNUSED, CONSTANT = "categories", "categories of one row", "unused levels", "constants"
ENDS, INNER = "least and greatest", "other numbers and dates"

NAMING = (CODES, EMAILS, IBANS, UUIDS, NAMES, TEXTS, WHOLE_IDS, INDEX, KEYS)
SORTS = (*NAMING, LEVELS, RARE, UNUSED, CONSTANT, ENDS, INNER)

MARK_DIGITS = 6


@dataclass(frozen=True)
class Numbers:
    """Numbers of one column in all forms that a program may keep them in.

    Attributes
    ----------
    count : int
    forms : float64 array, (forms * count,), sorted
        Numbers as they are, as distances from the least, dates in seconds to nanoseconds.
    """

    count: int
    forms: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Planted:
    """A frame, and its values by sort.

    Attributes
    ----------
    frame : DataFrame
    marks : dict of str to set of str
        By sort, the first digits of the marks.
    numbers : dict of str to list of Numbers
        By sort, a member a column.
    """

    frame: pd.DataFrame
    marks: dict[str, set[str]]
    numbers: dict[str, list[Numbers]]

    @property
    def count(self) -> int:
        """How many values are looked for."""
        texts = sum(map(len, self.marks.values()))
        return texts + sum(one.count for column in self.numbers.values() for one in column)


def heads(rng: np.random.Generator) -> Iterator[str]:
    """The first digits of marks, each once."""
    seen: set[int] = set()
    while True:
        for head in rng.integers(16**MARK_DIGITS, size=1000).tolist():
            if head not in seen:
                seen.add(head)
                yield f"{head:0{MARK_DIGITS}x}"


class Planter:
    """Makes values that no other program makes, and remembers of what sort they are.

    Parameters
    ----------
    rng : Generator
    fresh : iterator of str
        The first digits of marks; of :func:`heads`, shared by all frames of a case.
    """

    def __init__(self, rng: np.random.Generator, fresh: Iterator[str]) -> None:
        self.rng = rng
        self.marks: dict[str, set[str]] = {}
        self.numbers: dict[str, list[Numbers]] = {}
        self._fresh = fresh

    def texts(self, sort: str, n: int, pattern: str = "{digit}-{mark}") -> list[str]:
        """``n`` different texts; ``pattern`` knows ``digit`` (any one), ``mark`` and ``rest``."""
        made = []
        for head in (next(self._fresh) for _ in range(n)):
            self.marks.setdefault(sort, set()).add(head)
            digit, rest = self.rng.integers(10), self.rng.bytes(3).hex()
            made.append(pattern.format(digit=digit, mark=f"zq{head}{rest}", rest=rest, head=head))
        return made

    def ibans(self, n: int) -> list[str]:
        """IBANs with a mark in the place of bank and account."""
        return [text.upper() for text in self.texts(IBANS, n, "NL{digit}4{mark}00")]

    def uuids(self, n: int) -> list[str]:
        """UUIDs with a mark in their first half."""
        some = self.texts(UUIDS, n, "fadefade-{head}")
        return [f"{t[:13]}-4{t[13:15]}0-8abc-{self.rng.bytes(6).hex()}" for t in some]

    def integers(self, sort: str, n: int, low: float, high: float) -> Array:
        """``n`` different whole numbers between two."""
        made = np.unique(self.rng.integers(int(low), int(high), size=n + 8))
        made = self.rng.permutation(made)[:n]
        self.note(sort, made.astype(np.float64))
        return made

    def spread(self, n: int, whole: bool) -> Array:
        """Numbers of ten digits and more, two of them far from the others."""
        made = self.rng.uniform(3e11, 7e11, n) if not whole else self.rng.integers(3e11, 7e11, n)
        far = np.array([1.37e10, 8.6e13]) * self.rng.uniform(1, 1.01, 2)
        made[self.rng.choice(n, 2, replace=False)] = far
        self._note_spread(made.astype(np.float64), 1)
        return made

    def moments(self, n: int) -> Array:
        """Dates to the second, two of them in other centuries."""
        made = self.rng.integers(-6e8, 9e8, n)
        made[self.rng.choice(n, 2, replace=False)] = [
            -3.8e9 + self.rng.integers(1e6),
            5.2e9 + self.rng.integers(1e6),
        ]
        self._note_spread(made.astype(np.float64), 1e9)
        return made.astype("M8[s]")

    def _note_spread(self, values: npt.NDArray[np.float64], finest: float) -> None:
        ends = np.array([values.min(), values.max()])
        inner = np.setdiff1d(values, ends)
        self.note(ENDS, ends, finest)
        self.note(INNER, inner, finest, inner - ends[0])

    def note(
        self,
        sort: str,
        values: npt.NDArray[np.float64],
        finest: float = 1,
        distances: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """Look for these numbers; dates also in thousandths of seconds up to ``1 / finest``."""
        units = [1.0] if finest == 1 else [1.0, 1e3, 1e6, 1e9]
        forms = [values * unit for unit in units]
        if distances is not None:
            forms.append(distances)
        self.numbers.setdefault(sort, []).append(
            Numbers(len(values), np.sort(np.concatenate(forms)))
        )

    def planted(self, frame: pd.DataFrame) -> Planted:
        """The frame with all that was made for it."""
        return Planted(frame, self.marks, self.numbers)


@dataclass(frozen=True)
class Groups:
    """Categories that several frames of one case share.

    Attributes
    ----------
    plans, stages : list of str
    site : str
    """

    plans: list[str]
    stages: list[str]
    site: str


def groups(planter: Planter) -> Groups:
    """The categories of a case."""
    return Groups(planter.texts(LEVELS, 3), planter.texts(LEVELS, 3), planter.texts(CONSTANT, 1)[0])


def table(planter: Planter, shared: Groups, n: int, own: bool) -> Planted:
    """A table with every sort of column.

    Parameters
    ----------
    planter : Planter
    shared : Groups
    n : int
        Rows, 170 or more.
    own : bool
        Whether it has categories of its own: one of one row, and a level that is unused.
    """
    rng, some = planter.rng, n * 3 // 10
    names = planter.texts(NAMES, n * 4 // 5, "Q{rest} {mark}son")
    notes = planter.texts(TEXTS, n - some, "{digit} calls on Monday: asked for {mark}, was told no")
    plan = rng.choice(shared.plans, n).astype(object)
    regions, levels = rng.choice(shared.stages, n), list(shared.stages)
    if own:
        plan[rng.integers(n)] = planter.texts(RARE, 1)[0]
        levels += planter.texts(UNUSED, 1)
    gone = rng.random(n) < 0.1
    frame = pd.DataFrame(
        {
            "customer": planter.texts(CODES, n),
            "contact": pd.Series(planter.texts(EMAILS, n, "{mark}@mail.org")).mask(gone),
            "account": planter.ibans(n),
            "session": planter.uuids(n),
            "full_name": [*names, *rng.choice(names, n - len(names))],
            "remarks": rng.permutation([*notes, *["nothing said"] * some]),
            "ticket_id": planter.integers(WHOLE_IDS, n, 1e15, 9e15),
            "badge": pd.Categorical(planter.texts(CODES, n)),
            "plan": plan,
            "region": pd.Categorical(regions, categories=levels),
            "site": shared.site,
            "income": _with_gaps(planter.spread(n, whole=False), rng),
            "points": planter.spread(n, whole=True),
            "born": planter.moments(n),
        }
    )
    frame.index = pd.Index(planter.texts(INDEX, n))
    return planter.planted(frame)


def panel(planter: Planter, shared: Groups, n: int, own: bool) -> Planted:
    """A long frame of ``n`` entities, 20 or more, with irregular moments."""
    rng = planter.rng
    lengths = rng.integers(5, 9, n)
    owner, total = np.repeat(np.arange(n), lengths), int(lengths.sum())
    plan = rng.choice(shared.plans, n).astype(object)
    if own:
        plan[rng.integers(n)] = planter.texts(RARE, 1)[0]
    frame = pd.DataFrame(
        {
            "patient": np.array(planter.texts(KEYS, n), dtype=object)[owner],
            "seen": planter.moments(total),
            "contact": np.array(planter.texts(EMAILS, n, "{mark}@mail.org"), dtype=object)[owner],
            "plan": plan[owner],
            "remarks": planter.texts(TEXTS, total, "{digit} came back with {mark}"),
            "visit_id": planter.integers(WHOLE_IDS, total, 1e15, 9e15),
            "stage": rng.choice(shared.stages, total),
            "income": planter.spread(total, whole=False),
            "points": planter.spread(total, whole=True),
        }
    )
    frame.index = pd.Index(planter.texts(INDEX, total))
    return planter.planted(frame)


def _with_gaps(values: Array, rng: np.random.Generator) -> pd.Series:
    """A tenth of the values missing, neither the least nor the greatest."""
    gone = rng.random(len(values)) < 0.1
    gone[[values.argmin(), values.argmax()]] = False
    return pd.Series(values).mask(gone)
