"""`twoway key`: every Redis key of an account, a post or a slot, with a line for redis-cli. Asks no server."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, replace
from typing import Annotated

import typer
from rich.table import Table

from pipeline.cli.names import parse_name
from pipeline.cli.redis_line import redis_line
from pipeline.cli.tables import make_console, print_json, shown
from pipeline.clock import wall_clock
from pipeline.errors import QueryError
from pipeline.settings import Settings
from pipeline.slots import SLOTS
from pipeline.store.keys import Keys
from pipeline.store.texts import day_of
from pipeline.windows import ALL_NAME

KINDS = ("account", "post", "seen", "slot")


@dataclass(frozen=True)
class Key:
    """A key, its Redis type, what it holds, and a command that reads it."""

    key: str
    type: str
    holds: str
    command: str


def register(app: typer.Typer) -> None:
    """Add `key`."""

    @app.command("key")
    def command(
        kind: Annotated[str, typer.Argument(metavar="account|post|seen|slot", help="what the id names")],
        name: Annotated[str, typer.Argument(metavar="PLATFORM:ID", help="also PLATFORM ID; of a slot its number")],
        rest: Annotated[str | None, typer.Argument(metavar="[ID]")] = None,
        account: Annotated[
            str | None, typer.Option("--account", help="a post's account: its slot is the post's")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="lines of JSON on standard output")] = False,
    ) -> None:
        """Print every Redis key of it, with its type and a line for redis-cli."""
        settings = Settings.from_env()
        found = keys_of(Keys(settings.key_prefix), kind, name, rest, account, line=redis_line(settings))
        if as_json:
            print_json(map(asdict, found))
            return
        _print(found)
        if kind == "post" and account is None:
            typer.echo("The value is the post's account; with --account VALUE this command prints the post's page.")


def keys_of(
    keys: Keys, kind: str, name: str, rest: str | None = None, account: str | None = None, line: str = "redis-cli"
) -> list[Key]:
    """The keys of what a kind and a name stand for, each with the command behind `line`. Raises QueryError."""
    return [replace(key, command=f"{line} {key.command}") for key in _keys(keys, kind, name, rest, account)]


def _keys(keys: Keys, kind: str, name: str, rest: str | None, account: str | None) -> list[Key]:
    if kind == "slot":
        return _slot(keys, name)
    if kind not in KINDS:
        raise QueryError(f"kind is {kind[:100]!r}; expected one of {', '.join(KINDS)}")
    platform, entity_id = parse_name(name, rest)
    if kind == "account":
        return _account(keys, platform, entity_id)
    if kind == "post":
        return _post(keys, platform, entity_id, account)
    return [_key(keys.seen(platform, entity_id), "hash", "what the gateway remembers of this id", "HGETALL {}")]


def _account(keys: Keys, platform: str, account: str) -> list[Key]:
    slot = keys.slot(platform, account)
    return [
        _key(keys.account_entry(platform, account), "hash", "directory: slot, first seen", "HGETALL {}"),
        _key(keys.account(slot, platform, account), "hash", "the account's page", "HGETALL {}"),
        _key(keys.posts(slot, platform, account), "zset", "its posts by last event", "ZREVRANGE {} 0 9 WITHSCORES"),
        _key(
            keys.unanswered(slot, platform, account),
            "zset",
            "comments that wait, oldest first",
            "ZRANGE {} 0 9 WITHSCORES",
        ),
        _key(
            keys.texts(slot, platform, account, day_of(wall_clock())),
            "hash",
            "texts of comments of today",
            "HGETALL {}",
        ),
        _key(keys.engaged(slot, platform, account, ALL_NAME), "string", "its distinct actors", "PFCOUNT {}"),
        *_slot(keys, str(slot)),
    ]


def _post(keys: Keys, platform: str, post: str, account: str | None) -> list[Key]:
    entry = _key(keys.post_entry(platform, post), "string", "directory: the post's account", "GET {}")
    if account is None:
        return [entry]
    slot = keys.slot(platform, account)
    return [
        entry,
        _key(keys.post(slot, platform, post), "hash", "the post's page", "HGETALL {}"),
        _key(keys.members(slot, platform, post), "string", "its objects, 16 bytes each", "STRLEN {}"),
        _key(keys.threads(slot, platform, post), "string", "its replies, 16 bytes each", "STRLEN {}"),
        _key(keys.engaged_post(slot, platform, post), "string", "its distinct actors", "PFCOUNT {}"),
        *_slot(keys, str(slot)),
    ]


def _slot(keys: Keys, text: str) -> list[Key]:
    if not (text.isascii() and text.isdigit() and int(text) < SLOTS):
        raise QueryError(f"slot is {text[:100]!r}; expected a number from 0 to {SLOTS - 1}")
    slot = int(text)
    return [
        _key(keys.applied[slot], "hash", f"how far slot {slot} is counted", "HGETALL {}"),
        _key(keys.open[slot], "zset", "its pages with open windows", "ZRANGE {} 0 9 WITHSCORES"),
        _key(keys.alerts[slot], "hash", "what the rules said last", "HGETALL {}"),
    ]


def _key(key: str, type_: str, holds: str, command: str) -> Key:
    return Key(key, type_, holds, command.format(shlex.quote(key)))


def _print(found: list[Key]) -> None:
    """Commands stand on lines of their own and are never wrapped: they are made to be copied."""
    console = make_console()
    table = Table(box=None, pad_edge=False, show_header=False)
    for key in found:
        table.add_row(f"[bold]{shown(key.key)}[/]", key.type, f"[dim]{key.holds}[/]")
    console.print(table, width=max(len(key.key) + len(key.holds) + 20 for key in found))
    console.print()
    for key in found:
        console.print(shown(key.command), soft_wrap=True)
