"""`twoway unanswered`: whom an account still owes a reply, oldest first, and how it answers today."""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.cli.names import parse_name
from pipeline.cli.pages import AsJson, Name, Rest
from pipeline.cli.sparklines import age, thousands
from pipeline.cli.tables import answers_line, make_console, moment, print_json, shown
from pipeline.errors import UnavailableError
from pipeline.logs import printable
from pipeline.reading import Reader, Replying, UnansweredQueue, WaitingComment
from pipeline.reading.series import SERIES_MAX
from pipeline.settings import Settings
from pipeline.store.texts import DAY_MS

#: Characters of a post's id and of a pseudonym that are shown: 32 bits tell apart those of one screen.
_POST = 30
_WHO = 8


@dataclass(frozen=True)
class Look:
    """What one look at an account shows. `today`: None where no window size that is counted tells of today."""

    queue: UnansweredQueue
    today: Replying | None


class Seen:
    """Which comments were in the list at the last look."""

    def __init__(self) -> None:
        self._comments: dict[tuple[str, str], WaitingComment] = {}

    def take(self, queue: UnansweredQueue) -> tuple[list[WaitingComment], list[WaitingComment]]:
        """Those that are new in the list, and those that left it since the last look."""
        before, self._comments = self._comments, {(one.post, one.mark): one for one in queue.comments}
        new = [one for key, one in self._comments.items() if key not in before]
        return new, [one for key, one in before.items() if key not in self._comments]


def register(app: typer.Typer) -> None:
    """Add `unanswered`."""

    @app.command("unanswered")
    def unanswered(
        name: Name,
        rest: Rest = None,
        limit: Annotated[int, typer.Option("--limit", help="how many comments, 1 to 1000")] = 20,
        after: Annotated[
            str | None, typer.Option("--after", help="those that follow: `next` of the page before")
        ] = None,
        watch: Annotated[bool, typer.Option("--watch", help="look again and again, until Ctrl-C")] = False,
        every_s: Annotated[float, typer.Option("--every", min=0.1, help="seconds between two looks")] = 1.0,
        seconds: Annotated[float | None, typer.Option("--seconds", min=0, help="stop watching after so long")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Show an account's comments that still wait for its reply, oldest first."""
        question = _Question(*parse_name(name, rest), limit, after)
        try:
            asyncio.run(_watch(question, every_s, seconds, as_json) if watch else _show(question, as_json))
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


@dataclass(frozen=True)
class _Question:
    platform: str
    account: str
    limit: int
    after: str | None


async def _show(question: _Question, as_json: bool) -> None:
    async with Reader.connect(Settings.from_env()) as reader:
        look = await _look(reader, question)
    if as_json:
        print_json(look.queue.comments)
        return
    console = make_console()
    console.print(_screen(look))
    if look.queue.next is not None:
        console.print(f"there are more; they follow with --after '{look.queue.next}'", style="dim", soft_wrap=True)


async def _watch(question: _Question, every_s: float, seconds: float | None, as_json: bool) -> None:
    loop = asyncio.get_running_loop()
    until = None if seconds is None else loop.time() + seconds
    console, seen, trouble = make_console(), Seen(), ""
    live = Live(console=console, auto_refresh=False) if console.is_terminal and not as_json else None
    async with Reader.connect(Settings.from_env()) as reader:
        with live or nullcontext():
            while True:
                began = loop.time()
                try:
                    look = await _look(reader, question)
                except UnavailableError as error:  # what is on the screen stays
                    if not trouble:
                        sys.stderr.write(f"twoway: {error}; it is asked again\n")
                    trouble = str(error)
                else:
                    trouble = ""
                    _update(look, seen, live, as_json)
                if until is not None and loop.time() + every_s > until:
                    return
                await asyncio.sleep(max(0.0, began + every_s - loop.time()))


async def _look(reader: Reader, question: _Question) -> Look:
    queue = await reader.unanswered(question.platform, question.account, question.limit, question.after)
    return Look(queue, await _today(reader, queue))


async def _today(reader: Reader, queue: UnansweredQueue) -> Replying | None:
    """How today's comments are answered: the sum of today's windows, of the longest size that tells of all of them."""
    into_day_ms = queue.now_ms % DAY_MS
    for size in reversed(reader.windows.sizes):
        windows = into_day_ms // size.length_ms + 1
        if DAY_MS % size.length_ms == 0 and size.kept_ms >= DAY_MS and windows <= SERIES_MAX:
            rows = await reader.series(
                "account", queue.platform, queue.account, size.name, windows, until_ms=queue.now_ms
            )
            return rows.replying
    return None


def _update(look: Look, seen: Seen, live: Live | None, as_json: bool) -> None:
    new, gone = seen.take(look.queue)
    if live is not None:
        live.update(Group(_screen(look), Text(moment(look.queue.now_ms), style="dim")), refresh=True)
    elif as_json:
        print_json([look.queue] if new or gone else [])
    else:
        time = moment(look.queue.now_ms)[11:19]
        for one in new:
            sys.stdout.write(f"{time} waits {age(one.waits_ms)} {printable(one.post)} {_who(one)} {_plain(one)}\n")
        for one in gone:
            sys.stdout.write(f"{time} over {printable(one.post)} {_who(one)} {_plain(one)}\n")
        sys.stdout.flush()


def _screen(look: Look) -> RenderableType:
    queue = look.queue
    title = Text.from_markup(f"unanswered [dim]{queue.platform}[/] {shown(queue.account)}", style="bold", emoji=False)
    parts: list[RenderableType] = [title]
    if queue.comments:
        parts.append(queue_table(queue.comments))
    return Group(*parts, Text(sentence(look)))


def queue_table(comments: list[WaitingComment]) -> Table:
    """A row a comment: how long it waits, on which post, who wrote it, and how it begins."""
    # Expanded: the text takes what the others leave, and is the only one that gives way.
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1), expand=True)
    table.add_column("waits", justify="right", no_wrap=True, style="bold")
    table.add_column("post", no_wrap=True, overflow="ellipsis")
    table.add_column("who", no_wrap=True, style="dim")
    table.add_column("text", no_wrap=True, overflow="ellipsis", ratio=1)
    for one in comments:
        text = shown(_plain(one))
        table.add_row(
            age(one.waits_ms),
            shown(_short(one.post)),
            shown(_who(one)),
            f"[dim]{text}[/]" if one.text is None else text,
        )
    return table


def sentence(look: Look) -> str:
    """`3 comments wait for a reply, the oldest for 2 d. Today: 12 of 40 comments answered (30.0 %), ...`."""
    queue, today = look.queue, look.today
    if not queue.waiting:
        waiting = "No comment waits for a reply"
    elif queue.waiting == 1:
        waiting = f"1 comment waits for a reply, for {age(queue.oldest_waits_ms or 0)}"
    else:
        waiting = (
            f"{thousands(queue.waiting)} comments wait for a reply, the oldest for {age(queue.oldest_waits_ms or 0)}"
        )
    if today is None:
        return f"{waiting}."
    return f"{waiting}. Today: {answers_line(today) if today.comments else 'no comments'}."


def _who(comment: WaitingComment) -> str:
    actor = comment.actor or "-"
    return printable(actor if len(actor) <= _WHO + 1 else actor[:_WHO] + "…")


def _plain(comment: WaitingComment) -> str:
    """The text in one line."""
    if comment.text is None:
        return "(its text is gone)" if comment.id is None else "(no text)"
    return printable(" ".join(comment.text.split()))


def _short(post: str) -> str:
    """Ids often differ in their last characters only: the middle gives way."""
    return post if len(post) <= _POST else f"{post[: _POST // 2 - 1]}…{post[-_POST // 2 :]}"
