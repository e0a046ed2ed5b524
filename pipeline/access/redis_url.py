"""The URL of Redis: whether it can be one, whom a cluster's names, and how it is shown: never with a password. Pure."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from pipeline.errors import SettingsError

#: Put behind the scheme of a URL: what it leads to is a Redis Cluster.
CLUSTER = "+cluster"
PORT = 6379
_SCHEMES = ("redis", "rediss")
_SOCKET = "unix"
#: More of a value would only hide the expectation behind it.
_SHOWN_CHARACTERS = 200
_STARS = "***"
_SCHEME = re.compile(r"[a-z+]{1,20}")
_PLACE = re.compile(r"|localhost|[\w.\[\]:-]+:\d{1,6}(/\d+)?")
_ONE_SERVER = "redis://HOST:PORT/DB, rediss://... with TLS, redis+cluster://HOST:PORT,HOST:PORT, or unix://PATH"
_CLUSTER = "redis+cluster://[user:password@]host:port[,host:port...], without a database's number"


def check_redis_url(url: str) -> None:
    """Raises SettingsError for a URL that leads to no Redis, before a client stumbles over it."""
    try:
        _check(url)
    except ValueError:
        expected = _CLUSTER if is_cluster_url(url) else _ONE_SERVER
        raise SettingsError(f"TWOWAY_REDIS_URL is {shown_url(url)!r}; expected {expected}") from None


def is_cluster_url(url: str) -> bool:
    """Whether a URL leads to a Redis Cluster: `redis+cluster://` or `rediss+cluster://`."""
    return url.partition("://")[0].endswith(CLUSTER)


def shown_url(url: str) -> str:
    """The value with stars in place of whatever may be a secret in it, also where it is no URL at all."""
    scheme, there, rest = url.partition("://")
    if not there or not _SCHEME.fullmatch(scheme):
        scheme, there, rest = "", "", url
    user, at, place = rest.rpartition("@")
    place, query, _ = place.partition("?")
    if "?" in user or not (there or _PLACE.fullmatch(place)):
        place = _STARS  # an `@` of a query, or no address but perhaps another setting's key
    return f"{scheme}{there}{_STARS + at if at else ''}{place[:_SHOWN_CHARACTERS]}{query + _STARS if query else ''}"


def named_servers(url: str) -> list[tuple[str, int]]:
    """Host and port of each server that a checked URL of a cluster names."""
    return [(one.hostname or "", one.port or PORT) for one in _hosts(_split(url))]


def _check(url: str) -> None:
    """Raises ValueError."""
    parts = _split(url)
    scheme = url.partition("://")[0].lower()
    if scheme == _SOCKET:
        if not parts.path:
            raise ValueError
        return
    if scheme.removesuffix(CLUSTER) not in _SCHEMES:
        raise ValueError
    hosts = _hosts(parts)
    cluster = is_cluster_url(url)
    if any(one.port == 0 or (cluster and not one.hostname) for one in hosts) or (len(hosts) > 1 and not cluster):
        raise ValueError
    database = parts.path.strip("/")
    if database and (database != "0" if cluster else not database.isdecimal()):
        raise ValueError


def _split(url: str) -> SplitResult:
    scheme, there, rest = url.partition("://")
    if not there:
        raise ValueError
    return urlsplit(f"//{rest}" if scheme != _SOCKET else url)


def _hosts(parts: SplitResult) -> list[SplitResult]:
    hosts = parts.netloc.rpartition("@")[2]
    return [urlsplit(f"//{one}") for one in hosts.split(",")]
