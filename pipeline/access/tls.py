"""TLS towards our servers: a context that trusts the given CA only, checks the host's name, and shows our certificate.

There is no setting that turns a check off.
"""

from __future__ import annotations

import ssl

from pipeline.errors import SettingsError
from pipeline.settings import Secret, Settings

#: X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL.
_NAMES = frozenset({62, 64})
_ADDRESS = {"KAFKA": "KAFKA_SERVERS", "REDIS": "REDIS_URL"}


def kafka_context(settings: Settings) -> ssl.SSLContext | None:
    """The context for Kafka; None without TLS. Raises SettingsError for files that do not serve."""
    if not settings.kafka_tls:
        return None
    files = settings.kafka_ca_file, settings.kafka_cert_file, settings.kafka_key_file
    return _context("KAFKA", *files, settings.kafka_key_password)


def redis_context(settings: Settings) -> ssl.SSLContext | None:
    """The context for Redis; None without TLS. Raises SettingsError for files that do not serve."""
    if not settings.redis_url.reveal().startswith("rediss"):
        return None
    files = settings.redis_ca_file, settings.redis_cert_file, settings.redis_key_file
    return _context("REDIS", *files, settings.redis_key_password)


def describe_tls(error: ssl.SSLError, server: str) -> str:
    """What went wrong, and the setting of `server` (KAFKA or REDIS) to look at. OpenSSL's words hold no secret."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _NAMES:
            said = error.verify_message.rstrip(".")
            return f"{said}; expected the name in TWOWAY_{_ADDRESS[server]} to be one that the certificate holds"
        return (
            f"its certificate is not trusted ({error.verify_message}); expected it to come from an authority of "
            f"TWOWAY_{server}_CA_FILE"
        )
    return f"the TLS handshake failed ({_why(error)}); expected TLS to be spoken at this port"


def _context(server: str, authorities: str, certificate: str, key: str, password: Secret) -> ssl.SSLContext:
    """With a CA file nobody else's word counts; without one, that of the system's authorities."""
    try:
        context = ssl.create_default_context(cafile=authorities or None)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"TWOWAY_{server}_CA_FILE is {authorities!r}; expected readable certificates in PEM ({_why(error)})"
        ) from error
    if certificate:
        try:
            # Without a password of ours OpenSSL would ask the terminal for one, and a role would hang.
            context.load_cert_chain(certificate, key, password.reveal)
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"TWOWAY_{server}_CERT_FILE and _KEY_FILE are {certificate!r} and {key!r}; expected a certificate and "
                f"its key in PEM, the key's password in TWOWAY_{server}_KEY_PASSWORD ({_why(error)})"
            ) from None
    return context


def _why(error: Exception) -> str:
    """OpenSSL's reason or the system's, in few words."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not PEM").lower().replace("_", " ")
    return getattr(error, "strerror", None) or type(error).__name__
