"""The payload corpus as test cases, and how a record is compared with what it must be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

PAYLOADS = Path(__file__).parent / "payloads"


class Case(NamedTuple):
    """A delivery in its circumstances, and what it must yield."""

    name: str
    file: Path
    expected: dict[str, Any]


def cases() -> list[Case]:
    """Every file of the corpus, and every variant of it."""
    found = []
    for name, expected in json.loads((PAYLOADS / "expected.json").read_text()).items():
        found.append(Case(name, PAYLOADS / name, expected))
        found += [
            Case(f"{name}, {variant['circumstance']}", PAYLOADS / name, {**expected, **variant})
            for variant in expected.get("variants", ())
        ]
    return found


def vectors() -> list[dict[str, Any]]:
    """Every signature and handshake vector."""
    found: list[dict[str, Any]] = json.loads((PAYLOADS / "signatures.json").read_text())
    return found


def mismatch(record: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """The names of the fields in which a record is not what it must be."""
    free = {"text", "url"}
    if expected["action"] == "remove":
        free |= {"actor", "parent", "reaction"}
    if expected["kind"] == "post" and record.get("actor") in (None, expected["account"]):
        free |= {"actor"}
    wanted = {key: value for key, value in expected.items() if key != "text_present"}
    if wanted["time_ms"] is None:
        free |= {"time_ms"}
    wrong = [key for key in wanted.keys() | record.keys() if key not in free and wanted.get(key) != record.get(key)]
    return [*wrong, *(["text"] if expected.get("text_present") and not record.get("text") else [])]
