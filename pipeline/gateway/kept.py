"""What the gateway keeps of what it could not read: the bytes, why they stopped, and the headers to read them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from pipeline.sources.delivery import Connection, Delivery
from schemas.rejected import Rejected, Stage

#: Headers without which an item cannot be read again. Never a signature or a token.
HEADERS = frozenset(
    {"content-type", "webhook-id", "webhook-timestamp", "date", "x-discourse-event", "x-discourse-instance"}
)
LONGEST_HEADER = 1024
#: Attributes of an event in binary mode. They are needed with the whole delivery alone: an item is kept with what they
#: say in it, and beside them it would be taken for their data.
ATTRIBUTE = "ce-"
BINARY = "ce-specversion"
LONGEST_DETAIL = 1000


class Failure(NamedTuple):
    """What is to be kept: where and why it stopped, and its bytes."""

    stage: Stage
    reason: str
    detail: str
    item: bytes


def item_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Of a delivery's headers those without which an item of it cannot be read again."""
    kept = {name: value[:LONGEST_HEADER] for name, value in headers.items() if name in HEADERS}
    if BINARY in headers:
        kept.pop("content-type", None)  # of the data, which lies in the item
    return kept


def item_headers_bytes(delivery: Delivery) -> int:
    """How many bytes of headers lie beside each item that is kept."""
    return sum(len(name) + len(value) for name, value in item_headers(delivery.headers).items())


def whole_headers(delivery: Delivery, connection: Connection) -> dict[str, str]:
    """Those without which the delivery as a whole cannot be read again."""
    kept = {name: value[:LONGEST_HEADER] for name, value in delivery.headers.items() if name in HEADERS}
    if connection.platform == "cloudevents":
        # Uncut: some are ids. All headers of a delivery together have their own limit.
        kept |= {name: value for name, value in delivery.headers.items() if name.startswith(ATTRIBUTE)}
    return kept


def rejected(delivery: Delivery, connection: Connection, headers: dict[str, str], failure: Failure) -> Rejected:
    """The record of a failure."""
    return Rejected(
        stage=failure.stage,
        reason=failure.reason,
        detail=failure.detail[:LONGEST_DETAIL],
        time_ms=delivery.received_ms,
        source=connection.name,
        platform=connection.platform,
        bytes=failure.item,
        headers=headers,
    )


def to_read_again(record: Rejected) -> Delivery:
    """The delivery of what was kept. Releases before 0.3.0 kept all headers with items, too."""
    headers = record.headers if record.stage == "parse" else item_headers(record.headers)
    return Delivery(record.bytes, headers, received_ms=record.time_ms)


def cut(record: Rejected, limit_bytes: int) -> Rejected:
    """The record with so many bytes of what is kept at the most, and how many there were."""
    size_bytes = len(record.bytes)
    if size_bytes <= limit_bytes:
        return record
    detail = f"first {limit_bytes} of {size_bytes} bytes; {record.detail}"[:LONGEST_DETAIL]
    return msgspec.structs.replace(record, bytes=record.bytes[:limit_bytes], detail=detail)
