"""Fields of foreign JSON: read leniently (ids as number or string), refused with the name of what is missing.

Nothing here trusts a type: a platform's `null`, a number for a string or a list for an object is simply not there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.errors import UnreadableError

#: Half of a surrogate pair as JSON escapes it, and where it stands, the second half behind it.
_SURROGATE = re.compile(rb"(\\u[dD][89a-fA-F][0-9a-fA-F]{2})(\\u[dD][c-fC-F][0-9a-fA-F]{2})?")
_FIRST_HALF = b"89abAB"
#: What stands for a character of which a part was lost.
BROKEN = "\ufffd"
_BROKEN = rb"\ufffd"
#: No platform's delivery has as many. What is larger is refused as a whole: its bytes are kept once, not item by item.
MOST_ITEMS = 100_000
#: Brackets and commas outside of texts, so as many values. They are made by one call of C, and meanwhile no other
#: thread runs: so many take 60 ms at the most. Meta's largest batches have 20,000.
MOST_VALUES = 250_000
#: Where the limit of bodies was raised, a larger body may have one in so many bytes, and the wait grows with the body.
BYTES_OF_A_VALUE = 16
#: Digits of a number; the time that they take grows with their square. Up to so many bytes they need not be looked for.
MOST_DIGITS = 1_000
_FEW_BYTES = 1_000_000
_TOO_MANY_DIGITS = b"0" * (MOST_DIGITS + 1)
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
#: Brackets below which no JSON can be nested too deeply for anything that is done with it later.
_FEW_BRACKETS = 400
#: So much deeper than itself a value must be decodable: what is done with it later stands deeper on the stack.
_HEADROOM = 64
#: No platform counts further; writing out a number of thousands of digits would stall or fail.
_LARGEST_ID = 2**64
_EMPTY: Mapping[str, Any] = {}


def decode_json(body: bytes, most_values: int | None = None) -> Any:
    """The JSON value of the bytes; half of a surrogate pair (a text cut in an emoji) becomes U+FFFD.

    Of a name that stands twice in an object the last value counts. Raises UnreadableError. A whole batch must not fail,
    and be repeated for 36 h, because one text was cut badly.
    """
    _check_cost(body, most_values or max(MOST_VALUES, len(body) // BYTES_OF_A_VALUE))
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


def check_whole(*ids: str | None) -> None:
    """Raise UnreadableError for an id of which a character was lost: it would be one with others that lost theirs."""
    for found in ids:
        if found is not None and not found.isascii() and BROKEN in found:
            raise UnreadableError("broken_id", "expected ids without U+FFFD, which stands for whatever was lost")


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


def _check_cost(body: bytes, most_values: int) -> None:
    """Refuse what would take too long to decode, before it is decoded. Raises UnreadableError."""
    if len(body) <= most_values or (_signs(body) <= most_values and not _has_long_number(body)):
        return
    # Without escaped ones, quotation marks begin and end texts: what people write has commas and digits, too.
    marked = body.replace(rb"\\", b"").replace(rb"\"", b"")
    texts = marked.count(b'"') // 2
    bare = b" ".join(marked.split(b'"')[::2]) if texts <= 2 * most_values else b""
    if texts > 2 * most_values or _signs(bare) > most_values:
        raise UnreadableError("too_many_values", f"expected at most {most_values} commas and brackets")
    if _has_long_number(bare):
        raise UnreadableError("not_json", f"expected numbers of at most {MOST_DIGITS} digits")


def _signs(body: bytes) -> int:
    """No value begins without one of these before it, but the first."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def _has_long_number(body: bytes) -> bool:
    return len(body) > _FEW_BYTES and _TOO_MANY_DIGITS in body.translate(_DIGITS)


def _number(written: str) -> float:
    """A number with a fraction or an exponent: msgspec takes 8 us for some, and no other thread runs meanwhile."""
    value = float(written)
    if math.isinf(value):
        raise ValueError("number out of range")
    return value


_decode_plain = msgspec.json.Decoder(float_hook=_number).decode


def _decode(body: bytes) -> Any:
    """The value. Raises ValueError, and UnreadableError for one that is nested too deeply to be written again."""
    try:
        if body.count(b"[") + body.count(b"{") <= _FEW_BRACKETS:
            return _decode_plain(body)
        value = _decode_plain(b"[" * _HEADROOM + body + b"]" * _HEADROOM)
    except RecursionError as error:
        raise UnreadableError("too_deep", str(error)) from error
    for _ in range(_HEADROOM):
        (value,) = value
    return value


def _repair(body: bytes) -> bytes:
    """The body without halves of surrogate pairs."""
    return _SURROGATE.sub(_whole, body)


def _whole(found: re.Match[bytes]) -> bytes:
    """What stands for a pair or for halves; a backslash that is itself escaped begins neither."""
    before = found.start()
    while before and found.string[before - 1] == 0x5C:
        before -= 1
    is_escaped = (found.start() - before) % 2 == 1
    if not is_escaped and found[2] and found[1][3:4] in _FIRST_HALF:
        return found[0]
    return (found[1] if is_escaped else _BROKEN) + (_BROKEN if found[2] else b"")
