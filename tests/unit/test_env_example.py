"""`.env.example` and the class Settings say the same."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from pathlib import Path

from pipeline.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def described() -> dict[str, str]:
    """Variable -> the comment above it."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    pairs = pairwise(lines)
    return {line.partition("=")[0]: above.removeprefix("# ") for above, line in pairs if line.startswith("TWOWAY_")}


def test_every_setting_stands_in_the_example_with_its_meaning() -> None:
    """Neither a setting nor its meaning exists in one of the two alone."""
    assert described() == {f"TWOWAY_{field.name.upper()}": field.metadata["meaning"] for field in fields(Settings)}


def test_the_values_of_the_example_are_the_defaults() -> None:
    """Who copies the file and changes nothing runs with the defaults."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    environ = dict(line.split("=", 1) for line in lines if line.startswith("TWOWAY_"))
    given, default = Settings.from_env(environ), Settings()
    windows = {"windows", "engaged_windows"}
    shown = {field.name: getattr(given, field.name) for field in fields(Settings) if field.name not in windows}
    assert {name: str(value) for name, value in shown.items()} == {name: str(getattr(default, name)) for name in shown}
    assert {getattr(given, name).sizes for name in windows} == {getattr(default, name).sizes for name in windows}
    assert given.windows.sizes == default.windows.sizes
