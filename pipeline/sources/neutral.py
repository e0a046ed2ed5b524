"""Our own interaction inside a public envelope: what Standard Webhooks and CloudEvents carry here.

The type ends in `interaction.<like|comment|share|post>.<added|edited|removed>`; the data has account, post, actor, ...
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from pipeline.errors import UnreadableError
from pipeline.sources.fields import ident, table, text
from pipeline.sources.outcomes import Ignored
from pipeline.sources.source import Context
from schemas.interaction import Action, Interaction, Kind, TimeFrom

_TYPE = re.compile(r"(?:^|\.)interaction\.(like|comment|share|post)\.(added|edited|removed)$")
_PING = re.compile(r"(?:^|\.)(?:ping|test)$")
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
    found = _TYPE.search(event_type)
    return cast("Kind", found[1]) if found else None


def read_told(told: Told, context: Context) -> Interaction | Ignored:
    """The interaction that was told."""
    found = _TYPE.search(told.type)
    if found is None:
        return Ignored("test_ping" if _PING.search(told.type) else "unsupported_item")
    kind, action = cast("Kind", found[1]), ACTIONS[found[2]]
    if told.platform is None or told.account is None:
        raise UnreadableError("missing_field", "expected a platform and an account")
    if not context.connection.serves(told.account):
        return Ignored("not_ours")
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
    )
