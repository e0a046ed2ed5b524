"""The words of the gateway's errors and rejections: each is explained, and a refusal is logged, not too often."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.gateway.refusals import Refusals
from tests.factories import NOON_MS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
#: What makes a word, and as which of its arguments.
MAKERS = {"RefusedError": 0, "UnreadableError": 0, "Unreadable": 1, "_Refusal": 1}
ELSEWHERE = {"internal_error"}


def words_of(file: Path) -> Iterator[str]:
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        place = MAKERS.get(call.func.id) if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else None
        if isinstance(call, ast.Call) and place is not None and len(call.args) > place:
            word = call.args[place]
            either = (word.body, word.orelse) if isinstance(word, ast.IfExp) else (word,)
            yield from (one.value for one in either if isinstance(one, ast.Constant) and isinstance(one.value, str))


def test_every_word_in_the_code_stands_in_the_table_and_no_other() -> None:
    """Whoever sees one in an answer, a metric or the log can look it up."""
    files = [*(ROOT / "pipeline" / "gateway").glob("*.py"), *(ROOT / "pipeline" / "sources").glob("*.py")]
    used = {word for file in files for word in words_of(file)}
    section = PAGE.split("## Words of errors and rejections")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
    told = [word for cell in cells for word in re.findall(r"`([a-z_]+)`", cell)]
    assert sorted(told) == sorted(used | ELSEWHERE)


def test_a_refusal_is_logged_once_a_minute_a_connection_and_word(caplog: pytest.LogCaptureFixture) -> None:
    """A flood of them is one line, and the next says how many it was."""
    refusals = Refusals()
    for second in range(60):
        refusals.tell("pages", "wrong_signature", 401, NOON_MS + second * 1_000)
    refusals.tell("pages", "missing_signature", 401, NOON_MS)
    refusals.tell("pages", "wrong_signature", 401, NOON_MS + 60_000)
    assert [record.getMessage() for record in caplog.records] == [
        "connection pages: a request was answered with 401, wrong_signature",
        "connection pages: a request was answered with 401, missing_signature",
        "connection pages: a request was answered with 401, wrong_signature, and 59 times since this was last logged",
    ]


def test_unknown_names_share_a_line_and_cannot_write_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """They are chosen by whoever asks."""
    refusals = Refusals()
    for number in range(100):
        refusals.tell_unknown(f"\x1b[2J{number}" + "x" * 1_000, NOON_MS)
    (record,) = caplog.records
    assert "\x1b" not in record.getMessage()
    assert len(record.getMessage()) < 250
    assert record.getMessage().endswith("404, unknown_connection")


def test_a_clock_that_is_set_back_does_not_keep_refusals_silent(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    refusals.tell("pages", "wrong_signature", 401, NOON_MS)
    refusals.tell("pages", "wrong_signature", 401, NOON_MS - 3_600_000)
    assert len(caplog.records) == 2
