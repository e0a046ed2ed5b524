"""LinkedIn: what happens to the posts of an organisation's page. Up to ten notifications a delivery.

A post and a comment each have two URNs. A post counts under its activity, and the share's URN is remembered for it; a
comment under the last number of its URN, which both forms end in. Nobody tells of a like or a share that is undone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from pipeline.errors import RefusedError, UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.delivery import Answer, Connection, Delivery
from pipeline.sources.fields import as_table, check_number, ident, need, table, text
from pipeline.sources.outcomes import Ignored, Known
from pipeline.sources.signatures import sign_challenge
from pipeline.sources.source import Source
from pipeline.sources.times import from_milliseconds
from schemas.interaction import Action, Interaction, Kind, TimeFrom

TYPE = "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS"
ACTIVITY = "urn:li:activity:"
COMMENT = "urn:li:comment:"
#: By the `action` of a notification. ADMIN_COMMENT is the page itself.
ACTIONS: dict[str, tuple[Kind, Action]] = {
    "LIKE": ("like", "add"),
    "SHARE": ("share", "add"),
    "COMMENT": ("comment", "add"),
    "ADMIN_COMMENT": ("comment", "add"),
    "COMMENT_EDIT": ("comment", "edit"),
    "COMMENT_DELETE": ("comment", "remove"),
}
#: What it hangs on, and its number: `urn:li:comment:(activity:1,2)`, also with `urn:li:activity:1`.
_COMMENT_URN = re.compile(r"urn:li:comment:\((?:urn:li:)?([A-Za-z]+:[^,()]+),(\d+)\)")
#: Who, and what: `urn:li:like:(urn:li:person:A,urn:li:activity:1)`.
_LIKE_URN = re.compile(r"urn:li:(?:like|reaction):\((urn:li:[A-Za-z]+:[^,()]+),(.+)\)")


class Notice(NamedTuple):
    """One notification, and its delivery's type. `detail`: what its decorated part tells of the comment or share."""

    value: Mapping[str, Any]
    detail: Mapping[str, Any]
    type: Any


class LinkedIn(Source):
    """Reads the notifications of an organisation."""

    name = "linkedin"
    schemes = ("linkedin",)
    handshakes = frozenset({"GET"})

    def handshake(self, request: Delivery, connection: Connection) -> Answer:
        """The HMAC of `challengeCode` under the newest secret; asked every two hours."""
        code = next((value for name, value in parse_qsl(request.query) if name == "challengeCode"), None)
        if code is None:
            raise RefusedError("missing_challenge")
        if not connection.secrets or not connection.secrets[0]:
            raise RefusedError("no_secret")
        signed = sign_challenge(code, connection.secrets[0].reveal()).hex()
        body = msgspec.json.encode({"challengeCode": code, "challengeResponse": signed})
        return Answer(body, content_type="application/json")

    def parse(self, delivery: Delivery) -> list[Notice]:
        body = super().parse(delivery)
        if not isinstance(body, dict) or not isinstance(body.get("notifications"), list):
            raise UnreadableError("not_an_envelope", "expected an object with a list `notifications`")
        check_number(len(body["notifications"]))
        return [Notice(value, _detail(value), body.get("type")) for value in map(as_table, body["notifications"])]

    def references(self, parsed: list[Notice]) -> Iterable[str]:
        wanted = set()
        for notice in parsed:
            if notice.value and not _told_post(notice):
                wanted |= {_post_urn(notice), _comment_id(notice)}
        return [object_id for object_id in wanted if object_id is not None]

    def items(self, parsed: list[Notice]) -> Iterator[Notice]:
        return iter(parsed)

    def read(self, item: Notice, context: Context) -> Interaction | Ignored:
        action = text(item.value, "action")
        if item.type != TYPE or action not in ACTIONS:
            return Ignored("mention" if action == "SHARE_MENTION" else "unsupported_item")
        account = ident(item.value, "organizationalEntity") or context.only_account()
        if not context.connection.serves(account):
            return Ignored("not_ours")
        kind, does = ACTIONS[action]
        if kind == "like":
            return _like(item, account, context)
        if kind == "share":
            return _share(item, account, context)
        return _comment(item, account, does, action == "ADMIN_COMMENT", context)

    def wrap(self, item: Notice) -> Any:
        return {"type": item.type, "notifications": [item.value]}

    def memories(self, item: Notice, outcome: Interaction | Ignored) -> Iterable[tuple[str, Known]]:
        """The post under its other URN; the comment or share, whose removal may name nothing else."""
        if isinstance(outcome, Ignored) or outcome.action == "remove":
            return
        assert outcome.post is not None
        other = ident(table(item.value, "decoratedSourcePost"), "entity")
        if other is not None and other != outcome.post and outcome.post.startswith(ACTIVITY):
            yield other, Known(outcome.account, outcome.post, "post", id=outcome.post)
        if outcome.kind != "like":
            yield outcome.id, Known(outcome.account, outcome.post, outcome.kind, outcome.actor)


def _like(notice: Notice, account: str, context: Context) -> Interaction | Ignored:
    """Who liked stands in the URN of the like alone, a form that is documented nowhere."""
    urn = need(notice.value, "generatedActivity")
    found = _LIKE_URN.fullmatch(urn)
    about = found[2] if found else _post_urn(notice) or ""
    if COMMENT in about or COMMENT in (ident(notice.value, "sourcePost") or ""):
        return Ignored("reaction_on_comment")
    return context.counted(
        "linkedin",
        account,
        "like",
        "add",
        post=_post(notice, account, context),
        object_id=urn,
        actor=found[1] if found else None,
        time=_time(notice, context),
    )


def _share(notice: Notice, account: str, context: Context) -> Interaction:
    return context.counted(
        "linkedin",
        account,
        "share",
        "add",
        post=_post(notice, account, context),
        object_id=ident(notice.value, "generatedActivity") or need(notice.detail, "entity"),
        actor=ident(notice.detail, "owner"),
        time=_time(notice, context),
        text=text(notice.detail, "text"),
    )


def _comment(notice: Notice, account: str, action: Action, admin: bool, context: Context) -> Interaction | Ignored:
    comment_id = _comment_id(notice)
    if comment_id is None:
        raise UnreadableError("missing_field", "expected the URN of a comment under generatedActivity")
    known = context.look_up(comment_id)
    if known is not None and known.account != account:
        return Ignored("not_ours")
    if action == "remove" and known is None and _post_urn(notice) is None and _told_post(notice) is None:
        return Ignored("unresolvable_removal")
    answered = ident(notice.detail, "parentComment") or ident(notice.detail, "object") or ""
    found = _COMMENT_URN.fullmatch(answered)
    return context.counted(
        "linkedin",
        account,
        "comment",
        action,
        post=known.post if known is not None else _post(notice, account, context),
        object_id=comment_id,
        actor=account if admin else ident(notice.detail, "owner"),
        own=admin,
        parent=found[2] if found else None,
        time=_time(notice, context),
        text=text(notice.detail, "text"),
    )


def _post(notice: Notice, account: str, context: Context) -> str:
    """The activity: named, remembered for the other URN, or else that URN itself."""
    told = _told_post(notice)
    if told is not None:
        return told
    urn = _post_urn(notice)
    if urn is None:
        raise UnreadableError("missing_field", "expected a URN under sourcePost")
    known = context.look_up(urn)
    return known.post if known is not None and known.account == account else urn


def _told_post(notice: Notice) -> str | None:
    """The activity's URN where the notification itself has it; a comment's URN names it too."""
    source = ident(notice.value, "sourcePost")
    if source is not None and source.startswith(ACTIVITY):
        return source
    for urn in (ident(notice.value, "generatedActivity"), ident(notice.detail, "entity")):
        found = _COMMENT_URN.fullmatch(urn or "")
        if found and found[1].startswith("activity:"):
            return f"urn:li:{found[1]}"
    return None


def _post_urn(notice: Notice) -> str | None:
    """Any URN of the post."""
    return ident(notice.value, "sourcePost") or ident(table(notice.value, "decoratedSourcePost"), "entity")


def _comment_id(notice: Notice) -> str | None:
    for urn in (ident(notice.value, "generatedActivity"), ident(notice.detail, "entity")):
        found = _COMMENT_URN.fullmatch(urn or "")
        if found:
            return found[2]
    return None


def _detail(value: Mapping[str, Any]) -> Mapping[str, Any]:
    decorated = table(value, "decoratedGeneratedActivity")
    return table(decorated, "comment") or table(decorated, "share")


def _time(notice: Notice, context: Context) -> tuple[int, TimeFrom]:
    return context.clock((from_milliseconds(notice.value.get("lastModifiedAt")), "platform"))
