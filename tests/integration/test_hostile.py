"""Requests that nobody honest sends, each by itself: what the gateway answers, and that it then goes on as before."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from pipeline.clock import wall_clock
from pipeline.settings import Settings
from pipeline.sources.registry import SOURCES
from tests.contract.corpus import Case
from tests.gateways import comments, gateway, interactions, meta_headers, post_page, rejected
from tests.hostile import ALL
from tests.integration.test_gateway_platforms import connection, content, write_connections
from tests.signing import SIGNERS, Request, Signed
from tests.wire import ask, request, wire

pytestmark = pytest.mark.servers

BODY = comments(0, 1)
SIGNED = meta_headers(BODY)
CHUNKED = b"POST /webhooks/page HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n"
#: Heads in which one program reads another length of the body than the next.
SMUGGLED = (
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    b"Content-Length: 5\r\nContent-Length: 6\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: 0x5\r\n",
    b"Content-Length: -5\r\n",
    b"Content-Length: 99999999999999999999999\r\n",
    b"Content-Length : 5\r\n",
    b"Transfer-Encoding: chunked, identity\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n",
    b"Content-Length: 5\nTransfer-Encoding: chunked\r\n",
    b"X: a\r\n b\r\nContent-Length: \r\n 5\r\n",
    b"X\x00: a\r\n",
    b": a\r\n",
)
#: Schemes that sign a time: how old a delivery may be at the most, in seconds.
TOLERANCES = {"standardwebhooks": 300, "tiktok": 3_600, "activitypub": 12 * 3_600}


@pytest_asyncio.fixture
async def client(settings: Settings, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway of this test's own; after whatever was done to it, it takes the next delivery."""
    async with gateway(settings, tmp_path) as made:
        yield made
        assert (await post_page(made, comments(99, 1))).status_code == 200
        assert "twoway_gateway_in_flight_bytes 0.0" in (await made.get("/metrics")).text
        assert 'status="500"' not in (await made.get("/metrics")).text


def first_cases() -> Iterator[Case]:
    """One delivery of every platform."""
    for platform in SOURCES:
        found = [case for case in ALL if case.expected["platform"] == platform]
        if found:
            yield found[0]


def forgeries(value: str) -> list[str]:
    """What somebody without the secret could make of a right signature or token."""
    prefix, _, rest = value.partition("=")
    made = [
        value[:-1],
        value[1:],
        value + "0",
        value[::-1],
        value.replace("sha256=", "sha1=") if "sha256=" in value else value + "=",
        f"{prefix}=",
        f"{prefix}={rest.encode().hex()}",
        "".join(f"%{byte:02x}" for byte in value.encode()),
        "\xe9" * len(value),
        "0" * len(value),
    ]
    return [forged for forged in made if forged != value]


async def test_no_forged_cut_or_reencoded_signature_of_any_platform_is_accepted(
    settings: Settings, tmp_path: Path
) -> None:
    """Every header that signing adds, changed in ten ways, left out, or meant for another body: 401, and no trace."""
    cases = list(first_cases())
    write_connections(tmp_path / "connections.toml", {case.expected["platform"]: connection(case) for case in cases})
    accepted: list[str] = []
    async with gateway(settings, tmp_path) as client:
        for case in cases:
            platform = case.expected["platform"]
            signer, (headers, body) = SIGNERS[SOURCES[platform].schemes[0]], content(case)
            path = f"/webhooks/{platform}"
            host = client.base_url.netloc.decode()
            signed = signer.sign(Request(host, path, body, headers, wall_clock() // 1000), signer.secret)
            for forged in changed(signed):
                answer = await client.post(
                    path + forged.tail, content=body, headers=_raw({**headers, **forged.headers})
                )
                accepted += [f"{platform} {forged}"] if answer.status_code != 401 else []
            whole = _raw({**headers, **signed.headers})
            if signed.headers.keys() - {"Authorization", "X-Gitlab-Token", "X-Telegram-Bot-Api-Secret-Token"}:
                other = await client.post(path, content=body + b" ", headers=whole)
                accepted += [f"{platform} other body"] if other.status_code != 401 else []
    assert len(cases) == len(SOURCES)
    assert not accepted, accepted
    assert interactions(settings) == rejected(settings) == []


def changed(signed: Signed) -> Iterator[Signed]:
    """Each part of what signing added, forged."""
    for name, value in signed.headers.items():
        if name not in {"Host", "Content-Type", "webhook-id"}:
            yield Signed({other: kept for other, kept in signed.headers.items() if other != name}, signed.tail)
            for forged in forgeries(value):
                yield Signed({**signed.headers, name: forged}, signed.tail)
    if signed.tail:
        yield from (Signed(tail=tail) for tail in ("", "/", signed.tail[:-1], signed.tail + "/", signed.tail + "0"))


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


@pytest.mark.parametrize("platform", TOLERANCES)
async def test_a_delivery_that_is_played_back_later_is_refused(
    settings: Settings, tmp_path: Path, platform: str
) -> None:
    """Where the time is signed: rightly signed, too old or from the future, 401; the same in its time, 200."""
    case = next(case for case in first_cases() if case.expected["platform"] == platform)
    write_connections(tmp_path / "connections.toml", {"inbox": connection(case)})
    signer, (headers, body), statuses = SIGNERS[SOURCES[platform].schemes[0]], content(case), []
    async with gateway(settings, tmp_path) as client:
        for age_s in (TOLERANCES[platform] + 60, -TOLERANCES[platform] - 60, TOLERANCES[platform] - 60, 0):
            now_s = wall_clock() // 1000 - age_s
            host = client.base_url.netloc.decode()
            signed = signer.sign(Request(host, "/webhooks/inbox", body, headers, now_s), signer.secret)
            answer = await client.post("/webhooks/inbox", content=body, headers={**headers, **signed.headers})
            statuses.append(answer.status_code)
    assert statuses == [401, 401, 200, 200]


async def test_a_flood_of_headers_is_431(client: httpx.AsyncClient) -> None:
    """By number, value, name or sum, in one piece and in many: the end of the connection. Ninety are no flood."""
    floods = (
        {f"X-{number}": "1" for number in range(200)},
        {"X": "1" * 100_000},
        {"X" * 100_000: "1"},
        {f"X-{number}": "1" * 1_000 for number in range(90)},
    )
    for flood in floods:
        sent = request("/webhooks/page", BODY, {**SIGNED, **flood})
        assert (await ask(client, sent)).status == 431
        assert (await ask(client, *(sent[at : at + 4_000] for at in range(0, len(sent), 4_000)))).status in {431, 0}
    few = {f"X-{number}": "1" for number in range(90)}
    assert (await ask(client, request("/webhooks/page", BODY, {**SIGNED, **few}))).status == 200


async def test_an_endless_address_is_431(client: httpx.AsyncClient) -> None:
    """Path and query are part of the head."""
    for path in ("/webhooks/" + "a" * 50_000, "/webhooks/page?" + "a=b&" * 20_000):
        assert (await ask(client, request(path, BODY, SIGNED))).status == 431


async def test_compressed_bodies_are_never_unpacked(client: httpx.AsyncClient) -> None:
    """Ten megabytes in ten kilobytes, signed or not, under every name: 415, or no HTTP at all."""
    bomb = gzip.compress(bytes(10_000_000))
    for coding in ("gzip", "GZIP", "deflate", "br", "gzip, gzip", "identity, gzip", "x"):
        headers = {"Content-Encoding": coding, **meta_headers(bomb)}
        assert (await client.post("/webhooks/page", content=bomb, headers=headers)).status_code == 415
    packed = CHUNKED.replace(b": chunked", b": gzip, chunked") + b"\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(bomb), bomb)
    assert (await ask(client, packed)).status in {400, 401}


async def test_a_request_of_which_two_programs_could_see_different_ends_is_refused(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    """One answer, 400 or 401, and the end: what was smuggled behind it is never a request of its own."""
    inner = request("/webhooks/page", BODY, SIGNED)
    for head in SMUGGLED:
        async with wire(client) as connection:
            await connection.send(b"POST /webhooks/page HTTP/1.1\r\nHost: g\r\n" + head + b"\r\n0\r\n\r\n" + inner)
            assert (await connection.reply()).status in {400, 401}, head
            assert (await connection.reply()).status in {0, 400}, head
    assert interactions(settings) == []


async def test_broken_chunks_end_the_connection(client: httpx.AsyncClient) -> None:
    """400 or 431, or no word where one would come too late."""
    sizes, endless = (
        (b"ffffffffffffffff1\r\n", b"-1\r\n", b"\n"),
        (b"5;" + b"a" * 1_000_000, b"0\r\n" + b"X: 1\r\n" * 20_000),
    )
    for body in (*sizes, *endless, b"5\r\nabcdeXX"):
        async with wire(client) as connection:
            await connection.send(CHUNKED + b"\r\n", *(body[at : at + 8_192] for at in range(0, len(body), 8_192)))
            assert (await connection.reply()).status in {400, 401, 431, 0}, body[:20]
            assert await connection.is_closed()


async def test_trailers_are_no_headers(client: httpx.AsyncClient) -> None:
    """A signature behind the body comes too late; other trailers do no harm."""
    chunk = b"\r\n%x\r\n%s\r\n0\r\n" % (len(BODY), BODY)
    signature = b"".join(f"{name}: {value}\r\n".encode() for name, value in SIGNED.items())
    assert (await ask(client, CHUNKED + chunk + signature + b"\r\n")).status == 401
    assert (await ask(client, CHUNKED + signature + chunk + b"Content-Encoding: gzip\r\nX: y\r\n\r\n")).status == 200


async def test_other_methods_and_protocols_are_refused(client: httpx.AsyncClient) -> None:
    """Whatever else is spoken on the port: an answer of the 400s or the end, never a delivery."""
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "HEAD", "PROPFIND", "OPTIONS"):
        assert (await client.request(method, "/webhooks/page", content=BODY, headers=SIGNED)).status_code == 405
    spoken = (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: g\r\n\r\n",
        b"GET /webhooks/page HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        b"POST /webhooks/page HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        b"POST /webhooks/p\xc3\xa9 HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n",
        b"POST http://[ HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n",
        b"HELO gateway\r\n",
    )
    for sent in spoken:
        assert (await ask(client, sent)).status in {0, 400, 401, 403, 404, 405}


async def test_who_sends_many_requests_before_it_reads_an_answer_is_cut_off(client: httpx.AsyncClient) -> None:
    """Ten are answered in their order; a thousand at once are no sender's way."""
    one = request("/webhooks/page", BODY, SIGNED)
    async with wire(client) as connection:
        await connection.send(one * 10)
        assert [(await connection.reply()).status for _ in range(10)] == [200] * 10
    async with wire(client) as connection:
        await connection.send(one * 1_000)
        assert await connection.is_closed()


async def test_what_is_sent_in_single_bytes_is_one_request(client: httpx.AsyncClient) -> None:
    """Slow, but in its time: head and body byte by byte."""
    sent = request("/webhooks/page", BODY, SIGNED)
    assert (await ask(client, *(sent[at : at + 1] for at in range(len(sent))))).status == 200


async def test_the_challenge_of_a_handshake_is_no_way_in(client: httpx.AsyncClient) -> None:
    """Long numbers and line breaks in what is echoed: no 500, no header of the asker's own."""
    headers = {"WebHook-Request-Origin": "events.example", "WebHook-Request-Rate": "9" * 5_000}
    consent = await client.options("/webhooks/events", headers=headers)
    assert (consent.status_code, consent.headers["webhook-allowed-rate"]) == (200, "*")
    ask_meta = {"hub.mode": "subscribe", "hub.verify_token": "meatyhamhock", "hub.challenge": "a\r\nSet-Cookie: x=y"}
    echoed = await client.get("/webhooks/page", params=ask_meta)
    assert (echoed.status_code, "set-cookie" in echoed.headers) == (200, False)


async def test_an_expected_body_that_is_too_large_is_never_asked_for(client: httpx.AsyncClient) -> None:
    """413 at once, instead of 100 Continue."""
    head = {"Expect": "100-continue", "Content-Length": str(10**12)}
    assert (await ask(client, request("/webhooks/page", b"", head))).status == 413


@pytest.mark.prove
async def test_senders_that_take_their_time_are_cut_off(client: httpx.AsyncClient) -> None:
    """Slow heads, slow bodies, bodies to nobody: each ends in its time, with a word where it is heard; others go on."""

    async def drip(head: bytes, unit: bytes) -> tuple[int, bool]:
        async with wire(client) as connection:
            await connection.send(head)
            dripping = asyncio.create_task(_drip(connection.send, unit))
            status = (await connection.reply(60)).status
            closed = await connection.is_closed(60)
            dripping.cancel()
            return status, closed

    start = b"POST /webhooks/%s HTTP/1.1\r\nHost: g\r\n"
    begun = start + b"Content-Length: 1000000\r\n\r\n"
    slow = asyncio.gather(
        drip(start % b"page", b"X: y\r\n"),
        drip(begun % b"page", b"x"),
        drip(begun % b"nobody", b"x"),
        drip(CHUNKED + b"\r\n", b"1\r\nx\r\n"),
    )
    while not slow.done():
        assert (await post_page(client, BODY)).status_code == 200
        await asyncio.wait({slow}, timeout=1)
    assert await slow == [(408, True), (408, True), (404, True), (408, True)]


async def _drip(send: object, unit: bytes) -> None:
    assert callable(send)
    while True:
        await send(unit)
        await asyncio.sleep(0.5)


async def test_bodies_that_never_end_give_way_to_signed_ones(settings: Settings, tmp_path: Path) -> None:
    """Forty strangers hold all the memory that there is for bodies: a signed delivery is taken at once."""
    async with gateway(settings, tmp_path) as client:
        held = [await asyncio.open_connection(client.base_url.host, client.base_url.port) for _ in range(40)]
        head = b"POST /webhooks/page HTTP/1.1\r\nHost: g\r\nContent-Length: 4000000\r\n\r\n"
        await asyncio.gather(*(_hold(writer, head + b"x" * 3_900_000) for _, writer in held))
        for number in range(20):
            body = json.dumps({"object": "page", "entry": [], "x": "y" * 200_000}).encode()
            assert (await post_page(client, body)).status_code == 200, number
        assert (await post_page(client, BODY)).json() == {"accepted": 1}
        for _, writer in held:
            writer.transport.abort()


async def _hold(writer: asyncio.StreamWriter, sent: bytes) -> None:
    writer.write(sent)
    try:
        await writer.drain()
    except ConnectionError:
        return
