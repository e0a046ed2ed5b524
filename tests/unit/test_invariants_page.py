"""Every invariant names tests, and they exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "invariants.md").read_text(encoding="utf-8")
REFERENCE = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_named_tests_exist() -> None:
    missing = [
        f"{path}::{name}"
        for path, name in REFERENCE.findall(PAGE)
        if not re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert missing == []


def test_every_invariant_names_a_test() -> None:
    """Items are numbered from 1 without a gap; each is shown by something."""
    promises = PAGE.split("## What does not hold")[0]
    items = re.split(r"^(\d+)\. ", promises, flags=re.MULTILINE)[1:]
    assert [int(number) for number in items[::2]] == list(range(1, len(items) // 2 + 1))
    assert [number for number, text in zip(items[::2], items[1::2], strict=True) if not REFERENCE.search(text)] == []
