"""Threads: replies to the account's threads, what the account publishes, and what it deletes. No likes, no reposts.

One event a delivery, in an envelope of its own: `{target_id, time, values: {field, value}}`. Whoever replied is known
by user name only. A deletion carries nothing but an id, so posts and replies are remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.errors import UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.delivery import Delivery
from pipeline.sources.fields import as_table, check_number, ident, need, table, text
from pipeline.sources.meta import MetaApp
from pipeline.sources.outcomes import Ignored, Known
from pipeline.sources.times import from_iso, from_seconds
from schemas.interaction import Interaction, Media, TimeFrom

MEDIA: dict[str, Media] = {
    "IMAGE": "image",
    "VIDEO": "video",
    "CAROUSEL_ALBUM": "album",
    "AUDIO": "audio",
}


class Event(NamedTuple):
    """One field with its value. `raw`: the two as they came, `body`: the delivery that holds them."""

    field: str | None
    value: Mapping[str, Any]
    raw: Mapping[str, Any]
    body: Mapping[str, Any]

    @property
    def sent(self) -> tuple[int | None, TimeFrom]:
        """The time of sending."""
        return from_seconds(self.body.get("time")), "delivery"


class Threads(MetaApp):
    """Reads what happens to the threads of an account."""

    name = "threads"

    def parse(self, delivery: Delivery) -> list[Event]:
        body = super().parse(delivery)
        if not isinstance(body, dict) or not isinstance(body.get("values"), dict | list):
            raise UnreadableError("not_an_envelope", "expected an object with `values`")
        values = body["values"] if isinstance(body["values"], list) else [body["values"]]
        check_number(len(values))
        return [_event(as_table(value), body) for value in values]

    def references(self, parsed: list[Event]) -> Iterable[str]:
        return [object_id for event in parsed if event.field == "delete" and (object_id := _deleted(event)) is not None]

    def items(self, parsed: list[Event]) -> Iterator[Event]:
        return iter(parsed)

    def read(self, item: Event, context: Context) -> Interaction | Ignored:
        reader = READERS.get(item.field or "")
        return Ignored("unsupported_item") if reader is None else reader(item, context)

    def wrap(self, item: Event) -> Any:
        return {**item.body, "values": item.raw}

    def memories(self, item: Event, outcome: Interaction | Ignored) -> Iterable[tuple[str, Known]]:
        """The thing itself, and the thread that a reply belongs to: it may be older than this connection."""
        if isinstance(outcome, Ignored) or outcome.action == "remove":
            return
        assert outcome.post is not None
        yield outcome.id, Known(outcome.account, outcome.post, outcome.kind, outcome.actor)
        if outcome.kind == "comment":
            yield outcome.post, Known(outcome.account, outcome.post, "post")


def _event(value: Mapping[str, Any], body: Mapping[str, Any]) -> Event:
    return Event(text(value, "field"), table(value, "value"), value, body)


def _reply(event: Event, context: Context) -> Interaction | Ignored:
    value = event.value
    root = table(value, "root_post")
    account = ident(root, "owner_id") or context.only_account()
    if not context.connection.serves(account):
        return Ignored("not_ours")
    post, parent, author = need(root, "id"), ident(table(value, "replied_to"), "id"), ident(value, "username")
    return context.counted(
        "threads",
        account,
        "comment",
        "add",
        post=post,
        object_id=need(value, "id"),
        actor=author,
        own=author is not None and author == ident(root, "username"),
        parent=None if parent == post else parent,
        time=context.clock((from_iso(value.get("timestamp")), "platform"), event.sent),
        text=text(value, "text"),
    )


def _publish(event: Event, context: Context) -> Interaction | Ignored:
    """The account's own: a thread of its own, an answer in it, or an answer to somebody else."""
    value = event.value
    account = context.only_account()
    post, root = need(value, "id"), table(value, "root_post")
    if ident(root, "id") not in (None, post):
        return _reply(event, context) if ident(root, "owner_id") == account else Ignored("outbound")
    return context.counted(
        "threads",
        account,
        "post",
        "add",
        post=post,
        actor=ident(value, "username"),
        own=True,
        time=context.clock((from_iso(value.get("timestamp")), "platform"), event.sent),
        text=text(value, "text"),
        url=text(value, "permalink"),
        media=MEDIA.get(text(value, "media_type") or ""),
    )


def _delete(event: Event, context: Context) -> Interaction | Ignored:
    """Only what the account itself wrote is reported; what it was has to be remembered."""
    object_id = _deleted(event)
    # The name is not in any public example; the time of sending stands in where it is another.
    time = context.clock((from_iso(event.value.get("deleted_at")), "platform"), event.sent)
    return context.removed("threads", object_id, time, own=True)


def _deleted(event: Event) -> str | None:
    return ident(event.value, "id") or ident(event.body, "target_id")


#: By the `field` of a delivery.
READERS: dict[str, Callable[[Event, Context], Interaction | Ignored]] = {
    "replies": _reply,
    "publish": _publish,
    "delete": _delete,
    "mentions": lambda event, context: Ignored("mention"),
}
