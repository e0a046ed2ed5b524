"""Where Redis or Kafka does not answer, one line says where it was looked for: the same line everywhere, no secret."""

from __future__ import annotations

from pathlib import Path

import aiokafka.errors
import kafka.errors
import pytest
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as Away

from pipeline.access.redis import redis_away
from pipeline.access.refusals import kafka_away
from pipeline.settings import Secret, Settings
from pipeline.store.connect import connect_redis
from tests.commands import twoway


async def test_redis_that_is_away_is_named_by_its_address_and_what_it_refuses_by_its_reason() -> None:
    """Never with the password of its URL."""
    client = connect_redis(Settings(redis_url=Secret("redis://:hunter2@redis.example/1")), timeout_s=1)
    assert redis_away(client, Away("...")) == (
        "Redis does not answer at redis.example:6379; expected it there (TWOWAY_REDIS_URL)"
    )
    assert redis_away(client, AuthenticationError("hunter2")).startswith(
        "Redis at redis.example:6379: it refused the user or the password; expected those of TWOWAY_REDIS_URL"
    )


@pytest.mark.parametrize(
    "error",
    [
        aiokafka.errors.KafkaConnectionError("Unable to bootstrap from [('a', 9092, <AddressFamily.AF_INET: 2>)]"),
        kafka.errors.KafkaTimeoutError("10000"),
    ],
)
def test_kafka_that_is_away_is_named_by_its_addresses(error: Exception) -> None:
    """Not in the words of a client, of which there are two."""
    assert kafka_away(("a:9092", "b:9092"), error) == (
        "Kafka does not answer at a:9092,b:9092; expected it there (TWOWAY_KAFKA_SERVERS)"
    )


def test_another_error_of_kafka_is_named_once() -> None:
    error = aiokafka.errors.UnrecognizedBrokerVersion("too old")
    assert kafka_away(("a:9092",), error) == "Kafka at a:9092: UnrecognizedBrokerVersion: too old"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["top"], "Redis does not answer at 127.0.0.1:1; expected it there (TWOWAY_REDIS_URL)"),
        (["explain", "x:1"], "Redis does not answer at 127.0.0.1:1; expected it there (TWOWAY_REDIS_URL)"),
        (["verify"], "Kafka does not answer at 127.0.0.1:2; expected it there (TWOWAY_KAFKA_SERVERS)"),
    ],
)
def test_a_command_without_its_servers_says_where_it_looked(tmp_path: Path, words: list[str], line: str) -> None:
    done = twoway(
        *words,
        cwd=tmp_path,
        TWOWAY_REDIS_URL="redis://:hunter2@127.0.0.1:1/0",
        TWOWAY_KAFKA_SERVERS="127.0.0.1:2",
    )
    assert (done.returncode, done.stderr) == (1, f"twoway: {line}\n")
