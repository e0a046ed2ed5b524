"""TikTok for Developers: that a video was published. No likes, comments or shares are in any of its webhooks.

`content` is JSON inside a string. The post's id is the `share_id` as a whole: a public id is not sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.errors import UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.delivery import Delivery
from pipeline.sources.fields import as_table, decode_json, need, text
from pipeline.sources.outcomes import Ignored
from pipeline.sources.source import Source
from pipeline.sources.times import from_seconds
from schemas.interaction import Interaction

PUBLISHED = "video.publish.completed"
WITHDRAWN = "authorization.removed"


class TikTok(Source):
    """Reads one event a delivery."""

    name = "tiktok"
    schemes = ("tiktok",)

    def parse(self, delivery: Delivery) -> Mapping[str, Any]:
        body = super().parse(delivery)
        if not isinstance(body, dict) or not isinstance(body.get("event"), str):
            raise UnreadableError("not_an_envelope", "expected an object with a string `event`")
        return body

    def items(self, parsed: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield parsed

    def read(self, item: Mapping[str, Any], context: Context) -> Interaction | Ignored:
        if item["event"] == WITHDRAWN:
            return Ignored("subscription_ended")
        if item["event"] != PUBLISHED:
            return Ignored("unsupported_item")
        account = need(item, "user_openid")
        if not context.connection.serves(account):
            return Ignored("not_ours")
        return context.counted(
            "tiktok",
            account,
            "post",
            "add",
            post=need(_content(item), "share_id"),
            actor=account,
            own=True,
            time=context.clock((from_seconds(item.get("create_time")), "platform")),
        )

    def wrap(self, item: Mapping[str, Any]) -> Any:
        return item


def _content(item: Mapping[str, Any]) -> Mapping[str, Any]:
    content = text(item, "content")
    return as_table(item.get("content") if content is None else decode_json(content.encode()))
