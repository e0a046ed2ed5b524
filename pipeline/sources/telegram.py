"""Telegram: a channel's posts, the comments in its discussion group, reactions there, and the channel's own totals.

A post is copied into the group by Telegram itself; comments and reactions are about the copy. So a copy is remembered
under `<group>/<message>`, and comments too. Deletions are not told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.errors import UnreadableError
from pipeline.settings import Secret
from pipeline.sources.context import Context
from pipeline.sources.delivery import Delivery
from pipeline.sources.fields import as_table, ident, listed, number, table, text
from pipeline.sources.outcomes import Ignored, Known
from pipeline.sources.source import Source
from pipeline.sources.telegram_messages import (
    answered_id,
    author,
    is_content,
    media,
    message_id,
    original,
    thread_id,
    words,
    written,
)
from pipeline.sources.times import from_seconds
from schemas.interaction import Action, Interaction

CHANNEL = "channel"
#: The bot is in the chat no more.
GONE = frozenset({"left", "kicked"})
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


class Update(NamedTuple):
    """One update: the field that it came in (empty for one that nothing is known of) and what is in it."""

    name: str
    value: Mapping[str, Any]
    body: Mapping[str, Any]


class Telegram(Source):
    """Reads one update a delivery."""

    name = "telegram"
    schemes = ("telegram",)

    def check_secret(self, secret: Secret) -> str | None:
        return None if _SECRET.fullmatch(secret.reveal()) else "1 to 256 of A-Z, a-z, 0-9, _ and -"

    def parse(self, delivery: Delivery) -> Update:
        body = super().parse(delivery)
        if not isinstance(body, dict) or "update_id" not in body:
            raise UnreadableError("not_an_envelope", "expected an object with `update_id`")
        name = next((name for name in READERS if name in body), "")
        return Update(name, table(body, name), body)

    def references(self, parsed: Update) -> Iterable[str]:
        if READERS.get(parsed.name) is _message:
            wanted = {answered_id(parsed.value), thread_id(parsed.value)}
            return [object_id for object_id in wanted if object_id is not None]
        if parsed.name == "message_reaction" and text(table(parsed.value, "chat"), "type") != CHANNEL:
            try:
                return [message_id(parsed.value)]
            except UnreadableError:  # said when the update is read
                return ()
        return ()

    def items(self, parsed: Update) -> Iterator[Update]:
        yield parsed

    def read(self, item: Update, context: Context) -> Interaction | Ignored:
        reader = READERS.get(item.name)
        return Ignored("unsupported_item") if reader is None else reader(item, context)

    def wrap(self, item: Update) -> Any:
        return item.body

    def memories(self, item: Update, outcome: Interaction | Ignored) -> Iterable[tuple[str, Known]]:
        """Copies of posts, themselves or seen in an answer to them; comments."""
        message = item.value
        if isinstance(outcome, Ignored):
            copied = original(message) if outcome.reason == "unsupported_item" else None
            if copied is not None:
                yield message_id(message), copied
        elif outcome.kind == "comment":
            assert outcome.post is not None
            yield outcome.id, Known(outcome.account, outcome.post, "comment", outcome.actor)
            copied, answered = original(table(message, "reply_to_message")), answered_id(message)
            if copied is not None and answered is not None:
                yield answered, copied


def _channel_post(update: Update, context: Context) -> Interaction | Ignored:
    message = update.value
    post, chat = message_id(message), table(message, "chat")
    account, action = post.partition("/")[0], _action(update)
    if not context.connection.serves(account):
        return Ignored("not_ours")
    if not is_content(message):
        return Ignored("unsupported_item")
    name = text(chat, "username")
    return context.counted(
        "telegram",
        account,
        "post",
        action,
        post=post,
        actor=account,
        own=True,
        time=written(message, action, context),
        text=words(message),
        url=f"https://t.me/{name}/{post.partition('/')[2]}" if name else None,
        media=media(message),
    )


def _message(update: Update, context: Context) -> Interaction | Ignored:
    """A message of a group: a comment where it hangs on a channel's post, else talk among its members."""
    message = update.value
    copied = original(message)
    if copied is not None:
        return Ignored("unsupported_item" if context.connection.serves(copied.account) else "not_ours")
    found = _post_of(message, context)
    if found is None or not is_content(message):
        return Ignored("unsupported_item")
    post, parent = found
    if not context.connection.serves(post.account):
        return Ignored("not_ours")
    action, actor = _action(update), author(message)
    return context.counted(
        "telegram",
        post.account,
        "comment",
        action,
        post=post.post,
        object_id=message_id(message),
        actor=actor,
        # An administrator who stays anonymous writes in the name of the group.
        own=actor is not None and actor == ident(table(message, "chat"), "id"),
        parent=parent,
        time=written(message, action, context),
        text=words(message),
    )


def _post_of(message: Mapping[str, Any], context: Context) -> tuple[Known, str | None] | None:
    """The post that a message hangs on, and the comment that it answers."""
    copied = original(table(message, "reply_to_message"))
    if copied is not None:
        return copied, None
    answered, thread = answered_id(message), thread_id(message)
    known = context.look_up(answered)
    if known is not None:
        return known, answered if known.kind == "comment" else None
    known = context.look_up(thread)
    return None if known is None else (known, None if answered == thread else answered)


def _reaction(update: Update, context: Context) -> Interaction | Ignored:
    """The whole list of a person's reactions before and after: one person is one like, whatever their number."""
    value = update.value
    reacted, chat = message_id(value), table(value, "chat")
    before, after = listed(value, "old_reaction"), listed(value, "new_reaction")
    if not before and not after:
        return Ignored("unsupported_item")
    action: Action = "add" if not before else "edit" if after else "remove"
    known = _reacted_to(reacted, chat, context)
    if known is None:
        return Ignored("unresolvable_removal" if action == "remove" else "unsupported_item")
    if not context.connection.serves(known.account):
        return Ignored("not_ours")
    if known.kind != "post":
        return Ignored("reaction_on_comment")
    actor = ident(table(value, "user"), "id") or ident(table(value, "actor_chat"), "id")
    if actor is None:
        raise UnreadableError("missing_field", "expected an id under user or actor_chat")
    return context.counted(
        "telegram",
        known.account,
        "like",
        action,
        post=known.post,
        actor=actor,
        own=actor == ident(chat, "id"),
        time=context.clock((from_seconds(value.get("date")), "platform")),
        reaction=_word(as_table(after[0])) if after else None,
    )


def _reacted_to(reacted: str, chat: Mapping[str, Any], context: Context) -> Known | None:
    if text(chat, "type") == CHANNEL:
        return Known(reacted.partition("/")[0], reacted, "post")
    return context.look_up(reacted)


def _reaction_count(update: Update, context: Context) -> Interaction | Ignored:
    """A channel's reactions are anonymous: their sum is told, up to minutes late. In a group it is about the copy."""
    value = update.value
    post = message_id(value)
    account = post.partition("/")[0]
    if text(table(value, "chat"), "type") != CHANNEL:
        return Ignored("unsupported_item")
    if not context.connection.serves(account):
        return Ignored("not_ours")
    return context.totals(
        "telegram",
        account,
        post=post,
        time=context.clock((from_seconds(value.get("date")), "platform")),
        likes=sum(number(as_table(reaction), "total_count") or 0 for reaction in listed(value, "reactions")),
    )


def _membership(update: Update, context: Context) -> Ignored:
    status = text(table(update.value, "new_chat_member"), "status")
    ended = status in GONE and text(table(update.value, "chat"), "type") != "private"
    return Ignored("subscription_ended" if ended else "unsupported_item")


def _action(update: Update) -> Action:
    return "edit" if update.name.startswith("edited_") else "add"


def _word(reaction: Mapping[str, Any]) -> str | None:
    """The emoji, a custom one's id, or the word for a paid reaction."""
    return text(reaction, "emoji") or ident(reaction, "custom_emoji_id") or text(reaction, "type")


#: By the field of the update.
READERS: dict[str, Callable[[Update, Context], Interaction | Ignored]] = {
    "channel_post": _channel_post,
    "edited_channel_post": _channel_post,
    "message": _message,
    "edited_message": _message,
    "message_reaction": _reaction,
    "message_reaction_count": _reaction_count,
    "my_chat_member": _membership,
}
