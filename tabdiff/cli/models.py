"""Models on their way from files to commands: the manifest tells which class reads a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tabdiff.synthesizer import DiffusionSynthesizer
    from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer

    Synthesizer: TypeAlias = DiffusionSynthesizer | TimeSeriesDiffusionSynthesizer


class WrongKindError(ValueError):
    """What was asked makes no sense for a model of this kind."""


def load(path: str, device: str) -> Synthesizer:
    """The synthesizer in a file, of the class that wrote it.

    Raises
    ------
    UnknownKindError
        If this version of tabdiff has no such class.
    PersistenceError, OSError
        As :func:`tabdiff.persistence.read` does.
    """
    from tabdiff.persistence import UnknownKindError, read
    from tabdiff.synthesizer import DiffusionSynthesizer
    from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer

    content, _ = read(path)
    match content.get("kind"):
        case "DiffusionSynthesizer":
            return DiffusionSynthesizer.load(path, device=device)
        case "TimeSeriesDiffusionSynthesizer":
            return TimeSeriesDiffusionSynthesizer.load(path, device=device)
        case other:
            raise UnknownKindError(
                f"{path}: it holds {other!r}, which is neither a model of a table nor one of "
                "sequences. Use the version of tabdiff that wrote it."
            )


def load_table(path: str, device: str, asked: str) -> DiffusionSynthesizer:
    """The model of a table in a file.

    Parameters
    ----------
    asked : str
        What needs it, and what to do where the model is of sequences.

    Raises
    ------
    WrongKindError
        If the file holds a model of sequences.
    PersistenceError, OSError
        As :func:`load` does.
    """
    from tabdiff.synthesizer import DiffusionSynthesizer

    synth = load(path, device)
    if not isinstance(synth, DiffusionSynthesizer):
        raise WrongKindError(f"{path} is a model of sequences. {asked}")
    return synth


def load_sequences(path: str, device: str, asked: str) -> TimeSeriesDiffusionSynthesizer:
    """The model of sequences in a file.

    Parameters
    ----------
    asked : str
        What needs it, and what to do where the model is of a table.

    Raises
    ------
    WrongKindError
        If the file holds a model of a table.
    PersistenceError, OSError
        As :func:`load` does.
    """
    from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer

    synth = load(path, device)
    if not isinstance(synth, TimeSeriesDiffusionSynthesizer):
        raise WrongKindError(f"{path} is a model of a table. {asked}")
    return synth
