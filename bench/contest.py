"""The comparison of programs that ran by turns: medians, their spread, and ratios to ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

from rich.console import Group
from rich.table import Table

from bench.measured import Measured

Figure = Callable[[Measured], float]
#: Heading, figure, and how it is written.
FIGURES: dict[str, tuple[str, Figure, str]] = {
    "events_per_s": ("events/s", lambda run: run.events_per_s, ",.0f"),
    "events_per_all_cpu_s": ("per CPU-s with Redis", lambda run: run.events_per_all_cpu_s, ",.0f"),
    "events_per_cpu_s": ("per own CPU-s", lambda run: run.events_per_cpu_s, ",.0f"),
    "late_events_per_cpu_s": ("2nd half", lambda run: run.late_events_per_cpu_s, ",.0f"),
    "cpu_seconds_per_million": ("own CPU-s", lambda run: run.per_million(run.cpu_seconds), ".1f"),
    "redis_cpu_seconds_per_million": ("Redis", lambda run: run.per_million(run.redis_cpu_seconds), ".1f"),
    "kafka_cpu_seconds_per_million": ("Kafka", lambda run: run.per_million(run.kafka_cpu_seconds), ".1f"),
    "start_cpu_seconds": ("start", lambda run: run.start_cpu_seconds, ".1f"),
    "from_start_seconds": ("s in all", lambda run: run.from_start_seconds, ".1f"),
    "rss_mib": ("MiB", lambda run: run.rss_mib, ",.0f"),
    "others_cores": ("others", lambda run: run.others_cores, ".2f"),
}
#: These are told with their spread and as a ratio to the first program.
COMPARED = ("events_per_s", "events_per_all_cpu_s")
SPEED = (*COMPARED, "events_per_cpu_s", "late_events_per_cpu_s")
SPEED_NOTES = (
    "medians; lowest to highest in brackets; x: as a multiple of the first program's\n"
    "own: without Redis; 2nd half: of the events after the first half, own CPU-seconds"
)
COST_NOTES = (
    "medians; own CPU-s, Redis, Kafka: CPU-seconds for a million events\n"
    "start: CPU-seconds before the first event; s in all: from the program's start to its last row\n"
    "others: cores that other programs on this machine kept busy meanwhile"
)


def by_program(runs: Sequence[Measured]) -> dict[str, list[Measured]]:
    """The runs of each program, in the order of their first."""
    programs: dict[str, list[Measured]] = {}
    for run in runs:
        programs.setdefault(run.program, []).append(run)
    return programs


def tables(runs: Sequence[Measured], title: str) -> Group:
    """Two tables with a line for each program: how fast it was, and what it cost."""
    programs = by_program(runs)
    first = next(iter(programs.values()))
    speed = Table(title=title, caption="\n".join([SPEED_NOTES, *_published(programs)]))
    cost = Table(caption=COST_NOTES)
    for shown in (speed, cost):
        shown.add_column("program")
    for name, (heading, _, _) in FIGURES.items():
        shown = speed if name in SPEED else cost
        shown.add_column(heading, justify="right")
        if name in COMPARED:
            shown.add_column("x", justify="right")
    speed.add_column("rows different", justify="right")
    for program, its_runs in programs.items():
        different = f"{sum(run.rows_different for run in its_runs):,}"
        speed.add_row(program, *(cell for name in SPEED for cell in _cells(name, its_runs, first)), different)
        cost.add_row(
            program, *(cell for name in FIGURES if name not in SPEED for cell in _cells(name, its_runs, first))
        )
    return Group(speed, cost)


def _cells(name: str, runs: Sequence[Measured], first: Sequence[Measured]) -> list[str]:
    _, figure, form = FIGURES[name]
    values = [figure(run) for run in runs]
    text = format(median(values), form)
    if name not in COMPARED:
        return [text]
    spread = f" ({format(min(values), form)}-{format(max(values), form)})" if len(values) > 1 else ""
    return [text + spread, f"{median(values) / median(map(figure, first)):.2f}"]


def as_dict(runs: Sequence[Measured]) -> dict[str, Any]:
    """Program -> figure -> median, lowest, highest and ratio to the first program."""
    programs = by_program(runs)
    first = next(iter(programs.values()))
    return {
        program: {name: _summary(its_runs, first, figure) for name, (_, figure, _) in FIGURES.items()}
        for program, its_runs in programs.items()
    }


def _summary(runs: Sequence[Measured], first: Sequence[Measured], figure: Figure) -> dict[str, float | None]:
    values, base = [figure(run) for run in runs], median(map(figure, first))
    ratio = median(values) / base if base else None
    return {"median": median(values), "lowest": min(values), "highest": max(values), "ratio": ratio}


def _published(programs: dict[str, list[Measured]]) -> Iterator[str]:
    for program, runs in programs.items():
        times = [(run.published_seconds, run.published_cpu_seconds, run.events) for run in runs]
        done = [(seconds, events / cpu) for seconds, cpu, events in times if seconds and cpu]
        if done:
            seconds, rate = median(each for each, _ in done), median(each for _, each in done)
            yield f"{program}: until all rows were published too {seconds:.1f} s, {rate:,.0f} events per own CPU-second"
