"""The demo: simulated platforms send to the real gateway, a table shows what is counted, a proof ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.clock import wall_clock
from pipeline.local.console import StackConsole
from pipeline.local.ports import LOOPBACK
from pipeline.local.running import ended_error
from pipeline.local.scoreboard import Score, read_scores
from pipeline.local.screen import Screen, as_told
from pipeline.local.signals import cancelled_by_signals
from pipeline.local.simulator.platforms import Platforms
from pipeline.local.simulator.sender import Sender
from pipeline.local.simulator.world import World
from pipeline.local.stack import Stack
from pipeline.proving.verify import Report, verify
from pipeline.reading import Reader

RATE = 250.0
WATCH_S = 0.25
DRAIN_S = 60.0
APPLIED_S = 60.0
CANCEL_AGAIN_S = 0.2
#: Of a brand's totals, those that are compared with what stands; the queue and the followers are compared besides.
TOTALS = ("likes", "comments", "shares", "replies", "posts", "answered")


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
        return self.report.holds and not (self.wrong or self.not_taken or self.refused)


class Demo:
    """One run on a stack that is up."""

    def __init__(self, stack: Stack, folder: Path, console: StackConsole, rate: float, seed: int) -> None:
        self._stack = stack
        self._console = console
        self._rate = rate
        self._platforms = Platforms(seed, Path(stack.plan.settings.connections_file), wall_clock)
        self._brands = self._platforms.world.brands
        self._screen = Screen(console, stack.plan, folder, self._brands, wall_clock)
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
        async with Sender(gateway, wall_clock) as sender, Reader.connect(settings) as reader:
            await self._play(sender, reader, seconds)
            self._console.say("the platforms stop; what is on its way is delivered and counted")
            self._platforms.poll(sender)
            not_taken = await sender.drain(DRAIN_S)
            report = await verify(settings, wait_s=APPLIED_S)
            scores = await read_scores(reader, self._brands)
            await self._screen.show_findings(reader, scores)
            self._console.say(as_told(sender))
            return Proof(sender.sent, not_taken, sender.refused, report, wrong_totals(self._platforms.world, scores))

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first Ctrl-C leads to the proof, a second one or any other signal ends the demo without it."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        with cancelled_by_signals():
            loop.add_signal_handler(signal.SIGINT, lambda: task.cancel() if self._stop.is_set() else self._stop.set())
            yield

    async def _play(self, sender: Sender, reader: Reader, seconds: float | None) -> None:
        tasks = [
            asyncio.create_task(self._platforms.run(sender, self._rate)),
            asyncio.create_task(self._screen.run(sender, reader)),
            asyncio.create_task(self._screen.listen_to_silence(reader)),
            asyncio.create_task(self._watch()),
        ]
        stopped = asyncio.create_task(self._stop.wait())
        try:
            done, _ = await asyncio.wait([*tasks, stopped], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # an error of one ends the demo
        finally:
            await end_tasks([*tasks, stopped])

    async def _watch(self) -> None:
        while True:
            if ended := self._stack.ended():
                raise ended_error(ended)
            await asyncio.sleep(WATCH_S)


async def end_tasks(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel until all have ended.

    Once is not enough: before Python 3.12 `asyncio.wait_for`, with which the Redis client writes, loses a cancellation
    that comes as its write completes.
    """
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)  # what else went wrong in them was told, or does not matter


def wrong_totals(world: World, scores: Sequence[Score]) -> tuple[str, ...]:
    """Brands of which Redis does not say what stands in the world, one line a number."""
    wrong = []
    for score in scores:
        counted = _counted(score)
        for name, standing in world.truth(score.brand).items():
            if counted.get(name, 0) != standing:
                wrong.append(f"{score.brand.name}: {counted.get(name, 0)} {name} counted, {standing} stand")
    return tuple(wrong)


def _counted(score: Score) -> dict[str, int]:
    """A brand's totals as they are read, by the names that the simulator has for them."""
    if score.numbers is None or score.queue is None:
        return {}
    counted = {name: int(getattr(score.numbers, name)) for name in TOTALS}
    followers = score.numbers.polled.get("followers")
    return counted | {"unanswered": score.queue.waiting, "followers": followers.value if followers else 0}
