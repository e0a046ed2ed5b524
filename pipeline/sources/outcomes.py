"""What becomes of each item of a delivery: counted, ignored with a reason, or unreadable; and what was remembered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import msgspec

from schemas.interaction import LONGEST_ID, Id, Interaction, Kind
from schemas.rejected import Stage

#: Why an item yields no record; also a metric label.
Reason = Literal[
    "reaction_on_comment",
    "page_like",
    "legacy_duplicate",
    "mention",
    "visitor_post",
    "outbound",
    "moderation",
    "unsupported_item",
    "no_values",
    "test_ping",
    "subscription_ended",
    "identity",
    "actor_erasure",
    "unresolvable_removal",
    "not_ours",
]
REASONS: tuple[str, ...] = get_args(Reason)
#: Kept besides: once what it removes has come, it can be read.
LATER: Reason = "unresolvable_removal"


@dataclass(frozen=True, slots=True)
class Counted:
    """An interaction that fits the schema, and its JSON."""

    interaction: Interaction
    value: bytes


@dataclass(frozen=True, slots=True)
class Ignored:
    """An item that is understood, or foreign, and counts for nothing. `actor`: whose things are to go (a pseudonym).

    `item`: the smallest delivery that holds it, as JSON, where it may be understood later (`LATER`).
    """

    reason: Reason
    actor: str | None = None
    item: bytes | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item that should count and could not be read; `item` is the smallest delivery that holds it, as JSON."""

    stage: Stage
    reason: str
    detail: str
    item: bytes


Outcome = Counted | Ignored | Unreadable


class Known(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A directory entry: which post of which account an id belongs to, what it is and who did it.

    `id` stands only where the key is another name of the thing. In Redis `actor` is a pseudonym.
    """

    account: str
    post: Id
    kind: Kind
    actor: str | None = None
    id: str | None = None

    @classmethod
    def elsewhere(cls, account: str, object_id: str) -> Known:
        """The brand's reply in somebody else's thread: a comment on itself. What is done to it is done to no post."""
        return cls(account, object_id, "comment")

    def fits(self, object_id: str) -> bool:
        """Whether this and the id that it is known under are no longer than ids of records."""
        return max(map(len, (object_id, self.account, self.post, self.id or ""))) <= LONGEST_ID

    def is_elsewhere(self, object_id: str) -> bool:
        """Whether the entry under this id is such a reply."""
        return self.kind == "comment" and self.post == object_id


decode_known = msgspec.json.Decoder(Known).decode
decode_known_file = msgspec.json.Decoder(dict[str, Known]).decode
encode_known = msgspec.json.Encoder().encode
