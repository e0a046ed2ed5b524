"""GitLab: emoji on issues and merge requests (likes), and the notes under them (comments).

Numbers are unique within one GitLab only, and a project's path may change: an account is `<GitLab>/projects/<number>`,
an address that leads to the project, and everything else is named below it. A note's deletion is not told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pipeline.errors import UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.delivery import Delivery
from pipeline.sources.fields import ident, need, table, text
from pipeline.sources.outcomes import Ignored, Known
from pipeline.sources.source import Source
from pipeline.sources.times import from_iso
from pipeline.sources.uris import origin
from schemas.interaction import Action, Interaction

#: What may be liked and talked about: the key of the thing in a delivery, and its folder in addresses.
POSTS = {"Issue": ("issue", "issues"), "MergeRequest": ("merge_request", "merge_requests")}
EMOJI: dict[str, Action] = {"award": "add", "revoke": "remove"}


class GitLab(Source):
    """Reads one event a delivery."""

    name = "gitlab"
    schemes = ("gitlab",)

    def parse(self, delivery: Delivery) -> Mapping[str, Any]:
        body = super().parse(delivery)
        if not isinstance(body, dict) or not isinstance(body.get("object_kind"), str):
            raise UnreadableError("not_an_envelope", "expected an object with a string `object_kind`")
        return body

    def references(self, parsed: Mapping[str, Any]) -> Iterable[str]:
        thread = _thread(parsed)
        return () if thread is None else (thread,)

    def items(self, parsed: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield parsed

    def read(self, item: Mapping[str, Any], context: Context) -> Interaction | Ignored:
        reader = READERS.get(item["object_kind"])
        if reader is None:
            return Ignored("unsupported_item")
        account = _account(item)
        if account is None:
            raise UnreadableError("missing_field", "expected an address under project.web_url and an id")
        return reader(account, item, context) if context.connection.serves(account) else Ignored("not_ours")

    def wrap(self, item: Mapping[str, Any]) -> Any:
        return item

    def memories(self, item: Mapping[str, Any], outcome: Interaction | Ignored) -> Iterable[tuple[str, Known]]:
        """The note that a thread begins with: later ones name the thread only."""
        thread = _thread(item)
        if thread is None or isinstance(outcome, Ignored) or outcome.action != "add" or outcome.parent is not None:
            return ()
        assert outcome.post is not None
        return ((thread, Known(outcome.account, outcome.post, "comment", outcome.actor, id=outcome.id)),)


def _emoji(account: str, item: Mapping[str, Any], context: Context) -> Interaction | Ignored:
    award = table(item, "object_attributes")
    if text(award, "awardable_type") == "Note":
        return Ignored("reaction_on_comment")
    action = EMOJI.get(text(award, "action") or text(item, "event_type") or "")
    post = _post(account, text(award, "awardable_type"), item)
    if action is None or post is None:
        return Ignored("unsupported_item")
    return context.counted(
        "gitlab",
        account,
        "like",
        action,
        post=post,
        actor=ident(award, "user_id") or need(table(item, "user"), "id"),
        # Of a revoked emoji too the time at which it was given, the only one there is: it takes back that emoji, not
        # one that the same person gave later.
        time=context.clock((from_iso(award.get("created_at")), "platform")),
        reaction=text(award, "name") if action == "add" else None,
    )


def _note(account: str, item: Mapping[str, Any], context: Context) -> Interaction | Ignored:
    note = table(item, "object_attributes")
    post = _post(account, text(note, "noteable_type"), item)
    if post is None or note.get("system") is True or note.get("internal") is True:
        return Ignored("unsupported_item")
    action: Action = "edit" if text(note, "action") == "update" else "add"
    note_id = f"{account}/notes/{need(note, 'id')}"
    known = context.look_up(_thread(item))
    parent = known.id if known is not None and known.account == account else None
    return context.counted(
        "gitlab",
        account,
        "comment",
        action,
        post=post,
        object_id=note_id,
        actor=ident(note, "author_id") or ident(table(item, "user"), "id"),
        parent=None if parent == note_id else parent,
        time=context.clock((from_iso(note.get("updated_at" if action == "edit" else "created_at")), "platform")),
        text=text(note, "note"),
    )


def _account(item: Mapping[str, Any]) -> str | None:
    project = table(item, "project")
    address, number = text(project, "web_url"), ident(project, "id") or ident(item, "project_id")
    if address is None or number is None:
        return None
    path = text(project, "path_with_namespace")
    if path is not None and address.endswith(f"/{path}"):  # a GitLab may live below a folder of its host
        return f"{address.removesuffix(f'/{path}')}/projects/{number}"
    server = origin(address)
    return None if server is None else f"{server}/projects/{number}"


def _post(account: str, kind: str | None, item: Mapping[str, Any]) -> str | None:
    """The address of what was liked or talked about; None where it is nothing of ours."""
    if kind not in POSTS:
        return None
    key, folder = POSTS[kind]
    return f"{account}/{folder}/{need(table(item, key), 'iid')}"


def _thread(item: Mapping[str, Any]) -> str | None:
    account, thread = _account(item), ident(table(item, "object_attributes"), "discussion_id")
    return f"{account}/discussions/{thread}" if account is not None and thread is not None else None


#: By `object_kind`.
READERS: dict[str, Callable[[str, Mapping[str, Any], Context], Interaction | Ignored]] = {
    "emoji": _emoji,
    "note": _note,
}
