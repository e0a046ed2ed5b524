"""What one connection says of an id takes nothing from the accounts of another, and breaks nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from pipeline.gateway.directory import EVERYBODY, Directory
from pipeline.gateway.kept import to_read_again
from pipeline.settings import Settings
from pipeline.sources.outcomes import Known
from pipeline.store.keys import Keys
from schemas.interaction import LONGEST_ID
from tests.gateways import gateway, interactions, rejected
from tests.redises import open_redis

pytestmark = pytest.mark.servers

TELEGRAM = "\n".join(
    f"""[connections.{name}]
platform = "telegram"
secrets = ["token-of-{name}"]
{accounts}
"""
    for name, accounts in (("a", 'accounts = ["-1001"]'), ("b", 'accounts = ["-1002"]'), ("open", ""))
)
#: The group in which copies of the channels' posts are talked about.
GROUP = -500


def copy_of(channel: int | str, post: int | str) -> dict[str, Any]:
    """Message 5 of the group is told to be a copy of a channel's post."""
    origin = {"chat": {"id": channel}, "message_id": post}
    return {"message_id": 5, "chat": {"id": GROUP}, "is_automatic_forward": True, "forward_origin": origin}


def comment(number: int) -> dict[str, Any]:
    """Somebody writes below message 5."""
    return {
        "message_id": number, "chat": {"id": GROUP}, "message_thread_id": 5, "text": "hi", "from": {"id": 7},
        "date": 1_780_000_000,
    }  # fmt: skip


async def tell(client: httpx.AsyncClient, name: str, message: dict[str, Any]) -> dict[str, Any]:
    """The answer to one update over a connection."""
    answer = await client.post(
        f"/webhooks/{name}",
        content=json.dumps({"update_id": 1, "message": message}),
        headers={"X-Telegram-Bot-Api-Secret-Token": f"token-of-{name}"},
    )
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("first", ["a", "b"])
async def test_a_connection_cannot_take_ids_away_from_anothers_account(
    settings: Settings, tmp_path: Path, first: str
) -> None:
    """Whoever has spoken of the id first."""
    (tmp_path / "connections.toml").write_text(TELEGRAM)
    copies = {"a": copy_of(-1001, 1), "b": copy_of(-1002, 1)}
    async with gateway(settings, tmp_path) as client:
        for name in sorted(copies, key=lambda name: name != first):
            await tell(client, name, copies[name])
        assert await tell(client, "a", comment(6)) == {"accepted": 1}
    assert [(one.account, one.post) for one in interactions(settings) if one.kind == "comment"] == [
        ("-1001", "-1001/1")
    ]


async def test_what_is_remembered_fits_a_record_or_is_left_out(settings: Settings, tmp_path: Path) -> None:
    """An id of 1,025 characters is none of a post: what is said below it counts nowhere, and breaks nothing."""
    (tmp_path / "connections.toml").write_text(TELEGRAM)
    async with gateway(settings, tmp_path) as client:
        await tell(client, "open", copy_of(-1001, "9" * (LONGEST_ID + 1)))
        assert (await tell(client, "open", comment(6)))["accepted"] == 0
        await tell(client, "open", copy_of(-1001, 1))
        assert await tell(client, "open", comment(7)) == {"accepted": 1}


async def test_an_entry_that_cannot_be_read_is_unknown_and_long_ids_are_not_asked_for(settings: Settings) -> None:
    """One of another version; an id that no record can hold would be the longest key."""
    keys, directory, client = Keys(settings.key_prefix), Directory(settings), open_redis(settings)
    await client.hset(keys.seen("x", "1"), EVERYBODY, b'{"account":"a","post":""}')
    await client.hset(keys.seen("x", "2"), mapping={EVERYBODY: b"{}", "a": b'{"account":"a","post":"p","kind":"like"}'})
    long = "{" * (LONGEST_ID + 1)
    await directory.remember("x", {long: Known("a", "p", "comment"), "3": Known("a", long, "comment")})
    found = await directory.look_up("x", ["1", "2", "3", long])
    assert found == {"2": Known("a", "p", "like")}
    assert not await client.exists(keys.seen("x", long))
    await directory.close()
    await client.aclose()


async def test_an_item_of_binary_mode_is_kept_so_that_it_reads_again_as_what_it_was(
    settings: Settings, tmp_path: Path
) -> None:
    """Its attributes stand in it; beside it they would make it the data of another event. What is kept whole has them,
    uncut, for some are ids."""
    headers = {
        "Authorization": "Bearer token", "Content-Type": "application/json", "ce-specversion": "1.0", "ce-id": "evt-1",
        "ce-type": "interaction.like.added", "ce-source": "https://e/platforms/forum/accounts/a1",
        "ce-subject": "p" * (LONGEST_ID + 1), "ce-note": "n" * 1_100,
    }  # fmt: skip
    async with gateway(settings, tmp_path) as client:
        for body in (b'{"actor":"bob"}', b"no json"):
            await client.post("/webhooks/events", content=body, headers=headers)
        item, whole = sorted(rejected(settings), key=lambda one: one.stage != "schema")
        await client.post("/webhooks/brand-x", content=b"{", headers={"ce-type": "x"})
    assert (item.reason, item.headers) == ("schema", {})
    assert json.loads(item.bytes)["subject"] == headers["ce-subject"]
    before = replace(item, headers=dict(whole.headers))  # as former releases kept it
    assert to_read_again(before).headers == to_read_again(item).headers == {}
    assert to_read_again(whole).headers == whole.headers
    assert whole.stage == "parse"
    assert {name: whole.headers[name] for name in ("ce-subject", "ce-note")} == {
        name: headers[name] for name in ("ce-subject", "ce-note")
    }


async def test_headers_are_not_kept_a_hundred_thousand_times(settings: Settings, tmp_path: Path) -> None:
    """They count with the items beside which they would lie; the delivery is kept as a whole then, once."""
    headers = {"Authorization": "Bearer token", "Content-Type": "application/json", "webhook-id": "i" * 1_000}
    many = [f"ce-a{number}" for number in range(30)]
    async with gateway(settings, tmp_path) as client:
        answer = await client.post(
            "/webhooks/events", content=b"[%s0]" % (b"0," * 40_000), headers=headers | dict.fromkeys(many, "v" * 900)
        )
    assert (answer.status_code, answer.json()["error"]) == (400, "too_large_items")
    kept = rejected(settings)
    assert sum(len(one.bytes) + sum(map(len, one.headers.values())) for one in kept) < 20_000_000
    assert [one.reason for one in kept if one.stage == "parse"] == ["too_large_items"]
