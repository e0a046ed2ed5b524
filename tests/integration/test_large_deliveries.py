"""The largest deliveries, made of whatever costs most, rightly signed, through a running gateway on a real Kafka.

They are read in threads, but one call of C there holds up the loop as well, at no processor time of the loop's own. So
a turn of the loop is taken by the clock on the wall, less the time that other programs had: at most the processor time
of the whole process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from pipeline.clock import wall_clock
from pipeline.settings import Settings
from pipeline.sources.registry import SOURCES
from tests.costly import ACTOR, COSTLY
from tests.gateways import comments, gateway, post_page
from tests.integration.test_gateway_platforms import write_connections
from tests.signing import SIGNERS, Request
from tests.waiting import DEADLINE_S
from tests.yardstick import TRIES, is_standstill

pytestmark = pytest.mark.servers

#: The largest that is taken; two with as many values as are read; the largest of ActivityPub.
SIZES = (3_999_000, 1_450_000, 360_000, 990_000)
#: Taken, or refused for what it is made of; 401: an activity is read before it is verified.
ANSWERS = {200, 400, 401}

Sent = tuple[str, bytes, Mapping[str, str]]


def tables() -> dict[str, dict[str, Any]]:
    """A connection for every platform of the costly ones, with the name of its platform."""
    made: dict[str, dict[str, Any]] = {}
    for platform in {platform for platform, _ in COSTLY.values()}:
        signer = SIGNERS[SOURCES[platform].schemes[0]]
        made[platform] = {"platform": platform, "accounts": ["1"], "secrets": [signer.secret]}
    keys = SIGNERS["http-signature"].keys(b'{"actor":"%s"}' % ACTOR.encode())
    made["activitypub"] = {"platform": "activitypub", "accounts": ["https://brand.example/users/b"], **keys}
    return made


def signed(platform: str, body: bytes, host: str) -> Sent:
    """Path, body and headers."""
    signer, path = SIGNERS[SOURCES[platform].schemes[0]], f"/webhooks/{platform}"
    headers = {"Content-Type": "application/json"}
    added = signer.sign(Request(host, path, body, headers, wall_clock() // 1000), signer.secret)
    return path + added.tail, body, {**headers, **added.headers}


def send(host: str, sent: Sent) -> int:
    """The answer's status. Blocks, in a thread: what the sender does is no turn of the gateway's loop."""
    path, body, headers = sent
    connection = HTTPConnection(host, timeout=DEADLINE_S)
    try:
        connection.request("POST", path, body, dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


async def longest_turn(running: asyncio.Task[int]) -> tuple[float, float]:
    """The longest turn of the loop until the task is done, in seconds: without other programs, and with them."""
    longest_s = longest_wall_s = 0.0
    last_s, last_cpu_s = time.perf_counter(), time.process_time()
    while not running.done():
        await asyncio.sleep(0)
        now_s, now_cpu_s = time.perf_counter(), time.process_time()
        longest_wall_s = max(longest_wall_s, now_s - last_s)
        longest_s = max(longest_s, min(now_s - last_s, now_cpu_s - last_cpu_s))
        last_s, last_cpu_s = now_s, now_cpu_s
    return longest_s, longest_wall_s


async def stood_still(host: str, sent: Sent) -> tuple[int, tuple[float, float]]:
    """The answer, and the longest turn of the best of some tries."""
    tries = list[tuple[float, float]]()
    while not tries or (is_standstill(min(tries)[0]) and len(tries) < TRIES):
        running = asyncio.create_task(asyncio.to_thread(send, host, sent))
        tries.append(await longest_turn(running))
    return running.result(), min(tries)


@pytest.mark.usefixtures("settled")
async def test_no_body_of_any_size_holds_the_loop_up(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever it is made of, and up to the largest: the loop turns on within 100 ms (`yardstick.py`)."""
    write_connections(tmp_path / "connections.toml", tables())
    answers: dict[tuple[str, int], int] = {}
    turns_s: dict[tuple[str, int], tuple[float, float]] = {}
    async with gateway(settings, tmp_path) as client:
        host = client.base_url.netloc.decode()
        for made_of, (platform, make) in COSTLY.items():
            for size in SIZES[3:] if platform == "activitypub" else SIZES[:3]:
                body = make(size)
                assert size * 0.9 < len(body) <= settings.body_limit_bytes, (made_of, size, len(body))
                at = made_of, size
                answers[at], turns_s[at] = await stood_still(host, signed(platform, body, host))
    longest = max(turns_s, key=lambda at: turns_s[at])
    with capsys.disabled():
        own_s, wall_s = turns_s[longest]
        print(f"\nthe longest turn of the loop: {own_s * 1000:.0f} ms ({wall_s * 1000:.0f} ms), with {longest}")  # noqa: T201
    assert {at: turn_s for at, turn_s in turns_s.items() if is_standstill(turn_s[0])} == {}
    assert {at: status for at, status in answers.items() if status not in ANSWERS} == {}
    read = {made_of for (made_of, _), status in answers.items() if status == 200}
    assert len(read) > len(COSTLY) / 2


async def test_the_largest_batch_of_a_platform_is_taken_as_a_whole(settings: Settings, tmp_path: Path) -> None:
    """Meta's thousand changes, each with as long a text as fits: what they say is no reason to refuse them."""
    body = comments(0, 1_000).replace(b"Where can I buy it?", b",[{" * 1_200)
    assert 3_500_000 < len(body) < settings.body_limit_bytes
    async with gateway(settings, tmp_path) as client:
        assert (await post_page(client, body)).json() == {"accepted": 1_000}
