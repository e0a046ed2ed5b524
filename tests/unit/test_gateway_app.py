"""The gateway's application without servers: what it refuses before, and because, nothing can be taken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from pipeline.clock import wall_clock
from pipeline.errors import UnavailableError
from pipeline.gateway.app import build_app
from pipeline.gateway.budget import Budget
from pipeline.gateway.connections import Connections
from pipeline.gateway.directory import Directory
from pipeline.gateway.intake import Receipt
from pipeline.gateway.outside import Outside
from pipeline.gateway.pseudonyms import keyed_pseudonym
from pipeline.gateway.public_keys import PublicKeys
from pipeline.gateway.publisher import Publisher
from pipeline.gateway.webhook import _body
from pipeline.settings import Secret, Settings
from tests.gateways import CONNECTIONS, comments, post_page


async def no_kafka() -> AIOKafkaProducer:
    raise KafkaConnectionError("nobody is there")


@asynccontextmanager
async def gateway_without_servers(folder: Path, budget: Budget) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose Kafka cannot be reached."""
    (folder / "connections.toml").write_text(CONNECTIONS)
    settings = Settings(actor_key=Secret("k" * 32))
    publisher = Publisher(no_kafka, ("interactions", "interactions.rejected"), 0.5, budget)
    publisher.start()
    directory = Directory(settings)
    connections = Connections(folder / "connections.toml")
    keys = PublicKeys(Outside(allow_local=False), wall_clock)
    app = build_app(settings, connections, publisher, directory, keyed_pseudonym(settings.actor_key), budget, keys)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        yield client
    await keys.close()
    await publisher.close()
    await directory.close()


async def test_without_kafka_a_good_delivery_is_to_come_again(tmp_path: Path) -> None:
    """503 with Retry-After at once, never a 2xx; what is not signed is refused all the same."""
    async with gateway_without_servers(tmp_path, Budget()) as client:
        answer = await post_page(client, comments(0, 1))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert (await client.post("/webhooks/page", content=b"{}")).status_code == 401
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).json()["kafka"] is False


async def test_an_answer_is_a_line(tmp_path: Path) -> None:
    """A terminal prints what is typed next below it."""
    async with gateway_without_servers(tmp_path, Budget()) as client:
        assert (await client.post("/webhooks/page", content=b"{}")).text == '{"error":"missing_signature"}\n'
    assert _body(Receipt(2)) == b'{"accepted":2}\n'
    assert _body(Receipt(0, 1)).endswith(b"}\n")


async def test_what_is_refused_is_logged_without_a_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the body, nor a signature, nor what follows a name: with some platforms that is the secret."""
    async with gateway_without_servers(tmp_path, Budget()) as client:
        wrong = {"X-Hub-Signature-256": "sha256=" + "0" * 64}
        await client.post("/webhooks/page", content=b"a body", headers=wrong)
        await client.post("/webhooks/nobody/a-secret-in-the-address", content=b"{}")
    assert [record.getMessage() for record in caplog.records if "answered" in record.getMessage()] == [
        "connection page: a request was answered with 401, wrong_signature",
        "address of 'nobody': a request was answered with 404, unknown_connection",
    ]


async def test_bytes_in_flight_are_bounded_and_given_back(tmp_path: Path) -> None:
    """A body over what is left gets 503 before it is looked at; afterwards nothing is held."""
    budget = Budget(limit_bytes=1_000)
    async with gateway_without_servers(tmp_path, budget) as client:
        answer = await client.post("/webhooks/page", content=b"x" * 1_001)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert (await client.post("/webhooks/page", content=b"x" * 1_000)).status_code == 401
    assert budget.used_bytes == 0


def test_a_budget_counts_nothing_that_it_refused() -> None:
    """The bytes in use stay as they were."""
    budget = Budget(limit_bytes=10)
    budget.take(8)
    with pytest.raises(UnavailableError):
        budget.take(3)
    budget.take(2)
    assert budget.used_bytes == 10
