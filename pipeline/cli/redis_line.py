"""How redis-cli is called for the Redis of the settings: host, port, database, TLS; it asks for a password itself."""

from __future__ import annotations

import shlex
from typing import Any

from redis.connection import parse_url

from pipeline.access.redis_url import CLUSTER, PORT, is_cluster_url
from pipeline.local.paths import redis_cli
from pipeline.settings import Settings

HOSTS_OF_ITS_OWN = ("localhost", "127.0.0.1")


def redis_line(settings: Settings) -> str:
    """`redis-cli -p 8004`: the words before a command, quoted for a shell."""
    url = _parsed(settings)
    words = [redis_cli(), *_place(url)]
    if url.get("db"):
        words += ["-n", str(url["db"])]
    if is_cluster_url(settings.redis_url.reveal()):
        words.append("-c")
    if settings.redis_url.reveal().startswith("rediss"):
        files = {"cacert": settings.redis_ca_file, "cert": settings.redis_cert_file, "key": settings.redis_key_file}
        words += ["--tls", *(word for name, file in files.items() if file for word in (f"--{name}", file))]
    # What the URL says goes first, as in redis-py.
    if user := url.get("username") or settings.redis_username:
        words += ["--user", str(user)]
    if url.get("password") or settings.redis_password:
        words.append("--askpass")
    return shlex.join(words)


def _place(url: dict[str, Any]) -> list[str]:
    if path := url.get("path"):
        return ["-s", str(path)]
    host, port = url.get("host", HOSTS_OF_ITS_OWN[0]), url.get("port", PORT)
    return [
        *(["-h", str(host)] if host not in HOSTS_OF_ITS_OWN else []),
        *(["-p", str(port)] if port != PORT else []),
    ]


def _parsed(settings: Settings) -> dict[str, Any]:
    url = settings.redis_url.reveal()
    if is_cluster_url(url):
        scheme, _, rest = url.partition("://")
        url = f"{scheme.removesuffix(CLUSTER)}://{rest.partition(',')[0]}"  # any node knows the others
    return dict(parse_url(url))  # type: ignore[no-untyped-call]
