"""The versions that move figures."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("tabdiff", "sdmetrics", "scikit-learn", "xgboost", "pandas", "numpy", "scipy")


def versions() -> dict[str, str]:
    """Python's version and those of the packages, "not installed" where absent."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
