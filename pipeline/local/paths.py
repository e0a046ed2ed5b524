"""Paths as one types them in the current directory."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def redis_cli() -> str:
    """How redis-cli is called here: by its name where the shell finds it, else the one beside our own script."""
    beside = Path(sys.executable).with_name("redis-cli")
    return shown_path(beside) if beside.exists() and shutil.which("redis-cli") is None else "redis-cli"


def shown_path(path: Path) -> str:
    """Relative to the current directory where it lies below it."""
    path, here = path.absolute(), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
