"""`twoway normalise`, `verify-signature`, `handshake`: what the gateway does with a delivery, without a gateway."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import msgspec
import orjson
import typer

from pipeline.clock import wall_clock
from pipeline.errors import RefusedError, UnreadableError
from pipeline.logs import printable
from pipeline.settings import Secret
from pipeline.sources.context import Context
from pipeline.sources.delivery import Answer, Connection, Delivery, join_headers
from pipeline.sources.http_file import read_http
from pipeline.sources.outcomes import Counted, Ignored, Known, Outcome, decode_known_file
from pipeline.sources.registry import SOURCES
from pipeline.sources.signatures import SCHEMES, verify
from pipeline.sources.source import Source

#: The exit code of a refusal; 1 and 2 are errors of the call.
REFUSED = 3

Headers = Annotated[list[str] | None, typer.Option("--header", metavar="'K: V'", help="A header; may be repeated.")]
SecretOption = Annotated[str, typer.Option("--secret", help="The secret that the platform shares with us.")]
AccountOption = Annotated[str | None, typer.Option("--account", help="The only account that is ours.")]


def register(app: typer.Typer) -> None:
    """Add the commands about webhooks."""
    app.command("normalise")(normalise)
    app.command("verify-signature")(verify_signature)
    app.command("handshake")(handshake)


def normalise(
    platform: Annotated[str, typer.Argument(help=f"One of {', '.join(SOURCES)}.")],
    file: Annotated[
        Path, typer.Argument(help="A delivery's body; a whole HTTP request if it ends in .http; - is stdin.")
    ],
    header: Headers = None,
    account: AccountOption = None,
    brand_actor: Annotated[
        list[str] | None, typer.Option("--brand-actor", help="Acts for the brand; repeatable.")
    ] = None,
    known: Annotated[
        Path | None, typer.Option("--known", help="JSON file: id -> {account, post, kind, actor, id}.")
    ] = None,
) -> None:
    """Print what a delivery yields: one JSON line an item, actors as the platform has them."""
    source = _source(platform)
    delivery = _delivery(file, header or [])
    connection = Connection(
        name="command-line",
        platform=platform,
        scheme=source.schemes[0],
        accounts=frozenset({account}) if account else frozenset(),
        brand_actors=frozenset(brand_actor or ()),
    )
    context = Context(connection, delivery.received_ms, lambda _, actor: actor, _known(known) if known else {})
    try:
        parsed = source.parse(delivery)
    except UnreadableError as error:
        raise UnreadableError(error.reason, f"{file} is no delivery of {platform} ({error.reason}: {error})") from error
    for outcome in source.normalise(parsed, context):
        sys.stdout.write(_line(outcome) + "\n")


def verify_signature(
    scheme: Annotated[str, typer.Argument(help=f"One of {', '.join(SCHEMES)}.")],
    secret: SecretOption = "",
    header: Headers = None,
    now: Annotated[str | None, typer.Option("--now", metavar="UNIX_OR_ISO", help="Instead of the clock.")] = None,
    request: Annotated[str, typer.Option("--request", metavar="'POST /path'", help="Where it was sent to.")] = "POST /",
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="PEM file, for schemes with a public key.")
    ] = None,
) -> None:
    """Read a body from standard input: exit 0 if its signature is accepted, 3 if it is refused."""
    if scheme not in SCHEMES:
        raise typer.BadParameter(f"scheme is {printable(scheme)!r}; expected one of {', '.join(SCHEMES)}")
    method, _, target = request.partition(" ")
    path, _, query = target.partition("?")
    body = sys.stdin.buffer.read()
    delivery = Delivery(
        body, _headers(header or []), method=method or "POST", path=path or "/", query=query, tail=_tail(path)
    )
    key = _read(public_key).decode() if public_key else secret
    try:
        verify(scheme, delivery, (Secret(key),), _seconds(now))
    except RefusedError as error:
        sys.stdout.write(f"refused: {error.reason}\n")
        raise typer.Exit(REFUSED) from error
    sys.stdout.write("accepted\n")


def handshake(
    platform: Annotated[str, typer.Argument(help=f"One of {', '.join(SOURCES)}.")],
    query: Annotated[str, typer.Option("--query", help="The query of the request, as it came.")] = "",
    secret: SecretOption = "",
    verify_token: Annotated[str, typer.Option("--verify-token", help="The token that the platform must name.")] = "",
    account: AccountOption = None,
    method: Annotated[str, typer.Option("--method", help="The request's method.")] = "GET",
    header: Headers = None,
    include: Annotated[bool, typer.Option("--include", help="Print status line and headers first.")] = False,
) -> None:
    """Print the answer to a platform's handshake; exit 3 if it is refused."""
    source = _source(platform)
    connection = Connection(
        name="command-line",
        platform=platform,
        scheme=source.schemes[0],
        secrets=(Secret(secret),) if secret else (),
        verify_token=Secret(verify_token),
        accounts=frozenset({account}) if account else frozenset(),
    )
    request = Delivery(b"", _headers(header or []), method=method.upper(), query=query.removeprefix("?"))
    try:
        answer = source.answer(request, connection)
    except RefusedError as error:
        _print_answer(Answer(f"refused: {error.reason}\n".encode(), status=403), include)
        raise typer.Exit(REFUSED) from error
    _print_answer(answer, include)


def _source(platform: str) -> Source:
    if platform not in SOURCES:
        raise typer.BadParameter(f"platform is {printable(platform)!r}; expected one of {', '.join(SOURCES)}")
    return SOURCES[platform]


def _delivery(file: Path, header: list[str]) -> Delivery:
    raw, given = _read(file), _headers(header)
    if file.suffix != ".http":
        return Delivery(raw, given, received_ms=wall_clock())
    request = read_http(raw)
    return Delivery(
        request.body,
        {**request.headers, **given},
        method=request.method,
        path=request.path,
        query=request.query,
        received_ms=wall_clock(),
    )


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise typer.BadParameter(f"--header is {_shown(line)!r}; expected a name, a colon and a value: 'K: V'")
        pairs.append((name.strip(), value.strip()))
    return join_headers(pairs)


def _shown(line: str) -> str:
    """Its first word: a token or a signature may follow."""
    word, *more = printable(line)[:100].split(maxsplit=1) or [""]
    return f"{word} ..." if more else word


def _known(file: Path) -> dict[str, Known]:
    try:
        return decode_known_file(_read(file))
    except msgspec.DecodeError as error:
        raise UnreadableError("not_known", f"{file} is no file of directory entries: {error}") from error


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read ({error.strerror})") from error


def _tail(path: str) -> str:
    """What follows the connection's name in the gateway's addresses: `/webhooks/<name>/<tail>`."""
    return path.removeprefix("/").partition("/")[2].partition("/")[2]


def _seconds(now: str | None) -> float:
    if now is None:
        return wall_clock() / 1000
    readers: tuple[Callable[[str], float], ...] = (float, _iso_seconds)
    for reader in readers:
        try:
            return reader(now)
        except ValueError:
            continue
    raise typer.BadParameter(f"--now is {printable(now)!r}; expected Unix seconds or ISO 8601")


def _iso_seconds(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _line(outcome: Outcome) -> str:
    if isinstance(outcome, Counted):
        record: dict[str, Any] = msgspec.to_builtins(outcome.interaction)
        # Left out of the record where it is the default; said here, because it is what one looks for.
        shown: dict[str, Any] = {"interaction": record | {"time_from": outcome.interaction.time_from}}
    elif isinstance(outcome, Ignored):
        shown = {"ignored": outcome.reason}
    else:
        shown = {"rejected": {"stage": outcome.stage, "reason": outcome.reason, "detail": outcome.detail}}
    return orjson.dumps(shown).decode()


def _print_answer(answer: Answer, include: bool) -> None:
    if include:
        status = HTTPStatus(answer.status)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", f"Content-Type: {answer.content_type}"]
        lines += [f"{name}: {printable(value)}" for name, value in answer.headers.items()]
        sys.stdout.write("\n".join(lines) + "\n\n")
    body = answer.body.decode()
    # To a program the bytes as they would be sent; to a person a whole line.
    sys.stdout.write(printable(body.rstrip("\n")) + "\n" if sys.stdout.isatty() else body)
