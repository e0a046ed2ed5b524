"""What every client of Kafka is made with: where it is, TLS, and the user, as the settings say."""

from __future__ import annotations

from typing import Any

from pipeline.access.tls import kafka_context
from pipeline.settings import Settings


def kafka_options(settings: Settings) -> dict[str, Any]:
    """Arguments for any client of aiokafka and of kafka-python: servers, TLS, user. Raises SettingsError."""
    return {"bootstrap_servers": list(settings.kafka_servers), **kafka_security(settings)}


def kafka_security(settings: Settings) -> dict[str, Any]:
    """The same without the servers; empty where neither TLS nor a user is set. Raises SettingsError."""
    options: dict[str, Any] = {}
    context = kafka_context(settings)
    if context is not None:
        options["ssl_context"] = context
    if settings.kafka_sasl != "none":
        options |= {
            "sasl_mechanism": settings.kafka_sasl.upper(),
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password.reveal(),
        }
    if options:
        options["security_protocol"] = _protocol(settings)
    return options


def _protocol(settings: Settings) -> str:
    if settings.kafka_sasl == "none":
        return "SSL"
    return "SASL_SSL" if settings.kafka_tls else "SASL_PLAINTEXT"
