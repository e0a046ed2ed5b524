"""Public keys of actors: what is fetched from where, how often, and what is never asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import RedirectResponse, Response

from pipeline.errors import RefusedError, UnavailableError
from pipeline.gateway import outside, public_keys
from pipeline.gateway.outside import ForbiddenError, Outside, is_public
from pipeline.gateway.public_keys import COOL_DOWN_MS, KEPT_MS, RETRY_MS, PublicKey, PublicKeys
from tests.actors import ACTIVITY, ActorServer, actor_server
from tests.http_signing import public_pem


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_784_900_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
async def server() -> AsyncIterator[ActorServer]:
    async with actor_server() as running:
        yield running


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keys(clock: Clock) -> AsyncIterator[PublicKeys]:
    made = PublicKeys(Outside(allow_local=True), clock)
    yield made
    await made.close()


def key_id(server: ActorServer, name: str = "bob") -> str:
    return f"{server.actor(name)}#main-key"


async def test_a_key_is_fetched_once_and_kept_for_a_day(server: ActorServer, keys: PublicKeys, clock: Clock) -> None:
    """Also when many ask for it at once."""
    expected = PublicKey(server.actor("bob"), public_pem("bob"))
    assert await asyncio.gather(*(keys.get(key_id(server)) for _ in range(20))) == [expected] * 20
    clock.now_ms += KEPT_MS
    assert await keys.get(key_id(server)) == expected
    assert server.asked == {"/users/bob": 1}
    clock.now_ms += 1
    await keys.get(key_id(server))
    assert server.asked == {"/users/bob": 2}


async def test_a_changed_key_is_fetched_anew_but_not_at_will(
    server: ActorServer, keys: PublicKeys, clock: Clock
) -> None:
    """Whoever sends wrong signatures cannot make us ask again and again."""
    await keys.get(key_id(server))
    server.give("bob", server.document("bob", key="newer"))
    assert await keys.renew(key_id(server)) is None
    clock.now_ms += COOL_DOWN_MS
    assert await keys.renew(key_id(server)) == PublicKey(server.actor("bob"), public_pem("newer"))
    assert await keys.renew(key_id(server)) is None
    assert server.asked == {"/users/bob": 2}


async def test_an_actor_who_is_gone_has_an_empty_key(server: ActorServer, keys: PublicKeys) -> None:
    """410 is said of what was there and will not come back."""
    server.give("bob", {"error": "Gone"}, status=410)
    assert await keys.get(key_id(server)) == PublicKey(server.actor("bob"), "")


async def test_a_key_document_of_its_own_is_read(server: ActorServer, keys: PublicKeys) -> None:
    """As some servers have it: one key, or a list of them, with its owner beside it."""
    actor = server.actor("bob")
    key = {"id": f"{actor}#2", "owner": actor, "publicKeyPem": public_pem("bob")}
    server.give("bob", key, 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"')
    assert await keys.get(f"{actor}#2") == PublicKey(actor, public_pem("bob"))
    server.give("list", {"id": actor, "publicKey": [{"id": "other"}, {**key, "id": f"{server.actor('list')}#2"}]})
    assert (await keys.get(f"{server.actor('list')}#2")).actor == actor


@pytest.mark.parametrize(
    ("changes", "media_type", "status"),
    [
        ({"id": "https://other.example/users/bob#main-key"}, ACTIVITY, 200),
        ({"owner": "https://other.example/users/bob"}, ACTIVITY, 200),
        ({"publicKeyPem": "no key"}, ACTIVITY, 200),
        ({"publicKeyPem": None}, ACTIVITY, 200),
        ({}, "application/json", 200),
        ({}, "text/html", 200),
        ({}, ACTIVITY, 404),
        ({}, ACTIVITY, 401),
    ],
)
async def test_what_is_no_key_of_an_actor_there_is_refused(
    server: ActorServer, keys: PublicKeys, changes: dict[str, Any], media_type: str, status: int
) -> None:
    """A server speaks for its own actors; an uploaded file, which has another type, speaks for nobody."""
    server.give("bob", server.document("bob", **changes), media_type, status)
    for _ in range(3):
        with pytest.raises(RefusedError, match=r"unknown_key|malformed_key"):
            await keys.get(key_id(server))
    assert server.asked == {"/users/bob": 1}


async def test_a_redirect_is_not_followed(server: ActorServer, keys: PublicKeys) -> None:
    """It could lead anywhere."""
    server.answers["/users/bob"] = RedirectResponse(server.actor("ann"))
    with pytest.raises(RefusedError, match="unknown_key"):
        await keys.get(key_id(server))
    assert server.asked == {"/users/bob": 1}


async def test_a_document_without_end_is_given_up(server: ActorServer, keys: PublicKeys) -> None:
    """Whatever its head says about its length."""
    server.answers["/users/bob"] = Response(b" " * (outside.LARGEST_ANSWER_BYTES + 1), media_type=ACTIVITY)
    with pytest.raises(RefusedError, match="unknown_key"):
        await keys.get(key_id(server))


async def test_a_server_in_trouble_makes_the_delivery_come_again(
    server: ActorServer, keys: PublicKeys, clock: Clock
) -> None:
    """It is not asked again at once."""
    server.give("bob", {}, status=503)
    for _ in range(3):
        with pytest.raises(UnavailableError):
            await keys.get(key_id(server))
    assert server.asked == {"/users/bob": 1}
    server.answers.clear()
    clock.now_ms += RETRY_MS + 1
    assert (await keys.get(key_id(server))).pem


async def test_a_server_that_says_nothing_is_not_waited_for(
    server: ActorServer, keys: PublicKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One limit for the whole of it."""
    monkeypatch.setattr(outside, "TIMEOUT_S", 0.1)
    server.hold.clear()
    with pytest.raises(UnavailableError):
        await keys.get(key_id(server))


async def test_fetches_and_kept_keys_are_bounded(
    server: ActorServer, keys: PublicKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one server, of all, and in memory."""
    server.hold.clear()
    running = [asyncio.create_task(keys.get(key_id(server, f"u{number}"))) for number in range(16)]
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError):
        await keys.get(key_id(server, "one-more"))
    server.hold.set()
    await asyncio.gather(*running)
    monkeypatch.setattr(public_keys, "MOST_KEYS", 2)
    for name in ("a", "b", "c", "a"):
        await keys.get(key_id(server, name))
    assert server.asked["/users/a"] == 2


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "fec0::1",
        "3fff::1",
        "5f00::1",
        "192.88.99.1",
    ],
)
def test_no_address_of_a_private_network_is_public(address: str) -> None:
    """In no spelling."""
    assert not is_public(address)


def test_addresses_of_the_internet_are_public() -> None:
    """Both families."""
    assert is_public("8.8.8.8")
    assert is_public("2606:4700:4700::1111")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/users/bob",
        "https://example.org:8443/users/bob",
        "https://localhost/users/bob",
        "https://127.0.0.1/users/bob",
        "https://[::1]/users/bob",
        "https://[::ffff:127.0.0.1]/users/bob",
        "https://2130706433/users/bob",
        "https://user@127.0.0.1/users/bob",
        "https://" + "a" * 64 + ".example/users/bob",
        "ftp://example.org/users/bob",
        "https://",
        "file:///etc/passwd",
    ],
)
async def test_nothing_but_https_at_public_addresses_is_asked(url: str) -> None:
    """A name that leads to this machine is refused when it is looked up, not when it is read."""
    client = Outside(allow_local=False)
    with pytest.raises(ForbiddenError):
        await client.get(url, ACTIVITY)
    await client.close()


async def test_a_local_server_is_refused_without_the_setting(server: ActorServer, clock: Clock) -> None:
    """Nothing of it is ever asked."""
    keys = PublicKeys(Outside(allow_local=False), clock)
    with pytest.raises(RefusedError, match="unknown_key"):
        await keys.get(key_id(server))
    assert server.asked == {}
    await keys.close()
