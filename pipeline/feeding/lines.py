"""Reads interactions out of JSON lines or CSV: each line becomes an interaction, or is refused with a reason.

CSV: the first line names the fields, an empty cell is an absent field. Unknown fields are passed over, and named.
Fields that follow from others may be left out (`pipeline/feeding/fields.py`). Blank lines are nothing. No line spoils
the others: each is an interaction or refused, whatever it holds.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal

import msgspec

from pipeline.errors import UnreadableError
from pipeline.feeding.bounded import KEPT_BYTES, LONGEST_LINE_BYTES, bounded_lines, is_too_long
from pipeline.feeding.fields import KNOWN, NEEDED, complete, read_yes_or_no, unknown
from pipeline.feeding.refusals import describe
from schemas.interaction import UNDECODABLE, Interaction, decode_interaction, encode_interaction

Format = Literal["auto", "jsonl", "csv"]

_BOM = b"\xef\xbb\xbf"
#: The values as they stand: one that Python cannot read, such as 1e999, spoils nothing where nobody needs it.
_decode_values = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(frozen=True)
class Line:
    """One line: its number from 1, its bytes as JSON where they could be read as far as that (none where it is too
    long), and the interaction, or the reason (a short fixed word) and the detail of its refusal. `unknown`: its fields
    that no interaction has."""

    number: int
    raw: bytes
    interaction: Interaction | None = None
    reason: str = ""
    detail: str = ""
    unknown: tuple[str, ...] = ()


class _TooLongError(Exception):
    """Raised when a row of a CSV has more bytes than a line may have."""


class _Rows:
    """Lines as text for the csv module; bytes that are no UTF-8 survive as surrogates. `raw`: the lines of the row that
    is being read, which is line `number`; blank ones before it are nothing."""

    def __init__(self, lines: Iterator[bytes], skipped: int) -> None:
        self.raw: list[bytes] = []
        self.number = self._taken = skipped
        self._lines = lines
        self._size = 0

    def begin(self) -> None:
        """The next line begins a row."""
        self.raw.clear()
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._next()
        while not self.raw and not line.strip(b"\r\n"):
            line = self._next()
        if not self.raw:
            self.number = self._taken
        self.raw.append(line)
        self._size += len(line)
        if is_too_long(line) or self._size > KEPT_BYTES:
            raise _TooLongError
        return line.decode(errors="surrogateescape")

    def _next(self) -> bytes:
        line = next(self._lines)
        self._taken += 1
        return line


def read_lines(lines: Iterable[bytes], form: Format = "auto") -> Iterator[Line]:
    """Every line of a file, in order. Raises UnreadableError where a CSV's header lacks a needed field.

    `auto`: JSON lines if the first line that is not blank begins with a brace, else CSV.
    """
    numbered = enumerate(bounded_lines(lines), start=1)
    for number, first in numbered:
        text = first.removeprefix(_BOM) if number == 1 else first
        if text.strip() or is_too_long(text):
            break
    else:
        return
    rest = chain([(number, text)], numbered)
    if form == "jsonl" or (form == "auto" and text.lstrip().startswith(b"{")):
        yield from _json_lines(rest)
    else:
        yield from _csv_lines((line for _, line in rest), number - 1)


def _json_lines(lines: Iterable[tuple[int, bytes]]) -> Iterator[Line]:
    for number, line in lines:
        if is_too_long(line):
            yield _too_long(number)
        elif raw := line.strip():
            yield _name_unknown(decode_line(number, raw))


def _name_unknown(line: Line) -> Line:
    if line.interaction is None:
        return line
    try:
        names = unknown(_decode_values(line.raw))
    except UNDECODABLE as error:
        return Line(line.number, line.raw, reason="not_json", detail=str(error))
    return replace(line, unknown=names) if names else line


def _too_long(number: int) -> Line:
    detail = f"the line has more than {LONGEST_LINE_BYTES:,} bytes; expected {LONGEST_LINE_BYTES:,} at the most"
    return Line(number, b"", reason="too_long", detail=detail)


def _csv_lines(lines: Iterator[bytes], skipped: int) -> Iterator[Line]:
    rows = _Rows(lines, skipped)
    reader = csv.DictReader(rows, strict=True)
    names = reader.fieldnames = _header(reader)
    foreign = unknown(names)
    while True:
        rows.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except _TooLongError:
            yield _too_long(rows.number)
        except csv.Error as error:
            yield Line(rows.number, b"".join(rows.raw), reason="not_csv", detail=str(error))
        else:
            yield replace(_convert(rows.number, row, b"".join(rows.raw)), unknown=foreign)


def _header(reader: csv.DictReader[str]) -> list[str]:
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
    except _TooLongError as error:
        raise UnreadableError("header", f"the CSV's first line: {_too_long(1).detail}") from error
    except csv.Error as error:
        raise UnreadableError("header", f"the CSV's first line is no CSV: {error}; expected field names") from error
    if missing := [name for name in NEEDED if name not in names]:
        raise UnreadableError(
            "header",
            f"the CSV's first line lacks {', '.join(missing)}; expected names of fields: {', '.join(KNOWN)}",
        )
    if doubled := sorted(name for name, times in Counter(names).items() if name and times > 1):
        raise UnreadableError("header", f"the CSV's first line names {doubled[0]!r} twice; expected each field once")
    return names


def _convert(number: int, row: dict[str, str], raw: bytes) -> Line:
    if None in row:
        names = len(row) - 1
        cells_there = names + len(row[None])  # type: ignore[index]
        return Line(
            number, raw, reason="not_csv", detail=f"{cells_there} cells; expected {names}, as the first line has names"
        )
    cells: dict[str, Any] = {name: cell for name, cell in row.items() if cell}
    try:
        raw = msgspec.json.encode(cells)
        read_yes_or_no(cells)
        cells = complete(cells)
        interaction = msgspec.convert(cells, Interaction, strict=False)
    except UnicodeEncodeError:
        return Line(number, raw, reason="not_utf8", detail="bytes that are no UTF-8; expected a file of UTF-8 text")
    except (ValueError, msgspec.ValidationError) as error:
        return Line(number, raw, reason="schema", detail=describe(error, cells))
    # As a record: who reads a kept line again wants numbers to be numbers.
    return Line(number, encode_interaction(interaction), interaction)


def decode_line(number: int, raw: bytes) -> Line:
    """A line of JSON."""
    try:
        return Line(number, raw, decode_interaction(raw))
    except msgspec.ValidationError as error:
        return _decode_completed(number, raw, error)
    except UNDECODABLE as error:
        return Line(number, raw, reason="not_json", detail=str(error))


def _decode_completed(number: int, raw: bytes, error: msgspec.ValidationError) -> Line:
    """What is no interaction as it stands may be one with the fields that follow from the others."""
    try:
        fields = _read_fields(raw)
    except UNDECODABLE:  # broken further on; the first error stands
        return Line(number, raw, reason="schema", detail=str(error))
    detail = describe(error, fields)
    if isinstance(fields, dict) and (fields.get("id") is None or fields.get("post") is None):
        try:
            fields = complete(fields)
            return Line(number, raw, msgspec.convert(fields, Interaction))
        except (ValueError, msgspec.ValidationError) as still:
            detail = describe(still, fields)
    return Line(number, raw, reason="schema", detail=detail)


def _read_fields(raw: bytes) -> dict[str, Any] | msgspec.Raw:
    """Those fields that an interaction has; of what is no object all as it stands. Raises what UNDECODABLE lists."""
    try:
        values = _decode_values(raw)
    except msgspec.ValidationError:
        return msgspec.Raw(raw)
    return {name: _read_value(value) for name, value in values.items() if name in KNOWN}


def _read_value(value: msgspec.Raw) -> Any:
    """The value; as it stands where Python has no such value, which then is of no type that a field has."""
    try:
        return msgspec.json.decode(value)
    except UNDECODABLE:
        return value
