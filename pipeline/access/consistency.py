"""Settings of TLS and passwords that fit together: what one of them needs of the others. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from pipeline.access.loopback import is_loopback
from pipeline.access.redis_url import check_redis_url
from pipeline.errors import SettingsError

if TYPE_CHECKING:
    from pipeline.settings import Settings


def check_servers(settings: Settings) -> None:
    """Raises SettingsError for the first setting of Kafka's or Redis' security that would have no effect, or a wrong
    one: nobody should believe in a certificate that is never looked at."""
    _check_kafka_servers(settings.kafka_servers)
    check_redis_url(settings.redis_url.reveal())
    _check_pair("KAFKA", settings.kafka_cert_file, settings.kafka_key_file)
    _check_pair("REDIS", settings.redis_cert_file, settings.redis_key_file)
    if not settings.kafka_tls and (settings.kafka_ca_file or settings.kafka_cert_file):
        raise SettingsError("TWOWAY_KAFKA_TLS is false, but certificates for it are given; expected true")
    if not settings.redis_url.reveal().startswith("rediss") and (settings.redis_ca_file or settings.redis_cert_file):
        raise SettingsError(
            "TWOWAY_REDIS_URL is without TLS, but certificates for it are given; expected it to begin with rediss://"
        )
    if settings.redis_username and not settings.redis_password:
        raise SettingsError("TWOWAY_REDIS_USERNAME is given without TWOWAY_REDIS_PASSWORD; expected both")
    if settings.redis_password and _names_user(settings.redis_url.reveal()):
        raise SettingsError("TWOWAY_REDIS_URL names a user, and TWOWAY_REDIS_PASSWORD is given; expected one of them")
    _check_sasl(settings)


def _check_kafka_servers(servers: tuple[str, ...]) -> None:
    for server in servers or ("",):
        try:
            parts = urlsplit(f"//{server}")
            holds = bool(parts.hostname) and parts.port != 0 and parts.netloc == server and "@" not in server
        except ValueError:
            holds = False
        if not holds:
            shown = server.rpartition("@")[2][:100]
            raise SettingsError(f"TWOWAY_KAFKA_SERVERS has {shown!r}; expected host:port, several with commas between")


def _check_pair(server: str, certificate: str, key: str) -> None:
    if bool(certificate) != bool(key):
        given, missing = ("CERT", "KEY") if certificate else ("KEY", "CERT")
        raise SettingsError(
            f"TWOWAY_{server}_{given}_FILE is given without TWOWAY_{server}_{missing}_FILE; expected both"
        )


def _names_user(url: str) -> bool:
    parts = urlsplit(url)
    return "@" in parts.netloc or not {"username", "password"}.isdisjoint(parse_qs(parts.query))


def _check_sasl(settings: Settings) -> None:
    named = bool(settings.kafka_username), bool(settings.kafka_password)
    if settings.kafka_sasl == "none":
        if any(named):
            raise SettingsError(
                "TWOWAY_KAFKA_SASL is 'none', but a user or password is given; expected the mechanism as well"
            )
        return
    if not all(named):
        raise SettingsError(
            f"TWOWAY_KAFKA_SASL is {settings.kafka_sasl!r} without TWOWAY_KAFKA_USERNAME or TWOWAY_KAFKA_PASSWORD; "
            "expected both"
        )
    if settings.kafka_sasl == "plain" and not settings.kafka_tls and not all(map(is_loopback, settings.kafka_servers)):
        # SCRAM never sends the password; PLAIN does, to whoever listens on the way.
        raise SettingsError(
            "TWOWAY_KAFKA_SASL is 'plain' without TWOWAY_KAFKA_TLS, which sends the password in clear text; "
            "expected TLS, or scram-sha-512"
        )
