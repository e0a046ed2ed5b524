"""What the demo shows while it runs, and its findings at the end. On a terminal a live table, elsewhere plain lines."""

from __future__ import annotations

import asyncio
from itertools import cycle
from pathlib import Path

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.clock import Clock
from pipeline.errors import NotFoundError
from pipeline.insights import Silence
from pipeline.local.console import StackConsole, address_lines
from pipeline.local.findings import as_text, read_finding
from pipeline.local.plan import Plan
from pipeline.local.scoreboard import MIDDLE, Score, as_lines, as_table, read_scores, read_silence, silence_of
from pipeline.local.simulator.brands import Brand
from pipeline.local.simulator.sender import Sender
from pipeline.reading import Reader

SCREEN_S = 0.5
PLAIN_S = 5.0
MEANINGS = (
    "ratio: comments a like; answered: comments that the brand replied to, half of them so soon",
    "waiting: comments without a reply, and the oldest; silent: followers who did nothing so far (≤: likers unknown)",
)


class Screen:
    """Reads as anybody reads. `run` and `listen_to_silence` go on until they are cancelled, then `show_findings`."""

    def __init__(
        self, console: StackConsole, plan: Plan, folder: Path, brands: tuple[Brand, ...], clock: Clock
    ) -> None:
        self._console = console
        self._plan = plan
        self._folder = folder
        self._brands = brands
        self._clock = clock
        self._silent: dict[Brand, Silence] = {}

    @property
    def _width(self) -> int:
        return self._console.console.width if self._console.console.is_terminal else MIDDLE

    async def run(self, sender: Sender, reader: Reader) -> None:
        """Show the numbers as they change."""
        await (self._show_live(sender, reader) if self._console.console.is_terminal else self._show_lines(reader))

    async def listen_to_silence(self, reader: Reader) -> None:
        """Learn who stays silent, one brand after the other: it takes longer than the rest of the screen."""
        for brand in cycle(self._brands):
            if silence := await read_silence(reader, brand):
                self._silent[brand] = silence
            await asyncio.sleep(SCREEN_S)

    async def show_findings(self, reader: Reader, scores: list[Score]) -> None:
        """The table once more, and a section for each account of which something was counted."""
        sections = []
        for brand in self._brands:
            try:
                finding = await read_finding(reader, brand)
            except NotFoundError:
                continue
            if silence := silence_of(finding.insights):
                self._silent[brand] = silence
            sections.append(as_text(finding, self._width))
        table = self._table(scores)
        table.width = self._width  # also where the console takes a pipe for 80 columns wide
        self._console.show(table)
        for section in sections:
            self._console.show("")
            self._console.show(section)
        self._console.show("")

    async def _show_live(self, sender: Sender, reader: Reader) -> None:
        with Live(console=self._console.console, auto_refresh=False, transient=True) as live:
            while True:
                scores = await read_scores(reader, self._brands)
                live.update(self._screen(scores, sender), refresh=True)
                await asyncio.sleep(SCREEN_S)

    async def _show_lines(self, reader: Reader) -> None:
        self._console.addresses(self._plan, self._folder)
        while True:
            scores = await read_scores(reader, self._brands)
            for line in as_lines(scores, self._silent, self._clock()):
                self._console.say(line)
            await asyncio.sleep(PLAIN_S if any(score.numbers for score in scores) else SCREEN_S)

    def _screen(self, scores: list[Score], sender: Sender) -> Group:
        lines = [f"{name:<10} {where}" for name, where in address_lines(self._plan, self._folder)]
        hint = "Ctrl-C: stop, and compare every number with the topic"
        told = Text("\n".join([*MEANINGS, as_told(sender), *lines, hint]), style="dim")
        return Group("", self._table(scores), "", told)

    def _table(self, scores: list[Score]) -> Table:
        return as_table(scores, self._silent, self._clock(), self._width)


def as_told(sender: Sender) -> str:
    """What the simulated platforms have sent."""
    return (
        f"{sender.sent:,} interactions in {sender.deliveries:,} deliveries,"
        f" {sender.repeats:,} of them repeats, {sender.retries:,} tried again"
    )
