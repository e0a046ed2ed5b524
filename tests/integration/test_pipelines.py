"""Pipelines that hiredis reads: answers as redis-py gives them, and never those of somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import DataError, ResponseError

from pipeline.local.redis import RedisServer
from pipeline.store.pipelined import PipelinedRedis, PlainPipeline

pytestmark = pytest.mark.servers
MEGABYTE = b"m" * (1 << 20)


def open_client(server: RedisServer, **options: Any) -> PipelinedRedis:
    """As the worker's: no time for a single answer."""
    return PipelinedRedis.from_url(server.url, max_connections=1, socket_timeout=None, **options)


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    """A client of one connection, so that whatever a pipeline leaves on it meets the next one."""
    client = open_client(redis_server)
    await client.flushdb()
    yield client
    await client.aclose()


def plain(redis: Redis) -> Pipeline:
    pipe = redis.pipeline(transaction=False)
    assert isinstance(pipe, PlainPipeline)
    return pipe


async def answers_well(redis: Redis) -> bool:
    """Whether the next commands get their own answers."""
    pipe = plain(redis)
    for number in range(5):
        pipe.execute_command("ECHO", f"mine {number}")
    return [await redis.echo("alone"), *await pipe.execute()] == [b"alone", *(b"mine %d" % n for n in range(5))]


async def test_answers_come_in_the_order_of_the_commands(redis: Redis) -> None:
    """Also ten thousand of them, of every size: nothing at all, a number, more than is read at once."""
    sizes = [number * 7919 % 200_000 if number % 100 == 0 else number % 50 for number in range(10_000)]
    pipe = plain(redis)
    for number, size in enumerate(sizes):
        pipe.execute_command("ECHO", f"{number} " + "x" * size)
    answers = await pipe.execute()
    assert [answer.split(b" ")[0] for answer in answers] == [b"%d" % number for number in range(10_000)]
    assert [len(answer.split(b" ")[1]) for answer in answers] == sizes
    assert await plain(redis).execute() == []


async def test_commands_and_answers_of_megabytes_pass_each_other(redis: Redis) -> None:
    """Redis answers while we still send."""
    pipe = plain(redis)
    for number in range(12):
        pipe.execute_command("SET", f"k{number}", MEGABYTE)
        pipe.execute_command("GET", f"k{number}")
    pipe.execute_command("MGET", *(f"k{number}" for number in range(12)))
    answers = await pipe.execute()
    assert answers[:-1] == [True, MEGABYTE] * 12
    assert answers[-1] == [MEGABYTE] * 12


async def test_an_error_is_the_answer_of_its_command_alone(redis: Redis) -> None:
    """The others are done and answered; it is raised or given, as was asked for."""

    def three() -> Pipeline:
        pipe = plain(redis)
        pipe.execute_command("SET", "text", "x")
        pipe.execute_command("INCR", "text")
        pipe.execute_command("EVALSHA", "0" * 40, 0)
        return pipe.execute_command("GET", "text")  # type: ignore[return-value]

    with pytest.raises(ResponseError, match=r"Command # 2 \(INCR text\)"):
        await three().execute()
    done, wrong_type, no_script, found = await three().execute(raise_on_error=False)
    assert (done, found) == (True, b"x")
    assert isinstance(wrong_type, ResponseError)
    assert str(no_script).startswith("No matching script")
    assert await answers_well(redis)


def many_kinds(pipe: Pipeline) -> None:
    """Commands whose answers redis-py makes something of, and arguments of every type."""
    pipe.flushdb()
    pipe.hset("h", mapping={"a": 1, "b": 2.5, "é": "ü", b"bytes": bytearray(b"\x00\x7f")})
    pipe.hgetall("h")
    pipe.execute_command("HGETALL", "h")
    pipe.hmget("h", ["a", "missing"])
    pipe.hget("h", "é")
    pipe.zadd("z", {"m": 1.5, "n": 2, "o": float("inf")})
    pipe.zrange("z", 0, -1, withscores=True)
    pipe.zrevrange("z", 0, -1, withscores=True)
    pipe.zrangebyscore("z", "-inf", 2, withscores=True, start=0, num=1)
    pipe.zscore("z", "m")
    pipe.zscore("z", "missing")
    pipe.sadd("s", "a", memoryview(b"b"))
    pipe.smembers("s")
    pipe.sismember("s", "a")
    pipe.set("n", 1, ex=100)
    pipe.set("n", 2, nx=True)
    pipe.set("n", 3, get=True)
    pipe.incrby("n", 4)
    pipe.set("f", 0.1)
    pipe.get("f")
    pipe.expire("n", 100)
    pipe.ttl("missing")
    pipe.exists("n", "missing")
    pipe.type("z")
    pipe.scan(match="nothing*")
    pipe.script_load("return 1")
    pipe.memory_usage("missing")
    pipe.config_get("maxmemory-policy")
    pipe.pfadd("l", "a", "b")
    pipe.pfcount("l")
    pipe.eval("return {1, 'two', {3, false}}", 0)
    pipe.dump("missing")
    pipe.time()


@pytest.mark.parametrize("options", [{}, {"decode_responses": True}, {"protocol": 2}])
async def test_answers_are_what_redis_py_makes_of_them(redis_server: RedisServer, options: dict[str, Any]) -> None:
    """Dictionaries, scores, sets, and names of several words."""
    async with (
        open_client(redis_server, **options) as ours,
        Redis.from_url(redis_server.url, **options) as theirs,
    ):
        made, expected = plain(ours), theirs.pipeline(transaction=False)
        many_kinds(made)
        many_kinds(expected)
        # The time is another one.
        assert (await made.execute())[:-1] == (await expected.execute())[:-1]


async def test_a_transaction_is_redis_pys_own(redis: Redis) -> None:
    """All or nothing."""
    pipe = redis.pipeline(transaction=True)
    assert not isinstance(pipe, PlainPipeline)
    assert await pipe.set("a", 1).incr("a").execute() == [True, 2]


async def test_what_redis_pushes_in_between_is_nobodys_answer(redis_server: RedisServer) -> None:
    """Such as that a key which we read was changed."""
    async with open_client(redis_server, protocol=3) as redis:
        pipe = plain(redis)
        pipe.execute_command("CLIENT", "TRACKING", "ON", "BCAST")
        for number in range(20):
            pipe.execute_command("SET", f"pushed{number}", number)
            pipe.execute_command("GET", f"pushed{number}")
        assert (await pipe.execute())[2::2] == [b"%d" % number for number in range(20)]
        pipe.execute_command("CLIENT", "TRACKING", "OFF")
        await pipe.execute()


async def slowly(redis: Redis) -> None:
    pipe = plain(redis)
    pipe.execute_command("ECHO", "somebody's")
    pipe.execute_command("BLPOP", "nothing", 0.4)
    pipe.execute_command("ECHO", "somebody's")
    await pipe.execute()


async def for_ever(redis: Redis) -> None:
    """Commands, one of which Redis does not answer while it runs."""
    await plain(redis).execute_command("ECHO", "somebody's").execute_command("BLPOP", "nothing", 0).execute()


async def without_end(redis: Redis) -> None:
    pipe = plain(redis)
    for _ in range(200):
        pipe.execute_command("ECHO", MEGABYTE)
    await pipe.execute()


@pytest.mark.parametrize("use", [slowly, without_end])
async def test_who_is_cancelled_leaves_no_answers_to_the_next(
    redis: Redis, use: Callable[[Redis], Awaitable[None]]
) -> None:
    """While it waits for Redis, and while it still sends."""
    for after_s in (0, 0.001, 0.005, 0.02, 0.05):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(after_s):
                await use(redis)
        assert await answers_well(redis)


async def test_an_argument_that_cannot_be_sent_leaves_no_answers_to_the_next(redis: Redis) -> None:
    """The megabytes before it are on their way."""
    pipe = plain(redis)
    for _ in range(3):
        pipe.execute_command("ECHO", MEGABYTE)
    pipe.execute_command("SET", "a", None)
    with pytest.raises(DataError):
        await pipe.execute()
    assert await answers_well(redis)


async def test_an_answer_that_cannot_be_understood_leaves_those_behind_it_to_nobody(redis: Redis) -> None:
    """redis-py's own callback raises."""
    redis.set_response_callback("ECHO", int)
    pipe = plain(redis)
    for word in ("1", "two", "3", "4"):
        pipe.execute_command("ECHO", word)
    pipe.execute_command("BLPOP", "nothing", 0.2)
    with pytest.raises(ValueError, match="two"):
        await pipe.execute()
    redis.set_response_callback("ECHO", bytes)
    assert await answers_well(redis)


async def test_a_server_that_dies_in_the_middle_is_a_connection_that_is_lost(own_redis: RedisServer) -> None:
    """Whether answers were read or not; and once it is back the same client goes on."""
    async with open_client(own_redis) as redis:
        for use in (for_ever, without_end):
            using = asyncio.create_task(use(redis))  # type: ignore[arg-type]
            await asyncio.sleep(0.05)
            own_redis.kill()
            with pytest.raises(RedisConnectionError):
                await using
            with pytest.raises(RedisConnectionError):
                await plain(redis).execute_command("ECHO", "x").execute()  # type: ignore[union-attr]
            own_redis.start()
            await asyncio.to_thread(own_redis.wait_healthy)
            assert await answers_well(redis)


async def test_a_client_that_redis_turns_out_is_a_connection_that_is_lost(redis: Redis) -> None:
    """What was sent may have been done."""
    own = await redis.client_id()
    pipe = plain(redis)
    pipe.execute_command("ECHO", "x")
    pipe.execute_command("CLIENT", "KILL", "ID", own, "SKIPME", "no")
    pipe.execute_command("ECHO", "y")
    with pytest.raises(RedisConnectionError):
        await pipe.execute()
    assert await answers_well(redis)
