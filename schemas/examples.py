"""Examples of the records, published with their schemas."""

from __future__ import annotations

from typing import Any

#: One of each kind that a reader meets; a test validates and decodes them.
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "interaction": [
        {
            "platform": "facebook",
            "account": "1001",
            "kind": "comment",
            "action": "add",
            "post": "1001_2001",
            "id": "2001_3001",
            "actor": "pKq3v0d1mW8zY5tS2uN4xA",
            "time_ms": 1_763_890_000_000,
            "text": "Does it come in blue?",
        },
        {
            "platform": "x",
            "account": "42",
            "kind": "like",
            "action": "remove",
            "post": "99",
            "id": "99/pKq3v0d1mW8zY5tS2uN4xA",
            "actor": "pKq3v0d1mW8zY5tS2uN4xA",
            "time_ms": 1_763_890_060_000,
        },
        {
            "platform": "instagram",
            "account": "17841",
            "kind": "totals",
            "action": "add",
            "id": "17841",
            "time_ms": 1_763_890_120_000,
            "followers": 12_408,
        },
    ],
    "engagement": [
        {
            "entity": "post",
            "platform": "facebook",
            "account": "1001",
            "id": "1001_2001",
            "window": "1h",
            "start_ms": 1_763_888_400_000,
            "end_ms": 1_763_892_000_000,
            "likes": 240,
            "comments": 60,
            "shares": 12,
            "replies": 8,
            "posts": 0,
            "comment_to_like": 0.25,
            "conversation_share": 0.19230769230769232,
            "answered": 8,
            "reply_rate": 0.13333333333333333,
            "reply_times": [0, 0, 1, 2, 5],
            "reply_median_ms": 180_000,
            "reply_p90_ms": 271_200,
            "revision": 17,
            "final": False,
            "as_of_ms": 1_763_890_000_000,
            "source": "events",
        },
        {
            "entity": "account",
            "platform": "x",
            "account": "42",
            "id": "42",
            "window": "all",
            "start_ms": None,
            "end_ms": None,
            "likes": 0,
            "comments": 0,
            "shares": 0,
            "replies": 0,
            "posts": 0,
            "comment_to_like": None,
            "conversation_share": None,
            "answered": 0,
            "reply_rate": None,
            "reply_times": [],
            "reply_median_ms": None,
            "reply_p90_ms": None,
            "revision": 2,
            "final": False,
            "as_of_ms": 1_763_890_060_000,
            "source": "both",
        },
    ],
    "unanswered": [
        {
            "platform": "facebook",
            "account": "1001",
            "post": "1001_2001",
            "id": "2001_3001",
            "actor": "pKq3v0d1mW8zY5tS2uN4xA",
            "parent": None,
            "time_ms": 1_763_890_000_000,
            "text": "Does it come in blue?",
        }
    ],
    "erasure": [
        {"platform": "facebook", "actor": "pKq3v0d1mW8zY5tS2uN4xA", "time_ms": 1_763_890_000_000},
    ],
    "rejected": [
        {
            "stage": "schema",
            "reason": "breaks_schema",
            "detail": "Object missing required field `id`",
            "time_ms": 1_763_890_000_000,
            "source": "interactions[3]@1200",
            "bytes": "e30=",
        }
    ],
}
