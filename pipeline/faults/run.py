"""One run of `twoway prove`: traffic, faults by the schedule, a pulse; then everything is drained and compared."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.clock import wall_clock
from pipeline.faults.injector import Injector, Say
from pipeline.faults.odd_times import OddTimes
from pipeline.faults.pulse import Pulse
from pipeline.faults.schedule import Fault, Kind
from pipeline.faults.stage import Stage
from pipeline.local.demo import end_tasks, wrong_totals
from pipeline.local.ports import LOOPBACK
from pipeline.local.scoreboard import read_scores
from pipeline.local.simulator.platforms import Platforms, read_secrets
from pipeline.local.simulator.polls import CONNECTION
from pipeline.local.simulator.sender import Sender
from pipeline.proving.published import Told, compare_published
from pipeline.proving.verify import Report, verify
from pipeline.reading import Reader

RATE = 250.0
LOOK_S = 0.2
DRAIN_S = 90.0
APPLIED_S = 90.0
TOLD_S = 60.0


@dataclass(frozen=True)
class Outcome:
    """What a run ends with. `report`: rows against the topic; `told`: what was published against Redis; `wrong`: brands
    of which Redis does not say what the simulated platforms know; `deaths`: children that ended by themselves."""

    seed: int
    planned: Mapping[Kind, int]
    fired: Mapping[Kind, int]
    sent: int
    not_taken: int
    refused: Mapping[str, int]
    report: Report
    told: Told
    wrong: tuple[str, ...]
    deaths: tuple[str, ...]
    longest_s: float
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether every fault fired and everything is right."""
        right = not (self.told.wrong or self.wrong or self.deaths or self.not_taken or self.refused)
        return self.report.holds and right and self.fired == self.planned


@dataclass
class Run:
    """A run on a stage that is up. Its parts are there to be looked at while it goes on; `is_over`: there are no more
    faults, and what is left is drained and compared."""

    stage: Stage
    schedule: tuple[Fault, ...]
    seed: int
    seconds: float
    say: Say
    rate: float = RATE
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        settings = self.stage.plan.settings
        self.pulse = Pulse(settings)
        self.is_over = False
        self.planned = Counter(fault.kind for fault in self.schedule)
        self.sender = Sender(f"http://{LOOPBACK}:{settings.gateway_port}", wall_clock)
        connections = Path(settings.connections_file)
        self.platforms = Platforms(self.seed, connections, wall_clock)
        odd_times = OddTimes(settings, self.sender.post, read_secrets(connections)[CONNECTION], wall_clock, self.say)
        self.injector = Injector(self.stage, odd_times, self.say)

    async def go(self) -> Outcome:
        """Play, drain and prove. Raises LocalStackError where a child does not come back."""
        async with self.sender:
            await self._play()
            self.is_over = True
            self.say("the platforms stop; what is on its way is delivered and counted")
            self.platforms.poll(self.sender)
            not_taken = await self.sender.drain(DRAIN_S)
            return await self._prove(not_taken)

    async def _play(self) -> None:
        tasks = [
            asyncio.create_task(self.platforms.run(self.sender, self.rate)),
            asyncio.create_task(self.pulse.run()),
            asyncio.create_task(self._watch()),
        ]
        faults = asyncio.create_task(self.injector.run(self.schedule))
        try:
            await asyncio.wait([*tasks, faults], timeout=self.seconds, return_when=asyncio.FIRST_EXCEPTION)
            # The last faults are got over under load, too.
            await asyncio.wait([*tasks, faults], return_when=asyncio.FIRST_COMPLETED)
            for task in (*tasks, faults):
                if task.done():
                    task.result()
        finally:
            await end_tasks([*tasks, faults])

    async def _watch(self) -> None:
        while True:
            self.stage.look()
            await asyncio.sleep(LOOK_S)

    async def _prove(self, not_taken: int) -> Outcome:
        settings = self.stage.plan.settings
        report = await verify(settings, wait_s=APPLIED_S)
        told = await self._told()
        async with Reader.connect(settings) as reader:
            scores = await read_scores(reader, self.platforms.world.brands)
        self.stage.look()
        return Outcome(
            seed=self.seed,
            planned=self.planned,
            fired=self.injector.fired,
            sent=self.sender.sent,
            not_taken=not_taken,
            refused=self.sender.refused,
            report=report,
            told=told,
            wrong=wrong_totals(self.platforms.world, scores),
            deaths=tuple(self.stage.deaths),
            longest_s=self.pulse.longest_s,
            seconds=time.monotonic() - self.began,
        )

    async def _told(self) -> Told:
        """What was published, once it is right: the last publication comes a moment after the count."""
        until = time.monotonic() + TOLD_S
        while True:
            told = await compare_published(self.stage.plan.settings)
            if not told.wrong or time.monotonic() > until:
                return told
            await asyncio.sleep(LOOK_S)
