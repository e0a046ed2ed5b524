"""Discourse: topics (posts), what is written in them (comments) and likes of a topic's first post.

Created, edited and destroyed look the same: only the header tells. Numbers are unique within one forum, so ids carry
the instance. An answer names the number of what it answers within the topic, so numbers are remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.errors import UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.delivery import Delivery
from pipeline.sources.fields import ident, need, table, text
from pipeline.sources.outcomes import Ignored, Known
from pipeline.sources.source import Source
from pipeline.sources.times import from_iso
from schemas.interaction import Action, Interaction, TimeFrom

#: By the event in the header. Events of topics are told once more as events of their first post.
ACTIONS: dict[str, Action] = {
    "post_created": "add",
    "post_recovered": "add",
    "post_edited": "edit",
    "post_destroyed": "remove",
}
LIKED = "post_liked"
PING = "ping"
#: The number of the post that is the topic itself.
FIRST = "1"
#: Other types are notes of moderators, small lines such as "closed", and whispers among the staff.
REGULAR = "1"
PRIVATE = "private_message"


class Event(NamedTuple):
    """One event of one forum."""

    name: str
    instance: str
    body: Mapping[str, Any]


class Discourse(Source):
    """Reads one event a delivery."""

    name = "discourse"
    schemes = ("discourse",)

    def parse(self, delivery: Delivery) -> Event:
        body = super().parse(delivery)
        if not isinstance(body, dict):
            raise UnreadableError("not_an_envelope", "expected an object")
        name, instance = (delivery.headers.get(f"x-discourse-{header}", "") for header in ("event", "instance"))
        if not name or not instance:
            raise UnreadableError("missing_header", "expected X-Discourse-Event and X-Discourse-Instance")
        return Event(name, instance.rstrip("/"), body)

    def references(self, parsed: Event) -> Iterable[str]:
        answered = _answered(parsed)
        return () if answered is None else (answered,)

    def items(self, parsed: Event) -> Iterator[Event]:
        yield parsed

    def read(self, item: Event, context: Context) -> Interaction | Ignored:
        if item.name == PING:
            return Ignored("test_ping")
        if item.name != LIKED and item.name not in ACTIONS:
            return Ignored("unsupported_item")
        if not context.connection.serves(item.instance):
            return Ignored("not_ours")
        like = table(item.body, "like")
        post = table(like, "post") if item.name == LIKED else table(item.body, "post")
        if ident(post, "post_type") not in (None, REGULAR) or text(post, "topic_archetype") == PRIVATE:
            return Ignored("unsupported_item")
        return _like(item, like, post, context) if item.name == LIKED else _post(item, post, context)

    def wrap(self, item: Event) -> Any:
        return item.body

    def memories(self, item: Event, outcome: Interaction | Ignored) -> Iterable[tuple[str, Known]]:
        """A comment under its number in the topic."""
        number = ident(table(item.body, "post"), "post_number")
        if isinstance(outcome, Ignored) or outcome.kind != "comment" or outcome.action == "remove" or number is None:
            return ()
        assert outcome.post is not None
        known = Known(outcome.account, outcome.post, "comment", outcome.actor, id=outcome.id)
        return ((f"{outcome.post}#{number}", known),)


def _like(event: Event, like: Mapping[str, Any], post: Mapping[str, Any], context: Context) -> Interaction | Ignored:
    """The body has no time of the like, only of the post."""
    if need(post, "post_number") != FIRST:
        return Ignored("reaction_on_comment")
    return context.counted(
        "discourse",
        event.instance,
        "like",
        "add",
        post=_topic(event.instance, need(post, "topic_id")),
        actor=need(table(like, "user"), "id"),
        time=context.clock(),
    )


def _post(event: Event, post: Mapping[str, Any], context: Context) -> Interaction | Ignored:
    topic_id, author, number = need(post, "topic_id"), ident(post, "user_id"), need(post, "post_number")
    is_topic = number == FIRST
    if is_topic and not context.connection.is_brand(event.instance, author):
        return Ignored("visitor_post")
    answered = context.look_up(_answered(event))
    slug = text(post, "topic_slug")
    return context.counted(
        "discourse",
        event.instance,
        "post" if is_topic else "comment",
        ACTIONS[event.name],
        post=_topic(event.instance, topic_id),
        object_id=None if is_topic else f"{event.instance}/p/{need(post, 'id')}",
        actor=author,
        own=is_topic,
        parent=answered.id if answered is not None and not is_topic else None,
        time=_time(event, post, context),
        text=text(post, "raw") or text(post, "cooked"),
        url=f"{event.instance}/t/{slug}/{topic_id}" if is_topic and slug is not None else None,
    )


def _time(event: Event, post: Mapping[str, Any], context: Context) -> tuple[int, TimeFrom]:
    """When a post was recovered is not told; its creation lies before the removal that it undoes."""
    key = {"post_created": "created_at", "post_edited": "updated_at", "post_destroyed": "deleted_at"}.get(event.name)
    return context.clock((from_iso(post.get(key)) if key else None, "platform"))


def _answered(event: Event) -> str | None:
    """The directory's name of the comment that a post answers; None where it answers the topic."""
    post = table(event.body, "post")
    topic_id, number = ident(post, "topic_id"), ident(post, "reply_to_post_number")
    if topic_id is None or number in (None, FIRST):
        return None
    return f"{_topic(event.instance, topic_id)}#{number}"


def _topic(instance: str, topic_id: str) -> str:
    return f"{instance}/t/{topic_id}"
