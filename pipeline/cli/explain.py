"""`twoway explain`: which interactions make up a number, and what became of the others."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.cli.explain_beside import beside_table, is_beside, verdicts
from pipeline.cli.names import parse_name
from pipeline.cli.progress import reading_bar
from pipeline.cli.sparklines import lasting, replied_in, thousands
from pipeline.cli.tables import make_console, moment, print_json, shown
from pipeline.errors import QueryError
from pipeline.explaining.answer import AGREES, OUTCOMES, ColumnSum, Explanation, Listed
from pipeline.explaining.explain import LIMIT, LIMIT_MAX, Question, explain
from pipeline.explaining.objects import ANSWERED, NO_COLUMN
from pipeline.explaining.replies import is_standing_comment
from pipeline.settings import Settings
from pipeline.store.keys import split_reference

_ID_WIDTH = 40
_REDIS_KEY = re.compile(r".*?:\{\d{1,3}\}:((?:post|account):[^:]+:.+)", re.DOTALL)
#: A page: entity, platform, id.
Page = tuple[Literal["post", "account"], str, str]


def register(app: typer.Typer) -> None:
    """Add `explain`."""

    @app.command("explain")
    def command(
        key: Annotated[
            list[str],
            typer.Argument(
                metavar="[post:|account:]PLATFORM:ID",
                help="alone an account; also as words (post PLATFORM ID), or the page's key in Redis",
            ),
        ],
        window: Annotated[
            str, typer.Option("--window", metavar="NAME", help="a row: 1m:2026-11-23T09:24, 1h:2026-11-23T09, ...")
        ] = "all",
        account: Annotated[str | None, typer.Option("--account", help="a post's; else the directory's")] = None,
        limit: Annotated[
            int, typer.Option("--limit", min=0, max=LIMIT_MAX, help="listed of each outcome and column, the newest")
        ] = LIMIT,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
    ) -> None:
        """List the interactions that make up a number, and those that do not: repeated, removed, rejected, ..."""
        entity, platform, entity_id = parse_page(key)
        if entity == "account" and account is not None:
            raise typer.BadParameter("--account is for posts")
        question = Question(entity, platform, entity_id, account, window, limit)
        with reading_bar() as bar:
            task = bar.add_task("reading interactions", total=None)
            answer = asyncio.run(
                explain(Settings.from_env(), question, lambda read, all_: bar.update(task, completed=read, total=all_))
            )
        if as_json:
            print_json([answer])
        else:
            print_explanation(answer, make_console())


def parse_page(words: Sequence[str]) -> Page:
    """`post:facebook:1_2`, `post facebook:1_2`, `post facebook 1_2`, or the page's key in Redis; without the first word
    it is an account. Raises QueryError."""
    if len(words) == 1 and (found := _REDIS_KEY.fullmatch(words[0])):
        entity, *name = split_reference(found[1])
    else:
        entity, _, rest = words[0].partition(":")
        if entity in {"post", "account"}:
            name = [rest, *words[1:]] if rest else list(words[1:])
        else:
            entity, name = "account", list(words)
    if not 1 <= len(name) <= 2:
        raise QueryError(
            f"page is {' '.join(words)[:100]!r}; expected post:PLATFORM:ID or account:PLATFORM:ID, "
            "such as post:facebook:1234_5"
        )
    return "post" if entity == "post" else "account", *parse_name(*name)


def print_explanation(answer: Explanation, console: Console) -> None:
    """The sums, then the interactions, then what was rejected."""
    console.print(_heading(answer))
    console.print(_sums(answer))
    if is_beside(answer):
        console.print()
        console.print(beside_table(answer))
    for line in sorted(verdicts(answer) - {AGREES}):
        console.print(line, style="yellow")
    for partition, offset in sorted(answer.begins.items()):
        console.print(f"partition {partition} begins at offset {offset:,}: older records are deleted", style="yellow")
    if answer.late:
        console.print(
            f"{thousands(answer.late)} late: when they came, their row of the finest size was not kept any more"
        )
    if answer.interactions:
        console.print()
        console.print(_list(answer))
    if answer.rejected:
        console.print()
        reasons = ", ".join(f"{shown(reason)} {count:,}" for reason, count in sorted(answer.rejected.items()))
        console.print(f"rejected, so they count nowhere: {reasons}")
        console.print(_rejected(answer))
    if len(answer.interactions) < sum(sum(columns.values()) for columns in answer.counts.values()):
        console.print("the newest of each outcome and column; --limit shows more", style="dim")


def _heading(answer: Explanation) -> Text:
    name = f"[dim]{answer.platform}[/] {shown(answer.id)}"
    text = Text.from_markup(f"{answer.entity} {name}", style="bold", emoji=False)
    window = "for all time" if answer.window == "all" else f"in {answer.window}"
    return text.append(f"  {window}", style="dim")


def _sums(answer: Explanation) -> Table:
    """A column a column of the row, a line an outcome."""
    uncounted = any(NO_COLUMN in columns for columns in answer.counts.values())
    names = [one.column for one in answer.columns]
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    table.add_column("")
    for name in [*names, *(["no column"] if uncounted else [])]:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", style="dim")
    for outcome, meaning in OUTCOMES.items():
        counts = answer.counts.get(outcome, {})
        if counts or outcome == "standing":
            cells = [_cell(outcome, counts, one) for one in answer.columns]
            cells += [thousands(counts.get(NO_COLUMN, 0))] if uncounted else []
            table.add_row(outcome, *cells, meaning, style="bold" if outcome == "standing" else "")
            if outcome == "standing":
                found = ["-" if one.redis is None else thousands(one.redis) for one in answer.columns]
                table.add_row("in Redis", *found, *([""] if uncounted else []), _verdict(answer))
    return table


def _cell(outcome: str, counts: Mapping[str, int], one: ColumnSum) -> str:
    """Answered comments are some of those that stand; they are counted once more and have no other outcome."""
    if one.column == ANSWERED:
        return thousands(one.topic) if outcome == "standing" else ""
    return thousands(counts.get(one.column, 0))


def _verdict(answer: Explanation) -> Text:
    """`agrees`, or which columns differ."""
    if all(one.verdict == AGREES for one in answer.columns):
        return Text(AGREES, style="green")
    different = [one.column for one in answer.columns if one.differs]
    return Text(f"differs: {', '.join(different)}", style="red") if different else Text("not kept any more")


def _list(answer: Explanation) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    for name in ("column", "outcome", "time, UTC", "action", "actor"):
        table.add_column(name, no_wrap=True)
    table.add_column("object", no_wrap=True, overflow="ellipsis", max_width=_ID_WIDTH)
    table.add_column("record", no_wrap=True)
    table.add_column("decided or answered by", no_wrap=True)
    columns, outcomes = [one.column for one in answer.columns], list(OUTCOMES)
    rank = {name: number for number, name in enumerate([*columns, NO_COLUMN])}
    for one in sorted(answer.interactions, key=lambda one: (rank[one.column], outcomes.index(one.outcome))):
        action = f"{one.action}, own" if one.own else one.action
        table.add_row(
            one.column if one.column != NO_COLUMN else f"[dim]{one.kind}[/]",
            _outcome(one),
            _time(one.time_ms),
            action,
            shown(one.actor or "-"),
            shown(_object(one)),
            f"{one.partition}@{one.offset}",
            _decided(one),
        )
    return table


def _object(one: Listed) -> str:
    """The object's id without the post and actor that stand beside it."""
    return one.post or "" if one.id in {f"{one.post}/{one.actor}", one.post} else one.id


def _outcome(one: Listed) -> str:
    """A comment that stands is answered, or it waits."""
    words: list[str] = [one.outcome]
    if is_standing_comment(one):
        words.append("answered" if one.answered_by else "waits")
    return ", ".join([*words, "late"] if one.late else words)


def _decided(one: Listed) -> str:
    """The deciding record; for an answered comment the reply's, and how long it took."""
    reply, by = one.answered_by, one.decided_by
    if reply is not None:
        end = "beyond 7 d" if one.reply_within_s is None else f"within {replied_in(one.reply_within_s * 1000)}"
        return f"{reply.partition}@{reply.offset} after {lasting(one.reply_ms)}, {end}"
    return "" if by is None else f"{by.action} {_time(by.time_ms)} {by.partition}@{by.offset}"


def _time(time_ms: int) -> str:
    """With milliseconds: of two states of an object the later one decides."""
    return f"{moment(time_ms).removesuffix(' UTC')}.{time_ms % 1000:03}"


def _rejected(answer: Explanation) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    for name in ("rejected, UTC", "stage", "reason", "event time, UTC", "from"):
        table.add_column(name, no_wrap=True)
    for one in answer.rejected_records:
        event = "-" if one.event_ms is None else _time(one.event_ms)
        table.add_row(_time(one.time_ms), shown(one.stage), shown(one.reason), event, shown(one.source))
    return table
