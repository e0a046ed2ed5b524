"""Fetching from addresses that strangers name: https only, public addresses only, small and soon, no redirects.

The address that is checked is the one that is connected to: a name that answers differently the second time leads
nowhere else.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import httpcore

from pipeline.errors import UnavailableError
from pipeline.sources.uris import origin

#: Longer than servers take under load, shorter than senders wait for us.
TIMEOUT_S = 5.0
#: An actor with a long profile has some ten kilobytes.
LARGEST_ANSWER_BYTES = 256_000
MOST_CONNECTIONS = 64
#: A name whose servers do not answer holds a thread for longer than anybody waits for it: these are for names alone.
NAME_THREADS = 16
#: Addresses that lead on to IPv4 ones, which may be private, and those that are of no open internet though Python does
#: not say so: nobody needs them to be reached.
_CLOSED = tuple(
    map(
        ip_network,
        (
            "::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "3fff::/20",
            "5f00::/16", "fec0::/10", "192.88.99.0/24",
        ),
    )
)  # fmt: skip


class ForbiddenError(Exception):
    """Raised when an address is one that nobody outside may make us ask."""


class Outside:
    """A client for such addresses. `allow_local`: http, any port and private addresses too, for tests."""

    def __init__(self, allow_local: bool) -> None:
        self._allow_local = allow_local
        self._names = ThreadPoolExecutor(NAME_THREADS, thread_name_prefix="names")
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_CONNECTIONS // 4,
            keepalive_expiry=10,
            network_backend=_Guarded(allow_local, self._names),
        )

    async def get(self, url: str, accept: str) -> tuple[int, str, bytes]:
        """Status, media type and body. Raises ForbiddenError, and UnavailableError where no whole answer came."""
        self._check(url)
        headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "twoway"}
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._pool.stream("GET", url, headers=list(headers.items())) as response,
            ):
                body = await _limited(response)
                media = dict(response.headers).get(b"content-type", b"").decode("latin-1")
                return response.status, media.partition(";")[0].strip().lower(), body
        except ValueError as error:  # a name that no name server could know
            raise ForbiddenError("expected the name of a server") from error
        except (OSError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise UnavailableError(f"{urlsplit(url).hostname} does not answer ({type(error).__name__})") from error

    async def close(self) -> None:
        """Close what is open."""
        await self._pool.aclose()
        self._names.shutdown(wait=False, cancel_futures=True)

    def _check(self, url: str) -> None:
        server = origin(url)
        if server is None:
            raise ForbiddenError("expected a web address")
        if not self._allow_local and (not server.startswith("https://") or urlsplit(server).port is not None):
            raise ForbiddenError("expected https on its own port")


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only."""

    def __init__(self, allow_local: bool, names: ThreadPoolExecutor) -> None:
        self._allow_local = allow_local
        self._names = names
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature; the whole request has its own limit
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._names, look_up)
        addresses = [str(entry[4][0]) for entry in found]
        usable = [address for address in addresses if self._allow_local or is_public(address)]
        if not usable:
            raise ForbiddenError("expected a public address")
        return await self._backend.connect_tcp(usable[0], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise ForbiddenError("expected a web address")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:  # with a zone (`fe80::1%eth0`): of this network alone
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found.is_global and not found.is_multicast and not any(found in network for network in _CLOSED)


async def _limited(response: httpcore.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > LARGEST_ANSWER_BYTES:
            raise ForbiddenError(f"expected at most {LARGEST_ANSWER_BYTES} bytes")
    return body
