"""The score card of the section on sequences, and of copies in rows and runs."""

from __future__ import annotations

from tabdiff.evaluation.panel import Panel
from tabdiff.evaluation.scores import Score
from tabdiff.evaluation.sequence_door import Panels
from tabdiff.evaluation.sequence_privacy import RUN, copied_parts
from tabdiff.evaluation.sequences import Sequences, by_key


def sequence_scores(found: Sequences) -> list[Score]:
    """The figures of the section; what is not a number is left out by the report."""
    one, many = found.sequencing.unit
    value, floor = by_key(found.figures), by_key(found.floor)
    scores = [
        Score(
            "length_similarity", "sequences", "SDMetrics length", value["length_similarity"],
            floor["length_similarity"], "higher", "", "SequenceLengthSimilarity", basis=many,
        ),
        Score(
            "length_error", "sequences", "Length error", value["length_error"],
            floor["length_error"], "lower", "%",
            "entities that would need another number of rows", basis=many,
        ),
    ] if found.sequencing.window is None else []  # fmt: skip
    scores += [
        Score(
            "msas", "sequences", "SDMetrics MSAS", value["msas"], floor["msas"], "higher", "",
            f"mean, median, sd, smallest, largest of each {one}: StatisticMSAS over columns",
            basis=many,
        ),
        Score(
            "unsorted", "sequences", "Unsorted", value["unsorted"], floor["unsorted"],
            "not above floor", "%", f"{many} whose rows go back in time", basis=many,
        ),
        Score(
            "duplicated_times", "sequences", "Duplicated times", value["duplicated_times"],
            floor["duplicated_times"], "not above floor", "%",
            f"{many} with two rows at one time", basis=many,
        ),
        Score(
            "msas_inter_row", "sequences", "SDMetrics MSAS, steps", value["msas_inter_row"],
            floor["msas_inter_row"], "higher", "", "differences from row to row: InterRowMSAS",
            basis="steps",
        ),
        Score(
            "transition_error", "sequences", "Transition error", value["transition_error"],
            floor["transition_error"], "lower", "%",
            "categories: steps that would have to lead elsewhere, mean over columns",
            basis="steps",
        ),
        Score(
            "gap_error", "sequences", "Gap error", value["gap_error"], floor["gap_error"],
            "lower", "%", "distance between the laws of the time to the next row", basis="steps",
        ),
        Score(
            "acf_error", "sequences", "Autocorrelation error", value["acf_error"],
            floor["acf_error"], "lower", "",
            f"mean over columns and lags, within {many}; 0 to 2", basis="pairs of rows",
        ),
        Score(
            "cross_correlation_error", "sequences", "Cross-correlation error",
            value["cross_correlation_error"], floor["cross_correlation_error"], "lower", "",
            "the same between columns, at lags 0 to 3", basis="pairs of rows",
        ),
    ]  # fmt: skip
    return [*_detection_scores(found, one, many), *scores]


def _detection_scores(found: Sequences, one: str, many: str) -> list[Score]:
    if found.detection is None:
        return []
    test, floor = found.detection.test, found.detection.floor
    return [
        Score(
            "sequence_c2st", "sequences", f"C2ST, boosting by {one}", test.score, floor.score,
            "higher", "", f"1: a strong classifier cannot tell {many} apart; 0: it always can",
            test.interval, basis=many,
        )
    ]  # fmt: skip


def copied_scores(panels: Panels, fresh: tuple[Panel, Panel]) -> list[Score]:
    """Rows, and runs of rows, that occur in a training sequence; ``fresh`` sets the floor."""
    value = copied_parts(panels.real, panels.synthetic)
    floor = copied_parts(*fresh)
    return [
        Score(
            "row_copies", "privacy", "Copied rows", value["row_copies"], floor["row_copies"],
            "not above floor", "%", "rows that equal a training row in all but the time",
            basis="rows",
        ),
        Score(
            "run_copies", "privacy", "Copied runs", value["run_copies"], floor["run_copies"],
            "not above floor", "%", f"runs of {RUN} rows that equal a run of a training sequence",
            basis="runs",
        ),
    ]  # fmt: skip
