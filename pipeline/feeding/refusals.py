"""What to say of a line that is no interaction: which field, what stands there, and what was expected. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
from msgspec import inspect

from schemas.interaction import Action, Interaction, Kind, Media, TimeFrom

#: Only `twoway feed` refuses for this reason: the pipeline itself counts events of 1970 as all others.
TIME_TOO_OLD = "time_too_old"
#: Longer values are told by their length: what is wrong with them is most often just that.
_SHOWN_CHARACTERS = 100
#: The order in which their schema has them; msgspec sorts them.
_WORDS: dict[str, tuple[str, ...]] = {
    "kind": get_args(Kind),
    "action": get_args(Action),
    "time_from": get_args(TimeFrom),
    "media": get_args(Media),
}
_AT_FIELD = re.compile(r"at `\$\.(\w+)`$")
_MISSING = re.compile(r"missing required field `(\w+)`$")
#: Python's year 9999 ends a calendar of ours as well.
_TIMES_MS = range(253_402_300_800_000)


def describe(error: ValueError | msgspec.ValidationError, fields: object) -> str:
    """`` `kind` is 'liek'; expected one of like, comment, ... ``. `fields`: the line, as far as it could be read."""
    said = str(error)
    if not isinstance(fields, dict):
        return f"the line is {_shown(fields)}; expected an object with the fields of an interaction"
    if missing := _MISSING.search(said):
        return f"`{missing[1]}` is missing; expected {_expected(missing[1])}"
    if at := _AT_FIELD.search(said):
        return f"`{at[1]}` {_value(fields[at[1]])}; expected {_expected(at[1])}" if at[1] in fields else said
    return said


def day_of(time_ms: int) -> str:
    """The day, in UTC, such as 2026-11-23."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d}" if time_ms in _TIMES_MS else "beyond all calendars"


def _value(value: object) -> str:
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        return f"has {len(value):,} characters"
    return f"is {_shown(value)}"


def _shown(value: object) -> str:
    """A string in quotes, all else as JSON has it."""
    text = repr(value) if isinstance(value, str) else msgspec.json.encode(value).decode(errors="replace")
    return text if len(text) <= _SHOWN_CHARACTERS + 2 else f"{text[:_SHOWN_CHARACTERS]}..."


def _expected(name: str) -> str:
    if name in _WORDS:
        return f"one of {', '.join(_WORDS[name])}"
    if name == "platform":
        return "a slug of 1 to 32 characters a-z, 0-9 and -"
    return _of_type(_TYPES[name])


def _of_type(kind: Any) -> str:
    if isinstance(kind, inspect.Metadata):
        return _of_type(kind.type)
    if isinstance(kind, inspect.UnionType):
        return _of_type(kind.types[0])
    if isinstance(kind, inspect.IntType):
        return f"a whole number from {kind.ge} to {kind.le}"
    if isinstance(kind, inspect.StrType):
        return f"a string of {kind.min_length or 0} to {kind.max_length:,} characters"
    return "true or false"


_TYPES = {field.name: field.type for field in inspect.type_info(Interaction).fields}  # type: ignore[attr-defined]
