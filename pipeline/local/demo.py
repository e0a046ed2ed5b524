"""The demo: simulated platforms send to the real gateway, a table shows what is counted, a proof ends it."""

from __future__ import annotations

import asyncio
import signal
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from rich.console import Group
from rich.live import Live
from rich.text import Text

from pipeline.clock import Clock, wall_clock
from pipeline.local.console import StackConsole, address_lines
from pipeline.local.ports import LOOPBACK
from pipeline.local.running import ended_error
from pipeline.local.scoreboard import Score, as_lines, as_table, read_scores
from pipeline.local.simulator.deliveries import deliveries
from pipeline.local.simulator.sender import Sender
from pipeline.local.simulator.world import World
from pipeline.local.stack import Stack
from pipeline.proving.verify import Report, verify
from pipeline.reading.reader import Reader

RATE = 250.0
STEP_S = 0.25
#: What the platforms kept while nobody took it: it arrives first, late, and fills the minutes before the start.
BACKLOG_MS = 20 * 60_000
BACKLOG_STEP_MS = 30_000
BACKLOG_RATE = 4.0
SCREEN_S = 0.5
PLAIN_S = 5.0
DRAIN_S = 60.0
APPLIED_S = 60.0


@dataclass(frozen=True)
class Proof:
    """What the demo ends with. `report`: every row in Redis against the topic. `wrong`: brands of which Redis does not
    say what the simulator knows to stand."""

    sent: int
    not_taken: int
    refused: Mapping[str, int]
    report: Report
    wrong: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return self.report.holds and not (self.wrong or self.not_taken or self.refused or self.report.not_applied)


class Demo:
    """One run on a stack that is up."""

    def __init__(self, stack: Stack, folder: Path, console: StackConsole, rate: float, seed: int) -> None:
        self._stack = stack
        self._folder = folder
        self._console = console
        self._rate = rate
        self._clock: Clock = wall_clock
        self._world = World(seed)
        self._random = Random(seed)
        self._secrets = read_secrets(Path(stack.plan.settings.connections_file))
        self._stop = asyncio.Event()

    async def run(self, seconds: float | None) -> Proof:
        """Play for so long, or until the first Ctrl-C, then prove.

        Raises LocalStackError when a part of the stack ends by itself, CancelledError when a signal ends the demo.
        """
        with self._signals():
            return await self._run(seconds)

    async def _run(self, seconds: float | None) -> Proof:
        settings = self._stack.plan.settings
        gateway = f"http://{LOOPBACK}:{settings.gateway_port}"
        async with Sender(gateway, self._clock) as sender, Reader.connect(settings) as reader:
            await self._play(sender, reader, seconds)
            self._console.say("the platforms stop; what is on its way is delivered and counted")
            not_taken = await sender.drain(DRAIN_S)
            report = await verify(settings, wait_s=APPLIED_S)
            scores = await read_scores(reader, self._world.brands)
            self._console.show(as_table(scores, self._clock(), self._console.console.width))
            self._console.say(_told(sender))
            return Proof(sender.sent, not_taken, sender.refused, report, self._wrong(scores))

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first Ctrl-C leads to the proof, a second one or any other signal ends the demo without it."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        for number in before:
            loop.add_signal_handler(number, task.cancel)
        loop.add_signal_handler(signal.SIGINT, lambda: task.cancel() if self._stop.is_set() else self._stop.set())
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    async def _play(self, sender: Sender, reader: Reader, seconds: float | None) -> None:
        tasks = [
            asyncio.create_task(self._simulate(sender)),
            asyncio.create_task(self._show(sender, reader)),
            asyncio.create_task(self._watch()),
        ]
        stopped = asyncio.create_task(self._stop.wait())
        try:
            done, _ = await asyncio.wait([*tasks, stopped], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # an error of one ends the demo
        finally:
            for task in (*tasks, stopped):
                task.cancel()
            await asyncio.gather(*tasks, stopped, return_exceptions=True)

    async def _simulate(self, sender: Sender) -> None:
        until_ms = self._clock()
        for from_ms in range(until_ms - BACKLOG_MS, until_ms, BACKLOG_STEP_MS):
            self._let_happen(sender, from_ms, from_ms + BACKLOG_STEP_MS, BACKLOG_RATE)
            await asyncio.sleep(0)
        while True:
            await asyncio.sleep(STEP_S)
            now_ms = self._clock()
            self._let_happen(sender, until_ms, now_ms, self._rate)
            until_ms = now_ms

    def _let_happen(self, sender: Sender, from_ms: int, until_ms: int, rate: float) -> None:
        happenings = self._world.pass_time(from_ms, until_ms, rate)
        for delivery in deliveries(happenings, self._secrets, until_ms, self._random):
            sender.post(delivery)

    async def _show(self, sender: Sender, reader: Reader) -> None:
        if not self._console.console.is_terminal:
            await self._show_lines(reader)
        with Live(console=self._console.console, auto_refresh=False, transient=True) as live:
            while True:
                scores = await read_scores(reader, self._world.brands)
                live.update(self._screen(scores, sender), refresh=True)
                await asyncio.sleep(SCREEN_S)

    async def _show_lines(self, reader: Reader) -> None:
        self._console.addresses(self._stack.plan, self._folder)
        while True:
            scores = await read_scores(reader, self._world.brands)
            for line in as_lines(scores, self._clock()):
                self._console.say(line)
            await asyncio.sleep(PLAIN_S if any(score.numbers for score in scores) else SCREEN_S)

    def _screen(self, scores: list[Score], sender: Sender) -> Group:
        lines = [f"{name:<10} {where}" for name, where in address_lines(self._stack.plan, self._folder)]
        meaning = "ratio: comments a like, for all time and minute by minute; the brand's replies count apart"
        hint = "Ctrl-C: stop, and compare every number with the topic"
        return Group(
            "",
            as_table(scores, self._clock(), self._console.console.width),
            "",
            Text("\n".join([meaning, _told(sender), *lines, hint]), style="dim"),
        )

    async def _watch(self) -> None:
        while True:
            if ended := self._stack.ended():
                raise ended_error(ended)
            await asyncio.sleep(STEP_S)

    def _wrong(self, scores: list[Score]) -> tuple[str, ...]:
        wrong = []
        for score in scores:
            for column, standing in self._world.truth(score.brand).items():
                counted = getattr(score.numbers, column) if score.numbers else 0
                if counted != standing:
                    wrong.append(f"{score.brand.name}: {counted} {column} counted, {standing} stand")
        return tuple(wrong)


def read_secrets(connections_file: Path) -> dict[str, str]:
    """The newest secret of each connection, by name."""
    connections = tomllib.loads(connections_file.read_text(encoding="utf-8"))["connections"]
    return {name: connection["secrets"][0] for name, connection in connections.items()}


def _told(sender: Sender) -> str:
    return (
        f"{sender.sent:,} interactions in {sender.deliveries:,} deliveries,"
        f" {sender.repeats:,} of them repeats, {sender.retries:,} tried again"
    )
