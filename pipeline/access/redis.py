"""What every client of Redis is made with besides its URL: TLS and the user, as the settings say.

And what it means when Redis refuses us.
"""

from __future__ import annotations

import ssl
from itertools import islice
from typing import Any

from redis.exceptions import AuthenticationError, NoPermissionError

from pipeline.access.redis_url import PORT
from pipeline.access.tls import describe_tls, redis_context
from pipeline.settings import Settings

#: Of a cluster: one that answers is enough.
NODES_SHOWN = 3


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


def why_redis(error: BaseException) -> str:
    """What an error of redis-py, or its cause, says of a refusal; the error's kind where it is none."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return describe_tls(cause, "REDIS")
        if isinstance(cause, AuthenticationError):
            # Redis does not tell a wrong password from a user that it does not know.
            return (
                "it refused the user or the password; expected those of TWOWAY_REDIS_URL, or of TWOWAY_REDIS_USERNAME "
                "and TWOWAY_REDIS_PASSWORD, to be known there"
            )
        if isinstance(cause, NoPermissionError):
            return "its user may not do this; expected what docs/security.md allows a role"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


def redis_away(client: Any, error: BaseException) -> str:
    """What to say where the Redis of a client does not answer, or refuses us, and at which address."""
    if is_refusal(error):
        return f"Redis at {address_of(client)}: {why_redis(error)}"
    return f"Redis does not answer at {address_of(client)}; expected it there (TWOWAY_REDIS_URL)"


def address_of(client: Any) -> str:
    """Where a client of `connect_redis` looks for Redis: `localhost:6379`, a socket, a few nodes of a cluster."""
    if nodes := getattr(client, "nodes_manager", None):
        return ",".join(islice(sorted(nodes.startup_nodes), NODES_SHOWN))
    place = client.connection_pool.connection_kwargs
    host = str(place.get("host", "localhost"))
    return str(place.get("path") or f"{f'[{host}]' if ':' in host else host}:{place.get('port', PORT)}")


def is_refusal(error: BaseException) -> bool:
    """Whether waiting would not mend it."""
    return why_redis(error) != type(error).__name__
