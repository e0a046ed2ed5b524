"""Reads interactions out of JSON lines or CSV: each line becomes an interaction, or is refused with a reason.

CSV: the first line names the fields, an empty cell is an absent field. Unknown fields are passed over, and named.
Fields that follow from others may be left out (`pipeline/feeding/fields.py`). Blank lines are nothing. No line spoils
the others.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Literal

import msgspec

from pipeline.errors import UnreadableError
from pipeline.feeding.fields import KNOWN, NEEDED, complete, read_yes_or_no, unknown
from pipeline.feeding.refusals import describe
from schemas.interaction import UNDECODABLE, Interaction, decode_interaction, encode_interaction

Format = Literal["auto", "jsonl", "csv"]

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Line:
    """One line: its number from 1, its bytes as JSON where they could be read as far as that, and the interaction, or
    the reason (a short fixed word) and the detail of its refusal. `unknown`: its fields that no interaction has."""

    number: int
    raw: bytes
    interaction: Interaction | None = None
    reason: str = ""
    detail: str = ""
    unknown: tuple[str, ...] = ()


@dataclass
class _Counted:
    """Lines as text for the csv module, which counts them itself; bytes that are no UTF-8 survive as surrogates."""

    lines: Iterable[bytes]
    raw: list[bytes] = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        for line in self.lines:
            self.raw.append(line)
            yield line.decode(errors="surrogateescape")


def read_lines(lines: Iterable[bytes], form: Format = "auto") -> Iterator[Line]:
    """Every line of a file, in order. Raises UnreadableError where a CSV's header lacks a needed field.

    `auto`: JSON lines if the first line that is not blank begins with a brace, else CSV.
    """
    numbered = enumerate(lines, start=1)
    for number, first in numbered:
        text = first.removeprefix(_BOM) if number == 1 else first
        if text.strip():
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
        raw = line.strip()
        if raw:
            decoded = decode_line(number, raw)
            names = unknown(msgspec.json.decode(raw)) if decoded.interaction else ()
            yield replace(decoded, unknown=names) if names else decoded


def _csv_lines(lines: Iterable[bytes], skipped: int) -> Iterator[Line]:
    counted = _Counted(lines)
    reader = csv.DictReader(counted, strict=True)
    names = reader.fieldnames = _header(reader)
    foreign = unknown(names)
    while True:
        number = skipped + reader.line_num + 1
        counted.raw.clear()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(number, b"".join(counted.raw), reason="not_csv", detail=str(error))
            continue
        yield replace(_convert(number, row, b"".join(counted.raw)), unknown=foreign)


def _header(reader: csv.DictReader[str]) -> list[str]:
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
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
    detail, fields = str(error), None
    try:
        fields = msgspec.json.decode(raw)
        detail = describe(error, fields)
        if isinstance(fields, dict) and (fields.get("id") is None or fields.get("post") is None):
            fields = complete(fields)
            return Line(number, raw, msgspec.convert(fields, Interaction))
    except (ValueError, msgspec.ValidationError) as still:
        detail = describe(still, fields)
    except UNDECODABLE:  # broken further on; the first error stands
        pass
    return Line(number, raw, reason="schema", detail=detail)
