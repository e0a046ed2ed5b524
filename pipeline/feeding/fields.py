"""The fields that a line may name, those that follow from others, and how yes and no may be written in a cell. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from schemas.interaction import Interaction

_FIELDS = msgspec.structs.fields(Interaction)
KNOWN = tuple(field.name for field in _FIELDS)
_ALL = frozenset(KNOWN)
#: Every line has these; an `id` or what it follows from comes on top.
NEEDED = tuple(field.name for field in _FIELDS if field.required and field.name != "id")
_YES_OR_NO = tuple(field.name for field in _FIELDS if field.type is bool)
_SPELLINGS = {"true": True, "yes": True, "y": True, "1": True, "false": False, "no": False, "n": False, "0": False}
#: What a line of a kind without an `id` lacks.
_WANTED = {
    "like": "a like needs an `id`, or an `actor`: then its `id` is `post`/`actor`",
    "comment": "a comment needs its own `id`",
    "share": "a share needs its own `id`: a person may share twice",
    "post": "a post needs a `post` or an `id`: they are the same",
}


def complete(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with those that follow from them: a like is one a person and post, a post is its own object, totals
    are those of their post or account. What is given stays. Raises ValueError for an `id` that does not follow."""
    full = {name: value for name, value in fields.items() if value is not None}
    kind = full.get("kind")
    if not isinstance(kind, str):
        return full
    if kind == "post" and "post" not in full and "id" in full:
        full["post"] = full["id"]
    if "id" not in full:
        if kind == "like" and "post" in full and "actor" in full:
            full["id"] = f"{full['post']}/{full['actor']}"
        elif kind in {"post", "totals"} and "post" in full:
            full["id"] = full["post"]
        elif kind == "totals" and "account" in full:
            full["id"] = full["account"]
        elif kind in _WANTED:
            raise ValueError(_WANTED[kind])
    return full


def read_yes_or_no(cells: dict[str, Any]) -> None:
    """Put truth values in place of their spellings. Raises ValueError."""
    for name in _YES_OR_NO:
        cell = cells.get(name)
        if cell is None:
            continue
        value = _SPELLINGS.get(cell.strip().lower())
        if value is None:
            raise ValueError(f"`{name}` is {cell[:100]!r}; expected true or false, yes or no, 1 or 0")
        cells[name] = value


def unknown(names: Iterable[str]) -> tuple[str, ...]:
    """Those that are no field of an interaction."""
    return tuple(sorted(set(names) - _ALL))
