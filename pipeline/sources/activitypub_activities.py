"""What an activity is to a brand: a like, a share, a note (`activitypub_notes.py`), or the removal of one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.errors import UnreadableError
from pipeline.sources.activitypub_notes import read_created, read_updated
from pipeline.sources.activitypub_objects import Activity, Meaning, address, own_id, target, type_of
from pipeline.sources.context import Context
from pipeline.sources.fields import as_table, table, text
from pipeline.sources.outcomes import Ignored, Known
from pipeline.sources.times import from_iso
from pipeline.sources.uris import same_origin
from schemas.interaction import Action, Interaction, TimeFrom

LIKES = frozenset({"Like", "EmojiReact"})


def references_of(body: Mapping[str, Any]) -> list[str | None]:
    """What an activity is about; what that answers; of what is undone, what it was about."""
    if type_of(body) not in READERS:
        return []
    thing = table(body, "object")
    return [address(body.get("object")), address(thing.get("object")), address(thing.get("inReplyTo"))]


def read_activity(activity: Activity, context: Context) -> Interaction | Ignored:
    """What the activity is to the connection's accounts."""
    kind = type_of(activity.body)
    if not kind:
        raise UnreadableError("missing_field", "expected a type")
    reader = READERS.get(kind)
    return Ignored("unsupported_item") if reader is None else reader(activity, context)


def is_erasure(activity: Activity) -> bool:
    """Whether an actor says that he himself is deleted."""
    return type_of(activity.body) == "Delete" and address(activity.body.get("object")) == activity.actor


def _like(activity: Activity, context: Context) -> Interaction | Ignored:
    return _liked(activity.body, "add", activity, context)


def _liked(body: Mapping[str, Any], action: Action, activity: Activity, context: Context) -> Interaction | Ignored:
    """A like, or an undone one; servers that know emoji say which."""
    found = target(address(body.get("object")), activity.actor, context)
    if not isinstance(found, Meaning):
        return Ignored(found)
    return context.counted(
        "activitypub",
        found.account,
        "like",
        action,
        post=found.post,
        actor=activity.actor,
        time=context.clock(activity.done),
        reaction=None if action == "remove" else text(body, "_misskey_reaction") or text(body, "content"),
    )


def _announce(activity: Activity, context: Context) -> Interaction | Ignored:
    found = target(address(activity.body.get("object")), activity.actor, context)
    if not isinstance(found, Meaning):
        return Ignored(found)
    return context.counted(
        "activitypub",
        found.account,
        "share",
        "add",
        post=found.post,
        object_id=own_id(activity.body, activity.actor),
        actor=activity.actor,
        time=context.clock(activity.done),
    )


def _delete(activity: Activity, context: Context) -> Interaction | Ignored:
    """A Tombstone or an address: the directory knows what it was."""
    if is_erasure(activity):
        return Ignored("actor_erasure", context.pseudonym("activitypub", activity.actor))
    removed = activity.body.get("object")
    return _removed(address(removed), activity, context, (from_iso(as_table(removed).get("deleted")), "platform"))


def _undo(activity: Activity, context: Context) -> Interaction | Ignored:
    """The undone activity is given whole, or by its address alone."""
    undone = table(activity.body, "object")
    kind, about = type_of(undone), address(undone.get("object"))
    if (address(undone.get("actor")) or activity.actor) != activity.actor:
        return Ignored("not_ours")
    if kind and kind != "Announce" and kind not in LIKES:
        return Ignored("unsupported_item")
    undone_id = address(activity.body.get("object"))
    if about is None or context.look_up(undone_id) is not None:
        return _removed(undone_id, activity, context)
    if kind in LIKES:
        return _liked(undone, "remove", activity, context)
    found = target(about, activity.actor, context)
    if not isinstance(found, Meaning):
        return Ignored(found)
    share = Known(found.account, found.post, "share")
    return _removal(share, own_id(undone, activity.actor), activity, context.clock(activity.done), context)


def _removed(
    removed_id: str | None,
    activity: Activity,
    context: Context,
    time: tuple[int | None, TimeFrom] = (None, "platform"),
) -> Interaction | Ignored:
    """The removal of what stands under this address; only who made it may remove it."""
    if removed_id is None:
        raise UnreadableError("missing_field", "expected an id under object")
    known = context.look_up(removed_id)
    if known is None:
        return Ignored("unresolvable_removal")
    name = context.pseudonym("activitypub", activity.actor)
    # None: nobody is known to have made it. While the key is rotated the directory has both of his names.
    foreign = known.actor not in {None, name, context.aliases.get(name)}
    if foreign or not same_origin(removed_id, activity.actor) or known.account not in context.connection.accounts:
        return Ignored("not_ours")
    return _removal(known, known.id or removed_id, activity, context.clock(time, activity.done), context)


def _removal(
    known: Known, object_id: str, activity: Activity, time: tuple[int, TimeFrom], context: Context
) -> Interaction:
    return context.counted(
        "activitypub",
        known.account,
        known.kind,
        "remove",
        post=known.post,
        object_id=object_id,
        actor=activity.actor,
        own=known.kind == "post",
        time=time,
    )


READERS: dict[str, Callable[[Activity, Context], Interaction | Ignored]] = {
    **dict.fromkeys(LIKES, _like),
    "Announce": _announce,
    "Create": read_created,
    "Update": read_updated,
    "Delete": _delete,
    "Undo": _undo,
}
