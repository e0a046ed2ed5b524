"""The comparison of measured programs: medians, spread, ratios to ours, and what failed."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bench.contest import Contest
from bench.measured import Failure, Measured, Reading
from bench.programs import Program, ProgramError, cause_in

OURS = Measured(
    program="ours",
    events=1_000,
    seconds=10.0,
    cpu_seconds=6.0,
    redis_cpu_seconds=2.0,
    kafka_cpu_seconds=1.0,
    rss_mib=200.0,
    others_cores=0.0,
    half=Reading(events=500, seconds=6.0, cpu_seconds=4.0),
    from_start_seconds=12.0,
    from_start_cpu_seconds=7.0,
)


def _contest(*runs: Measured) -> Contest:
    contest = Contest("ours")
    contest.runs += runs
    return contest


def _shown(contest: Contest) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(contest.tables("a title"))
    return capture.get()


def test_a_figure_is_the_median_of_its_runs_with_the_lowest_and_the_highest() -> None:
    """One slow run does not decide, and it is not hidden."""
    runs = [replace(OURS, seconds=seconds) for seconds in (10.0, 5.0, 4.0)]
    assert _contest(*runs).as_dict()["ours"]["events_per_s"] == {
        "median": 200.0,
        "lowest": 100.0,
        "highest": 250.0,
        "ratio": 1.0,
    }


def test_ratios_are_to_our_worker_whatever_ran_first() -> None:
    """Events a CPU-second of program and Redis together, and each one's cost beside."""
    peer = replace(OURS, program="peer", cpu_seconds=3.0, redis_cpu_seconds=1.0, rss_mib=800.0)
    figures = _contest(peer, OURS).as_dict()["peer"]
    assert figures["events_per_all_cpu_s"]["ratio"] == 2.0
    assert figures["cpu_seconds_per_million"]["ratio"] == 0.5
    assert figures["redis_cpu_seconds_per_million"]["ratio"] == 0.5
    assert figures["rss_mib"]["ratio"] == 4.0


def test_without_a_run_of_ours_there_are_figures_and_no_ratios() -> None:
    """`--only flink` tells how fast it was."""
    figures = _contest(replace(OURS, program="peer")).as_dict()["peer"]
    assert figures["events_per_s"]["median"] == 100.0
    assert figures["events_per_s"]["ratio"] is None


def test_a_program_that_failed_stands_in_the_table_with_its_reason_and_the_others_keep_their_figures() -> None:
    """Nothing that was measured is thrown away."""
    contest = _contest(OURS)
    contest.failures.append(Failure("peer", 1, "peer ended with exit code 1: [TransactionAborted] no"))
    shown = _shown(contest)
    assert "0, 1 failed" in shown
    assert "peer, run 1: peer ended with exit code 1: [TransactionAborted] no" in shown
    assert "100" in shown


@pytest.mark.parametrize("rows_different, failures, is_well", [(0, 0, True), (1, 0, False), (0, 1, False)])
def test_only_a_contest_without_failures_and_wrong_rows_is_well(
    rows_different: int, failures: int, is_well: bool
) -> None:
    """Its exit code says so."""
    contest = _contest(replace(OURS, rows_different=rows_different))
    contest.failures += [Failure("peer", 1, "no reason")] * failures
    assert contest.is_well is is_well


def test_a_contest_in_which_nothing_ran_is_not_well() -> None:
    """And its table can still be shown."""
    assert not _contest().is_well
    assert "a title" in _shown(_contest())


def test_a_programs_failure_names_the_exit_code_and_the_error_that_its_log_ends_with(tmp_path: Path) -> None:
    """The reason is one line; the end of the log comes along."""
    command = [sys.executable, "-c", "print('begun'); raise ValueError('no such topic')"]
    with Program("peer", command, {}, tmp_path / "log", 30) as program, pytest.raises(ProgramError) as caught:
        program.wait_for(lambda: False)
    assert str(caught.value) == "peer ended with exit code 1: ValueError: no such topic"
    assert "Traceback" in caught.value.log


def test_a_program_that_takes_too_long_is_ended_and_says_how_long_it_had(tmp_path: Path) -> None:
    """It cannot hold up the others."""
    command = [sys.executable, "-c", "import time; print('at work', flush=True); time.sleep(60)"]
    with Program("peer", command, {}, tmp_path / "log", 0.2) as program, pytest.raises(ProgramError) as caught:
        program.wait_for(lambda: False)
    assert str(caught.value) == "peer did not end within 0.2 s"


def test_the_cause_in_a_java_log_is_its_last_error_and_not_a_line_of_the_trace() -> None:
    """A stack trace ends with places, not with reasons."""
    log = "org.a.StreamsError: first\n\tat b.C(C.java:1)\nCaused by: org.a.TooLargeException: of 2 MB\n\t... 4 more\n"
    assert cause_in(log) == "Caused by: org.a.TooLargeException: of 2 MB"
