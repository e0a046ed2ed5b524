"""The comparison of programs that ran by turns: medians, their spread, and ratios to ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

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
NOTES = (
    "medians; lowest to highest in brackets; x: as a multiple of the first program's\n"
    "own CPU-s, Redis, Kafka: CPU-seconds for a million events; 2nd half: events per own CPU-second then\n"
    "start: CPU-seconds before the first event; s in all: from the program's start to its last row\n"
    "others: cores that other programs on this machine kept busy meanwhile"
)


def by_program(runs: Sequence[Measured]) -> dict[str, list[Measured]]:
    """The runs of each program, in the order of their first."""
    programs: dict[str, list[Measured]] = {}
    for run in runs:
        programs.setdefault(run.program, []).append(run)
    return programs


def table(runs: Sequence[Measured], title: str) -> Table:
    """One line a program."""
    programs = by_program(runs)
    first = next(iter(programs.values()))
    shown = Table(title=title, caption=_caption(programs))
    shown.add_column("program")
    for name, (heading, _, _) in FIGURES.items():
        shown.add_column(heading, justify="right")
        if name in COMPARED:
            shown.add_column("x", justify="right")
    shown.add_column("different", justify="right")
    for program, its_runs in programs.items():
        cells = [program]
        for name, (_, figure, form) in FIGURES.items():
            values = [figure(run) for run in its_runs]
            text = format(median(values), form)
            if name in COMPARED:
                spread = f"\n({format(min(values), form)}-{format(max(values), form)})" if len(values) > 1 else ""
                cells += [text + spread, f"{median(values) / median(map(figure, first)):.2f}"]
            else:
                cells.append(text)
        shown.add_row(*cells, f"{sum(run.rows_different for run in its_runs):,}")
    return shown


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


def _caption(programs: dict[str, list[Measured]]) -> str:
    lines = [NOTES]
    for program, runs in programs.items():
        published = [run for run in runs if run.published_seconds and run.published_cpu_seconds]
        if published:
            seconds = median(run.published_seconds or 0 for run in published)
            rate = median(run.events / (run.published_cpu_seconds or 1) for run in published)
            lines.append(
                f"{program}: until all rows were published too {seconds:.1f} s, {rate:,.0f} events per own CPU-second"
            )
    return "\n".join(lines)
