"""Happenings as X's Account Activity API writes them: a list of one sort of events for one user, signed in base64."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.local.simulator.brands import Brand
from pipeline.local.simulator.happenings import Happening

#: What X puts into one delivery is not documented; a handful is seen.
BATCH_MAX = 20


def bodies(happenings: Sequence[Happening]) -> Iterator[tuple[bytes, list[Happening]]]:
    """Deliveries: one for each user and sort of event, in order."""
    sorts: defaultdict[tuple[Brand, str], list[Happening]] = defaultdict(list)
    for happening in happenings:
        sorts[happening.brand, _sort(happening)].append(happening)
    for (brand, sort), all_ in sorts.items():
        for start in range(0, len(all_), BATCH_MAX):
            part = all_[start : start + BATCH_MAX]
            envelope = {"for_user_id": brand.account, sort: [_event(happening, sort) for happening in part]}
            yield json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode(), part


def needed(happening: Happening) -> str | None:
    """What must be known before: X names a thing that is answered or deleted without saying where it stands."""
    return happening.parent if happening.action == "add" else happening.id


def headers(content: bytes, secret: str) -> dict[str, str]:
    """What X sends along."""
    signature = base64.b64encode(hmac.digest(secret.encode(), content, "sha256")).decode()
    return {"content-type": "application/json", "x-twitter-webhooks-signature": f"sha256={signature}"}


def _sort(happening: Happening) -> str:
    if happening.action == "remove":
        return "tweet_delete_events"
    return "favorite_events" if happening.kind == "like" else "tweet_create_events"


def _event(happening: Happening, sort: str) -> dict[str, Any]:
    brand = happening.brand
    if sort == "tweet_delete_events":
        status = {"id": happening.id, "user_id": happening.actor}
        return {"status": status, "timestamp_ms": str(happening.time_ms)}
    if sort == "favorite_events":
        return {
            "id": hashlib.md5(happening.id.encode(), usedforsecurity=False).hexdigest(),
            "created_at": _date(happening.time_ms),
            "timestamp_ms": happening.time_ms,
            "favorited_status": _post(happening.post, _user(brand.account, brand.name), happening.time_ms),
            "user": _user(happening.actor),
        }
    author = _user(brand.account, brand.name) if happening.own else _user(happening.actor)
    event = _post(happening.id, author, happening.time_ms, happening.text or "")
    if happening.kind == "comment":
        event |= _answer(happening)
    elif happening.kind == "post":
        event |= _shown(happening)
    elif happening.kind == "share":
        quoted = _post(happening.post, _user(brand.account, brand.name), happening.time_ms)
        event |= {
            "is_quote_status": True,
            "quoted_status_id": int(happening.post),
            "quoted_status_id_str": happening.post,
            "quoted_status": quoted,
        }
    return event


def _answer(happening: Happening) -> dict[str, Any]:
    """A comment answers the post, or another comment; whose that is, X says as well, but a reader can do without."""
    answered = happening.parent or happening.post
    event: dict[str, Any] = {"in_reply_to_status_id": int(answered), "in_reply_to_status_id_str": answered}
    if happening.parent is None:
        account = happening.brand.account
        event |= {"in_reply_to_user_id": int(account), "in_reply_to_user_id_str": account}
    return event


def _shown(happening: Happening) -> dict[str, Any]:
    """The media of a post, or the address that it links to."""
    if happening.media == "link":
        return {"entities": {"urls": [{"expanded_url": f"https://shop.example/{happening.post}"}]}}
    kinds = {"image": ["photo"], "album": ["photo", "photo"], "video": ["video"]}.get(happening.media or "", [])
    return {"extended_entities": {"media": [{"type": kind} for kind in kinds]}} if kinds else {}


def _post(post: str, user: dict[str, Any], time_ms: int, text: str = "") -> dict[str, Any]:
    return {
        "created_at": _date(time_ms),
        "id": int(post),
        "id_str": post,
        "text": text,
        "truncated": False,
        "in_reply_to_status_id": None,
        "in_reply_to_status_id_str": None,
        "in_reply_to_user_id": None,
        "in_reply_to_user_id_str": None,
        "user": user,
        "is_quote_status": False,
        "lang": "en",
        "timestamp_ms": str(time_ms),
    }


def _user(user: str, name: str = "Somebody") -> dict[str, Any]:
    screen_name = name.replace(" ", "_").lower()
    return {"id": int(user), "id_str": user, "name": name, "screen_name": screen_name, "followers_count": 22}


def _date(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%a %b %d %H:%M:%S +0000 %Y")
