"""Members: the objects of a post, last writer wins. An object's state is one 64-bit integer, and to merge is max().

    bit 63     1: an add or a remove (real); 0: an edit that stands in for an add not seen yet
    bits 15-62 event time in ms; of a stand-in its complement, so that the earliest edit is the greatest
    bit 14     1: removed (at equal times a remove is greater than an add)
    bits 0-13  the class: the column that the object counts in

Max is commutative, associative and idempotent: order, repetition and batching of interactions cannot change a set.
In Redis an object is 16 bytes: the 64-bit hash of its id and its state, little endian, newest entry of a hash last.
With 10 million objects on one post the chance of any two sharing a hash is 3 in a million.
"""

from __future__ import annotations

from struct import Struct

from xxhash import xxh3_64_intdigest

from pipeline.counting.object_set import ObjectSet
from schemas.interaction import Interaction

REAL = 1 << 63
TIME_SHIFT = 15
TIME_MASK = (1 << 48) - 1
REMOVED = 1 << 14
CLASS_MASK = REMOVED - 1
#: The classes that there are fit into these.
CLASS_BITS = 7

LIKE, COMMENT, SHARE, REPLY, POST, UNCOUNTED = range(6)
#: What an audience does; and what the account itself does: its comments are replies, its likes and shares no count.
CLASS = {"like": LIKE, "comment": COMMENT, "share": SHARE, "post": POST}
OWN_CLASS = {"like": UNCOUNTED, "comment": REPLY, "share": UNCOUNTED, "post": POST}

#: What an add's state has besides its time.
ADDED = {kind: REAL | number for kind, number in CLASS.items()}
OWN_ADDED = {kind: REAL | number for kind, number in OWN_CLASS.items()}

ENTRY_BYTES = Struct("<QQ").size


def hash_id(object_id: str) -> int:
    """The 64 bits that stand for an object's id."""
    return int(xxh3_64_intdigest(object_id.encode()))


def state_of(interaction: Interaction) -> int:
    """The state that this interaction alone gives its object."""
    kind = (OWN_CLASS if interaction.own else CLASS)[interaction.kind]
    if interaction.action == "add":
        return REAL | interaction.time_ms << TIME_SHIFT | kind
    if interaction.action == "remove":
        return REAL | interaction.time_ms << TIME_SHIFT | REMOVED | kind
    return (TIME_MASK - interaction.time_ms) << TIME_SHIFT | kind


def counted_at_ms(state: int) -> int:
    """The object's own time: of its add, or of the earliest edit that stands in for it."""
    time_ms = state >> TIME_SHIFT & TIME_MASK
    return time_ms if state & REAL else TIME_MASK - time_ms


def is_only_state(members: ObjectSet, entries: int, interaction: Interaction) -> bool:
    """Whether this interaction gave its object the only state it ever had on this page (so far as can be known)."""
    return entries == len(members) and members.get(hash_id(interaction.id)) == state_of(interaction)
