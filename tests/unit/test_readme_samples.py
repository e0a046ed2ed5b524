"""The README's samples of the demo: of one run, and in the shape in which the commands print today."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

from rich.console import Console, RenderableType

from pipeline.cli.tables import numbers_table
from pipeline.counting.page import PageView, Polled
from pipeline.local.scoreboard import MIDDLE, Score, as_table
from pipeline.local.simulator.brands import BRANDS
from pipeline.reading import Series
from pipeline.reading.answers import numbers_of
from pipeline.reading.replying import together
from pipeline.windows import ALL
from tests.factories import NOON_MS

PAGE = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
TABLE, ACCOUNT = (
    re.search(rf"```text\n({first}.*?)```", PAGE, re.DOTALL).group(1).splitlines()  # type: ignore[union-attr]
    for first in ("account +platform", "account facebook 700100200301")
)
BRAND = BRANDS[0]
VALUE = re.compile(r"^ *(.*?) {2,}([\d.,]+(?: [%smh])?)(?: {2,}|$)")


def printed(what: RenderableType) -> list[str]:
    console = Console(file=StringIO(), width=MIDDLE, color_system=None, emoji=False)
    console.print(what)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def labels(lines: list[str]) -> list[str]:
    return [re.split(r" {2,}", line.strip())[0] for line in lines]


def test_the_account_is_that_of_the_table_above() -> None:
    """Both are of one run: whoever reads them one after the other meets the same numbers."""
    row = next(line for line in TABLE if line.startswith(BRAND.name)).removeprefix(BRAND.name).split()
    found = dict(match.groups() for line in ACCOUNT if (match := VALUE.match(line)))
    assert row[:4] == [BRAND.platform, found["likes"], found["comments"], found["comments / likes"]]
    assert f"{found['answered']} {found['time to reply']}" in " ".join(row)


def test_the_account_has_the_rows_that_the_command_prints() -> None:
    """A brand of the demo is counted and polled, and answers."""
    polled = {name: Polled(100, NOON_MS) for name in ("likes", "shares", "followers")}
    account = numbers_of(
        PageView(
            "account", BRAND.platform, BRAND.account, BRAND.account, {ALL: (100, 90, 0, 20, 40)}, polled, 1, NOON_MS,
            {ALL: (10, 10)},
        )
    )  # fmt: skip
    series = [
        Series(
            entity="account", platform=BRAND.platform, id=BRAND.account, account=BRAND.account, window=window, rows=[],
            unknown=[], replying=together([]), as_of_ms=NOON_MS, source="both",
        )
        for window in ("1m", "1h", "1d")
    ]  # fmt: skip
    lines = printed(numbers_table(account, series, NOON_MS, 40))
    assert labels(ACCOUNT[1:]) == labels(lines)
    assert ACCOUNT[-1].endswith(", counted and polled")
    assert lines[-1].endswith(", counted and polled")


def test_the_table_has_the_columns_that_the_demo_prints() -> None:
    """Where its output is no terminal it is 100 columns wide."""
    head = printed(as_table([Score(brand) for brand in BRANDS], {}, NOON_MS, MIDDLE))[0]
    assert TABLE[0].split() == head.split()
    assert len([line for line in TABLE if line.startswith(tuple(brand.name for brand in BRANDS))]) == len(BRANDS)


def test_the_proof_counts_what_the_table_had_sent() -> None:
    (sent,) = re.findall(r"^([\d,]+) interactions in", PAGE, re.MULTILINE)
    assert f"twoway   interactions sent {sent}  rows compared " in PAGE
