"""Standard Webhooks 1.0: a signed body `{type, timestamp, data}` with our own interaction as data.

For shops, forums and home-made adapters: the record's platform is what `data.platform` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.errors import RefusedError, UnreadableError
from pipeline.settings import Secret
from pipeline.sources.context import Context
from pipeline.sources.delivery import Delivery
from pipeline.sources.fields import ident, table, text
from pipeline.sources.neutral import Told, read_told
from pipeline.sources.outcomes import Ignored
from pipeline.sources.signatures import standard_key
from pipeline.sources.source import Source
from pipeline.sources.times import from_iso, from_seconds
from schemas.interaction import Interaction


class Message(NamedTuple):
    """The body and the time that the sender put into the header."""

    body: Mapping[str, Any]
    sent_ms: int | None


class StandardWebhooks(Source):
    """Reads one interaction a delivery."""

    name = "standardwebhooks"
    schemes = ("standardwebhooks",)

    def check_secret(self, secret: Secret) -> str | None:
        try:
            usable = bool(standard_key(secret.reveal()))
        except RefusedError:
            usable = False
        return None if usable else "'whsec_' and base64"

    def parse(self, delivery: Delivery) -> Message:
        body = super().parse(delivery)
        if not isinstance(body, dict) or not isinstance(body.get("type"), str):
            raise UnreadableError("not_an_envelope", "expected an object with a string `type`")
        return Message(body, from_seconds(delivery.headers.get("webhook-timestamp")))

    def items(self, parsed: Message) -> Iterator[Message]:
        yield parsed

    def read(self, item: Message, context: Context) -> Interaction | Ignored:
        data = table(item.body, "data")
        told = Told(
            type=item.body["type"],
            platform=text(data, "platform"),
            account=ident(data, "account"),
            post=ident(data, "post"),
            object_id=ident(data, "id"),
            data=data,
            time=(from_iso(item.body.get("timestamp")), "platform"),
            fallback=(item.sent_ms, "delivery"),
        )
        return read_told(told, context)

    def wrap(self, item: Message) -> Any:
        return item.body
