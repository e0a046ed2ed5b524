"""Every delivery of the corpus, signed as its platform signs, through a running gateway into Kafka.

Generic over the registry: a platform that is added there is tested here, once `tests/signing.py` knows its scheme.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from pipeline.clock import wall_clock
from pipeline.gateway.directory import Directory
from pipeline.gateway.pseudonyms import keyed_pseudonym
from pipeline.settings import Settings
from pipeline.sources.context import Pseudonym
from pipeline.sources.http_file import read_http
from pipeline.sources.outcomes import LATER, Known
from pipeline.sources.registry import SOURCES
from schemas.rejected import decode_rejected
from schemas.topics import INTERACTIONS, REJECTED
from tests.contract.corpus import Case, cases, mismatch
from tests.gateways import gateway, records
from tests.redises import open_redis
from tests.signing import SIGNERS, Request, Signed

pytestmark = pytest.mark.servers

#: The gateway's clock is the machine's: a time of receipt is not further away than a test is long.
SOON_MS = 60_000
#: What a recorded request carries and a real one has anew.
RENEWED = frozenset({"host", "authorization"})


def connection(case: Case) -> dict[str, Any]:
    """The connection's table: the circumstances of the case, and what its scheme verifies with."""
    expected = case.expected
    source, facts = SOURCES[expected["platform"]], expected.get("connection", {})
    accounts = {facts["account"]} if "account" in facts else set()
    if source.check_accounts(frozenset(accounts)):  # it must name some, so those of the records
        accounts = {record["account"] for record in expected["interactions"]}
    signer = SIGNERS[source.schemes[0]]
    table = {"platform": source.name, "accounts": sorted(accounts), "brand_actors": facts.get("brand_actors", [])}
    return table | ({"secrets": [signer.secret]} if signer.secret else {}) | dict(signer.keys(content(case)[1]))


def content(case: Case) -> tuple[dict[str, str], bytes]:
    """Headers and body as the platform sends them, before they are signed."""
    if case.file.suffix == ".http":
        request = read_http(case.file.read_bytes())
        return {name: value for name, value in request.headers.items() if name not in RENEWED}, request.body
    return {**case.expected["headers"], "Content-Type": case.expected["content_type"]}, case.file.read_bytes()


def hidden(expected: dict[str, Any], pseudonym: Pseudonym) -> dict[str, Any]:
    """The expected record with the pseudonym for its actor, also in the id of a like."""
    if "actor" not in expected:
        return expected
    shown = pseudonym(expected["platform"], expected["actor"])
    object_id = f"{expected['post']}/{shown}" if expected["kind"] == "like" else expected["id"]
    return {**expected, "actor": shown, "id": object_id}


async def fill_directory(settings: Settings, case: Case, pseudonym: Pseudonym) -> None:
    """Nothing is remembered but what the case says; who did it as pseudonym."""
    redis = open_redis(settings)
    async for key in redis.scan_iter(match=f"{settings.key_prefix}:seen:*"):
        await redis.delete(key)
    await redis.aclose()
    platform, directory = case.expected["platform"], Directory(settings)
    known = {
        name: Known(**{**entry, "actor": pseudonym(platform, entry["actor"]) if "actor" in entry else None})
        for name, entry in case.expected.get("directory", {}).items()
    }
    await directory.remember(platform, known)
    await directory.close()


async def deliver(client: httpx.AsyncClient, case: Case, name: str, *, signed: bool) -> httpx.Response:
    headers, body = content(case)
    signer, address = SIGNERS[SOURCES[case.expected["platform"]].schemes[0]], f"/webhooks/{name}"
    request = Request(client.base_url.netloc.decode(), address, body, headers, wall_clock() // 1000)
    added = signer.sign(request, signer.secret) if signed else Signed()
    return await client.post(address + added.tail, content=body, headers={**headers, **added.headers})


def differences(found: list[dict[str, Any]], case: Case, pseudonym: Pseudonym) -> dict[str, Any]:
    """By id of the record what is wrong with it; empty where all is as it must be."""
    expected = {record["id"]: record for record in (hidden(r, pseudonym) for r in case.expected["interactions"])}
    records = {record["id"]: record for record in found}
    wrong: dict[str, Any] = dict.fromkeys(records.keys() - expected.keys(), "not expected")
    wrong |= dict.fromkeys(expected.keys() - records.keys(), "missing")
    for name in records.keys() & expected.keys():
        fields = mismatch({"time_from": "platform"} | records[name], expected[name])
        if expected[name]["time_ms"] is None and abs(records[name]["time_ms"] - wall_clock()) > SOON_MS:
            fields.append("time_ms")
        wrong |= {name: fields} if fields else {}
    return wrong | ({"records": len(found)} if len(found) != len(expected) else {})


def write_connections(file: Path, tables: dict[str, dict[str, Any]]) -> None:
    """As TOML: strings, lists and one level of tables are JSON's, apart from the colon."""
    lines = []
    for name, table in tables.items():
        lines.append(f"[connections.{name}]")
        for key, value in table.items():
            written = orjson.dumps(value).decode()
            if isinstance(value, dict):
                pairs = (f"{json.dumps(inner)} = {json.dumps(text)}" for inner, text in value.items())
                written = "{" + ", ".join(pairs) + "}"
            lines.append(f"{key} = {written}")
    file.write_text("\n".join(lines))


class Topics:
    """What is new in the topics each time one looks; partitions are read in any order."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: set[tuple[str, int, int]] = set()

    def new(self, topic: str) -> list[bytes]:
        found = [(topic, one.partition, one.offset, one.value) for one in records(self._settings, topic)]
        fresh = [value for *place, value in found if tuple(place) not in self._seen]
        self._seen |= {(name, partition, offset) for name, partition, offset, _ in found}
        return fresh


@pytest.mark.parametrize("platform", SOURCES)
async def test_every_delivery_of_a_platform_arrives_as_it_must(
    settings: Settings, tmp_path: Path, platform: str
) -> None:
    """Answer, records, and what is kept of removals of unknown things, in every circumstance of the corpus.

    The same without what the scheme adds is refused and leaves no trace.
    """
    pseudonym, topics = keyed_pseudonym(settings.actor_key), Topics(settings)
    own = {f"c{number}": case for number, case in enumerate(cases()) if case.expected["platform"] == platform}
    write_connections(tmp_path / "connections.toml", {name: connection(case) for name, case in own.items()})
    wrong: dict[str, Any] = {}
    async with gateway(settings, tmp_path) as client:
        for name, case in own.items():
            await fill_directory(settings, case, pseudonym)
            refused = await deliver(client, case, name, signed=False)
            answer = await deliver(client, case, name, signed=True)
            problems = differences([json.loads(value) for value in topics.new(INTERACTIONS.name)], case, pseudonym)
            ignored = Counter(entry["reason"] for entry in case.expected["ignored"])
            kept = Counter(decode_rejected(value).reason for value in topics.new(REJECTED.name))
            problems |= {"unsigned": refused.text} if refused.status_code != 401 else {}
            problems |= {"answer": answer.text} if answer.status_code != 200 else {}
            problems |= {"ignored": answer.text} if answer.json().get("ignored", {}) != ignored else {}
            unresolved = Counter({LATER: ignored[LATER]} if LATER in ignored else {})
            problems |= {"kept": kept} if kept != unresolved else {}
            wrong |= {case.name: problems} if problems else {}
    assert own
    assert wrong == {}
