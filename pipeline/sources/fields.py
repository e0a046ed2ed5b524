"""Fields of foreign JSON: read leniently (ids as number or string), refused with the name of what is missing.

Nothing here trusts a type: a platform's `null`, a number for a string or a list for an object is simply not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.errors import UnreadableError

#: An escaped backslash, a whole surrogate pair, or half of one (group 1).
_SURROGATES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
#: No platform counts further; writing out a number of thousands of digits would stall or fail.
_LARGEST_ID = 2**64
_EMPTY: Mapping[str, Any] = {}


def decode_json(body: bytes) -> Any:
    """The JSON value of the bytes; half of a surrogate pair (a text cut in an emoji) becomes U+FFFD.

    Raises UnreadableError. A whole batch must not fail, and be repeated for 36 h, because one text was cut badly.
    """
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        repaired = _SURROGATES.sub(lambda found: rb"\ufffd" if found[1] else found[0], body)
        if repaired != body:
            return _decode_repaired(repaired)
        raise UnreadableError("not_json", str(error)) from error


def _decode_repaired(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("not_json", str(error)) from error


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
