"""Erasing an actor, and rotating the key that makes pseudonyms: on the real servers, as an operator does it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.counting.members import hash_id
from pipeline.gateway.pseudonyms import keyed_pseudonym
from pipeline.privacy.follow import ask, catch_up, open_eraser
from pipeline.scan import open_scan
from pipeline.settings import Secret, Settings
from pipeline.store.texts import decode_text, mark_of
from schemas.erasure import Erasure, decode_erasure
from schemas.interaction import Interaction
from schemas.rejected import Rejected, encode_rejected
from schemas.topics import ERASED, REJECTED, UNANSWERED
from schemas.unanswered import Unanswered, decode_unanswered
from tests.commands import TWOWAY, environment, run_program, twoway_json
from tests.contract.corpus import PAYLOADS
from tests.driver import Driver, accounts_of
from tests.factories import NOON_MS, make_interaction
from tests.gateways import gateway, interactions, meta_headers, post_page, records
from tests.redises import open_redis
from tests.topics import write_topic
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.servers

BRAND, OTHER = accounts_of(0, 2)
PAGE = "1234567890321"
FORMER = Secret("the key before the rotation, long enough")


def comment(comment_id: str, actor: str, account: str = BRAND) -> Interaction:
    return make_interaction(
        account=account, post=f"{account}_1", kind="comment", id=comment_id, actor=actor, text=f"by {actor}"
    )


def erasure(actor: str) -> Erasure:
    return Erasure(platform="facebook", actor=actor, time_ms=NOON_MS)


async def texts(driver: Driver) -> dict[str, Unanswered]:
    """Every text that Redis holds, by comment."""
    found = {}
    async for key in driver.redis.scan_iter(match=f"{driver.settings.key_prefix}:*:texts:*"):
        for value in (await driver.redis.hgetall(key)).values():
            text = decode_text(value)
            found[text.id] = text
    return found


def told(settings: Settings) -> list[tuple[str, str | None]]:
    """Everything in the topic of unanswered comments, in its order: mark, text (`-` where a comment has none)."""
    return [
        (record.key.decode().partition("|")[2], (decode_unanswered(record.value).text or "-") if record.value else None)
        for record in records(settings, UNANSWERED.name)
    ]


async def erase(settings: Settings, *actors: str) -> None:
    async with open_redis(settings) as redis, open_eraser(settings, redis) as eraser:
        await eraser.erase([erasure(actor) for actor in actors])


async def test_what_an_actor_said_goes_everywhere_and_the_counts_stay(driver: Driver) -> None:
    """On all accounts, at once; of the others nothing goes. Comments that still wait go on waiting, without text."""
    driver.write(comment("c1", "ann"), comment("c2", "bob"), comment("c3", "ann", OTHER))
    await driver.take()
    await driver.publish()
    await erase(driver.settings, "ann")
    left = await texts(driver)
    assert {one.id: (one.text, one.actor) for one in left.values()} == {
        "c1": (None, None), "c2": ("by bob", "bob"), "c3": (None, None),
    }  # fmt: skip
    marks = {name: mark_of(hash_id(name)) for name in ("c1", "c2", "c3")}
    of_ann = [text for mark, text in told(driver.settings) if mark == marks["c1"]]
    assert of_ann == ["by ann", None, "-"]
    assert [text for mark, text in told(driver.settings) if mark == marks["c2"]] == ["by bob"]
    assert await driver.differences() == []


async def test_what_is_erased_does_not_come_back_with_a_recount(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    """The interactions are in Kafka still; a Redis that was emptied forgot the erasure as well, and is told again."""
    driver.write(comment("c1", "ann"))
    await driver.take()
    settings = driver.settings
    caplog.set_level("INFO", "twoway.privacy")
    await ask(settings, [erasure("ann")])
    async with open_eraser(settings, driver.redis) as eraser, open_scan(settings, ERASED.name) as scan:
        assert (await catch_up(eraser, scan)).texts == 1
        assert (await catch_up(eraser, scan)).texts == 0
        said = [record.getMessage() for record in caplog.records if record.name == "twoway.privacy"]
        assert said == [
            "erasures are done: actors 1, texts erased in Redis 1, in Kafka alone 0, of these waiting for a reply 1"
        ]
        keys = [key async for key in driver.redis.scan_iter(match=f"{settings.key_prefix}:*")]
        await driver.redis.delete(*keys)
        await driver.open()
        await driver.take()
        assert (await texts(driver))["c1"].text == "by ann"
        assert (await catch_up(eraser, scan)).texts == 1
    assert (await texts(driver))["c1"].text is None
    assert await driver.differences() == []


async def test_the_command_erases_by_the_platforms_own_id(driver: Driver) -> None:
    """It hashes as the gateway does, under the key in force and the one before it; it names no id."""
    settings = replace(driver.settings, actor_key_former=FORMER)
    pseudonyms = [keyed_pseudonym(key)("facebook", "77") for key in (settings.actor_key, FORMER)]
    driver.write(comment("c1", pseudonyms[0]), comment("c2", pseudonyms[1]), comment("c3", "somebody"))
    await driver.take()
    done = await asyncio.to_thread(
        subprocess.run,
        [*TWOWAY, "erase", "facebook", "--actor", "77"],
        env=environment(settings, TWOWAY_ACTOR_KEY_FORMER=FORMER.reveal()),
        capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "texts erased 2 in Redis and 0 in Kafka alone, of these waiting for a reply 2, names kept out from now on 2\n"
    )
    assert {one.id for one in (await texts(driver)).values() if one.text} == {"c3"}
    asked = [decode_erasure(record.value).actor for record in records(settings, ERASED.name)]
    assert asked == pseudonyms


def test_erasing_an_actor_of_whom_nothing_is_found_says_so(settings: Settings) -> None:
    """A mistyped name must not look like one that is gone."""
    done = run_program([*TWOWAY, "erase", "facebook", "--pseudonym", "nobody"], environment(settings))
    assert done.stdout.startswith("texts erased 0 in Redis and 0 in Kafka alone, ")
    assert "no text of this actor was found on facebook; expected the actor as records name it" in done.stderr


def test_erasing_needs_exactly_one_name(settings: Settings) -> None:
    """Neither none nor two."""
    for options in ([], ["--actor", "77", "--pseudonym", "p"]):
        done = run_program([*TWOWAY, "erase", "facebook", *options], environment(settings))
        assert done.returncode == 1
        assert "one of --actor and --pseudonym" in done.stderr


def connect_sky(tmp_path: Path) -> dict[str, Any]:
    """A connection to Bluesky; gives the frame of a reply to its account."""
    reply: dict[str, Any] = json.loads((PAYLOADS / "bluesky-reply-create.json").read_bytes())
    brand = json.loads((PAYLOADS / "expected.json").read_bytes())["bluesky-reply-create.json"]["connection"]["account"]
    (tmp_path / "connections.toml").write_text(
        f'[connections.sky]\nplatform = "bluesky"\nsecrets = ["token of the relay"]\naccounts = ["{brand}"]\n'
    )
    return reply


async def test_an_account_that_was_deleted_on_its_platform_is_asked_to_be_erased_if_it_wrote_to_us(
    settings: Settings, tmp_path: Path
) -> None:
    """Bluesky says so in its stream, of the whole network; of those who never wrote there is nothing to erase."""
    reply = connect_sky(tmp_path)
    async with gateway(settings, tmp_path) as client:

        async def deliver(frame: dict[str, object]) -> dict[str, object]:
            headers = {"Authorization": "Bearer token of the relay"}
            answer = await client.post("/webhooks/sky", content=json.dumps(frame), headers=headers)
            return dict(answer.json())

        assert (await deliver(reply))["accepted"] == 1
        for did in ("did:plc:stranger", reply["did"]):
            account = {"active": False, "did": did, "seq": 1, "status": "deleted"}
            gone = {"did": did, "time_us": NOON_MS * 1000, "kind": "account", "account": account}
            assert (await deliver(gone))["ignored"] == {"actor_erasure": 1}
    (record,) = records(settings, ERASED.name)
    assert decode_erasure(record.value).actor == keyed_pseudonym(settings.actor_key)("bluesky", reply["did"])


async def test_who_wrote_a_comment_that_was_rejected_and_replayed_is_asked_to_be_erased_too(
    settings: Settings, tmp_path: Path
) -> None:
    """The replay remembers who wrote as the gateway does; a dry run does not."""
    reply = connect_sky(tmp_path)
    kept = Rejected(
        stage="normalise", reason="missing_field", time_ms=NOON_MS, source="sky", platform="bluesky",
        bytes=json.dumps(reply).encode(),
    )  # fmt: skip
    write_topic(settings, REJECTED, 0, [encode_rejected(kept)])
    account = {"active": False, "did": reply["did"], "seq": 1, "status": "deleted"}
    gone = json.dumps({"did": reply["did"], "time_us": NOON_MS * 1000, "kind": "account", "account": account})
    erasures = []
    async with gateway(settings, tmp_path) as client:
        for arguments in (["--dry-run"], []):
            variables = {"TWOWAY_CONNECTIONS_FILE": str(tmp_path / "connections.toml")}
            code, report = await asyncio.to_thread(twoway_json, settings, "replay", *arguments, **variables)
            assert (code, report["interactions"]) == (0, 1)
            await client.post("/webhooks/sky", content=gone, headers={"Authorization": "Bearer token of the relay"})
            erasures.append([decode_erasure(record.value).actor for record in records(settings, ERASED.name)])
    assert erasures == [[], [keyed_pseudonym(settings.actor_key)("bluesky", reply["did"])]]


def reaction(verb: str, actor: str, second: int) -> bytes:
    """A delivery of Meta: somebody likes, or does not like any more."""
    value = {"item": "reaction", "verb": verb, "reaction_type": "like", "from": {"id": actor}, "post_id": f"{PAGE}_1",
             "created_time": NOON_MS // 1000 + second}  # fmt: skip
    entry = {"id": PAGE, "time": NOON_MS // 1000 + second, "changes": [{"field": "feed", "value": value}]}
    return json.dumps({"object": "page", "entry": [entry]}).encode()


async def test_a_like_of_before_the_rotation_is_the_same_like_after_it(settings: Settings, tmp_path: Path) -> None:
    """Repeated, it does not count twice; taken back, it is gone; liked again, it counts once."""
    deliveries = {"repeated": [reaction("add", "77", 1)], "taken back": [reaction("remove", "77", 5)],
                  "liked again": [reaction("remove", "77", 5), reaction("add", "77", 9)]}  # fmt: skip
    standing = {}
    async with gateway(settings, tmp_path, actor_key=FORMER) as client:
        for body in (reaction("add", "77", 1), reaction("add", "78", 2)):
            assert (await post_page(client, body)).status_code == 200
    before = len(interactions(settings))
    async with gateway(settings, tmp_path, actor_key_former=FORMER) as client:
        for name, bodies in deliveries.items():
            for body in bodies:
                answer = await client.post("/webhooks/page", content=body, headers=meta_headers(body))
                assert answer.json() == {"accepted": 1}
            standing[name] = _standing(interactions(settings))
    assert before == 2
    # The other like, of actor 78, stands all the time.
    assert standing == {"repeated": 2, "taken back": 1, "liked again": 2}


def _standing(log: list[Interaction]) -> int:
    """Likes that stand: the newest word on each object, a remove before an add of the same time."""
    newest: dict[str, Interaction] = {}
    for one in log:
        old = newest.get(one.id)
        if old is None or (one.time_ms, one.action == "remove") > (old.time_ms, old.action == "remove"):
            newest[one.id] = one
    return sum(one.action == "add" for one in newest.values())
