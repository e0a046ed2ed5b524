"""What a slice's comments mean beyond their count: which are answered, which wait for a reply, whose texts are kept.

Every comment that the slice touches is looked at once, when the post's set is as the slice leaves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.counting.live import LivePage
from pipeline.counting.members import CLASS_BITS, COMMENT, REPLY, counted_at_ms, hash_id
from pipeline.counting.rows import ANSWERED_IN
from pipeline.counting.threads import Threads, is_standing
from schemas.interaction import Interaction

#: A record about a comment: its post, the hash of its id, and the state that its object had before, if it had one.
Comment = tuple[LivePage, int, Interaction, int | None]


@dataclass(slots=True)
class CommentChange:
    """A comment that a slice touched. `waits_ms`: its own time if it waits for a reply, else None.

    `said`: the records that may bring the text of a comment that stands at `time_ms`. `forget_ms`: the time under which
    a text may be kept that is to go.
    """

    post: LivePage
    comment: int
    waits_ms: int | None
    time_ms: int | None = None
    said: Sequence[Interaction] = ()
    forget_ms: int | None = None


def settle_comments(comments: Sequence[Comment], finest_ms: int) -> list[CommentChange]:
    """Put what became of the answers into the posts' changes; gives every comment whose waiting may have changed."""
    said: dict[tuple[LivePage, int], list[Interaction]] = {}
    before: dict[tuple[LivePage, int], int | None] = {}
    affected: dict[tuple[LivePage, int], None] = {}
    for post, key, interaction, old in comments:
        place = (post, key)
        affected[place] = None
        before.setdefault(place, old)
        said.setdefault(place, []).append(interaction)
        threads, parent = post.threads, interaction.parent
        if parent is not None and parent != interaction.id:
            if threads is None:
                threads = post.threads = Threads()
            for other in threads.link(key, hash_id(parent), post.members):
                affected[post, other] = None
        if threads is not None:
            for other in threads.attach(key, post.members):
                affected[post, other] = None
    changes = []
    for place in affected:
        change = _settle(*place, finest_ms)
        if change is None:
            continue
        if place in said:
            if before[place] is None and not is_standing(place[0].members[place[1]], COMMENT):
                continue  # a new reply of the account, or something that was removed before it came: it never waited
            _texts(change, said[place], before[place])
        changes.append(change)
    return changes


def waits_ms(post: LivePage, comment: int) -> int | None:
    """The comment's own time if it is an audience's, stands and is not answered."""
    state = post.members.get(comment)
    if state is None or not is_standing(state, COMMENT):
        return None
    if post.threads is not None and comment in post.threads.counted:
        return None
    return counted_at_ms(state)


def touched_comments(post: LivePage, comment: int) -> list[int]:
    """A comment and those above it in its thread: whose waiting a record about it may have changed.

    A reply of the account waits for nothing, and never did if no state of the page was ever overwritten.
    """
    above = [] if post.threads is None else list(post.threads.above(comment))
    only_reply = post.members.get(comment, 0) & CLASS_BITS == REPLY and post.entries == len(post.members)
    return above if only_reply else [comment, *above]


def _settle(post: LivePage, comment: int, finest_ms: int) -> CommentChange | None:
    if comment not in post.members:  # replied to, and not seen yet
        return None
    if post.threads is not None:
        old, new = post.threads.settle(comment, post.members)
        if old != new:
            delta = post.delta
            for counted, sign in ((old, -1), (new, 1)):
                if counted is not None:
                    finest = counted[0] // finest_ms
                    delta[finest] = delta.get(finest, 0) + sign * ANSWERED_IN[counted[1]]
    return CommentChange(post, comment, waits_ms(post, comment))


def _texts(change: CommentChange, said: Sequence[Interaction], before: int | None) -> None:
    """A text is kept as long as its comment stands, under the comment's own time."""
    state = change.post.members[change.comment]
    kept_ms = None if before is None or not is_standing(before, COMMENT) else counted_at_ms(before)
    if is_standing(state, COMMENT):
        change.time_ms = counted_at_ms(state)
        change.said = [one for one in said if one.action != "remove"]
    if kept_ms != change.time_ms:
        change.forget_ms = kept_ms
