"""Happenings as Meta writes them: several Pages' changes in one envelope, non-ASCII escaped, signed by the app."""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from typing import Any

from pipeline.local.simulator.world import Happening

#: "Aggregated and sent in a batch with a maximum of 1000 updates."
BATCH_MAX = 1000


def body(happenings: Sequence[Happening], sent_ms: int) -> bytes:
    """One delivery. A Page has one entry, its `time` is the time of sending."""
    entries: dict[str, dict[str, Any]] = {}
    for happening in happenings:
        account = happening.brand.account
        entry = entries.setdefault(account, {"id": account, "time": sent_ms // 1000, "changes": []})
        entry["changes"].append({"field": "feed", "value": _value(happening)})
    return json.dumps({"object": "page", "entry": [*entries.values()]}, separators=(",", ":")).encode()


def headers(content: bytes, secret: str) -> dict[str, str]:
    """What Meta sends along."""
    return {
        "content-type": "application/json",
        "user-agent": "Webhooks/1.0",
        "x-hub-signature-256": f"sha256={hmac.new(secret.encode(), content, 'sha256').hexdigest()}",
    }


def _value(happening: Happening) -> dict[str, Any]:
    value: dict[str, Any] = {
        "from": {"id": happening.actor, "name": happening.brand.name if happening.own else "Somebody"},
        "post_id": happening.post,
        "created_time": happening.time_ms // 1000,
    }
    if happening.kind == "like":
        return value | {
            "item": "reaction",
            "parent_id": happening.post,
            "reaction_type": happening.reaction or "like",
            "verb": happening.action,
        }
    if happening.text is not None:
        value["message"] = happening.text
    if happening.kind == "post":
        return value | {"item": "status", "verb": happening.action, "published": 1}
    # A comment that answers another one names it; a change of it, which needs it too, names its own place again.
    answers = happening.needs if happening.action == "add" and happening.needs else happening.post
    verb = "edited" if happening.action == "edit" else happening.action
    return value | {"item": "comment", "comment_id": happening.id, "parent_id": answers, "verb": verb}
