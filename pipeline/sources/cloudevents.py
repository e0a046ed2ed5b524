"""CloudEvents 1.0 over HTTP (structured, batch, binary) with our own interaction as data.

`source` ends in `/platforms/<platform>/accounts/<account>`. Deliveries are not signed: a bearer token guards them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from pipeline.errors import RefusedError, UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.delivery import Answer, Connection, Delivery
from pipeline.sources.fields import as_table, decode_json, ident, table, text
from pipeline.sources.neutral import Told, kind_of, read_told
from pipeline.sources.outcomes import Ignored
from pipeline.sources.source import Source
from pipeline.sources.times import from_iso
from schemas.interaction import Interaction

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
#: Requests a minute; a longer number is none.
LONGEST_RATE = 9
#: The end of `source` that is looked at: an account of 256 characters fits, each of them written as twelve.
SOURCE_END = 4_096
_SOURCE = re.compile(r"(?:^|/)platforms/([^/]+)/accounts/([^/?#]+)/?$")


class CloudEvents(Source):
    """Reads one event, or a batch of them."""

    name = "cloudevents"
    schemes = ("bearer",)
    handshakes = frozenset({"OPTIONS"})

    def handshake(self, request: Delivery, connection: Connection) -> Answer:
        """Consent to the origin that asks, at the rate that it asks for."""
        origin = request.headers.get("webhook-request-origin")
        if not origin:
            raise RefusedError("missing_origin")
        rate = request.headers.get("webhook-request-rate", "")
        allowed_rate = rate if rate.isascii() and rate.strip("0").isdigit() and len(rate) <= LONGEST_RATE else "*"
        allow = {"Allow": "OPTIONS, POST", "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": allowed_rate}
        return Answer(headers=allow)

    def parse(self, delivery: Delivery) -> list[Any]:
        media = delivery.media_type
        if "ce-specversion" in delivery.headers and not media.startswith("application/cloudevents"):
            return [_binary_event(delivery, media)]
        if media not in {STRUCTURED, BATCH, "application/json", ""}:
            raise UnreadableError("unsupported_media_type", f"expected {STRUCTURED}, {BATCH} or JSON with ce- headers")
        body = decode_json(delivery.body)
        # A batch is told by its shape: senders that cannot set the content type still mean what they wrote.
        if isinstance(body, list):
            return body
        if not isinstance(body, dict) or "specversion" not in body:
            raise UnreadableError("not_an_envelope", "expected an event with `specversion`")
        return [body]

    def items(self, parsed: list[Any]) -> Iterator[Any]:
        return iter(parsed)

    def read(self, item: Any, context: Context) -> Interaction | Ignored:
        event = as_table(item)
        if text(event, "specversion") != "1.0":
            raise UnreadableError("unsupported_version", "expected specversion 1.0")
        event_type = text(event, "type")
        kind = kind_of(event_type or "")
        if event_type is None or kind is None:
            return read_told(Told(event_type or "", None, None, None, None, {}, (None, "platform")), context)
        data = _data(event)
        source = text(event, "source") or ""
        found = _SOURCE.search(source, max(0, len(source) - SOURCE_END))
        told = Told(
            type=event_type,
            platform=unquote(found[1]) if found else None,
            account=ident(data, "account") or (unquote(found[2]) if found else None),
            post=ident(data, "post") or ident(event, "subject"),
            object_id=ident(data, kind, "id"),
            data=data,
            time=(from_iso(event.get("time")), "platform"),
        )
        return read_told(told, context)

    def wrap(self, item: Any) -> Any:
        return item


def _binary_event(delivery: Delivery, media: str) -> dict[str, Any]:
    """The event of binary mode: attributes in `ce-` headers, percent-decoded once; the body is the data."""
    if media not in {"application/json", ""} and not media.endswith("+json"):
        raise UnreadableError("unsupported_media_type", "expected data as application/json")
    event: dict[str, Any] = {
        name.removeprefix("ce-"): unquote(value.strip('"'))
        for name, value in delivery.headers.items()
        if name.startswith("ce-")
    }
    return {**event, "data": decode_json(delivery.body)} if delivery.body else event


def _data(event: Mapping[str, Any]) -> Mapping[str, Any]:
    encoded = event.get("data_base64")
    if not isinstance(encoded, str):
        return table(event, "data")
    try:
        return as_table(decode_json(base64.b64decode(encoded, validate=True)))
    except (binascii.Error, ValueError) as error:
        raise UnreadableError("not_json", "expected base64 of JSON under data_base64") from error
