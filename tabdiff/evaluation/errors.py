"""What can be wrong with the frames that are compared."""


class EvaluationError(ValueError):
    """The frames cannot be compared as they are."""


class EvaluationWarning(UserWarning):
    """The frames can be compared, but a figure will not mean what it seems to."""
