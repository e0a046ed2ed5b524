"""The public keys of actors on other servers: fetched when first needed, kept for a day, renewed if they do not fit.

Whoever sends us something chooses what is fetched, so everything is limited: what may be asked (`outside.py`), how many
fetches run, how many keys are kept, and how soon the same address is asked again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.clock import Clock
from pipeline.errors import RefusedError, UnavailableError, UnreadableError
from pipeline.gateway import metrics
from pipeline.gateway.outside import ForbiddenError, Outside
from pipeline.sources.fields import as_table, decode_json, text
from pipeline.sources.http_signatures import load_key
from pipeline.sources.uris import origin, same_origin

logger = logging.getLogger("twoway.gateway")

ACCEPT = 'application/activity+json, application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
#: Only an ActivityPub server answers so: a file that somebody uploaded there has another type.
MEDIA_TYPES = frozenset({"application/activity+json", "application/ld+json"})
KEPT_MS = 24 * 3_600_000
#: How soon an address is asked again: for another key, after a refusal, after no answer.
COOL_DOWN_MS = 5 * 60_000
RETRY_MS = 30_000
MOST_KEYS = 10_000
MOST_FETCHES = 64
MOST_OF_ONE_SERVER = 16
#: HTTP: was here, and is gone for good.
GONE = 410


class PublicKey(NamedTuple):
    """Whose key it is, as PEM; empty where his server says that he is gone."""

    actor: str
    pem: str


class _Entry(NamedTuple):
    """What an address gave, and when."""

    time_ms: int
    found: PublicKey | RefusedError | UnavailableError

    @property
    def kept_ms(self) -> int:
        if isinstance(self.found, PublicKey):
            return KEPT_MS
        return COOL_DOWN_MS if isinstance(self.found, RefusedError) else RETRY_MS


class PublicKeys:
    """Gives the keys that signatures name."""

    def __init__(self, outside: Outside, clock: Clock) -> None:
        self._outside = outside
        self._clock = clock
        self._kept: OrderedDict[str, _Entry] = OrderedDict()
        self._running: dict[str, asyncio.Task[_Entry]] = {}
        self._servers: Counter[str] = Counter()

    async def get(self, address: str) -> PublicKey:
        """The key at this address. Raises RefusedError where there is none, UnavailableError while nobody answers."""
        entry = self._kept.get(address)
        if entry is None or self._clock() - entry.time_ms > entry.kept_ms:
            entry = await self._fetch_once(address)
        if address in self._kept:
            self._kept.move_to_end(address)
        return _given(entry)

    async def renew(self, address: str) -> PublicKey | None:
        """The key as it is now; None where it was asked for so lately that it cannot be another one."""
        entry = self._kept.get(address)
        if entry is not None and self._clock() - entry.time_ms < COOL_DOWN_MS:
            return None
        return _given(await self._fetch_once(address))

    async def close(self) -> None:
        """End what is under way."""
        for task in list(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await self._outside.close()

    async def _fetch_once(self, address: str) -> _Entry:
        """All who ask for an address at once share one fetch."""
        task = self._running.get(address)
        if task is None:
            server = origin(address) or ""
            if len(self._running) >= MOST_FETCHES or self._servers[server] >= MOST_OF_ONE_SERVER:
                raise UnavailableError(f"{len(self._running)} keys are being fetched; expected fewer")
            task = asyncio.create_task(self._fetch(address, server), name="public key")
            self._running[address] = task
            self._servers[server] += 1
        # Shielded: a sender who hangs up does not end the fetch that others wait for.
        return await asyncio.shield(task)

    async def _fetch(self, address: str, server: str) -> _Entry:
        found: PublicKey | RefusedError | UnavailableError
        try:
            found = await self._ask(address)
            metrics.KEY_FETCHES.labels("found" if found.pem else "gone").inc()
        except RefusedError as error:
            metrics.KEY_FETCHES.labels("refused").inc()
            found = RefusedError(error.reason)  # one that was raised holds the document that it was raised over
        except UnavailableError as error:
            metrics.KEY_FETCHES.labels("unavailable").inc()
            logger.debug("%s", error)
            found = UnavailableError(*error.args)
        finally:
            del self._running[address]
            self._servers[server] -= 1
            if not self._servers[server]:
                del self._servers[server]
        entry = _Entry(self._clock(), found)
        self._kept[address] = entry
        self._kept.move_to_end(address)
        while len(self._kept) > MOST_KEYS:
            self._kept.popitem(last=False)
        return entry

    async def _ask(self, address: str) -> PublicKey:
        document = address.partition("#")[0]
        try:
            status, media, body = await self._outside.get(document, ACCEPT)
        except ForbiddenError as error:
            raise RefusedError("unknown_key") from error
        if status == GONE:
            return PublicKey(document, "")
        if status >= 500 or status == 429:
            raise UnavailableError(f"{origin(address)} answered {status} when it was asked for a key")
        if status != 200 or media not in MEDIA_TYPES:
            raise RefusedError("unknown_key")
        return read_key(address, body)


def read_key(address: str, body: bytes) -> PublicKey:
    """The key of this address in an actor's document, or in a document of its own. Raises RefusedError."""
    try:
        document = as_table(decode_json(body))
    except UnreadableError as error:
        raise RefusedError("unknown_key") from error
    for key in _keys_in(document):
        actor, pem = text(key, "owner") or text(document, "id"), text(key, "publicKeyPem")
        # A server speaks for its own actors, and for nobody else's.
        if text(key, "id") == address and pem is not None and actor is not None and same_origin(actor, address):
            load_key(pem)
            return PublicKey(actor, pem)
    raise RefusedError("unknown_key")


def _keys_in(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield document
    found = document.get("publicKey")
    yield from map(as_table, found if isinstance(found, list) else [found])


def _given(entry: _Entry) -> PublicKey:
    if isinstance(entry.found, PublicKey):
        return entry.found
    # A new one: the kept one would gather the traces of everybody to whom it was raised.
    if isinstance(entry.found, RefusedError):
        raise RefusedError(entry.found.reason)
    raise UnavailableError(str(entry.found))
