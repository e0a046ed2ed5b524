"""What a local stack shows: progress while it starts, then each role's lines with its name before them.

Colours and a moving bar only on a terminal; elsewhere the same as plain lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from pipeline.local import jars
from pipeline.local.paths import redis_cli, shown_path
from pipeline.local.plan import Plan
from pipeline.local.ports import LOOPBACK
from pipeline.logs import printable

_COLOURS = {"gateway": "cyan", "worker": "green", "api": "magenta"}
_WIDTH = 8


class StackConsole:
    """Writes to one terminal or file; lines from several threads never mix."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = Console(emoji=False, highlight=False, soft_wrap=True) if console is None else console

    def say(self, text: str) -> None:
        """A line of our own, such as "kafka is ready"."""
        self.console.print(f"[bold]{'twoway':<{_WIDTH}}[/] {escape(printable(text))}")

    def role_line(self, name: str, line: str) -> None:
        """A line of a role's output."""
        colour = _COLOURS.get(name.rstrip("0123456789"), "white")
        self.console.print(f"[{colour}]{name:<{_WIDTH}}[/] {escape(printable(line))}")

    def show(self, what: RenderableType) -> None:
        """Something larger, such as a table."""
        self.console.print(what)

    def fail(self, text: str) -> None:
        """Why it ended; several lines, each already safe to print."""
        self.console.print(f"[bold red]{'twoway':<{_WIDTH}}[/] {escape(text)}")

    @contextmanager
    def fetching(self) -> Iterator[jars.Progress]:
        """Shows how far the first start's download is; nothing where nothing has to be fetched."""
        columns = (TextColumn("fetching Kafka"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        bar = Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
        task = bar.add_task("kafka", total=None)

        def fetched(come: int, total: int) -> None:
            if not bar.live.is_started and self.console.is_terminal:
                bar.start()
            bar.update(task, completed=come, total=total)
            if come == total:
                bar.stop()
                self.say(f"Kafka is fetched ({total / 1e6:.0f} MB, kept in {jars.cache_dir()})")

        try:
            yield fetched
        finally:
            bar.stop()

    def addresses(self, plan: Plan, folder: Path) -> None:
        """Where everything is."""
        for name, where in address_lines(plan, folder):
            self.console.print(f"[bold]{'':<{_WIDTH}}[/] {name:<10} {escape(where)}")


def address_lines(plan: Plan, folder: Path) -> list[tuple[str, str]]:
    """What one opens, sends to or types: name, address."""
    lines = [
        ("page, API", f"http://{LOOPBACK}:{plan.settings.api_port}/"),
        ("webhooks", f"http://{LOOPBACK}:{plan.settings.gateway_port}/webhooks/NAME"),
        ("secrets", shown_path(Path(plan.settings.connections_file))),
        ("Kafka", ",".join(plan.settings.kafka_servers)),
    ]
    if plan.redis_port is not None:
        lines.append(("Redis", f"{redis_cli()} -p {plan.redis_port}"))
    return [*lines, ("data, logs", shown_path(folder))]
