"""Records for tests: an interaction is a like of a known post by default, so a test shows only what matters to it."""

from __future__ import annotations

from typing import Any

from schemas.alert import Alert, alert_id, cause_of
from schemas.engagement import Engagement
from schemas.interaction import Interaction
from schemas.unanswered import Unanswered

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


def make_update(**changes: Any) -> Engagement:
    """An update of an aggregate topic: by default the open minute of post `p1` of account `a1`, 2 comments, 4 likes."""
    fields: dict[str, Any] = {
        "entity": "post",
        "platform": "facebook",
        "account": "a1",
        "id": "p1",
        "window": "1m",
        "start_ms": NOON_MS,
        "end_ms": NOON_MS + 60_000,
        "likes": 4,
        "comments": 2,
        "shares": 0,
        "replies": 0,
        "posts": 0,
        "comment_to_like": 0.5,
        "conversation_share": 1 / 3,
        "revision": 2,
        "final": False,
        "as_of_ms": NOON_MS,
        "source": "events",
    }
    return Engagement(**(fields | changes))


def make_unanswered(**changes: Any) -> Unanswered:
    """A comment of post `p1` of account `a1` that waits for a reply since noon."""
    fields: dict[str, Any] = {
        "platform": "facebook",
        "account": "a1",
        "post": "p1",
        "id": "c1",
        "actor": "u1",
        "parent": None,
        "time_ms": NOON_MS,
        "text": "Where can I buy it?",
    }
    return Unanswered(**(fields | changes))


def make_alert(**changes: Any) -> Alert:
    """An alert that fired at noon: a comment waits at account `a1` on facebook. With `post` it is the post's.

    `cause` and `id` follow from rule, whose it is, `since_ms` and state.
    """
    fields: dict[str, Any] = {
        "rule": "queue_age",
        "state": "fired",
        "platform": "facebook",
        "account": "a1",
        "entity": "post" if changes.get("post") else "account",
        "post": None,
        "window": "all",
        "start_ms": NOON_MS,
        "end_ms": NOON_MS,
        "since_ms": NOON_MS,
        "value": 1440.0,
        "baseline": None,
        "threshold": 1440.0,
        "sample": 3,
        "explanation": "A comment has waited.",
        "time_ms": NOON_MS,
    }
    fields |= changes
    of = fields["post"] or fields["account"]
    cause = cause_of(fields["rule"], fields["entity"], fields["platform"], of, fields["since_ms"])
    return Alert(id=alert_id(cause, fields["state"]), cause=cause, **fields)


def _default_id(fields: dict[str, Any]) -> str:
    if fields["kind"] in {"post", "totals"}:
        return str(fields["post"] or fields["account"])
    if fields["kind"] == "like":
        return f"{fields['post']}/{fields['actor']}"
    return f"{fields['post']}/{fields['kind']}/{fields['actor']}"
