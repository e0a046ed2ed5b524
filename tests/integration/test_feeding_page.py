"""docs/feeding.md: its commands give the answers below them, and its table has every field as the code takes it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import orjson
import pytest

from pipeline.feeding.fields import KNOWN
from pipeline.feeding.lines import read_lines
from pipeline.settings import Settings
from tests.commands import environment, run_program

pytestmark = pytest.mark.servers
PAGE = (Path(__file__).parents[2] / "docs" / "feeding.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```sh\n(.*?)^```\n```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
KINDS = ("like", "comment", "share", "post", "totals")
ROWS = re.findall(r"^\| (`[a-z_`, ]+`) " + r"\| ([RDo]|\S) " * 5 + r"\| (.*) \|$", PAGE, re.MULTILINE)
#: A value of each field, and for each kind what makes a line of it.
VALUES = {
    "platform": "shop", "account": "brand", "action": "add", "post": "p1", "id": "i1", "time_ms": 5, "actor": "ann",
}  # fmt: skip


def test_every_command_gives_the_answer_below_it(settings: Settings, tmp_path: Path) -> None:
    """Copied and pasted as they stand, one after the other."""
    twoway = tmp_path / "bin" / "twoway"
    twoway.parent.mkdir()
    twoway.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipeline "$@"\n')
    twoway.chmod(0o755)
    env = environment(settings)
    env |= {"PATH": f"{twoway.parent}:{env['PATH']}", "PYTHONPATH": str(Path(__file__).parents[2])}
    assert len(EXAMPLES) == PAGE.count("```sh") == 4
    for command, answer in EXAMPLES:
        ran = run_program(["sh", "-c", command], env=env, cwd=tmp_path)
        assert (ran.stdout, ran.stderr) == (answer, ""), command


def test_the_table_names_every_field_once() -> None:
    named = [name for fields, *_ in ROWS for name in re.findall(r"[a-z_]+", fields)]
    assert sorted(named) == sorted(KNOWN)


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_says_what_each_kind_needs(kind: str) -> None:
    """Without a required field a line is refused, without a derived one it is the same interaction."""
    column = {name: row[KINDS.index(kind)] for fields, *row in ROWS for name in re.findall(r"[a-z_]+", fields)}
    full = {"kind": kind} | {name: value for name, value in VALUES.items() if column[name] in {"R", "D", "o"}}
    full |= {"id": "p1"} if kind in {"post", "totals"} else {"id": "p1/ann"} if kind == "like" else {}
    # Numbers of which one counts, whichever is left out: with a post or without.
    full |= {"likes": 1, "comments": 1, "followers": 1} if kind == "totals" else {}
    [whole] = read_lines([orjson.dumps(full)])
    assert whole.interaction is not None
    for name in full:
        [line] = read_lines([orjson.dumps({key: value for key, value in full.items() if key != name})])
        if column[name] == "R":
            assert line.reason == "schema", name
        elif column[name] == "D":
            assert line.interaction == whole.interaction, name
        else:
            assert line.interaction is not None, name
