"""Which records of `interactions.rejected` are about a page, as far as their bytes tell it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from heapq import heappush, heappushpop
from typing import Any
from xml.etree.ElementTree import Element

import msgspec
import orjson
from xxhash import xxh3_128_intdigest

from pipeline.errors import UnreadableError
from pipeline.explaining.answer import RejectedRecord
from pipeline.explaining.gate import Target
from pipeline.sources.delivery import Delivery
from pipeline.sources.registry import SOURCES
from schemas.interaction import LAST_TIME_MS
from schemas.rejected import Rejected, decode_rejected

#: Stages whose bytes are an interaction of ours; those of the others are what the platform sent.
OF_OURS = frozenset({"count", "feed"})


class Rejections:
    """Counts the rejected records of a page's window by reason, and keeps the newest `limit` of them.

    A record that came twice (a worker that was killed rejects once more) counts once.
    """

    def __init__(self, target: Target, limit: int) -> None:
        self._target = target
        self._limit = limit
        self._seen: set[int] = set()
        self._newest: list[tuple[int, int, RejectedRecord]] = []
        self.reasons: Counter[str] = Counter()

    def take(self, value: bytes | None) -> None:
        """Note the record where it is about the page and lies in the window."""
        try:
            rejected = decode_rejected(value or b"")
        except msgspec.DecodeError:
            return
        event_ms = self._event_ms(rejected)
        if event_ms is None or not self._target.holds(event_ms if event_ms >= 0 else rejected.time_ms):
            return
        identity = xxh3_128_intdigest(rejected.source.encode() + b"\0" + rejected.bytes)
        if identity in self._seen:
            return
        self._seen.add(identity)
        self.reasons[rejected.reason] += 1
        if self._limit:
            self._keep(rejected, event_ms if event_ms >= 0 else None)

    def listed(self) -> list[RejectedRecord]:
        """The newest, newest first."""
        return [one for *_, one in sorted(self._newest, key=lambda kept: kept[:2], reverse=True)]

    def _event_ms(self, rejected: Rejected) -> int | None:
        """When it happened; -1 where the bytes do not tell; None for what is not about the page."""
        if rejected.stage in OF_OURS:
            told = _json(rejected.bytes)
            if not isinstance(told, dict) or not self._names_page(told):
                return None
            time_ms = told.get("time_ms")
            return time_ms if type(time_ms) is int and 0 <= time_ms <= LAST_TIME_MS else -1
        values = set(_values(_parsed(rejected)))
        if self._target.id not in values:
            return None
        # Deliveries in a neutral format say themselves which platform they are about.
        return -1 if self._target.platform in {rejected.platform, *values} else None

    def _names_page(self, told: dict[str, Any]) -> bool:
        target = self._target
        which = told.get("post") if target.entity == "post" else told.get("account")
        return told.get("platform") == target.platform and which == target.id

    def _keep(self, rejected: Rejected, event_ms: int | None) -> None:
        one = RejectedRecord(
            stage=rejected.stage,
            reason=rejected.reason,
            time_ms=rejected.time_ms,
            event_ms=event_ms,
            source=rejected.source,
        )
        ordered = (rejected.time_ms, len(self._seen), one)
        if len(self._newest) < self._limit:
            heappush(self._newest, ordered)
        else:
            heappushpop(self._newest, ordered)


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _parsed(rejected: Rejected) -> Any:
    """A platform's delivery as JSON, or as its source takes apart what is none: a form, XML."""
    told = _json(rejected.bytes)
    source = SOURCES.get(rejected.platform or "")
    if told is not None or source is None:
        return told
    try:
        return source.parse(Delivery(rejected.bytes, rejected.headers, received_ms=rejected.time_ms))
    except UnreadableError:
        return None


def _values(told: Any) -> Iterator[str]:
    """Every string and whole number within it, as text: platforms write ids as either."""
    rest = [told]
    while rest:
        one = rest.pop()
        if isinstance(one, Element):
            rest.extend((one.text, *one.attrib.values(), *one))
        elif isinstance(one, dict):
            rest.extend(one.values())
        elif isinstance(one, list):
            rest.extend(one)
        elif isinstance(one, str):
            yield one
        elif type(one) is int:
            yield str(one)
