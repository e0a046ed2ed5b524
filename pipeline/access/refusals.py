"""Why Kafka or Redis does not let us in: the certificate, its host name, the user. Nothing that waiting would mend.

Kafka's clients keep the cause to their logs and go on trying; so the way is tried once by hand. What is away is no
refusal. What closes the connection without a word may be one: `likely` ones are hints, and end nothing.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Coroutine, Mapping, Sequence
from threading import Thread
from typing import Any, TypeVar

from aiokafka.conn import create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest
from kafka import errors as kafka_python
from redis.exceptions import RedisError

from pipeline.access.kafka import kafka_security
from pipeline.access.redis import is_refusal, redis_away, redis_security
from pipeline.access.tls import describe_tls
from pipeline.errors import SettingsError
from pipeline.settings import Settings
from pipeline.store.connect import connect_redis

TIMEOUT_S = 3.0
#: Of aiokafka and of kafka-python, whose errors are kinds of their own.
_AWAY = (KafkaConnectionError, KafkaTimeoutError, kafka_python.KafkaConnectionError, kafka_python.KafkaTimeoutError)

_T = TypeVar("_T")


def check_access(settings: Settings) -> None:
    """For the start of a role: raises SettingsError where Kafka or Redis refuses us. Without TLS and users it asks
    neither. It may be called while a loop runs, which then waits."""
    refusal = None
    if security := kafka_security(settings):
        refusal = now(kafka_refusal(settings.kafka_servers, security))
    url = settings.redis_url.reveal()
    if refusal is None and (redis_security(settings) or "@" in url or url.startswith("rediss")):
        refusal = now(redis_refusal(settings))
    if refusal is not None:
        raise SettingsError(refusal)


async def kafka_refusal(servers: Sequence[str], security: Mapping[str, Any], *, likely: bool = False) -> str | None:
    """What the first server that answers has against us; None where none has. `security`: of `kafka_security`."""
    for server in servers:
        host, _, port = server.rpartition(":")
        try:
            await _ask(host.strip("[]"), int(port), security)
        except ssl.SSLError as error:
            return f"Kafka at {server}: {describe_tls(error, 'KAFKA')}"
        except SaslAuthenticationFailed:
            user = security["sasl_plain_username"]
            return (
                f"Kafka at {server} refused user {user!r}; expected TWOWAY_KAFKA_USERNAME and TWOWAY_KAFKA_PASSWORD to "
                "be known there"
            )
        except (UnsupportedSaslMechanismError, IllegalSaslStateError):
            wanted = security.get("sasl_mechanism", "none").lower()
            return f"Kafka at {server} does not take TWOWAY_KAFKA_SASL {wanted!r}; expected one that its listener has"
        except (KafkaConnectionError, ConnectionResetError):
            if likely:
                return (
                    f"Kafka at {server} closes the connection without an answer; expected TWOWAY_KAFKA_TLS, "
                    "TWOWAY_KAFKA_SASL and TWOWAY_KAFKA_CERT_FILE to be what its listener asks for"
                )
        except (KafkaError, OSError, ValueError, TimeoutError):
            continue
        else:
            return None
    return None


async def why_kafka(settings: Settings, error: Exception) -> str:
    """What is behind an error of a client, as far as it can be found out; else what the client says."""
    found = await kafka_refusal(settings.kafka_servers, kafka_security(settings), likely=True)
    return found or kafka_away(settings.kafka_servers, error)


def kafka_away(servers: Collection[str], error: Exception) -> str:
    """What to say where Kafka does not answer, and at which addresses; of another error what the client says."""
    names = ",".join(servers)
    if isinstance(error, _AWAY):
        return f"Kafka does not answer at {names}; expected it there (TWOWAY_KAFKA_SERVERS)"
    return f"Kafka at {names}: {error}"  # a client puts the error's kind before what it says


async def redis_refusal(settings: Settings) -> str | None:
    """What Redis has against us; None where it has nothing."""
    client = connect_redis(settings, timeout_s=TIMEOUT_S)
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        return redis_away(client, error) if is_refusal(error) else None
    finally:
        await client.aclose()
    return None


async def _ask(host: str, port: int, security: Mapping[str, Any]) -> None:
    """Connect and ask for something: only then a listener with SASL turns away who names no user."""
    timeout_ms = int(TIMEOUT_S * 1000)
    connection = await create_conn(host, port, client_id="twoway-check", request_timeout_ms=timeout_ms, **security)
    try:
        await connection.send(MetadataRequest([]))
    finally:
        connection.close()


def now(question: Coroutine[Any, Any, _T]) -> _T:
    """The answer, waited for: in a thread of its own, since a loop may run in this one."""
    found: list[_T] = []
    thread = Thread(target=lambda: found.append(asyncio.run(question)), name="access")
    thread.start()
    thread.join()
    return found[0]
