"""Our own interaction inside a public envelope: what Standard Webhooks and CloudEvents carry here.

The type ends in `interaction.<like|comment|share|post>.<added|edited|removed>`, the data has account, post, actor, ...;
or in `interaction.totals.added`, with absolute numbers of a post, or without one of the account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast, get_args

from pipeline.errors import UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.delivery import Connection
from pipeline.sources.fields import ident, number, table, text
from pipeline.sources.outcomes import Ignored
from schemas.interaction import Action, Interaction, Kind, Media, TimeFrom

_TYPE = re.compile(r"(?:^|\.)interaction\.(?:(like|comment|share|post)\.(added|edited|removed)|(totals)\.(added))$")
_PING = re.compile(r"(?:^|\.)(?:ping|test)$")
#: Ours with the reversed domain name before it has at most so many characters.
LONGEST_TYPE = 256
MEDIA: tuple[str, ...] = get_args(Media)
ACTIONS: dict[str, Action] = {"added": "add", "edited": "edit", "removed": "remove"}


class Told(NamedTuple):
    """What an envelope says. `object_id` is the thing's own id; `fallback` the time to take where `time` is missing."""

    type: str
    platform: str | None
    account: str | None
    post: str | None
    object_id: str | None
    data: Mapping[str, Any]
    time: tuple[int | None, TimeFrom]
    fallback: tuple[int | None, TimeFrom] = (None, "delivery")


def kind_of(event_type: str) -> Kind | None:
    """The kind that a type names, None where it is none of ours."""
    found = _found(event_type)
    return cast("Kind", found[1] or found[3]) if found else None


def read_told(told: Told, context: Context) -> Interaction | Ignored:
    """The interaction that was told."""
    found = _found(told.type)
    if found is None:
        is_ping = len(told.type) <= LONGEST_TYPE and _PING.search(told.type)
        return Ignored("test_ping" if is_ping else "unsupported_item")
    kind, action = cast("Kind", found[1] or found[3]), ACTIONS[found[2] or found[4]]
    if told.platform is None or told.account is None:
        raise UnreadableError("missing_field", "expected a platform and an account")
    if not _is_served(told.platform, told.account, context.connection):
        return Ignored("not_ours")
    if kind == "totals":
        return _totals(told, told.platform, told.account, context)
    post = told.post or (told.object_id if kind == "post" else None)
    if post is None:
        raise UnreadableError("missing_field", "expected an id under post")
    data = told.data
    return context.counted(
        told.platform,
        told.account,
        kind,
        action,
        post=post,
        object_id=None if kind == "post" else told.object_id,
        actor=ident(table(data, "actor"), "id") or ident(data, "actor"),
        own=data.get("own") is True or kind == "post",
        parent=ident(data, "parent") if kind == "comment" else None,
        time=context.clock(told.time, told.fallback),
        text=text(data, "text"),
        reaction=text(data, "reaction"),
        url=text(data, "url"),
        media=_media(data),
        questions=data.get("questions") is not False,
    )


def _found(event_type: str) -> re.Match[str] | None:
    """Where kind and action stand in a type of ours."""
    return _TYPE.search(event_type) if len(event_type) <= LONGEST_TYPE else None


def _is_served(platform: str, account: str, connection: Connection) -> bool:
    """Whether one of the connection's accounts is this one: with its platform, or of whatever platform."""
    return connection.serves(account) or f"{platform}:{account}" in connection.accounts


def _totals(told: Told, platform: str, account: str, context: Context) -> Interaction:
    return context.totals(
        platform,
        account,
        post=told.post,
        time=context.clock(told.time, told.fallback),
        likes=_absolute(told.data, "likes"),
        comments=_absolute(told.data, "comments"),
        shares=_absolute(told.data, "shares"),
        followers=_absolute(told.data, "followers"),
    )


def _absolute(data: Mapping[str, Any], key: str) -> int | None:
    """The number under a key, None where none is told. Raises UnreadableError for what is none: with another number
    beside it that counts, it would be lost without a word."""
    told = number(data, key)
    if told is None and data.get(key) is not None:
        raise UnreadableError("broken_number", f"expected a whole number of 0 or more under {key}")
    return told


def _media(data: Mapping[str, Any]) -> Media | None:
    """One of our words; any other is left out: it is not worth a lost count."""
    said = text(data, "media")
    return cast("Media", said) if said in MEDIA else None
