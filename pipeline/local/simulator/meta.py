"""Happenings as Meta writes them: several accounts' changes in one envelope, non-ASCII escaped, signed by the app."""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from typing import Any

from pipeline.local.simulator.happenings import Happening
from schemas.interaction import Media

#: "Aggregated and sent in a batch with a maximum of 1000 updates."
BATCH_MAX = 1000
#: The `item` of a post by what it shows; an album is a status with photos.
_ITEMS: dict[Media | None, str] = {"image": "photo", "video": "video", "link": "link"}


def body(happenings: Sequence[Happening], sent_ms: int) -> bytes:
    """A delivery about Pages. A Page has one entry, its `time` is the time of sending."""
    entries: dict[str, dict[str, Any]] = {}
    for happening in happenings:
        account = happening.brand.account
        entry = entries.setdefault(account, {"id": account, "time": sent_ms // 1000, "changes": []})
        entry["changes"].append({"field": "feed", "value": _value(happening)})
    return _envelope("page", [*entries.values()])


def instagram_body(happenings: Sequence[Happening]) -> bytes:
    """A delivery about Instagram accounts: an entry a comment, whose `time` is all that tells when it was written."""
    return _envelope("instagram", [_instagram_entry(happening) for happening in happenings])


def headers(content: bytes, secret: str) -> dict[str, str]:
    """What Meta sends along."""
    return {
        "content-type": "application/json",
        "user-agent": "Webhooks/1.0",
        "x-hub-signature-256": f"sha256={hmac.new(secret.encode(), content, 'sha256').hexdigest()}",
    }


def _envelope(subject: str, entries: list[dict[str, Any]]) -> bytes:
    return json.dumps({"object": subject, "entry": entries}, separators=(",", ":")).encode()


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
        shown = {"item": _ITEMS.get(happening.media, "status"), "verb": happening.action, "published": 1}
        return value | shown | ({"photos": _album(happening.post)} if happening.media == "album" else {})
    verb = "edited" if happening.action == "edit" else happening.action
    answers = happening.parent or happening.post
    return value | {"item": "comment", "comment_id": happening.id, "parent_id": answers, "verb": verb}


def _instagram_entry(happening: Happening) -> dict[str, Any]:
    writer = {"id": happening.actor, "username": happening.brand.name if happening.own else "somebody"}
    value: dict[str, Any] = {
        "from": writer | ({"self_ig_scoped_id": happening.actor} if happening.own else {}),
        "media": {"id": happening.post, "media_product_type": "FEED"},
        "id": happening.id,
        "text": happening.text or "",
    }
    if happening.parent is not None:
        value["parent_id"] = happening.parent
    return {
        "id": happening.brand.account,
        "time": happening.time_ms // 1000,
        "changes": [{"field": "comments", "value": value}],
    }


def _album(post: str) -> list[str]:
    return [f"https://photos.example/{post}/{number}.jpg" for number in (1, 2, 3)]
