"""The front door for tables."""

from __future__ import annotations

import os
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from tabdiff.analytics.verbs import LookInside
from tabdiff.data.augmenting import as_fitted, rows_to_add
from tabdiff.data.constraints import Constraint, ConstraintError, ConstraintSet, Unique
from tabdiff.data.constraints.checks import check_choice, distinct_constraints
from tabdiff.data.errors import CopyError
from tabdiff.data.frames import concat
from tabdiff.data.gaps import Gaps
from tabdiff.data.guards import Guarding, check_percentiles
from tabdiff.data.material import Material, material_of
from tabdiff.data.mixed import Layout, Mixed
from tabdiff.data.originals import Originals
from tabdiff.data.privacy import Privacy
from tabdiff.data.rewriting import Inquiry
from tabdiff.data.schema import Schema
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.diffusion.multinomial import Prior
from tabdiff.estimator import FEWER_DRAWS, DiffusionEstimator
from tabdiff.fitted import TABLES, Fitted, Learned, make_denoiser, make_joint
from tabdiff.inference.chunks import Seed, entropy_of, generators
from tabdiff.inference.threads import by_itself, unswayed
from tabdiff.private import fit_privately
from tabdiff.sampler import Sampler, learn_critic
from tabdiff.training.critic import MOST_CANDIDATES, MOST_ROWS, Critic
from tabdiff.training.hardware import autocast_for, resolve_device
from tabdiff.training.loop import Keeper, Recipe, Trained, evaluate_loss, train
from tabdiff.training.progress import Listener, ProgressBar
from tabdiff.training.settings import (
    PRESETS,
    Size,
    default_held_out,
    default_sampling_steps,
    default_size,
    make_recipe,
    require_real,
    require_whole,
)
from tabdiff.training.team import Team

_PIECEWISE = "Use sample_iter(n_samples), or the command `tabdiff sample MODEL -o rows.parquet`."


class DiffusionSynthesizer(LookInside, DiffusionEstimator):
    """Learns the joint distribution of a table by diffusion and samples new rows from it.

    Parameters
    ----------
    schema : Schema, optional
        What each column is. Inferred from the frame when None.
    column_kinds : dict, optional
        Kinds that override the inferred ones, by column: ``{"zip": "categorical"}``.
    constraints : sequence of Constraint, optional
        What holds in every row: those of :mod:`tabdiff.data.constraints`. The table is learned in
        columns that cannot break them, and every row of every answer keeps them.
    on_violation : {"raise", "drop"}
        What to do with training rows that break one; "drop" learns from the others.
    preset : {"default", "fast", "best"}
        How much work the table is worth, in all that is not set by itself. "fast" takes two fifths
        of the steps and draws no candidates; "best" a network half as wide again, twice the steps
        in up to three rounds, and twice the candidates: for a GPU or a night, not measured yet.
    prior : {"absorbing", "uniform"}
        What categorical parts turn into as noise grows.
    max_steps : int, optional
        Optimiser steps; scaled with rows when None, and twice as many where the held-out loss still
        falls at their end.
    max_time : float, optional
        Wall seconds of training; the schedule adapts to it.
    batch_size : int, optional
        Rows per optimiser step; scaled with rows when None.
    learning_rate : float
    width, depth : int, optional
        Of the denoising network; scaled with rows when None.
    validation_fraction : float, in [0, 0.5], optional
        Share of the rows held out to decide when to stop and which weights to keep; a twentieth,
        or more of a small table, when None. With 0 every row is learned from, the same rows judge,
        and the model may memorise.
    sampling_steps : int, optional
        Network evaluations per sampled row; with None as many as the table has categorical parts
        (each is then drawn given all that were drawn before), at least 16 (25 where numbers
        lie in few cells) and at most 100.
    candidates : int, optional
        Rows drawn for each row that comes out, of which boosted trees keep the one that real rows
        would rather have; they learn after the network to tell real rows from drawn ones. 1 goes
        without. When None, 1, 2 or 4 (times what ``preset`` says), by how much of the difference
        held-out rows confirm; 1 where ``max_steps`` or ``max_time`` is set, which are budgets of
        the network alone.
    privacy : Privacy, optional
        Fits under differential privacy: everything that saw rows is declared public or paid for
        with noise. What would look at rows otherwise cannot be set beside it: ``schema``,
        ``column_kinds``, ``constraints``, ``validation_fraction``, ``candidates``,
        ``exclude_copies``, ``min_category_count``, ``clip_percentiles``, ``checkpoint_dir``.
        Steps and budgets are those of the pre-training.
    exclude_copies : bool
        No row of :meth:`sample`, :meth:`sample_iter` or :meth:`augment` that is drawn equals a
        training row in all columns but identifiers and constants; one that does is drawn anew, up
        to 20 times, and counted in ``copies_redrawn_``. Which rows these are is known in memory
        only: a file that knew them would tell anybody who was in the table. A loaded or unpickled
        model therefore refuses to sample until :meth:`exclude_copies_of` tells it. Rows that are
        nearly a training row pass; and where the columns can hold few different rows, those that
        never come out are the training rows.
    min_category_count : int, optional
        Categories of fewer training rows are never learned, made or kept in a file: they share
        one level, "other" where all categories of the column are text without an order, else a
        missing cell. The level may itself have few rows. Whole numbers and booleans without a
        nullable dtype are refused where nothing can stand in.
    clip_percentiles : (float, float), optional
        Such as (0.1, 99.9): numbers, dates and spans beyond these percentiles of their column are
        learned as the values at them, which are values of rows; at least one row on each side
        counts as beyond, unless its end is 0 or 100. Constraints are checked afterwards.
    device : str
        "auto" (cuda, mps, cpu), or a torch device.
    random_state : int, numpy Generator, RandomState or None
        Seeds training, and a stream of samples that moves on with every :meth:`sample`.
        Rows of a fitted model never depend on the number of torch's threads; what training learns
        does in its last bits, and is the same again at the same number.
    verbose : {1, 0, 2}
        Progress on a terminal or notebook, never, always.
    checkpoint_dir : str or path, optional
        A folder of this fit alone, made if need be, in which training keeps where it stands, every
        ten seconds or more. A fit that ends well removes it; one that is killed, interrupted or
        fails leaves it. It holds weights and moments of the optimiser, and no values.
    resume : bool
        Go on from what an interrupted fit of the same data and parameters left in
        ``checkpoint_dir``; begin where there is nothing. On a processor the result is, bit by bit,
        what it would have been without interruption, unless ``max_time``, which is counted over all
        parts, decides. Of an interrupted fit whose ``random_state`` was None the seed is kept.

    Attributes
    ----------
    schema_ : Schema
        Of the table.
    constraint_set_ : ConstraintSet or None
        The constraints with what they learned; ``constraint_set_.violations(df)`` counts rows.
    encoder_ : TableEncoder
        Of what is learned: of the table itself, or as the constraints rewrite it.
    denoiser_ : torch.nn.Module
    history_ : DataFrame
        step, seconds, loss, validation_loss, learning_rate at each look at the held-out rows.
    n_features_in_, feature_names_in_
        As in scikit-learn; the names only where all are strings.
    candidates_ : int
        Rows drawn for each that comes out.
    copies_redrawn_ : int
        Rows that were drawn anew since they equalled a training row, over all calls so far.
    guards_ : Guards
        What ``min_category_count`` and ``clip_percentiles`` took out; ``guards_.told()`` in words.
    privacy_spent_ : PrivacySpent or None
        What a private fit cost, and what of it was public.
    n_rows_seen_ : int
    n_parameters_ : int
    best_step_ : int
    fit_seconds_ : float
        Of a resumed fit, with the training of its earlier parts.
    stopped_ : str
        Why training ended: "max_steps", "max_time", "validation", "diverged", "interrupted", or
        "nothing to learn" where all columns are constant, missing or identifiers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabdiff import DiffusionSynthesizer
    >>> frame = load_iris(as_frame=True).frame
    >>> synth = DiffusionSynthesizer(max_steps=20, random_state=0).fit(frame)
    >>> synth.sample(3).dtypes.equals(frame.dtypes)
    True
    """

    KIND = "DiffusionSynthesizer"
    TRAININGS = ("table",)
    ADDED = frozenset({"preset", "exclude_copies", "min_category_count", "clip_percentiles"})
    # Which rows must not come out again; in memory alone.
    _originals: Originals | None = None

    def __init__(
        self,
        *,
        schema: Schema | None = None,
        column_kinds: dict[Any, str] | None = None,
        constraints: Sequence[Constraint] | None = None,
        on_violation: str = "raise",
        preset: str = "default",
        prior: Prior = "absorbing",
        max_steps: int | None = None,
        max_time: float | None = None,
        batch_size: int | None = None,
        learning_rate: float = 2e-3,
        width: int | None = None,
        depth: int | None = None,
        validation_fraction: float | None = None,
        sampling_steps: int | None = None,
        candidates: int | None = None,
        privacy: Privacy | None = None,
        exclude_copies: bool = False,
        min_category_count: int | None = None,
        clip_percentiles: tuple[float, float] | None = None,
        device: str = "auto",
        random_state: Seed = None,
        verbose: int = 1,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        resume: bool = False,
    ) -> None:
        self.schema = schema
        self.column_kinds = column_kinds
        self.constraints = constraints
        self.on_violation = on_violation
        self.preset = preset
        self.prior = prior
        self.max_steps = max_steps
        self.max_time = max_time
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.width = width
        self.depth = depth
        self.validation_fraction = validation_fraction
        self.sampling_steps = sampling_steps
        self.candidates = candidates
        self.privacy = privacy
        self.exclude_copies = exclude_copies
        self.min_category_count = min_category_count
        self.clip_percentiles = clip_percentiles
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.checkpoint_dir = checkpoint_dir
        self.resume = resume

    @unswayed()
    def fit(self, X: Any, y: object = None, *, report: Listener | None = None) -> Self:
        """Learn the joint distribution of all columns of ``X``.

        A failed fit leaves the estimator as it was. After Ctrl-C the best weights so far are kept,
        the estimator is usable, and the KeyboardInterrupt goes on; with ``checkpoint_dir`` the
        training can go on, too.

        Parameters
        ----------
        X : pandas or polars DataFrame, 2-D numeric array, or pieces of a table
            At least 2 rows; never changed. The index is ignored. A table that is larger than memory
            comes in pieces: a pattern of Parquet files (``"data/*.parquet"``), a folder of them, a
            pyarrow dataset, a function that returns an iterable of frames, or an object that can
            be iterated over several times. See Notes.
        y : ignored
            There for scikit-learn's sake: the target is a column like the others.
        report : callable, optional
            Called with a :class:`~tabdiff.training.standing.Progress` after every step, for a page
            or a log of one's own. A KeyboardInterrupt that it raises ends the fit as Ctrl-C does,
            in any thread.

        Returns
        -------
        self

        Raises
        ------
        SchemaError
            If columns cannot be modelled, all of them named.
        ConstraintError
            If the constraints do not suit the table, contradict each other, or are broken by rows.
        ValueError, TypeError
            If a parameter is out of its range, or ``X`` is no table, or an iterator, which could be
            gone through once only.
        ImportError
            If pieces are given and the extra ``big`` is not installed.
        TrainingDivergedError
            If the loss ceased to be finite before any usable weights.
        FileExistsError
            If ``checkpoint_dir`` holds an interrupted fit, and ``resume`` is false.
        CheckpointMismatchError
            If it holds one of other data or parameters, with what differs.
        PersistenceError
            If what it holds is damaged, or no checkpoint.
        OSError
            If nothing can be written there.

        Warns
        -----
        RuntimeWarning
            If a checkpoint cannot be written, while training goes on; or once, if the memory of the
            device holds batches only in parts.

        Notes
        -----
        Pieces are gone through twice. The first time every column is summed up: up to 65,536
        different values are counted as they are, so that the encoders are those of the whole frame;
        beyond, sketches tell its quantiles, its commonest values and how many there are. The
        second time rows are encoded into a temporary file without a name, from which training
        draws batches at random; it takes 4 bytes for each numeric and 2 for each categorical part
        of a row, in the folder that TMPDIR names. In memory are a piece of 131,072 rows and up to
        some 20 MB for each column, however many rows there are; a ``validation_fraction`` above
        .02 adds 8 bytes a row. Constraints and guards want the whole table and are refused. What
        comes from files has pyarrow's dtypes.
        """
        self._check_parameters()
        if self.privacy is not None:
            self._learn_privately(X, self.privacy, report)
            return self
        return self.fit_together(X, Team(), report=report)

    def _learn(
        self,
        X: Any,
        keepers: Sequence[Keeper],
        entropy: int,
        team: Team,
        report: Listener | None = None,
    ) -> None:
        [keeper] = keepers
        device, began = resolve_device(self.device), time.monotonic()
        noise, rng = generators(entropy, 0, device=device)
        rules = self.constraints, self.on_violation
        guarding = Guarding(self.min_category_count, self.clip_percentiles, self.exclude_copies)
        table = material_of(
            X, self.schema, self.column_kinds, *rules, self._n_held_out, rng, guarding
        )
        with table as material:
            self._learn_from(material, keeper, entropy, noise, began, team, report)

    def _learn_from(
        self,
        material: Material,
        keeper: Keeper,
        entropy: int,
        noise: torch.Generator,
        began: float,
        team: Team,
        report: Listener | None,
    ) -> None:
        """:meth:`_learn`, of rows that are encoded.

        Parameters
        ----------
        material : Material
        keeper : Keeper
        entropy : int
        noise : torch.Generator
            Of the training, on its device.
        began : float
            When the fit did.
        team : Team
        report : callable or None
            As in :meth:`fit`.
        """
        encoder, device, n_rows = material.encoder, noise.device, material.n_rows
        recipe, size = self._recipe(n_rows), self._size(n_rows)
        denoiser = make_denoiser(encoder, size, entropy, TABLES)
        denoiser.set_proportions(encoder.proportions)
        joint = make_joint(encoder.layout, self.prior, TABLES)
        with ProgressBar(recipe, self.verbose, report) as bar:
            trained = train(
                denoiser.to(device),
                joint,
                material.kept.to(device),
                material.held_out.to(device),
                recipe,
                noise,
                report=bar,
                autocast=autocast_for(device),
                keeper=keeper,
                team=team,
            )
        critic = self._critic_of(trained, joint, material, entropy)
        seconds = time.monotonic() - began + keeper.seconds
        learned = Learned.of(trained, joint, TABLES, size, device, entropy, n_rows, seconds)
        rewriting, originals = material.rewriting, material.originals
        fitted = Fitted(rewriting=rewriting, encoder=encoder, critic=critic, **vars(learned))
        self._adopt(fitted, originals)
        if trained.stopped == "interrupted":
            raise KeyboardInterrupt

    def _learn_privately(self, X: Any, privacy: Privacy, report: Listener | None) -> None:
        """:meth:`fit` under differential privacy."""
        entropy, device = entropy_of(self.random_state), resolve_device(self.device)
        with ProgressBar(self._recipe(privacy.n_rows or 0), self.verbose, report) as bar:
            fitted = fit_privately(
                X,
                privacy,
                recipe=self._recipe,
                size=self._size,
                prior=self.prior,
                entropy=entropy,
                device=device,
                report=bar,
            )
        self._adopt(fitted)
        if fitted.stopped == "interrupted":
            raise KeyboardInterrupt

    def _recipe(self, n_rows: int) -> Recipe:
        return make_recipe(
            n_rows,
            max_steps=self.max_steps,
            max_time=self.max_time,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            preset=PRESETS[self.preset],
        )

    def _size(self, n_rows: int) -> Size:
        default = default_size(n_rows, PRESETS[self.preset])
        return Size(self.width or default.width, self.depth or default.depth)

    @unswayed()
    def sample(
        self,
        n_samples: int | None = None,
        *,
        conditions: Any = None,
        random_state: Seed = None,
    ) -> Any:
        """New rows, in the container, column order and dtypes of the fitted table.

        Parameters
        ----------
        n_samples : int, optional
            1 when None, or as many as ``conditions`` has rows.
        conditions : mapping or DataFrame, optional
            What the rows must be, on any columns. In a mapping, for all rows: a value (None or NaN
            for a missing one), a range ``(low, high)`` with both ends included and None for an open
            end, or a list or set of values. In a frame: one row of values per row wanted, order and
            index kept. Values hold exactly and nothing is rejected, so rare conditions take no
            longer; ranges and sets are drawn from the model's own conditional within them. Of
            columns that constraints rewrite, a value wants those that the column is derived from,
            while ranges and sets are drawn for until they hold, some 20,000 rows long.
        random_state : int, numpy Generator, RandomState or None
            Given, the same rows come again, and fewer rows are the head of more; None goes on
            with the stream that the estimator's own ``random_state`` began.

        Returns
        -------
        DataFrame or ndarray, (n_samples, n_columns)

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        ValueError, TypeError
            If ``n_samples`` is negative, no whole number, or not the number of rows of conditions.
        ConditionError
            If a condition names what the table does not have (an UnknownColumnError, which is a
            KeyError too, for a column), or nothing can meet it, as it breaks a constraint.
        ConstraintError
            If too few different rows are found where they must be unique; they are so within one
            call.
        CopyError
            With ``exclude_copies``, if rows still equal training rows after 20 attempts, or the
            model does not know these, as it came from a file.
        MemoryError
            If the rows would not fit into memory; :meth:`sample_iter` makes them piece by piece.

        Warns
        -----
        ConditionWarning
            If a given number lies outside the bounds of the training rows.

        Examples
        --------
        ``synth.sample(100, conditions={"country": "NL", "age": (18, 30), "plan": ["A", "B"]})``
        """
        check_is_fitted(self)
        question = self._fitted.rewriting.ask(self.encoder_, conditions)
        n = _count(n_samples, conditions, question)
        self._require_memory(f"n_samples={n:,}", n, _PIECEWISE)
        question = self._unlike_training(question, n)
        path = self._next_path(random_state)
        frame = next(self._sampler().frames(question, n, max(n, 1), path))
        if isinstance(conditions, pd.DataFrame) and isinstance(frame, pd.DataFrame):
            frame.index = conditions.index
        return frame

    def sample_iter(
        self,
        n_samples: int,
        chunk: int = 100_000,
        *,
        conditions: Any = None,
        random_state: Seed = None,
    ) -> Iterator[Any]:
        """:meth:`sample` in frames of at most ``chunk`` rows, at constant memory.

        The frames laid end to end are ``sample(n_samples, …)``, whatever the ``chunk``; their index
        counts from 0. At least one frame is made, so that an empty sample has columns as well.

        Raises
        ------
        NotFittedError, ValueError, TypeError, ConditionError, CopyError
            As :meth:`sample` does; ``chunk`` must be at least 1.
        """
        check_is_fitted(self)
        question = self._fitted.rewriting.ask(self.encoder_, conditions)
        n = _count(n_samples, conditions, question)
        size = require_whole("chunk", chunk, least=1)
        question = self._unlike_training(question, n)
        return self._sampler().frames(question, n, size, self._next_path(random_state))

    def sample_part(
        self,
        first: int,
        last: int,
        n_samples: int,
        *,
        conditions: Any = None,
        random_state: int,
    ) -> Any:
        """Rows ``first`` to ``last``, without the latter, of :meth:`sample` with this seed.

        The same whoever makes them, in any order and any number of times, so a sample can be made
        in parts by many machines. Parts that begin at a multiple of 1,024 draw no row in vain.

        Parameters
        ----------
        first, last : int
            ``0 <= first < last <= n_samples``.
        n_samples, conditions, random_state
            Of the whole sample, as in :meth:`sample`; one seed for all parts.

        Returns
        -------
        DataFrame or ndarray, (last - first, n_columns)
            The index counts from 0.

        Raises
        ------
        NotFittedError, ValueError, TypeError, ConditionError, CopyError
            As :meth:`sample` does.
        ConstraintError
            If rows must be unique: no part knows those of the others.
        """
        check_is_fitted(self)
        question = self._fitted.rewriting.ask(self.encoder_, conditions)
        n = _count(n_samples, conditions, question)
        last = require_whole("last", last, least=1, most=n)
        first = require_whole("first", first, least=0, most=last - 1)
        require_whole("random_state", random_state, least=0)
        _require_rows_by_themselves(self.constraint_set_)
        question = self._unlike_training(question, n)
        return self._sampler().part(question, n, first, last, self._next_path(random_state))

    @unswayed()
    def impute(self, df: Any, n_draws: int | None = None, *, random_state: Seed = None) -> Any:
        """``df`` with its missing cells drawn from the model, given the row's other cells.

        A draw, not a mean: the spread of several draws is what the row leaves open, as multiple
        imputation wants it. Observed cells come back as they were, whatever they hold: one with a
        value that the training rows did not have tells its row nothing, and a number outside their
        bounds tells what the nearest bound would. Identifiers and columns without values stay as
        they are. Constraints hold in every completed row: what an equation tells is computed, and
        what an observed column is derived from follows it, at the difference drawn.

        Parameters
        ----------
        df : DataFrame or array, with the fitted columns in any order
        n_draws : int, optional
            One completed table when None, else a list of so many.
        random_state : int, numpy Generator, RandomState or None
            As in :meth:`sample`.

        Returns
        -------
        DataFrame or ndarray, or a list of them
            In the container, column order, dtypes and index of ``df``; a categorical dtype gains
            the categories that were drawn, and a column takes the fitted dtype where its own can
            hold no draw: integers none with a fraction, and a column without any value nothing.

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        SchemaError, ConditionError
            If columns are absent, unknown or of other dtypes.
        ConstraintError
            If observed cells break a constraint, in rows without gaps as well: how many rows, and
            the first of them.
        ValueError, TypeError
            If ``n_draws`` is below 1 or no whole number.
        MemoryError
            If so many tables would not fit into memory.

        Warns
        -----
        SchemaWarning
            Once, if rows with gaps hold values that were not there at fit, such as a new category;
            the columns and values are named.
        """
        check_is_fitted(self)
        n = 1 if n_draws is None else require_whole("n_draws", n_draws, least=1)
        gaps = Gaps(self._fitted.rewriting, self.encoder_, df)
        self._require_memory(f"n_draws={n:,}", n * len(df), FEWER_DRAWS)
        path, sampler = self._next_path(random_state), self._sampler().without_missing()
        tables = []
        for draw in range(n):
            found = sampler.frames(gaps.question, gaps.n, max(gaps.n, 1), (*path, draw))
            tables.append(gaps.fill(next(found)))
        return tables[0] if n_draws is None else tables

    @unswayed()
    def augment(
        self,
        df: Any,
        *,
        factor: float | None = None,
        target: Hashable | None = None,
        counts: Mapping[Any, int] | None = None,
        random_state: Seed = None,
    ) -> Any:
        """``df`` with synthetic rows below it.

        Parameters
        ----------
        df : DataFrame or array
            The rows to keep, with the fitted columns; see :meth:`guarded`.
        factor : float, at least 1, optional
            How many rows the result has, as a multiple of ``df``'s.
        target : column label, optional
            A column whose values ``counts`` speaks of.
        counts : mapping, optional
            How many rows the result shall have of each value of ``target`` (under None: of rows
            that miss it); of values that it does not name, as many as ``df``. Without ``counts``,
            every value of ``target`` gets as many rows as the most frequent one.
        random_state : int, numpy Generator, RandomState or None

        Returns
        -------
        DataFrame or ndarray
            In the container, column order and dtypes of the fitted table, the index counting from
            0. New identifiers are unique among each other and unlike those of the training rows.

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        SchemaError
            If ``df`` does not follow the schema, or holds a category or a missing cell where the
            training rows had none, or a number beyond the fitted dtype.
        ConditionError
            If there is no column ``target``, or it cannot hold a value of ``counts``, or
            constraints derive it from others.
        ConstraintError
            If rows of ``df`` break a constraint.
        ValueError
            If neither or both of ``factor`` and ``target`` are given, ``factor`` is below 1, or
            ``counts`` are no whole numbers or ask for fewer rows of a value than there are.
        CopyError
            As in :meth:`sample`.
        MemoryError
            If the rows would not fit into memory.
        """
        check_is_fitted(self)
        rewriting = self._fitted.rewriting
        kept = as_fitted(rewriting, self.encoder_, df)
        wanted = rows_to_add(self.schema_, kept, factor, target, counts)
        n = sum(n for _, n in wanted)
        self._require_memory(f"{n:,} rows to add", n, _PIECEWISE)
        by_value = [] if target is None else wanted
        question = rewriting.ask_more(self.encoder_, kept, target, by_value)
        question = self._unlike_training(question, n)
        frames = self._sampler().frames(question, n, max(n, 1), self._next_path(random_state))
        return concat([kept, next(frames)])

    @unswayed()
    def counterfactual(
        self,
        df: Any,
        change: Mapping[Any, Any],
        *,
        strength: float = 0.5,
        random_state: Seed = None,
    ) -> Any:
        """What the rows of ``df`` might have been, had some of their columns been otherwise.

        The changed columns hold exactly; the others are noised up to time ``strength`` and drawn
        back given the change, so they stay near to what they were as far as the model allows. It is
        a statement about the joint distribution, not about causes.

        Parameters
        ----------
        df : DataFrame or array, with the fitted columns
        change : mapping
            Column to its new value.
        strength : float, in (0, 1]
            At 1 the rows keep nothing but the change.

        Returns
        -------
        DataFrame or ndarray
            A row per row of ``df``, in the fitted table's columns and dtypes, with ``df``'s index.
            Identifiers are made anew, unless ``change`` gives one.

        Raises
        ------
        NotFittedError, SchemaError, ConditionError
        ConstraintError
            If rows of ``df`` break a constraint; a changed column moves what it is derived from.
        ValueError
            If ``strength`` is out of range, or ``change`` holds a range or a set.

        Source: noising and restoring after Meng et al. 2022 (arXiv:2108.01073).
        """
        check_is_fitted(self)
        require_real("strength", strength, 0.0, 1.0, "(]")
        rows = self._fitted.rewriting.ask_rows(self.encoder_, df)
        changed = self._fitted.rewriting.ask_change(self.encoder_, change)
        if changed.is_loose:
            raise ValueError("change must give one value per column, no ranges and no sets.")
        path = self._next_path(random_state)
        frame = self._sampler().reconsider(rows, changed, strength, path)
        if isinstance(df, pd.DataFrame) and isinstance(frame, pd.DataFrame):
            frame.index = df.index
        return frame

    @unswayed()
    def score(self, X: Any, y: object = None) -> float:
        """Negative mean denoising loss of the rows of ``X``; higher is better.

        The training loss, at stratified times and with fixed noise, so that models of the same
        table can be compared, for instance by ``GridSearchCV``. It is no likelihood.

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        SchemaError
            If ``X`` does not have the fitted columns.
        ConstraintError
            If rows break a constraint.
        """
        check_is_fitted(self)
        learned = self._fitted.rewriting.transform(X)
        rows = self.encoder_.encode(learned, np.random.default_rng(0))
        rows = Mixed(rows.num.float(), rows.cat).to(self._fitted.device)
        device = self._fitted.device
        autocast = autocast_for(device)
        loss = partial(evaluate_loss, self.denoiser_, self._fitted.joint, rows, autocast)
        return -by_itself(loss, device)

    def guarded(self, df: Any) -> Any:
        """``df`` as the model knows it, which is how it should be judged beside its rows.

        Categories that the model does not tell apart are the stand-in, and numbers beyond what it
        learned the nearest bound; ``df`` itself where ``min_category_count`` and
        ``clip_percentiles`` took nothing out. :meth:`augment`, :meth:`score` and whatever else
        takes rows does this by itself; conditions are not touched.

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        SchemaError
            If ``df`` does not have the fitted columns.
        """
        check_is_fitted(self)
        return self._fitted.rewriting.guarded(df)

    def exclude_copies_of(self, df: Any) -> Self:
        """Set ``exclude_copies`` and tell a model, in memory, whose copies: the rows of ``df``.

        For a model that came from a file, or to exclude rows of other tables.

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        SchemaError
            If ``df`` does not have the fitted columns.
        ValueError
            Of a private model: the rows that are left out would tell who was in the table.
        """
        check_is_fitted(self)
        if self.privacy_spent_ is not None:
            raise ValueError(
                "a private model cannot exclude copies: the rows that are left out would tell who "
                "was in the table."
            )
        self._originals = Originals(self.guarded(df), self._fitted.schema)
        self.exclude_copies = True
        return self

    @property
    def copies_redrawn_(self) -> int:
        """Rows that were drawn anew since they equalled a training row."""
        check_is_fitted(self)
        return 0 if self._originals is None else self._originals.redrawn

    def __getstate__(self) -> dict[str, Any]:
        # What is pickled travels like a file, and must not know the training rows either.
        state: dict[str, Any] = super().__getstate__()
        return {name: own for name, own in state.items() if name != "_originals"}

    def _unlike_training(self, question: Inquiry, n: int) -> Inquiry:
        """The question of n rows, none of which may equal a training row where that is wanted."""
        if not self.exclude_copies or n == 0:
            return question
        if self._originals is None:
            raise CopyError(
                "exclude_copies=True, but this model does not know its training rows: no file or "
                "pickle keeps them, nor does a fit without it. Give them with "
                "exclude_copies_of(df) or, on the command line, --exclude-copies-of DATA; or set "
                "exclude_copies=False."
            )
        return question.unlike(self._originals)

    @property
    def n_parameters_(self) -> int:
        """Weights of the network."""
        check_is_fitted(self)
        return sum(p.numel() for p in self.denoiser_.parameters())

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    def _check_parameters(self) -> None:
        distinct_constraints(() if self.constraints is None else self.constraints)
        check_choice(self.on_violation)
        self._check_training()
        if self.preset not in tuple(PRESETS):
            raise ValueError(f"preset must be 'fast', 'default' or 'best'. Got {self.preset!r}.")
        if self.candidates is not None:
            require_whole("candidates", self.candidates, least=1, most=MOST_CANDIDATES)
        if not isinstance(self.exclude_copies, bool):
            raise TypeError(f"exclude_copies must be True or False. Got {self.exclude_copies!r}.")
        if self.min_category_count is not None:
            require_whole("min_category_count", self.min_category_count, least=1)
        if self.clip_percentiles is not None:
            check_percentiles(self.clip_percentiles)
        self._check_privacy()

    def _check_privacy(self) -> None:
        """Refuse what would look at rows beside a private fit."""
        looks = {
            "schema": "the schema is made of what Privacy declares",
            "column_kinds": "kinds follow from Privacy's bounds and categories",
            "constraints": "constraints learn from rows",
            "validation_fraction": "held-out rows would decide when to stop",
            "min_category_count": "categories are declared, or counted with noise",
            "clip_percentiles": "bounds are declared, or measured with noise",
            "checkpoint_dir": "a checkpoint would keep the noise",
        }
        privacy = self._privacy_beside(looks)
        if privacy is None:
            return
        if (privacy.longest, privacy.step) != (None, None):
            raise ValueError(
                "privacy.longest and privacy.step are of sequences. Leave them out, or use "
                "TimeSeriesDiffusionSynthesizer."
            )
        if self.exclude_copies:
            raise ValueError(
                "exclude_copies cannot be set in private mode: the rows that are left out would "
                "tell who was in the table. Leave it out."
            )
        if self.candidates not in (None, 1):
            raise ValueError(
                f"candidates={self.candidates} cannot be set in private mode: what chooses among "
                "them learns from rows. Leave it out."
            )

    def _adopt(self, fitted: Fitted, originals: Originals | None = None) -> None:
        """Take over what a fit or a file gave, all of it at once."""
        self._fitted, self._originals = fitted, originals
        self.schema_, self.encoder_ = fitted.schema, fitted.encoder
        self.constraint_set_ = fitted.rewriting.constraint_set
        self.guards_ = fitted.rewriting.guards
        self.denoiser_, self.history_ = fitted.denoiser, fitted.history
        self.privacy_spent_ = fitted.privacy
        self.candidates_ = fitted.critic.candidates if fitted.critic else 1
        self.best_step_, self.stopped_ = fitted.best_step, fitted.stopped
        self.n_rows_seen_, self.fit_seconds_ = fitted.n_rows_seen, fitted.seconds
        self.n_features_in_ = len(fitted.schema.columns)
        self._name_features()
        self._turns = iter(range(1, 2**63))

    def _n_held_out(self, n_rows: int) -> int:
        """How many of the rows judge."""
        if self.validation_fraction is None:
            return default_held_out(n_rows)
        return round(self.validation_fraction * n_rows)

    def _sampler(self) -> Sampler:
        fitted = self._fitted
        return Sampler(
            fitted.encoder,
            fitted.denoiser,
            fitted.joint,
            self._calls(fitted.encoder.layout),
            fitted.device,
            fitted.critic if self.candidates != 1 else None,
        )

    def _calls(self, layout: Layout) -> int:
        return self.sampling_steps or default_sampling_steps(layout)

    def _critic_of(
        self,
        trained: Trained,
        joint: JointDiffusion,
        material: Material,
        entropy: int,
    ) -> Critic | None:
        """What chooses among candidates, where they are wanted and help; Ctrl-C goes without."""
        by_default = self.max_steps is None and self.max_time is None
        times = PRESETS[self.preset].candidates if by_default else 0
        wanted = times > 0 if self.candidates is None else self.candidates > 1
        if not wanted or trained.stopped in ("interrupted", "nothing to learn"):
            return None
        encoder = material.encoder
        steps, shares = self._calls(encoder.layout), encoder.proportions
        beside = material.rewriting.consequences(encoder)
        kept, held_out = material.at_hand(MOST_ROWS, generators(entropy, 4)[1])
        try:
            critic = learn_critic(
                trained.denoiser, joint, steps, kept, held_out, shares, entropy, beside
            )
        except KeyboardInterrupt:
            trained.stopped = "interrupted"
            return None
        if critic:
            critic.candidates = self.candidates or critic.candidates * times
        return critic

    def _name_features(self) -> None:
        labels = [column.name for column in self.schema_.columns]
        if all(isinstance(label, str) for label in labels):
            self.feature_names_in_ = np.array(labels, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _portable_parameters(self) -> dict[str, Any]:
        """The constructor's arguments that a file keeps: plain numbers and names."""
        kept = self.get_params(deep=False)
        of_the_table = ("schema", "column_kinds", "constraints", "privacy")
        for name in (*of_the_table, "device", "verbose", "checkpoint_dir", "resume"):
            del kept[name]
        if not isinstance(self.random_state, int):
            del kept["random_state"]
        return kept

    def _restore(
        self, content: dict[str, Any], arrays: dict[str, np.ndarray], device: torch.device
    ) -> None:
        fitted = Fitted.from_state(content, arrays, self.prior, device)
        if self.clip_percentiles is not None:
            self.clip_percentiles = (self.clip_percentiles[0], self.clip_percentiles[1])
        if fitted.rewriting.constraint_set is not None:
            self.constraints = list(fitted.rewriting.constraint_set.constraints)
        self._adopt(fitted)


def _count(n_samples: int | None, conditions: Any, question: Inquiry) -> int:
    """How many rows are wanted."""
    by_row = conditions is not None and not isinstance(conditions, Mapping)
    if n_samples is None:
        return question.given.n if by_row else 1
    n = require_whole("n_samples", n_samples, least=0)
    if by_row and n != question.given.n:
        raise ValueError(
            f"n_samples={n}, but the conditions have {question.given.n} rows: one row is drawn for "
            "each of them. Leave n_samples out."
        )
    return n


def _require_rows_by_themselves(constraints: ConstraintSet | None) -> None:
    """Refuse constraints between rows that are made apart from each other.

    Raises
    ------
    ConstraintError
    """
    among = [str(c) for c in getattr(constraints, "constraints", ()) if isinstance(c, Unique)]
    if among:
        raise ConstraintError(
            f"{', '.join(among)}: rows that are made in parts do not know each other. Use "
            "sample_iter, or leave the constraint out."
        )
