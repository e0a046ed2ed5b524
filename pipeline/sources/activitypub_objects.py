"""What ActivityPub's JSON names: activities, objects and their addresses, and whose post an address means.

A post of ours lies below the address of the brand's actor, or else on a server where the connection has no other actor
and whose addresses do not name their author.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pipeline.errors import UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.fields import as_table, need, text
from pipeline.sources.outcomes import Reason
from pipeline.sources.times import from_iso
from pipeline.sources.uris import same_origin
from schemas.interaction import Kind, TimeFrom

#: Addresses that name an author: somebody else, unless it is the brand's own address.
_PERSONAL = re.compile(r"^/(?:(?:ap/users|users|u)/|@)[^/]+/")


class Activity(NamedTuple):
    """One activity, who does it, and the sender's clock when it was posted."""

    body: Mapping[str, Any]
    actor: str
    sent_ms: int | None

    @property
    def done(self) -> tuple[int | None, TimeFrom]:
        """When it was done: its own time, else that of its sending."""
        published = from_iso(self.body.get("published"))
        return (self.sent_ms, "delivery") if published is None else (published, "platform")


class Meaning(NamedTuple):
    """What something is to a brand: whose post it is about, and the comment that it answers."""

    kind: Kind
    account: str
    post: str
    parent: str | None = None


def address(value: Any) -> str | None:
    """The address of a thing that is given whole or by its address alone."""
    if isinstance(value, str):
        return value or None
    return text(as_table(value), "id")


def type_of(thing: Mapping[str, Any]) -> str:
    """The type of an activity or an object, the first of several; empty where there is none."""
    found = thing.get("type")
    first = found[0] if isinstance(found, list) and found else found
    return first if isinstance(first, str) else ""


def own_id(thing: Mapping[str, Any], actor: str) -> str:
    """The id of what an actor brings along. Raises UnreadableError for one on another server than his."""
    found = need(thing, "id")
    if not same_origin(found, actor):
        raise UnreadableError("foreign_id", "expected an id on the server of the actor")
    return found


def account_of(uri: str, context: Context) -> str | None:
    """The account of ours whose post an address names, None where it is nobody's."""
    accounts = context.connection.accounts
    for account in accounts:
        if uri.startswith(f"{account.rstrip('/')}/"):
            return account
    here = [account for account in accounts if same_origin(uri, account)]
    if len(here) != 1 or uri in accounts or _PERSONAL.match(urlsplit(uri).path):
        return None
    return here[0]


def target(uri: str | None, actor: str, context: Context) -> Meaning | Reason:
    """The post of ours that was liked, shared or quoted; else why it counts for nothing."""
    if uri is None:
        return "unsupported_item"
    known = context.look_up(uri)
    if known is not None and known.account in context.connection.accounts:
        return Meaning("post", known.account, known.post) if known.kind == "post" else "reaction_on_comment"
    account = account_of(uri, context)
    if account is None:
        return "outbound" if is_brand(actor, context) else "not_ours"
    return Meaning("post", account, uri)


def is_brand(actor: str, context: Context) -> bool:
    """Whether the actor acts for any account of the connection."""
    return actor in context.connection.accounts or actor in context.connection.brand_actors
