"""Mastodon: the admin's webhooks (what local authors write) and the streaming API (what happens to one account).

A streaming frame holds its payload as JSON inside a string. Ids are those of the brand's own instance in both, so one
person is one actor and one reply one comment, by whichever way they come. What a status is: `mastodon_statuses.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.errors import UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.delivery import Delivery
from pipeline.sources.fields import as_table, check_number, decode_json, ident, need, table, text
from pipeline.sources.mastodon_statuses import Told, is_reply, read_status, status_references
from pipeline.sources.outcomes import Ignored, Known
from pipeline.sources.source import Source
from pipeline.sources.times import from_iso
from schemas.interaction import Interaction

#: What both ways call the same thing. A quote or a mention is a status, read like any other.
WRITTEN = frozenset({"status.created", "update", "notification/mention", "notification/status", "notification/quote"})
EDITED = frozenset({"status.updated", "status.update", "notification/update"})
LIKED = "notification/favourite"
BOOSTED = "notification/reblog"
DELETED = "delete"


class Event(NamedTuple):
    """One event. `name` of a notification is `notification/<type>`; `value` of a removal has nothing but an `id`."""

    name: str
    value: Mapping[str, Any]
    sent_ms: int | None
    envelope: Mapping[str, Any]

    @property
    def status(self) -> Mapping[str, Any]:
        """The status that it is about: the event's own value, or what a notification holds."""
        return table(self.value, "status") if self.name.startswith("notification/") else self.value


class Mastodon(Source):
    """Reads what happens to the posts of accounts of one Mastodon instance."""

    name = "mastodon"
    schemes = ("mastodon", "bearer")

    def check_accounts(self, accounts: frozenset[str]) -> str | None:
        return None if accounts else "the brand's account id on its instance: the webhook tells of every local author"

    def parse(self, delivery: Delivery) -> list[Event]:
        """One event, or a list of them: a listener hands several frames over together."""
        body = super().parse(delivery)
        envelopes = body if isinstance(body, list) else [body]
        check_number(len(envelopes))
        return [_event(envelope) for envelope in envelopes]

    def references(self, parsed: list[Event]) -> Iterable[str]:
        wanted: set[str | None] = set()
        for event in parsed:
            if event.name == DELETED:
                wanted.add(ident(event.value, "id"))
            elif event.name in WRITTEN | EDITED:
                wanted |= set(status_references(event.status))
        return {object_id for object_id in wanted if object_id is not None}

    def items(self, parsed: list[Event]) -> Iterator[Event]:
        return iter(parsed)

    def read(self, item: Event, context: Context) -> Interaction | Ignored:
        reader = READERS.get(item.name)
        return Ignored("unsupported_item") if reader is None else reader(item, context)

    def wrap(self, item: Event) -> Any:
        return item.envelope

    def memories(self, item: Event, outcome: Interaction | Ignored) -> Iterable[tuple[str, Known]]:
        """Every status under its own id: a removal has nothing else, and replies name what they answer by it. So do
        those to the brand's replies elsewhere, which answer no post."""
        status_id = ident(item.status, "id")
        if isinstance(outcome, Ignored):
            author = ident(table(item.status, "account"), "id")
            if outcome.reason != "outbound" or status_id is None or author is None or not is_reply(item.status):
                return ()
            return ((status_id, Known.elsewhere(author, status_id)),)
        if outcome.action == "remove" or outcome.kind == "like" or status_id is None:
            return ()
        if item.name == BOOSTED:  # its status is the post, not the boost
            return ()
        assert outcome.post is not None
        other = None if outcome.id == status_id else outcome.id
        return ((status_id, Known(outcome.account, outcome.post, outcome.kind, outcome.actor, other)),)


def _event(body: Any) -> Event:
    """The event that an envelope holds. Raises UnreadableError."""
    name = text(as_table(body), "event")
    if name is None:
        raise UnreadableError("not_an_envelope", "expected an object with a string `event`")
    if "payload" not in body:
        return Event(name, table(body, "object"), from_iso(body.get("created_at")), body)
    if name == DELETED:
        return Event(name, {"id": body["payload"]}, None, body)
    payload = body["payload"]
    value = as_table(decode_json(payload.encode()) if isinstance(payload, str) else payload)
    if name == "notification":
        name = f"notification/{text(value, 'type')}"
    return Event(name, value, None, body)


def _written(event: Event, context: Context) -> Interaction | Ignored:
    streamed = event.name == "update"
    return read_status(Told(event.status, "add", None, streamed=streamed), context)


def _edited(event: Event, context: Context) -> Interaction | Ignored:
    return read_status(Told(event.status, "edit", event.sent_ms), context)


def _liked(event: Event, context: Context) -> Interaction | Ignored:
    status, time_ms = event.status, from_iso(event.value.get("created_at"))
    account = ident(table(status, "account"), "id")
    actor = need(table(event.value, "account"), "id")
    if account is None or account not in context.connection.accounts:
        return Ignored("not_ours")
    if is_reply(status):
        return Ignored("reaction_on_comment")
    time, post = context.clock((time_ms, "platform")), need(status, "id")
    if event.name == LIKED:
        return context.counted("mastodon", account, "like", "add", post=post, actor=actor, time=time)
    # The notification does not name the boost itself: one a person, as Mastodon has it.
    boost = f"{post}/boost/{context.pseudonym('mastodon', actor)}"
    return context.counted("mastodon", account, "share", "add", post=post, object_id=boost, actor=actor, time=time)


def _deleted(event: Event, context: Context) -> Interaction | Ignored:
    """Nothing but the id of a status: the directory knows what it was."""
    return context.removed("mastodon", need(event.value, "id"), context.clock())


READERS: dict[str, Callable[[Event, Context], Interaction | Ignored]] = {
    **dict.fromkeys(WRITTEN, _written),
    **dict.fromkeys(EDITED, _edited),
    LIKED: _liked,
    BOOSTED: _liked,
    DELETED: _deleted,
}
