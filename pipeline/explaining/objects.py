"""What an object's state says to a reader: the column that it counts in, and what the interaction did."""

from __future__ import annotations

from pipeline.counting.members import CLASS_MASK, COMMENT, LIKE, POST, REAL, REMOVED, REPLY, SHARE, hash_id
from schemas.engagement import COLUMNS
from schemas.interaction import Action

_COLUMN_OF = {LIKE: "likes", COMMENT: "comments", SHARE: "shares", REPLY: "replies", POST: "posts"}
#: The columns that count objects; `answered` counts some of them again.
OBJECT_COLUMNS = tuple(column for column in COLUMNS if column in _COLUMN_OF.values())
#: Stands for the column of what counts nowhere: an account's own likes and shares.
NO_COLUMN = "none"
#: The number of a row that counts comments by what others say: the account's replies to them.
ANSWERED = "answered"
#: Odd, so that different posts stay different in 64 bits; the golden ratio, as multiplicative hashing takes it.
_SPREAD, _MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1


def column_of(state: int) -> str:
    """The column that an object in this state counts in while it stands; NO_COLUMN for none."""
    return _COLUMN_OF.get(state & CLASS_MASK, NO_COLUMN)


def is_removed(state: int) -> bool:
    """Whether the state says that the object is gone."""
    return bool(state & REMOVED)


def action_of(state: int) -> Action:
    """The action of the interaction that gave an object this state."""
    if is_removed(state):
        return "remove"
    return "add" if state & REAL else "edit"


def object_key(post: int, object_id: int) -> int:
    """64 bits that name an object among all posts of an account, from the hashes of its post and its own id: on each
    post an id names another one."""
    return (post * _SPREAD + object_id) & _MASK


def key_of(post: str | None, object_id: str) -> int:
    """The same from the ids."""
    return object_key(hash_id(post or ""), hash_id(object_id))
