"""What every client of Redis is made with besides its URL: TLS and the user, as the settings say."""

from __future__ import annotations

from typing import Any

from pipeline.access.tls import redis_context
from pipeline.settings import Settings


def redis_security(settings: Settings) -> dict[str, Any]:
    """Arguments for redis-py's `from_url`, in asyncio or not, cluster or not. Raises SettingsError for files that do
    not serve: redis-py itself would find out with the first command."""
    options: dict[str, Any] = {}
    if settings.redis_password:
        options["password"] = settings.redis_password.reveal()
    if settings.redis_username:
        options["username"] = settings.redis_username
    if redis_context(settings) is None:
        return options
    if settings.redis_ca_file:
        options["ssl_ca_certs"] = settings.redis_ca_file
    if settings.redis_cert_file:
        options |= {
            "ssl_certfile": settings.redis_cert_file,
            "ssl_keyfile": settings.redis_key_file,
            "ssl_password": settings.redis_key_password.reveal(),
        }
    return options
