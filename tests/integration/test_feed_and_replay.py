"""`twoway feed` and `twoway replay` as a user runs them, on a real Kafka and a real Redis."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from pipeline.feeding.feed import FeedOptions, feed
from pipeline.gateway.pseudonyms import keyed_pseudonym
from pipeline.scan import open_scan
from pipeline.settings import Secret, Settings
from pipeline.slots import slot_of
from schemas.interaction import Interaction, decode_interaction, encode_interaction
from schemas.rejected import Rejected, encode_rejected
from schemas.topics import INTERACTIONS, REJECTED
from tests.commands import TWOWAY, environment, run_program, twoway, twoway_json, variables
from tests.conftest import PARTITIONS
from tests.contract.corpus import PAYLOADS
from tests.factories import NOON_MS, make_interaction
from tests.gateways import gateway, post_x, rejected
from tests.waiting import DEADLINE_S, wait_until_async

pytestmark = pytest.mark.servers

CONNECTIONS = """
[connections.pages]
platform = "facebook"
secrets = ["an app secret of some length"]
"""
COMMENT = {
    "object": "page",
    "entry": [
        {
            "id": "1001",
            "time": NOON_MS // 1000,
            "changes": [
                {
                    "field": "feed",
                    "value": {
                        "item": "comment",
                        "verb": "add",
                        "post_id": "1001_2001",
                        "comment_id": "2001_3001",
                        "created_time": NOON_MS // 1000,
                        "from": {"id": "77", "name": "Somebody"},
                        "message": "In blue?",
                    },
                }
            ],
        }
    ],
}


async def interactions(settings: Settings) -> list[tuple[int, bytes, Interaction]]:
    """Partition, key and interaction of everything in the topic."""
    found = []
    async with open_scan(settings, INTERACTIONS.name) as scan:
        scan.start_at(await scan.beginnings())
        async for records in scan.read_to(await scan.ends()):
            found += [(record.partition, record.key, decode_interaction(record.value)) for record in records]
    return found


async def reject(settings: Settings, *rejected: Rejected) -> None:
    async with AIOKafkaProducer(bootstrap_servers=list(settings.kafka_servers)) as producer:
        for one in rejected:
            await producer.send_and_wait(settings.topic(REJECTED.name), encode_rejected(one))


def replayed(settings: Settings, *arguments: str, **variables: str) -> tuple[int, str]:
    """Exit code and standard output of a replay."""
    command = [*TWOWAY, "replay", *arguments]
    env = environment(settings, **variables)
    done = run_program(command, env=env)
    return done.returncode, done.stdout


def fed(settings: Settings, lines: bytes, *options: str) -> tuple[str, str]:
    """Standard output and standard error of feeding these lines."""
    command = [*TWOWAY, "feed", "-", *options]
    done = subprocess.run(
        command, env=environment(settings), input=lines, capture_output=True, check=True, timeout=DEADLINE_S
    )
    return done.stdout.decode(), done.stderr.decode()


def refused(value: bytes, reason: str = "schema") -> Rejected:
    return Rejected(stage="count", reason=reason, time_ms=NOON_MS, source="interactions[0]@7", bytes=value)


async def test_file_is_sent_with_pseudonyms_into_the_partitions_of_its_slots(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "interactions.jsonl.gz"
    accounts = [f"a{number}" for number in range(20)]
    with gzip.open(file, "wb") as lines:
        lines.writelines(encode_interaction(make_interaction(account=account)) + b"\n" for account in accounts)
    report = {"sent": 20, "refused": {}, "kept": 0, "refusals": [], "unknown_fields": []}
    assert twoway_json(settings, "feed", str(file)) == (0, report)
    found = await interactions(settings)
    assert sorted(key for _, key, _ in found) == sorted(f"facebook:{account}".encode() for account in accounts)
    assert all(partition == slot_of("facebook", one.account) % PARTITIONS for partition, _, one in found)
    actor = keyed_pseudonym(settings.actor_key)("facebook", "u1")
    assert {(one.actor, one.id) for _, _, one in found} == {(actor, f"p1/{actor}")}


async def test_refused_lines_are_named_and_the_rest_is_sent(settings: Settings) -> None:
    """Exit code 1; with --keep the refused line lies in `interactions.rejected`, and a replay refuses it again."""
    good = encode_interaction(make_interaction())
    code, report = twoway_json(settings, "feed", "-", "--keep", "--pseudonymised", stdin=good + b"\n{}\n" + good)
    assert (code, report["sent"], report["refused"], report["kept"]) == (1, 2, {"schema": 1}, 1)
    assert [refusal["line"] for refusal in report["refusals"]] == [2]
    code, again = twoway_json(settings, "replay")
    assert (code, again["left"]) == (3, 1)
    assert again["by_reason"] == [{"stage": "feed", "reason": "schema", "works": 0, "still": 1}]


async def test_columns_that_no_interaction_has_are_named_once(settings: Settings) -> None:
    """Beside the report, with the names that are known: a misspelt column is not lost without a word."""
    lines = (
        b"platform,account,kind,action,post,actor,time_ms,colour,\x1b[2J\n"
        + b"x,a,like,add,p,u,1795425840000,red,x\n" * 3
    )
    said, warned = fed(settings, lines)
    assert said == "3 interactions sent, 0 refused\n"
    assert warned.count("\n") == 1
    assert "no interaction has: '\\x1b[2J', 'colour'; expected some of platform, account, kind, " in warned
    actor = keyed_pseudonym(settings.actor_key)("x", "u")
    assert {(one.actor, one.id) for _, _, one in await interactions(settings)} == {(actor, f"p/{actor}")}


async def test_times_before_2000_are_sent_only_when_asked_for(settings: Settings) -> None:
    """By an option; or, once they are kept, by their reason. Without that a replay leaves them where they are."""
    old = encode_interaction(make_interaction(time_ms=NOON_MS // 1000))
    code, report = twoway_json(settings, "feed", "-", "--keep", "--pseudonymised", stdin=old)
    assert (code, report["sent"], report["refused"], report["kept"]) == (1, 0, {"time_too_old": 1}, 1)
    assert twoway_json(settings, "replay")[1]["why"] == {"time_too_old": 1}
    assert await interactions(settings) == []
    assert fed(settings, old, "--old-times", "--pseudonymised")[0] == "1 interaction sent, 0 refused\n"
    assert replayed(settings, "--reason", "time_too_old")[1].endswith("\n1 interaction sent\n")
    assert [one.time_ms for *_, one in await interactions(settings)] == [NOON_MS // 1000] * 2


async def test_a_line_of_a_pipe_is_in_kafka_while_the_pipe_stays_open(settings: Settings) -> None:
    """It does not wait for a full batch, nor for the end."""
    pipe = asyncio.subprocess.PIPE
    feeding = await asyncio.create_subprocess_exec(
        *TWOWAY, "feed", "-", "--json", stdin=pipe, stdout=pipe, env=environment(settings)
    )
    assert feeding.stdin is not None
    try:
        for number in (1, 2):
            feeding.stdin.write(encode_interaction(make_interaction(actor=f"u{number}")) + b"\n")

            async def arrived(number: int = number) -> bool:
                return len(await interactions(settings)) == number

            await wait_until_async(arrived)
            assert feeding.returncode is None
    finally:
        feeding.stdin.close()
    report = await asyncio.wait_for(feeding.stdout.read(), 30)
    assert (await feeding.wait(), orjson.loads(report)["sent"]) == (0, 2)


async def test_a_pipe_that_stays_open_for_hours_takes_what_happens_then(settings: Settings) -> None:
    """What lies in the future is asked of the clock when the line comes."""
    now_ms, hour_ms = [NOON_MS], 3_600_000
    first, second = (encode_interaction(make_interaction(actor=f"u{n}", time_ms=NOON_MS + n * hour_ms)) for n in (0, 1))
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader, os.fdopen(write, "wb", buffering=0) as writer:
        writer.write(first + b"\n")
        feeding = asyncio.create_task(feed(settings, reader, FeedOptions(), clock=lambda: now_ms[0]))

        async def arrived() -> bool:
            return len(await interactions(settings)) == 1

        await wait_until_async(arrived)
        now_ms[0] += hour_ms
        writer.write(second + b"\n")
        writer.close()
        report = await asyncio.wait_for(feeding, 60)
    assert (report.sent, dict(report.refused)) == (2, {})


async def test_stop_ends_at_the_first_refused_line(settings: Settings) -> None:
    good = encode_interaction(make_interaction())
    code, report = twoway_json(settings, "feed", "-", "--stop", stdin=good + b"\n{}\n" + good)
    assert (code, report["sent"]) == (1, 1)


async def test_replay_sends_what_works_now(settings: Settings) -> None:
    """What broke the schema still does; what lay in the future has become past; repeats are sent once."""
    late = refused(encode_interaction(make_interaction()), "time_in_future")
    await reject(settings, refused(b"{}"), late, late)
    _, dry = twoway_json(settings, "replay", "--dry-run")
    assert (dry["interactions"], await interactions(settings)) == (1, [])
    _, report = twoway_json(settings, "replay")
    assert (report["read"], report["interactions"], report["repeated"]) == (3, 1, 1)
    assert report["why"] == {"schema": 1}
    expected = "`platform` is missing; expected a slug of 1 to 32 characters a-z, 0-9 and -"
    assert report["examples"] == {"schema": expected}
    assert [one for *_, one in await interactions(settings)] == [make_interaction()]


async def test_replay_of_one_reason_leaves_the_others(settings: Settings) -> None:
    """A post that belongs to another account is sent only when it is asked for by name."""
    foreign = refused(encode_interaction(make_interaction(post="p2")), "post_of_another_account")
    await reject(settings, refused(encode_interaction(make_interaction())), foreign)
    _, all_of_them = twoway_json(settings, "replay", "--dry-run")
    assert all_of_them["interactions"] == 1
    twoway_json(settings, "replay", "--reason", "post_of_another_account")
    assert [one.post for *_, one in await interactions(settings)] == ["p2"]


async def test_replay_of_a_reason_that_no_record_has_names_those_that_are_there(settings: Settings) -> None:
    """An empty table would look as if all were well; while nothing lies in the topic, all is."""
    assert replayed(settings, "--reason", "zzz")[0] == 0
    await reject(settings, refused(b"{}"), refused(b"[]", "not_json"))
    done = twoway("replay", "--reason", "zzz", **variables(settings))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "twoway: reason is 'zzz'; expected one of those in interactions.rejected: not_json, schema\n"
    )


async def test_replay_says_what_stays_rejected_and_ends_with_a_code_of_its_own(settings: Settings) -> None:
    """3: neither done nor failed. What was not chosen does not matter, and a dry run decides the same."""
    late = refused(encode_interaction(make_interaction()), "time_in_future")
    await reject(settings, refused(b"{}"), refused(b"[]"), late)
    ended = {}
    for arguments in ((), ("--dry-run",), ("--reason", "time_in_future"), ("--since", "2999-01-01")):
        code, shown = replayed(settings, *arguments)
        ended[arguments] = (code, [line for line in shown.splitlines() if line.endswith(" rejected")])
    assert ended == {
        (): (3, ["2 records stay rejected"]),
        ("--dry-run",): (3, ["2 records would stay rejected"]),
        ("--reason", "time_in_future"): (0, []),
        ("--since", "2999-01-01"): (0, []),
    }


async def test_replay_since_a_moment_leaves_older_ones(settings: Settings) -> None:
    await reject(settings, refused(encode_interaction(make_interaction())))
    _, report = twoway_json(settings, "replay", "--since", "2999-01-01")
    assert (report["read"], report["interactions"]) == (0, 0)


async def test_delivery_is_read_again_as_the_gateway_reads_it(settings: Settings, tmp_path: Path) -> None:
    """A delivery that a fixed reader understands counts; its actor becomes the same pseudonym."""
    file = tmp_path / "connections.toml"
    file.write_text(CONNECTIONS)
    delivery = Rejected(
        stage="normalise",
        reason="missing_field",
        time_ms=NOON_MS,
        source="pages",
        platform="facebook",
        bytes=orjson.dumps(COMMENT),
        headers={"content-type": "application/json"},
    )
    gone = Rejected(stage="parse", reason="not_json", time_ms=NOON_MS, source="gone", platform="facebook", bytes=b"{")
    await reject(settings, delivery, gone)
    _, report = twoway_json(settings, "replay", TWOWAY_CONNECTIONS_FILE=str(file))
    assert (report["interactions"], report["why"]) == (1, {"unknown_connection": 1})
    [(_, _, one)] = await interactions(settings)
    assert (one.kind, one.post, one.id) == ("comment", "1001_2001", "2001_3001")
    assert one.actor == keyed_pseudonym(settings.actor_key)("facebook", "77")


async def test_replay_says_what_a_rejected_delivery_lacks(settings: Settings, tmp_path: Path) -> None:
    """The word alone does not tell which field of which item is missing."""
    (tmp_path / "connections.toml").write_text(CONNECTIONS)
    body = json.loads(orjson.dumps(COMMENT))
    del body["entry"][0]["changes"][0]["value"]["verb"]
    kept = Rejected(
        stage="normalise", reason="missing_field", time_ms=NOON_MS, source="pages", platform="facebook",
        bytes=orjson.dumps(body),
    )  # fmt: skip
    await reject(settings, kept)
    code, shown = replayed(settings, "--dry-run", TWOWAY_CONNECTIONS_FILE=str(tmp_path / "connections.toml"))
    assert code == 3
    assert shown.splitlines()[-1] == "  missing_field: 1, such as: expected a verb under verb"


async def test_a_removal_that_came_before_its_add_works_when_it_is_replayed(settings: Settings, tmp_path: Path) -> None:
    """The answer ignores it; it lies among the rejected, alone; a replay is in vain until the add has come."""
    body = json.loads((PAYLOADS / "x-aaa-tweet-delete.json").read_text())
    body["tweet_delete_events"].append({"status": {"id": "7", "user_id": "930524282358325248"}, "timestamp_ms": "1"})
    added = json.loads((PAYLOADS / "x-aaa-tweet-create-own-post.json").read_text())
    post, account = body["tweet_delete_events"][0]["status"]["id"], body["for_user_id"]
    added["for_user_id"] = added["tweet_create_events"][0]["user"]["id_str"] = account
    added["tweet_create_events"][0]["id_str"] = post
    environment = {"TWOWAY_CONNECTIONS_FILE": str(tmp_path / "connections.toml")}
    async with gateway(settings, tmp_path) as client:
        answer = await post_x(client, orjson.dumps(body))
        assert (answer.status_code, answer.json()["ignored"]) == (200, {"unresolvable_removal": 2})
        _, early = twoway_json(settings, "replay", **environment)
        assert (early["interactions"], early["why"]) == (0, {"unresolvable_removal": 2})
        assert (await post_x(client, orjson.dumps(added))).json() == {"accepted": 1}
    kept = rejected(settings)
    assert [(one.stage, one.reason, one.source) for one in kept] == [
        ("normalise", "unresolvable_removal", "brand-x")
    ] * 2
    assert sorted(len(json.loads(one.bytes)["tweet_delete_events"]) for one in kept) == [1, 1]
    _, report = twoway_json(settings, "replay", **environment)
    assert (report["interactions"], report["why"]) == (1, {"unresolvable_removal": 1})
    assert [(one.id, one.kind, one.action) for *_, one in await interactions(settings)] == [
        (post, "post", "add"),
        (post, "post", "remove"),
    ]


async def test_a_like_replayed_after_a_rotation_of_the_key_supersedes_the_one_of_before(
    settings: Settings, tmp_path: Path
) -> None:
    """As through the gateway: what stood under the former pseudonym stands no more."""
    value = {"item": "reaction", "verb": "add", "reaction_type": "like", "from": {"id": "77"}, "post_id": "1001_2001",
             "created_time": NOON_MS // 1000}  # fmt: skip
    entry = {"id": "1001", "time": NOON_MS // 1000, "changes": [{"field": "feed", "value": value}]}
    body = json.dumps({"object": "page", "entry": [entry]}).encode()
    kept = Rejected(stage="normalise", reason="test", time_ms=NOON_MS, source="pages", platform="facebook", bytes=body)
    async with AIOKafkaProducer(bootstrap_servers=list(settings.kafka_servers)) as producer:
        await producer.send_and_wait(settings.topic(REJECTED.name), encode_rejected(kept))
    connections = tmp_path / "connections.toml"
    connections.write_text(CONNECTIONS)
    former = Secret("the key before the rotation, long enough")
    code, _ = twoway_json(
        settings, "replay",
        TWOWAY_CONNECTIONS_FILE=str(connections), TWOWAY_ACTOR_KEY_FORMER=former.reveal(),
    )  # fmt: skip
    assert code == 0
    sent = {(one.action, one.actor) for _, _, one in await interactions(settings)}
    names = [keyed_pseudonym(key)("facebook", "77") for key in (settings.actor_key, former)]
    assert sent == {("add", names[0]), ("remove", names[1])}
