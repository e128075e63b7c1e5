"""What the front doors share: the checks of training, the stream of samples, one file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from tabdiff import persistence
from tabdiff.data.privacy import Privacy
from tabdiff.inference.chunks import Seed, entropy_of
from tabdiff.inference.threads import unswayed
from tabdiff.training.checkpoint import keeper_in
from tabdiff.training.hardware import resolve_device
from tabdiff.training.loop import Keeper
from tabdiff.training.progress import Listener
from tabdiff.training.settings import check_training
from tabdiff.training.team import Team

# What it comes to where parts of a file contradict each other in a way that no reader looks for.
_MISFITS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
FEWER_DRAWS = "Ask for fewer draws at a time, each with its own random_state."


class DiffusionEstimator(BaseEstimator):
    """An estimator that learns by diffusion, samples, and is kept in one file.

    Attributes
    ----------
    KIND : str
        What a file says that it holds.
    TRAININGS : tuple of str
        Its networks, in the order in which they learn: the names of their checkpoints.
    ADDED : frozenset of str
        Parameters that earlier releases of the format did not know; a file without them means
        their defaults.
    """

    KIND: ClassVar[str]
    TRAININGS: ClassVar[tuple[str, ...]]
    ADDED: ClassVar[frozenset[str]] = frozenset()
    privacy: Privacy | None

    def fit_together(
        self,
        X: Any,
        team: Team,
        keeper_of: Callable[[str], Keeper] | None = None,
        report: Listener | None = None,
    ) -> Self:
        """:meth:`fit`, as one of several workers; see :mod:`tabdiff.integrations.distributed`.

        Parameters
        ----------
        X : table
            The same for every worker.
        team : Team
            Who learns together.
        keeper_of : callable, optional
            What keeps the training of this name; files in ``checkpoint_dir``, if that is given,
            when None.
        report : callable, optional
            Called with a :class:`~tabdiff.training.standing.Progress` after every step.

        Raises
        ------
        ValueError
            With ``privacy``, whose accounts are of one process. Otherwise as :meth:`fit` does.
        """
        if self.privacy is not None:
            raise ValueError("privacy= is kept by one process alone. Call fit.")
        self._check_parameters()
        keepers = [(keeper_of or self._keeper)(name) for name in self.TRAININGS]
        self._learn(X, keepers, team.lead(self._entropy(*keepers)), team, report)
        for keeper in keepers:
            keeper.remove()
        return self

    def _learn(
        self,
        X: Any,
        keepers: Sequence[Keeper],
        entropy: int,
        team: Team,
        report: Listener | None = None,
    ) -> None:
        """:meth:`fit`, all but the end of the checkpoints.

        Parameters
        ----------
        keepers : sequence of Keeper
            Of each training.
        entropy : int
            What all is drawn from.
        team : Team
            Who learns together.
        report : callable, optional
            Called after every step.
        """
        raise NotImplementedError

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted synthesizer to one ``.tabdiff`` file, whole or not at all.

        The file holds the networks, the schema and the encoders: category levels, quantiles and
        bounds of the training data, hence real values; no rows. Nothing in it can execute.

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        OSError
            If the file cannot be written; a previous file is left as it was.
        """
        check_is_fitted(self)
        content, arrays = self._fitted.state()
        parameters = {name: _plain(value) for name, value in self._portable_parameters().items()}
        persistence.write(path, {"kind": self.KIND, "parameters": parameters} | content, arrays)

    @classmethod
    @unswayed()
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        device: str = "auto",
        expected_sha256: str | None = None,
    ) -> Self:
        """The synthesizer that :meth:`save` wrote, ready to sample.

        Its own stream of samples begins anew: the first ``sample(n)`` gives what the first one
        after ``fit`` gave.

        Parameters
        ----------
        path : str or path
        device : str
            "auto", or a torch device.
        expected_sha256 : str, optional
            Of the file, as ``sha256sum`` prints it.

        Raises
        ------
        PersistenceError
            If the file is damaged, of a newer format or another class, or not a tabdiff file.
        """
        place = resolve_device(device)
        content, arrays = persistence.read(path, expected_sha256)
        kind = content.get("kind")
        if kind != cls.KIND:
            raise persistence.UnknownKindError(
                f"{os.fspath(path)!r}: it holds {kind!r:.80}, not {cls.KIND!r}. Load it with the "
                "class that it names, in the version of tabdiff that wrote it."
            )
        synth = cls(device=device)
        try:
            synth._take_parameters(content["parameters"])
            synth._restore(content, arrays, place)
        except _MISFITS as error:
            raise persistence.CorruptFileError(
                f"{os.fspath(path)!r}: the content does not fit together: {error}. "
                "Save the model again, or get the file anew from where it came."
            ) from error
        return synth

    def _take_parameters(self, given: Any) -> None:
        """Set what :meth:`_portable_parameters` gave.

        Raises
        ------
        TypeError, ValueError
            If these are others, or out of their range.
        """
        known = self._portable_parameters().keys()
        optional = {"random_state"} | self.ADDED
        if not isinstance(given, dict) or not known - optional <= given.keys() <= known | optional:
            raise ValueError(f"its parameters are not those of a {self.KIND}")
        self.set_params(**given)
        self._check_parameters()
        entropy_of(self.random_state)

    def _portable_parameters(self) -> dict[str, Any]:
        """The constructor's arguments that a file keeps: plain numbers and names."""
        raise NotImplementedError

    def _check_parameters(self) -> None:
        """Refuse constructor's arguments that no fit can be made of."""
        raise NotImplementedError

    def _restore(
        self, content: dict[str, Any], arrays: dict[str, np.ndarray], device: torch.device
    ) -> None:
        """Become what a file describes."""
        raise NotImplementedError

    def _check_training(self) -> None:
        """Refuse what no training can be made of."""
        check_training(
            max_steps=self.max_steps,
            max_time=self.max_time,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            width=self.width,
            depth=self.depth,
            validation_fraction=self.validation_fraction,
            sampling_steps=self.sampling_steps,
            verbose=self.verbose,
        )
        if self.prior not in ("absorbing", "uniform"):
            raise ValueError(f"prior must be 'absorbing' or 'uniform'. Got {self.prior!r}.")

        if not isinstance(self.checkpoint_dir, str | os.PathLike | None):
            raise TypeError(f"checkpoint_dir must be a path. Got {self.checkpoint_dir!r}.")
        if not isinstance(self.resume, bool):
            raise TypeError(f"resume must be True or False. Got {self.resume!r}.")
        if self.resume and self.checkpoint_dir is None:
            raise ValueError("resume=True goes on from a checkpoint: say in which checkpoint_dir.")

    def _keeper(self, name: str) -> Keeper:
        """What keeps the training of one network."""
        return keeper_in(self.checkpoint_dir, name, self.resume)

    def _entropy(self, *keepers: Keeper) -> int:
        """What this fit is drawn from: what ``random_state`` says, or the fit that goes on said."""
        entropy = entropy_of(self.random_state)
        if not isinstance(self.random_state, int | np.integer):
            entropy = next((k.entropy for k in keepers if k.entropy is not None), entropy)
        for keeper in keepers:
            keeper.entropy = entropy
        return entropy

    def _privacy_beside(self, looks: Mapping[str, str]) -> Privacy | None:
        """The privacy that is asked for, and nothing beside it that would look at rows.

        Parameters
        ----------
        looks : mapping
            Parameters that would, each with why.

        Raises
        ------
        TypeError, ValueError
            If ``privacy`` is something else, or one of those parameters is set.
        """
        if self.privacy is None:
            return None
        if not isinstance(self.privacy, Privacy):
            raise TypeError(f"privacy must be a Privacy. Got {self.privacy!r:.80}.")
        for name, why in looks.items():
            if getattr(self, name) is not None:
                raise ValueError(f"{name} cannot be set in private mode: {why}. Leave it out.")
        return self.privacy

    def _require_memory(self, asked: str, n_rows: int, remedy: str) -> None:
        """Refuse rows that cannot fit: while they are made about 64 bytes a cell are in memory.

        Raises
        ------
        MemoryError
        """
        needed = 64 * n_rows * max(len(self.schema_.columns), 1)
        if not hasattr(os, "sysconf"):  # Windows does not tell.
            return
        present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if needed > present:
            raise MemoryError(
                f"{asked} would need about {needed / 2**30:,.0f} GiB; this machine has "
                f"{present / 2**30:,.0f} GiB. {remedy}"
            )

    def _next_path(self, random_state: Seed) -> tuple[int, ...]:
        """Where the next sample's random numbers come from."""
        if random_state is not None:
            return (entropy_of(random_state), 2)
        # One call of C: threads that ask at once get different numbers.
        return (self._fitted.entropy, 2, next(self._turns))


def _plain(value: Any) -> Any:
    """``value`` as JSON knows it: numpy's numbers become Python's, tuples lists."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value
