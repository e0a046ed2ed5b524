"""Instagram: comments, the only thing that Instagram's webhooks tell and that counts. No likes, edits or removals.

A comment on an ad belongs to the post that the ad shows (`original_media_id`): people see one post.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.sources.context import Context
from pipeline.sources.fields import ident, need, table, text
from pipeline.sources.meta import Change, MetaSource
from pipeline.sources.outcomes import Ignored
from schemas.interaction import Interaction

COMMENTS = frozenset({"comments", "live_comments"})


class Instagram(MetaSource):
    """Reads what happens on an Instagram account, in both of Meta's envelopes."""

    name = "instagram"
    subject = "instagram"

    def read_change(
        self, change: Change, account: str, value: Mapping[str, Any], context: Context
    ) -> Interaction | Ignored:
        if change.field == "mentions":
            return Ignored("mention")
        if change.field not in COMMENTS:
            return Ignored("unsupported_item")
        author = table(value, "from")
        return context.counted(
            "instagram",
            account,
            "comment",
            "add",
            post=need(table(value, "media"), "original_media_id", "id"),
            object_id=need(value, "id", "comment_id"),
            actor=ident(author, "id"),
            own="self_ig_scoped_id" in author,
            parent=ident(value, "parent_id"),
            time=context.clock((change.sent_ms, "delivery")),
            text=text(value, "text"),
        )
