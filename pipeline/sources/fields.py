"""Fields of foreign JSON: read leniently (ids as number or string), refused with the name of what is missing.

Nothing here trusts a type: a platform's `null`, a number for a string or a list for an object is simply not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.errors import UnreadableError

#: Escaped backslashes (group 1) and what they stand before: a whole surrogate pair, or half of one (group 2).
_SURROGATES = re.compile(
    rb"(?<!\\)((?:\\\\)*)"
    rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
#: Surrogates that are looked at: a batch of a thousand texts full of emoji has fewer, and more would take too long.
MOST_SURROGATES = 100_000
#: No platform's delivery has as many. What is larger is refused as a whole: its bytes are kept once, not item by item.
MOST_ITEMS = 100_000
#: Brackets below which no JSON can be nested too deeply for anything that is done with it later.
_FEW_BRACKETS = 400
#: So much deeper than itself a value must be decodable: what is done with it later stands deeper on the stack.
_HEADROOM = 64
#: No platform counts further; writing out a number of thousands of digits would stall or fail.
_LARGEST_ID = 2**64
_EMPTY: Mapping[str, Any] = {}


def decode_json(body: bytes) -> Any:
    """The JSON value of the bytes; half of a surrogate pair (a text cut in an emoji) becomes U+FFFD.

    Raises UnreadableError. A whole batch must not fail, and be repeated for 36 h, because one text was cut badly.
    """
    try:
        return _decode(body)
    except ValueError as error:
        repaired = _repair(body)
        if repaired == body:
            raise UnreadableError("not_json", str(error)) from error
    try:
        return _decode(repaired)
    except ValueError as error:
        raise UnreadableError("not_json", str(error)) from error


def check_number(items: int) -> None:
    """Raise UnreadableError for a delivery of more items than anybody sends."""
    if items > MOST_ITEMS:
        raise UnreadableError("too_many_items", f"{items} items in one delivery; expected at most {MOST_ITEMS}")


def as_table(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else _EMPTY


def table(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under a key, an empty one where there is none."""
    return as_table(value.get(key))


def listed(value: Mapping[str, Any], key: str) -> list[Any]:
    """The list under a key, an empty one where there is none."""
    found = value.get(key)
    return found if isinstance(found, list) else []


def text(value: Mapping[str, Any], key: str) -> str | None:
    """The string under a key; None where it is missing, empty or no string."""
    found = value.get(key)
    return found if isinstance(found, str) and found else None


def ident(value: Mapping[str, Any], *keys: str) -> str | None:
    """The first id under one of the keys, always as a string: platforms mix numbers and strings."""
    for key in keys:
        found = value.get(key)
        if isinstance(found, str):
            if found:
                return found
        elif isinstance(found, int) and not isinstance(found, bool) and abs(found) < _LARGEST_ID:
            return str(found)
    return None


def need(value: Mapping[str, Any], *keys: str) -> str:
    """The id under one of the keys. Raises UnreadableError that names the first."""
    found = ident(value, *keys)
    if found is None:
        raise UnreadableError("missing_field", f"expected an id under {' or '.join(keys)}")
    return found


def number(value: Mapping[str, Any], key: str) -> int | None:
    """The whole number under a key, None where it is missing, no number or negative."""
    found = value.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def _decode(body: bytes) -> Any:
    """The value. Raises ValueError, and UnreadableError for one that is nested too deeply to be written again."""
    try:
        if body.count(b"[") + body.count(b"{") <= _FEW_BRACKETS:
            return msgspec.json.decode(body)
        value = msgspec.json.decode(b"[" * _HEADROOM + body + b"]" * _HEADROOM)
    except RecursionError as error:
        raise UnreadableError("too_deep", str(error)) from error
    for _ in range(_HEADROOM):
        (value,) = value
    return value


def _repair(body: bytes) -> bytes:
    """The body without halves of surrogate pairs."""
    if body.count(b"\\ud") + body.count(b"\\uD") > MOST_SURROGATES:
        return body
    return _SURROGATES.sub(lambda found: found[1] + rb"\ufffd" if found[2] else found[0], body)
