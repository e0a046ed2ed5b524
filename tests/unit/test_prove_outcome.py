"""What makes a run of `twoway prove` fail, and what its end says."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from pipeline.faults.run import Outcome
from pipeline.faults.schedule import Kind
from pipeline.faults.screen import Screen
from pipeline.local.console import StackConsole
from pipeline.proving.published import Told
from pipeline.proving.verify import Report

GOOD = Outcome(
    seed=7,
    planned={Kind.WORKER_KILLED: 2, Kind.REDIS_KILLED: 1},
    fired={Kind.WORKER_KILLED: 2, Kind.REDIS_KILLED: 1},
    sent=1_000,
    not_taken=0,
    refused={},
    report=Report(interactions=1_004, rows_compared=300),
    told=Told(200, ()),
    wrong=(),
    deaths=(),
    longest_s=6.25,
    seconds=61.0,
)


def end_of(outcome: Outcome) -> str:
    """What the screen shows at the end."""
    out = io.StringIO()
    Screen(StackConsole(Console(file=out, width=120, emoji=False, highlight=False))).end(outcome)
    return out.getvalue()


def test_a_run_in_which_everything_fired_and_is_right_holds() -> None:
    assert GOOD.holds


@pytest.mark.parametrize(
    "change",
    [
        {"fired": {Kind.WORKER_KILLED: 1, Kind.REDIS_KILLED: 1}},
        {"report": Report(rows_different=1)},
        {"report": Report(not_applied=1)},
        {"report": Report(unsettled=1)},
        {"told": Told(200, ("post facebook:p1 all: published 1,0,0,0,0, in Redis 2,0,0,0,0",))},
        {"wrong": ("Nordlicht: 1 likes counted, 2 stand",)},
        {"deaths": ("worker ended (exit code 1)",)},
        {"not_taken": 1},
        {"refused": {"x: 401": 1}},
    ],
)
def test_whatever_did_not_fire_or_is_wrong_makes_it_fail(change: dict[str, Any]) -> None:
    assert not replace(GOOD, **change).holds


def test_the_end_names_faults_rows_the_longest_stand_still_and_the_seed() -> None:
    shown = [" ".join(line.split()) for line in end_of(GOOD).splitlines()]
    for line in (
        "worker killed 2 2",
        "all 3 3",
        "interactions sent 1,000",
        "rows compared with the topic 300",
        "rows different 0",
        "longest time without progress 6.2 s",
        "seed 7",
    ):
        assert line in shown


def test_what_is_wrong_is_told_without_escapes_for_the_terminal() -> None:
    """Ids come from outside."""
    shown = end_of(replace(GOOD, told=Told(1, ("post facebook:\x1b[31mp1 all: published 1, in Redis 2",))))
    assert "published: post facebook:" in shown
    assert "\x1b" not in shown
