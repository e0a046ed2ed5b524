"""The comparison of programs that ran by turns: medians, their spread, and ratios to one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from bench.measured import Failure, Measured

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
    "rss_mib": ("peak MiB", lambda run: run.rss_mib, ",.0f"),
    "start_cpu_seconds": ("start", lambda run: run.start_cpu_seconds, ".1f"),
    "from_start_seconds": ("s in all", lambda run: run.from_start_seconds, ".1f"),
    "others_cores": ("others", lambda run: run.others_cores, ".2f"),
}
#: These are told with their spread and as a ratio.
COMPARED = (
    "events_per_s",
    "events_per_all_cpu_s",
    "cpu_seconds_per_million",
    "redis_cpu_seconds_per_million",
    "rss_mib",
)
SPEED = ("events_per_s", "events_per_all_cpu_s", "events_per_cpu_s", "late_events_per_cpu_s")
SPEED_NOTES = (
    "medians; lowest to highest in brackets; x: as a multiple of {base}'s\n"
    "own: without Redis; 2nd half: of the events after the first half, own CPU-seconds"
)
COST_NOTES = (
    "medians; own CPU-s, Redis, Kafka: CPU-seconds for a million events\n"
    "start: CPU-seconds before the first event; s in all: from the program's start to its last row\n"
    "others: cores that other programs on this machine kept busy meanwhile"
)


class Contest:
    """What the runs gave. `base` is the program that ratios are to; without a run of it there are none."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.runs: list[Measured] = []
        self.failures: list[Failure] = []

    @property
    def is_well(self) -> bool:
        """Whether every run gave its figures and every row was right."""
        return bool(self.runs) and not self.failures and not any(run.rows_different for run in self.runs)

    def by_program(self) -> dict[str, list[Measured]]:
        """The runs of each program, in the order of their first; of one that only failed there are none."""
        programs: dict[str, list[Measured]] = {}
        for run in self.runs:
            programs.setdefault(run.program, []).append(run)
        for failure in self.failures:
            programs.setdefault(failure.program, [])
        return programs

    def tables(self, title: str) -> Group:
        """Two tables with a line for each program: how fast it was, and what it cost; below, what failed and why."""
        programs = self.by_program()
        notes = SPEED_NOTES.format(base=self.base)
        speed = Table(title=title, caption="\n".join([notes, *_published(programs)]))
        cost = Table(caption=COST_NOTES)
        for shown, names in ((speed, SPEED), (cost, [name for name in FIGURES if name not in SPEED])):
            shown.add_column("program")
            for name in names:
                shown.add_column(FIGURES[name][0], justify="right")
                if name in COMPARED:
                    shown.add_column("x", justify="right")
            if shown is speed:
                shown.add_column("runs", justify="right")
                shown.add_column("rows different", justify="right")
            for program, its_runs in programs.items():
                cells = [cell for name in names for cell in self._cells(name, its_runs)]
                shown.add_row(program, *cells, *(self._outcome(program, its_runs) if shown is speed else ()))
        failed = [
            f"[red]failed:[/red] {escape(failure.program)}, run {failure.number}: {escape(failure.reason)}"
            for failure in self.failures
        ]
        return Group(speed, cost, *failed)

    def as_dict(self) -> dict[str, Any]:
        """Program -> figure -> median, lowest, highest and ratio."""
        return {
            program: {name: self._summary(name, runs) for name in FIGURES}
            for program, runs in self.by_program().items()
            if runs
        }

    def _ratio(self, name: str, value: float) -> float | None:
        figure = FIGURES[name][1]
        base = [figure(run) for run in self.runs if run.program == self.base]
        return value / median(base) if base and median(base) else None

    def _cells(self, name: str, runs: Sequence[Measured]) -> list[str]:
        _, figure, form = FIGURES[name]
        if not runs:
            return ["-"] * (2 if name in COMPARED else 1)
        values = [figure(run) for run in runs]
        text = format(median(values), form)
        if name not in COMPARED:
            return [text]
        spread = f" ({format(min(values), form)}-{format(max(values), form)})" if len(values) > 1 else ""
        ratio = self._ratio(name, median(values))
        return [text + spread, "-" if ratio is None else f"{ratio:.2f}"]

    def _outcome(self, program: str, runs: Sequence[Measured]) -> list[str]:
        failed = sum(failure.program == program for failure in self.failures)
        told = f"{len(runs)}, {failed} failed" if failed else f"{len(runs)}"
        return [told, f"{sum(run.rows_different for run in runs):,}" if runs else "-"]

    def _summary(self, name: str, runs: Sequence[Measured]) -> dict[str, float | None]:
        values = [FIGURES[name][1](run) for run in runs]
        middle = median(values)
        return {"median": middle, "lowest": min(values), "highest": max(values), "ratio": self._ratio(name, middle)}


def _published(programs: dict[str, list[Measured]]) -> Iterator[str]:
    for program, runs in programs.items():
        times = [(run.published_seconds, run.published_cpu_seconds, run.events) for run in runs]
        done = [(seconds, events / cpu) for seconds, cpu, events in times if seconds and cpu]
        if done:
            seconds, rate = median(each for each, _ in done), median(each for _, each in done)
            yield (
                f"{program}: until all rows were published too {seconds:.1f} s, "
                f"{runs[0].events / seconds:,.0f} events/s, {rate:,.0f} events per own CPU-second"
            )
