"""What an installed package needs besides Python: a wheel, or the image, holds it."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_script_of_redis_is_part_of_the_package() -> None:
    """A checkout runs without this; an image would not."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["pipeline"]
    packed = {path for pattern in patterns for path in (ROOT / "pipeline").glob(pattern)}
    scripts = set((ROOT / "pipeline").rglob("*.lua"))
    assert scripts
    assert scripts <= packed
