"""Where training stands, kept in a file, so that killed work goes on as if nothing had happened.

The file is written as a model is: strict JSON and safetensors in one zip, whole or not at all; so a
kill at any moment leaves the file before or the new one. What is resumed, any number of times, ends
in the same bits as what never was, on a processor with as many threads. Where ``max_time`` decides
it does not, as clocks never repeat themselves.
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
import time
import warnings
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from tabdiff import __version__, persistence
from tabdiff.data.mixed import Layout
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.disk import check_writable, sweep
from tabdiff.training.loop import Keeper, Recipe
from tabdiff.training.portions import Examples
from tabdiff.training.standing import Arrays, Standing

KIND = "checkpoint"
# A kill costs about so much training, or more where writing is slow: it may take this share.
EVERY_SECONDS = 10.0
MOST_SHARE = 0.01
# Differences that a message names.
MOST_NAMED = 6

Task = dict[str, dict[str, Any]]


class CheckpointMismatchError(persistence.PersistenceError):
    """A checkpoint belongs to another fit than the one that should go on: the message says why."""


class Checkpoint(Keeper):
    """Keeps where training stands in one file.

    Parameters
    ----------
    path : Path
    content : dict, optional
        What was found there, with its ``arrays``.

    Raises
    ------
    KeyError, TypeError, ValueError, IndexError
        If the content is none of a checkpoint.
    """

    def __init__(
        self, path: Path, content: dict[str, Any] | None = None, arrays: Arrays | None = None
    ) -> None:
        self.path, self._content, self._arrays = path, content, arrays
        self._task: Task = {}
        self._due = math.inf
        self._failing = False
        if content is not None and arrays is not None:
            self.entropy = int(content["task"]["facts"]["random_state"])
            self.seconds = float(arrays["progress"][-1, 1])

    @classmethod
    def read(cls, path: Path) -> Self:
        """The checkpoint in a file.

        Raises
        ------
        PersistenceError
            If it is damaged, or holds something else.
        """
        content, arrays = persistence.read(path)
        if content.get("kind") != KIND:
            raise persistence.UnknownKindError(
                f"{path}: it holds a {content.get('kind')}, not a checkpoint. "
                "Choose another checkpoint_dir."
            )
        try:
            return cls(path, content, arrays)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise _unusable(path, error) from error

    def begin(
        self,
        standing: Standing,
        recipe: Recipe,
        joint: JointDiffusion,
        rows: Examples,
        held_out: Examples,
    ) -> None:
        """Go on from what was found, if anything was.

        Raises
        ------
        CheckpointMismatchError
            If it belongs to another fit.
        CorruptFileError
            If it does not fit together.
        """
        facts = {"random_state": str(self.entropy), "rows": len(rows), "judges": len(held_out)}
        self._task = {
            "facts": facts | _facts(standing, recipe, joint),
            "digests": _digests(standing, joint.layout, rows, held_out),
        }
        if self._content is not None and self._arrays is not None:
            try:
                differences = _differences(self._content["task"], self._task)
                if not differences:
                    standing.restore(self._content["standing"], self._arrays)
            except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
                raise _unusable(self.path, error) from error
            if differences:
                raise CheckpointMismatchError(_told(self.path, differences))
            self._content = self._arrays = None
        self._due = time.monotonic() + EVERY_SECONDS

    def offer(self, standing: Standing) -> None:
        """Write, if the last time was long enough ago."""
        if time.monotonic() >= self._due:
            self._write(standing)

    def finish(self, standing: Standing) -> None:
        """Write, so that nothing is done again if what follows the training is killed."""
        self._write(standing)

    def remove(self) -> None:
        """Remove the file, whose fit is done."""
        self.path.unlink(missing_ok=True)

    def _write(self, standing: Standing) -> None:
        began = time.monotonic()
        told, arrays = standing.state()
        try:
            persistence.write(
                self.path, {"kind": KIND, "task": self._task, "standing": told}, arrays
            )
            self._failing = False
        except OSError as error:
            # A backup is not worth the training: the next one may succeed.
            if not self._failing:
                warnings.warn(
                    f"{self.path}: {error.strerror}. Training goes on without a new checkpoint.",
                    RuntimeWarning,
                    stacklevel=2,
                )
            self._failing = True
        ended = time.monotonic()
        self._due = ended + max(EVERY_SECONDS, (ended - began) / MOST_SHARE)


def keeper_in(folder: str | os.PathLike[str] | None, name: str, resume: bool) -> Keeper:
    """What keeps the training ``name`` in a folder, which is made; or nowhere, if that is None.

    Raises
    ------
    FileExistsError
        If there is a checkpoint already, and ``resume`` is false.
    OSError
        If nothing can be written there.
    PersistenceError
        If what is there is damaged, or no checkpoint.
    """
    if folder is None:
        return Keeper()
    path = Path(folder) / f"{name}.checkpoint"
    if path.parent.exists() and not path.parent.is_dir():
        what = "cannot keep checkpoints: this is a file, not a folder"
        raise NotADirectoryError(errno.ENOTDIR, what, os.fspath(folder))
    path.parent.mkdir(parents=True, exist_ok=True)
    check_writable(path)
    sweep(path)
    if not path.exists():
        return Checkpoint(path)
    if not resume:
        what = (
            "cannot begin: this is the checkpoint of a fit that was interrupted. "
            "Go on with it (resume=True, or --resume), or remove it"
        )
        raise FileExistsError(errno.EEXIST, what, os.fspath(path))
    return Checkpoint.read(path)


def _facts(standing: Standing, recipe: Recipe, joint: JointDiffusion) -> dict[str, Any]:
    """What else decides what is learned, by names that a user may know."""
    versions = {"tabdiff": __version__, "torch": str(torch.__version__)}
    device = {"device": standing.batches.generator.device.type}
    prior = {"prior": "absorbing" if joint.multinomial.absorbing else "uniform"}
    return versions | device | prior | asdict(recipe)


def _digests(
    standing: Standing, layout: Layout, rows: Examples, held_out: Examples
) -> dict[str, str]:
    """SHA-256 of the values of each column, of the network before it learns, and of its noise."""
    found: dict[str, _Digest] = defaultdict(_Digest)
    for examples in (rows, held_out):
        for tensors in examples.pieces():
            for kind, names in (("num", layout.num_names), ("cat", layout.cat_names)):
                for name, values in zip(names, tensors.pop(kind).unbind(-1), strict=True):
                    found[f"the values of column {name!r}"].update(values)
            for place in tensors.values():
                found["the windows"].update(place)
    for weights in standing.denoiser.state_dict().values():
        found["the network's size or first weights"].update(weights)
    found["the random numbers"].update(standing.batches.generator.get_state())
    return {name: digest.text for name, digest in found.items()}


class _Digest:
    """SHA-256 of tensors."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def update(self, tensor: Tensor) -> None:
        array = tensor.detach().cpu().numpy()
        self._sum.update(f"{array.dtype} {array.shape}".encode())
        self._sum.update(np.ascontiguousarray(array).data)

    @property
    def text(self) -> str:
        return self._sum.hexdigest()


def _differences(then: Task, now: Task) -> list[str]:
    """What two fits differ in, each with its two values where they tell something."""
    was, is_ = then["facts"], now["facts"]
    facts = [
        f"{name} ({was.get(name)} then, {is_.get(name)} now)"
        for name in {**is_, **was}
        if was.get(name) != is_.get(name)
    ]
    was, is_ = then["digests"], now["digests"]
    return facts + [name for name in {**is_, **was} if was.get(name) != is_.get(name)]


def _told(path: Path, differences: list[str]) -> str:
    named = ", ".join(differences[:MOST_NAMED])
    more = len(differences) - MOST_NAMED
    return (
        f"{path}: the interrupted fit differs from this one in {named}"
        f"{f' and {more} more' if more > 0 else ''}. Fit as it was to go on, or remove the file to "
        "begin anew."
    )


def _unusable(path: Path, error: Exception) -> persistence.CorruptFileError:
    return persistence.CorruptFileError(
        f"{path}: the content does not fit together: {error}. Remove the file to begin anew."
    )
