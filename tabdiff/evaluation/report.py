"""`evaluate`: judge a synthetic table, and the `Report` that holds the judgement.

The walk: frames → tables (`tables`) → quality, detection, utility, privacy (`sections`), each on
the synthetic rows, on fresh real rows in their place (the floor) and on two extremes → `Report` →
text, JSON, HTML.
"""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tabdiff.data.privacy import PrivacySpent
from tabdiff.data.schema import Schema, to_pandas
from tabdiff.disk import write_private
from tabdiff.evaluation.detection import DetectionSuite
from tabdiff.evaluation.door import (
    check_include,
    check_seed,
    overlap_notes,
    position_of,
    size_notes,
)
from tabdiff.evaluation.marginals import Marginal, marginals
from tabdiff.evaluation.memory import HoldoutDetection
from tabdiff.evaluation.plain import Plain
from tabdiff.evaluation.privacy import Privacy, PrivacyFloor
from tabdiff.evaluation.progress import Progress
from tabdiff.evaluation.projection import Projection, project
from tabdiff.evaluation.quality import Quality, QualityFigures
from tabdiff.evaluation.scores import Score
from tabdiff.evaluation.sdmetrics_reports import require_sdmetrics
from tabdiff.evaluation.sections import SECTIONS, Case, judge
from tabdiff.evaluation.sequence_door import (
    Sequencing,
    check_sequence_columns,
    entity_notes,
    panels_of,
    place_rows,
    shared_entity_notes,
)
from tabdiff.evaluation.sequence_pictures import SequencePictures, sequence_pictures
from tabdiff.evaluation.sequences import Sequences
from tabdiff.evaluation.serial import report_dict
from tabdiff.evaluation.tables import Tables, code_tables
from tabdiff.evaluation.terminal import render_text
from tabdiff.evaluation.utility import Utility
from tabdiff.evaluation.verdict import Finding
from tabdiff.evaluation.versions import versions


@dataclass(frozen=True)
class Report:
    """The judgement of one synthetic table.

    Attributes
    ----------
    card : tuple of Score
        Every figure with its floor, direction and meaning, section by section.
    verdict : tuple of Finding
        What the figures say, in plain words.
    include : tuple of str
        The sections that were asked for; what belongs to another section is None.
    quality : Quality or None
    quality_floor : QualityFigures or None
    detection : DetectionSuite or None
        None too where there are too few rows.
    holdout_detection : HoldoutDetection or None
        Part of privacy. None too without a hold-out, or with too few rows.
    utility : Utility or None
        None too without a target or a hold-out.
    privacy : Privacy or None
        Of entities where the table is one of sequences.
    privacy_floor : PrivacyFloor or None
    sequences : Sequences or None
        None too without a sequence key or index.
    pictures : SequencePictures or None
        Trajectories, transitions and histograms of sequences, for pictures. They hold values of the
        real table.
    marginals : tuple of NumericMarginal or LevelMarginal
        Histograms of every column, for pictures. They hold values of the real table.
    projection : Projection or None
        A draw of both tables in a plane, for a picture; None where there is no plane.
    sequencing : Sequencing or None
        How the frames are sequences; None where rows are independent.
    rows : dict of str to int
        Rows of "real", "synthetic" and "holdout" (0: none was given).
    fingerprint : str
        Of the real rows, the hold-out and the columns: reports that share it can be compared.
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
    include: tuple[str, ...]
    quality: Quality | None
    quality_floor: QualityFigures | None
    detection: DetectionSuite | None
    holdout_detection: HoldoutDetection | None
    utility: Utility | None
    privacy: Privacy | None
    privacy_floor: PrivacyFloor | None
    sequences: Sequences | None
    pictures: SequencePictures | None
    marginals: tuple[Marginal, ...]
    projection: Projection | None
    sequencing: Sequencing | None
    rows: dict[str, int]
    fingerprint: str
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
        """The floors by key."""
        return pd.Series({score.key: score.floor for score in self.card}, name="floor", dtype=float)

    @property
    def table(self) -> pd.DataFrame:
        """The card as a frame, indexed by key; NaN where a figure was not taken."""
        columns = {
            "section": [s.section for s in self.card],
            "score": _numbers([s.value for s in self.card]),
            "floor": _numbers([s.floor for s in self.card]),
            "copy": _numbers([s.copy for s in self.card]),
            "independent": _numbers([s.independent for s in self.card]),
            "better": [s.better for s in self.card],
            "unit": [s.unit for s in self.card],
            "basis": [s.basis for s in self.card],
            "meaning": [s.meaning for s in self.card],
        }
        return pd.DataFrame(columns, index=pd.Index([s.key for s in self.card], name="key"))

    def to_dict(self) -> dict[str, Plain]:
        """The report as plain values; see `to_json`."""
        return report_dict(self)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The report as strict JSON: what is not a number is null.

        The keys are listed in `tabdiff.evaluation.serial`.

        Parameters
        ----------
        path : path, optional
            Also write it there, as UTF-8, readable by its owner only.

        Raises
        ------
        OSError
            If it cannot be written; what was at ``path`` is as it was.
        """
        text = json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=1)
        if path is not None:
            write_private(path, text)
        return text

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """The report as one self-contained page: no network, no script from elsewhere.

        The page shows histograms of the real table, and some of its rows as points. Share it as
        you would share those.

        Parameters
        ----------
        path : path, optional
            Also write it there, as UTF-8, readable by its owner only.

        Raises
        ------
        ImportError
            If jinja2 is not installed.
        OSError
            If it cannot be written; what was at ``path`` is as it was.
        """
        from tabdiff.evaluation.html.page import render_page

        text = render_page(self)
        if path is not None:
            write_private(path, text)
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
    include: Sequence[str] | None = None,
    progress: bool = True,
    sequence_key: Hashable = None,
    sequence_index: Hashable = None,
    privacy_spent: PrivacySpent | None = None,
) -> Report:
    """Judge a synthetic table against the real one it imitates.

    Every figure comes with its floor: what fresh real rows score in the place of the synthetic
    ones. They are the hold-out's; without one, one random half of the real rows is judged against
    the other. Beside it stand two extremes: a bootstrap copy of the real rows, and independent
    columns.

    With a sequence key or index the frames are long: one row per entity and time. Then columns,
    pairs, missing values, detection and utility are still judged row by row, without the key and
    with all rows of an entity on one side of every split; privacy is judged by entity; and the
    section "sequences" judges what happens in time. Each score names its ``basis``.

    Parameters
    ----------
    real : DataFrame
        The rows that the synthesizer was trained on: pandas, polars or a 2-D numeric array.
    synthetic : DataFrame
        Synthetic rows with the same columns, in any order.
    holdout : DataFrame, optional
        Real rows that the synthesizer never saw. Needed for utility, memorisation and attacks. Of
        sequences: whole entities.
    target : hashable, optional
        A column to predict; classes give AUC, numbers RMSE.
    schema : Schema, optional
        Column kinds; inferred from ``real`` by default. Identifiers are not judged.
    seed : int
        Deals folds and draws rows. The same seed gives the same report.
    include : sequence of str, optional
        Sections to judge: "quality", "detection", "utility", "privacy", "sequences". All that the
        arguments allow by default.
    progress : bool
        Show a bar, on a terminal or in a notebook.
    sequence_key : hashable, optional
        The column that says which rows belong together. Synthetic keys need not be real ones.
    sequence_index : hashable, optional
        The column that orders the rows of an entity: numbers, dates or text that is read as such.
        Without it the order in the frame counts. Without a key the frame is one long series, whose
        windows are compared.
    privacy_spent : PrivacySpent, optional
        What a private fit cost, ``synth.privacy_spent_``: told among the notes.

    Returns
    -------
    Report

    Raises
    ------
    ImportError
        If SDMetrics is not installed; quality, privacy and sequences need it.
    ValueError
        If a section or a seed does not exist.
    EvaluationError
        If the frames cannot be compared: other columns, fewer than two rows, values that are not
        the column's, rows without a key or a time, one entity only; all faults at once.

    Warns
    -----
    EvaluationWarning
        If hold-out rows (or entities) were also trained on.

    Examples
    --------
    >>> report = evaluate(train, fake, holdout=test, target="income")  # doctest: +SKIP
    >>> report.scores["c2st"]  # doctest: +SKIP
    0.917
    >>> evaluate(visits, fake, sequence_key="patient", sequence_index="day")  # doctest: +SKIP
    """
    check_seed(seed)
    is_sequence = sequence_key is not None or sequence_index is not None
    sections = check_include(include, SECTIONS, is_sequence)
    if {"quality", "privacy", "sequences"} & set(sections):
        require_sdmetrics()
    frames = {"real": to_pandas(real), "synthetic": to_pandas(synthetic)}
    if holdout is not None:
        frames["holdout"] = to_pandas(holdout)
    if is_sequence:
        case, kinds, notes = _sequence_case(frames, schema, seed, sequence_key, sequence_index)
    else:
        kinds = Schema.infer(real) if schema is None else schema
        tables = code_tables(frames["real"], frames["synthetic"], frames.get("holdout"), kinds)
        case = Case(tables, frames, None, seed)
        notes = [*tables.notes, *size_notes(tables), *overlap_notes(tables)]
    if target is not None:
        case = replace(case, target=position_of(target, case.tables, kinds))
    if privacy_spent is not None:
        notes.insert(0, _promise(privacy_spent))
    with Progress(sections, progress) as bar:
        return _report(case, sections, notes, bar)


def _sequence_case(
    frames: dict[str, pd.DataFrame],
    schema: Schema | None,
    seed: int,
    key: Hashable,
    index: Hashable,
) -> tuple[Case, Schema, list[str]]:
    """The frames as sequences, the kinds of all columns but the key, and notes."""
    check_sequence_columns(frames, key, index)
    rows = {role: f if key is None else f.drop(columns=[key]) for role, f in frames.items()}
    kinds = Schema.infer(rows["real"]) if schema is None else schema
    kinds = replace(kinds, columns=tuple(c for c in kinds.columns if key is None or c.name != key))
    sequencing, places = place_rows(frames, key, index, kinds)
    coded = code_tables(rows["real"], rows["synthetic"], rows.get("holdout"), kinds)
    excluded = coded.excluded
    if key is not None:
        excluded = {str(key): "the sequence key: it says which rows belong together", **excluded}
    tables = Tables(
        replace(coded.real, entity=places["real"].entity),
        replace(coded.synthetic, entity=places["synthetic"].entity),
        None if coded.holdout is None else replace(coded.holdout, entity=places["holdout"].entity),
        excluded,
        coded.notes,
    )
    panels = panels_of(tables, sequencing, places, index)
    notes = [*tables.notes, *size_notes(tables), *entity_notes(panels)]
    notes += shared_entity_notes(panels, places)
    return Case(tables, rows, None, seed, panels), kinds, notes


def _report(case: Case, sections: tuple[str, ...], notes: list[str], bar: Progress) -> Report:
    tables, panels = case.tables, case.panels
    found = judge(case, sections, bar)
    for section in (found.quality, found.sequences):
        if section is not None:
            notes += section.problems
    if found.utility is not None:
        notes += found.utility.notes
    source = "one real half against the other" if tables.holdout is None else "the hold-out"
    return Report(
        card=tuple(found.card),
        verdict=tuple(found.verdict),
        include=sections,
        quality=found.quality,
        quality_floor=found.quality_floor,
        detection=found.detection,
        holdout_detection=found.holdout_detection,
        utility=found.utility,
        privacy=found.privacy,
        privacy_floor=found.privacy_floor,
        sequences=found.sequences,
        pictures=None
        if found.sequences is None or panels is None
        else sequence_pictures(panels, case.seed),
        marginals=marginals(tables.real, tables.synthetic),
        projection=project(tables.real, tables.synthetic, case.seed),
        sequencing=None if panels is None else panels.sequencing,
        rows={
            "real": tables.real.n_rows,
            "synthetic": tables.synthetic.n_rows,
            "holdout": 0 if tables.holdout is None else tables.holdout.n_rows,
        },
        fingerprint=tables.fingerprint(),
        floor_source=f"{source}, distances scaled to the tables' sizes",
        excluded=tables.excluded,
        notes=tuple(notes),
        versions=versions(),
        seed=case.seed,
        seconds=bar.seconds,
    )


def _promise(spent: PrivacySpent) -> str:
    return (
        f"The synthetic rows are promised {spent}. The promise does not cover this report, which "
        "looked at the real rows without noise: keep it with them."
    )


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [np.nan if value is None else value for value in values]
