"""Synthetic tables by diffusion.

A frame in, a synthetic frame out, and an honest report of how good and how private it is:

>>> from tabdiff import DiffusionSynthesizer, evaluate
>>> synth = DiffusionSynthesizer(random_state=0).fit(df)  # doctest: +SKIP
>>> fake = synth.sample(len(df))  # doctest: +SKIP
>>> evaluate(df, fake, holdout=test).to_html("report.html")  # doctest: +SKIP

Names are imported when first used, so that ``import tabdiff`` costs milliseconds and loads
neither torch nor SDMetrics.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabdiff.analytics.membership import ModelMembership, membership_attack
    from tabdiff.data.constraints import ConstraintError
    from tabdiff.data.errors import ConditionError, ConditionWarning, UnknownColumnError
    from tabdiff.data.privacy import Privacy, PrivacySpent
    from tabdiff.data.schema import Schema, SchemaError, SchemaWarning
    from tabdiff.evaluation.compare import compare
    from tabdiff.evaluation.report import Report, evaluate
    from tabdiff.integrations.imblearn import DiffusionOverSampler as DiffusionOverSampler
    from tabdiff.integrations.imputer import DiffusionImputer
    from tabdiff.persistence import (
        CorruptFileError,
        DigestMismatchError,
        NewerFormatError,
        NotATabdiffFileError,
        PersistenceError,
        UnknownKindError,
    )
    from tabdiff.synthesizer import DiffusionSynthesizer
    from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer
    from tabdiff.training.checkpoint import CheckpointMismatchError

__version__ = "0.1.0"

# Without DiffusionOverSampler: ``from tabdiff import *`` must not need imbalanced-learn.
__all__ = [
    "CheckpointMismatchError",
    "ConditionError",
    "ConditionWarning",
    "ConstraintError",
    "CorruptFileError",
    "DiffusionImputer",
    "DiffusionSynthesizer",
    "DigestMismatchError",
    "ModelMembership",
    "NewerFormatError",
    "NotATabdiffFileError",
    "PersistenceError",
    "Privacy",
    "PrivacySpent",
    "Report",
    "Schema",
    "SchemaError",
    "SchemaWarning",
    "TimeSeriesDiffusionSynthesizer",
    "UnknownColumnError",
    "UnknownKindError",
    "__version__",
    "compare",
    "evaluate",
    "membership_attack",
]

_HOME = {
    "CheckpointMismatchError": "tabdiff.training.checkpoint",
    "ModelMembership": "tabdiff.analytics.membership",
    "membership_attack": "tabdiff.analytics.membership",
    "ConditionError": "tabdiff.data.errors",
    "ConditionWarning": "tabdiff.data.errors",
    "ConstraintError": "tabdiff.data.constraints",
    "CorruptFileError": "tabdiff.persistence",
    "DiffusionImputer": "tabdiff.integrations.imputer",
    "DiffusionOverSampler": "tabdiff.integrations.imblearn",
    "DiffusionSynthesizer": "tabdiff.synthesizer",
    "DigestMismatchError": "tabdiff.persistence",
    "NewerFormatError": "tabdiff.persistence",
    "NotATabdiffFileError": "tabdiff.persistence",
    "PersistenceError": "tabdiff.persistence",
    "Privacy": "tabdiff.data.privacy",
    "PrivacySpent": "tabdiff.data.privacy",
    "Report": "tabdiff.evaluation.report",
    "Schema": "tabdiff.data.schema",
    "SchemaError": "tabdiff.data.schema",
    "SchemaWarning": "tabdiff.data.schema",
    "TimeSeriesDiffusionSynthesizer": "tabdiff.timeseries",
    "UnknownColumnError": "tabdiff.data.errors",
    "UnknownKindError": "tabdiff.persistence",
    "compare": "tabdiff.evaluation.compare",
    "evaluate": "tabdiff.evaluation.report",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'tabdiff' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_HOME})
