"""`/v1/stream`: updates of rows as server-sent events. `curl -N http://127.0.0.1:8002/v1/stream` shows them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pipeline.access.grants import Grant
from pipeline.api.guard import grant_of
from pipeline.api.hub import Box, Hub
from pipeline.api.parameters import Parameter, read_parameters
from pipeline.api.tokens import Tokens
from pipeline.errors import ForbiddenError
from pipeline.reading.updates import Wanted
from pipeline.waiting import SENDER
from pipeline.windows import ALL_NAME, Windows

STREAM_PATH = "/v1/stream"
MEDIA_TYPE = "text/event-stream"
#: Proxies close what is silent for half a minute or more.
HEARTBEAT_S = 15.0
#: A listener that takes no PIECE_EVENTS (about 60 KB) in this time has stalled: it would keep its place for ever.
SEND_S = 30.0
PIECE_EVENTS = 100
#: What an EventSource waits before it comes back.
RETRY = b"retry: 2000\n"


def stream_parameters(windows: Windows) -> tuple[Parameter, ...]:
    """What a listener may choose; platforms and windows also as a list with commas."""
    sizes = (*(size.name for size in windows.sizes), ALL_NAME)
    return (
        Parameter("entity", "only rows of accounts, or only of posts", None, ("account", "post")),
        Parameter("platform", "only of these platforms", many=True),
        Parameter("account", "only of these accounts and their posts", many=True, commas=False),
        Parameter("window", "only these window sizes; `all` is the row of all time", None, sizes, many=True),
        Parameter("final", "only rows of windows that have closed", False, flag=True),
    )


class Stream:
    """Answers a listener with the hub's updates until it goes away, is dropped, its token is withdrawn or changed, or
    the server stops."""

    def __init__(self, hub: Hub, windows: Windows, tokens: Tokens) -> None:
        self._hub = hub
        self._tokens = tokens
        self._parameters = stream_parameters(windows)

    async def answer(self, request: Request) -> Response:
        """The open stream, or 400, 403, 429 and 503 before it begins."""
        wanted = _wanted(read_parameters(request.query_params, self._parameters), grant_of(request))
        if request.method == "HEAD":
            return Response(media_type=MEDIA_TYPE)
        listening = self._hub.listen(wanted, alone=self._tokens.is_one)
        # Entered before the answer's head is sent: without Kafka the answer is a 503, not an empty stream.
        box = await listening.__aenter__()
        return _Events(box, listening, lambda: self._tokens.stands(wanted.grant))


class _Events(StreamingResponse):
    """The open stream; leaves the hub however it ends, also where its listener takes nothing any more."""

    def __init__(self, box: Box, listening: Any, may_go_on: Callable[[], bool]) -> None:
        super().__init__(_events(box, may_go_on), media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})
        self._box = box
        self._listening = listening

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_in_time(message: Any) -> None:
            try:
                async with asyncio.timeout(SEND_S):
                    await send(message)
            except TimeoutError:
                self._box.drop()
                if SENDER in scope:
                    scope[SENDER].hang_up()

        try:
            await super().__call__(scope, receive, send_in_time)
        finally:
            await self._listening.__aexit__(None, None, None)


async def _events(box: Box, may_go_on: Callable[[], bool]) -> AsyncIterator[bytes]:
    yield RETRY + b": listening\n\n"
    while not box.closed:
        events = await box.take(HEARTBEAT_S)
        if not may_go_on():
            return
        if not events:
            yield b": still here\n\n"
        for begin in range(0, len(events), PIECE_EVENTS):
            if box.closed:
                return
            yield b"".join(events[begin : begin + PIECE_EVENTS])


def _wanted(values: dict[str, Any], grant: Grant) -> Wanted:
    """Raises ForbiddenError where an account is named that the grant holds on none of the platforms."""
    if grant.accounts is not None:
        held = {account for platform, account in grant.accounts if platform in (values["platform"] or (platform,))}
        for account in values["account"]:
            if account not in held:
                raise ForbiddenError(
                    f"account {account[:100]!r} is beyond this token; expected one that it was made for"
                )
    return Wanted(
        grant=grant,
        entity=values["entity"],
        platforms=frozenset(values["platform"]),
        accounts=frozenset(values["account"]),
        windows=frozenset(values["window"]),
        only_final=values["final"],
    )
