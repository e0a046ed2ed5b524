"""Which programs a comparison runs: those of the JVM only where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from bench.engines import wanted
from bench.peers import java
from bench.roster import ENGINES, OURS

JVM = [name for name, engine in ENGINES.items() if engine.is_java]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of every other on PATH."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def told(only: str | None) -> tuple[list[str], str]:
    """The names that are left, and what was said."""
    console = Console(width=500)
    with console.capture() as capture:
        found = list(wanted(only, console))
    return found, capture.get()


def program(folder: Path, name: str) -> None:
    (folder / name).write_text("#!/bin/sh\nexit 1\n")
    (folder / name).chmod(0o755)


@pytest.mark.usefixtures("path")
def test_without_java_the_others_run_and_the_word_says_what_is_missing() -> None:
    """Our own among them; each that is skipped is named."""
    found, said = told(None)
    assert found == [name for name in ENGINES if name not in JVM]
    assert any(ENGINES[name].label == OURS for name in found)
    assert said.startswith(f"skipped: {', '.join(JVM)}: ")
    assert "is not on PATH; expected" in said


def test_a_jdk_without_maven_and_maven_without_a_jdk_are_told_apart(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is built yet."""
    monkeypatch.setattr(java, "MODULES", ("not built",))
    program(path, "javac")
    assert "mvn is not on PATH; expected Maven 3.8 or newer" in told(JVM[0])[1]
    (path / "javac").rename(path / "mvn")
    assert "javac is not on PATH; expected a JDK of version 17 or newer" in told(JVM[0])[1]


def test_a_build_that_fails_is_told_and_ends_nobody_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "MODULES", ("not built",))
    program(path, "mvn")
    program(path, "javac")
    assert "Maven could not build the JVM peers" in told(None)[1]


@pytest.mark.usefixtures("path")
def test_what_needs_no_java_says_nothing_of_it() -> None:
    others = [name for name in ENGINES if name not in JVM]
    assert told(",".join(others)) == (others, "")
