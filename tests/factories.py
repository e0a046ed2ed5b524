"""Interactions for tests: a like of a known post by default, so that a test shows only what matters to it."""

from __future__ import annotations

from typing import Any

from schemas.interaction import Interaction

#: 2026-11-23T09:24:00Z, the start of a minute.
NOON_MS = 1_795_425_840_000


def make_interaction(**changes: Any) -> Interaction:
    """An interaction with the given fields; the rest is a like of post `p1` of account `a1` on facebook.

    `id` follows from kind and actor where it is not given: the same actor's like is the same object.
    """
    fields: dict[str, Any] = {
        "platform": "facebook",
        "account": "a1",
        "kind": "like",
        "action": "add",
        "post": "p1",
        "actor": "u1",
        "time_ms": NOON_MS,
    }
    fields |= changes
    if "id" not in fields:
        fields["id"] = _default_id(fields)
    return Interaction(**fields)


def _default_id(fields: dict[str, Any]) -> str:
    if fields["kind"] in {"post", "totals"}:
        return str(fields["post"] or fields["account"])
    if fields["kind"] == "like":
        return f"{fields['post']}/{fields['actor']}"
    return f"{fields['post']}/{fields['kind']}/{fields['actor']}"
