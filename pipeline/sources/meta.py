"""What Meta's products share: handshake and signature (all of them), and the envelope of Pages and Instagram.

`{object, entry: [{id, time, changes: [...]}]}`: `entry.id` is the account; `entry.time` is the time of sending, not of
the event.
"""

from __future__ import annotations

import hmac
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from pipeline.errors import RefusedError, UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.delivery import Answer, Connection, Delivery
from pipeline.sources.fields import as_table, ident, listed, text
from pipeline.sources.outcomes import Ignored
from pipeline.sources.source import Source
from pipeline.sources.times import from_seconds
from schemas.interaction import Interaction

#: Lists of an entry besides `changes`; nothing in them is counted.
OTHER_LISTS = ("messaging", "standby")
#: The account in a delivery of the "Test" button of Meta's dashboard.
TEST_ACCOUNT = "0"


class Change(NamedTuple):
    """One change of an entry. `value` is None where it came without; `raw`: the entry with this change only."""

    account: str | None
    sent_ms: int | None
    field: str | None
    value: Mapping[str, Any] | None
    raw: Mapping[str, Any]


class MetaApp(Source):
    """A product of Meta, whatever its envelope."""

    schemes = ("meta", "meta-legacy")
    handshakes = frozenset({"GET"})

    def handshake(self, request: Delivery, connection: Connection) -> Answer:
        """Echo `hub.challenge` as bare text to whoever knows the verify token."""
        asked = dict(reversed(parse_qsl(request.query, keep_blank_values=True)))
        if asked.get("hub.mode") != "subscribe":
            raise RefusedError("wrong_mode")
        expected, given = connection.verify_token.reveal(), asked.get("hub.verify_token", "")
        if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
            raise RefusedError("wrong_token")
        challenge = asked.get("hub.challenge")
        if not challenge:
            raise RefusedError("missing_challenge")
        return Answer(challenge.encode())


class MetaSource(MetaApp):
    """A product whose deliveries are lists of entries; what a change means is said by the product's file."""

    #: The `object` of the product's deliveries.
    subject: str

    def parse(self, delivery: Delivery) -> Any:
        body = super().parse(delivery)
        if not isinstance(body, dict) or not isinstance(body.get("entry"), list):
            raise UnreadableError("not_an_envelope", "expected an object with a list `entry`")
        return body

    def items(self, parsed: Any) -> Iterator[Change]:
        ours = parsed.get("object") == self.subject
        for entry in parsed["entry"]:
            for change in _changes(as_table(entry)):
                yield change if ours else change._replace(field="another product", value={})

    def read(self, item: Change, context: Context) -> Interaction | Ignored:
        if item.value is None:
            return Ignored("no_values")
        if item.account is None:
            raise UnreadableError("missing_field", "expected an id under entry.id")
        if item.account == TEST_ACCOUNT:
            return Ignored("test_ping")
        if not context.connection.serves(item.account):
            return Ignored("not_ours")
        return self.read_change(item, item.account, item.value, context)

    @abstractmethod
    def read_change(
        self, change: Change, account: str, value: Mapping[str, Any], context: Context
    ) -> Interaction | Ignored:
        """What a change of an account that is ours means."""

    def wrap(self, item: Change) -> Any:
        return {"object": self.subject, "entry": [item.raw]}


def _changes(entry: Mapping[str, Any]) -> Iterator[Change]:
    account, sent_ms = ident(entry, "id"), from_seconds(entry.get("time"))
    head = {key: entry[key] for key in ("id", "time") if key in entry}
    for change in map(as_table, listed(entry, "changes")):
        yield Change(account, sent_ms, text(change, "field"), _value(change), {**head, "changes": [change]})
    if "field" in entry:  # Business Login for Instagram: field and value in the entry itself
        raw = {**head, "field": entry["field"]} | ({"value": entry["value"]} if "value" in entry else {})
        yield Change(account, sent_ms, text(entry, "field"), _value(entry), raw)
    for name in listed(entry, "changed_fields"):  # the subscription was made with values switched off
        yield Change(account, sent_ms, None, None, {**head, "changed_fields": [name]})
    for key in OTHER_LISTS:
        for message in listed(entry, key):
            yield Change(account, sent_ms, key, {}, {**head, key: [message]})


def _value(holder: Mapping[str, Any]) -> Mapping[str, Any] | None:
    value = holder.get("value")
    return value if isinstance(value, dict) else None
