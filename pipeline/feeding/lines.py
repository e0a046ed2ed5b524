"""Reads interactions out of JSON lines or CSV: each line becomes an interaction, or is refused with a reason.

CSV: the first line names the fields, an empty cell is an absent field. Unknown fields are passed over. Blank lines are
nothing. No line spoils the others.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal

import msgspec

from pipeline.errors import UnreadableError
from schemas.interaction import UNDECODABLE, Interaction, decode_interaction

Format = Literal["auto", "jsonl", "csv"]

NEEDED = frozenset(f.name for f in msgspec.structs.fields(Interaction) if f.required)
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Line:
    """One line: its number from 1, its bytes as JSON where they could be read as far as that, and the interaction, or
    the reason (a short fixed word) and the detail of its refusal."""

    number: int
    raw: bytes
    interaction: Interaction | None = None
    reason: str = ""
    detail: str = ""


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
            yield decode_line(number, raw)


def _csv_lines(lines: Iterable[bytes], skipped: int) -> Iterator[Line]:
    counted = _Counted(lines)
    reader = csv.DictReader(counted, strict=True)
    missing = NEEDED - set(reader.fieldnames or ())
    if missing:
        raise UnreadableError(
            "header", f"the CSV's first line lacks {', '.join(sorted(missing))}; expected field names"
        )
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
        yield _convert(number, row, b"".join(counted.raw))


def _convert(number: int, row: dict[str, str], raw: bytes) -> Line:
    if None in row:
        return Line(number, raw, reason="not_csv", detail="more cells than the first line has names")
    cells = {name: cell for name, cell in row.items() if cell}
    try:
        as_json = msgspec.json.encode(cells)
        interaction = msgspec.convert(cells, Interaction, strict=False)
    except UnicodeEncodeError:
        return Line(number, raw, reason="not_utf8")
    except msgspec.ValidationError as error:
        return Line(number, as_json, reason="schema", detail=str(error))
    return Line(number, as_json, interaction)


def decode_line(number: int, raw: bytes) -> Line:
    """A line of JSON."""
    try:
        return Line(number, raw, decode_interaction(raw))
    except msgspec.ValidationError as error:
        return Line(number, raw, reason="schema", detail=str(error))
    except UNDECODABLE as error:
        return Line(number, raw, reason="not_json", detail=str(error))
