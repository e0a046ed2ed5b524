"""What a program of the brand's tells, in our own envelope (Standard Webhooks): polled totals, and posts."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pipeline.local.simulator.happenings import Happening


def totals(platform: str, account: str, post: str | None, numbers: Mapping[str, int], time_ms: int) -> bytes:
    """Absolute numbers of a post, or of the account."""
    about = {"platform": platform, "account": account} | ({"post": post} if post else {})
    return _envelope("interaction.totals.added", about | dict(numbers), time_ms)


def published(happening: Happening) -> bytes:
    """A post of the brand."""
    data = {
        "platform": happening.brand.platform,
        "account": happening.brand.account,
        "post": happening.post,
        "text": happening.text,
        "media": happening.media,
    }
    return _envelope("interaction.post.added", data, happening.time_ms)


def headers(content: bytes, secret: str, message: str, sent_ms: int) -> dict[str, str]:
    """What goes along: the message's id, the time of sending, and the signature over both and the body."""
    stamp = str(sent_ms // 1000)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b"%s.%s.%s" % (message.encode(), stamp.encode(), content)
    signature = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return {
        "content-type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }


def _envelope(type_: str, data: Mapping[str, Any], time_ms: int) -> bytes:
    stamp = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return json.dumps({"type": type_, "timestamp": stamp, "data": data}, separators=(",", ":")).encode()
