"""Interactions in, by a real worker into Redis and the aggregate topics, and out by every way of reading."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable

import httpx
import msgspec
import orjson
import pytest

from pipeline.api.server import serving
from pipeline.clock import wall_clock
from pipeline.errors import NotFoundError
from pipeline.feeding.sender import open_sender
from pipeline.local.children import Child
from pipeline.reading import Numbers, Reader
from pipeline.settings import Settings
from pipeline.subscribe import subscribe
from schemas.engagement import Engagement, decode_engagement
from tests.commands import TWOWAY, environment, run_program
from tests.factories import make_interaction
from tests.waiting import DEADLINE_S, wait_until_async

pytestmark = pytest.mark.servers
POST = "https://ü.example/p 1"


async def test_every_way_of_reading_gives_the_same_numbers(
    settings: Settings, start_child: Callable[..., Child]
) -> None:
    """4 likes of which one is taken back, 2 comments: a ratio of 2/3, in Redis, over HTTP, typed, and published."""
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings))
    async with serving(settings) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as api:
        listens = asyncio.Event()
        streamed = asyncio.create_task(_streamed(api, listens))
        await asyncio.wait_for(listens.wait(), DEADLINE_S)
        await _send(settings)
        async with Reader.connect(settings) as reader:
            numbers = await wait_until_async(lambda: _counted(reader))
            assert (numbers.likes, numbers.comments, numbers.comment_to_like) == (3, 2, 2 / 3), worker.tail()
            assert sum(row.comments for row in (await reader.series("account", "facebook", "a1")).rows) == 2
            assert (await wait_until_async(lambda: _top(reader))).id == POST
        over_http = (await api.get("/v1/posts/facebook/https%3A%2F%2F%C3%BC.example%2Fp%201")).json()
        assert (over_http["account"], over_http["comment_to_like"]) == ("a1", 2 / 3)
        assert (await asyncio.wait_for(streamed, DEADLINE_S)).comments == 2
    assert (await asyncio.to_thread(_published, settings)).comment_to_like == 2 / 3
    shown = await asyncio.to_thread(_command, settings, "account", "facebook:a1", "--json")
    assert orjson.loads(shown.stdout) == orjson.loads(msgspec.json.encode(numbers))
    unknown = await asyncio.to_thread(_command, settings, "account", "facebook:a2")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == "twoway: no account 'a2' on facebook: nothing of it was counted; near it are 'a1'\n"


async def _send(settings: Settings) -> None:
    now_ms = wall_clock()
    async with open_sender(settings) as sender:
        for actor in ("u1", "u2", "u3", "u4"):
            await sender.send(make_interaction(post=POST, actor=actor, time_ms=now_ms))
        await sender.send(make_interaction(post=POST, actor="u4", action="remove", time_ms=now_ms + 1))
        for actor in ("u1", "u2"):
            await sender.send(make_interaction(kind="comment", post=POST, actor=actor, time_ms=now_ms))
        await sender.flush()


async def _counted(reader: Reader) -> Numbers | None:
    """The account's numbers once both comments and the removal are in them."""
    try:
        numbers = await reader.account("facebook", "a1")
    except NotFoundError:
        return None
    return numbers if (numbers.likes, numbers.comments) == (3, 2) else None


async def _top(reader: Reader) -> Numbers | None:
    """The post that stands first over all accounts, once the directory's walk has come by."""
    return next(iter((await reader.top_posts()).items), None)


async def _streamed(api: httpx.AsyncClient, listens: asyncio.Event) -> Engagement:
    """The first update on the stream that has both comments of the account for all time."""
    async with api.stream("GET", "/v1/stream?entity=account&window=all") as answer:
        listens.set()
        async for line in answer.aiter_lines():
            if line.startswith("data: ") and (update := decode_engagement(line[6:])).comments == 2:
                return update
    raise AssertionError("the stream ended")


def _published(settings: Settings) -> Engagement:
    """The newest update of the post for all time."""
    with subscribe(
        settings.kafka_servers,
        topic_prefix=settings.topic_prefix,
        entity="post",
        windows=["all"],
        start="beginning",
        idle_s=3,
    ) as updates:
        return list(updates)[-1]


def _command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_program([*TWOWAY, *arguments], env=environment(settings))
