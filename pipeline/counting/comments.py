"""What a slice's comments mean beyond their count: which are answered, which wait for a reply, whose texts are kept.

Every comment that the slice touches is looked at once, when the post's set is as the slice leaves it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.counting.live import LivePage
from pipeline.counting.members import CLASS_BITS, COMMENT, REPLY, counted_at_ms, hash_id
from pipeline.counting.rows import ANSWERED_IN
from pipeline.counting.threads import Answer, Threads, is_standing
from schemas.interaction import Interaction

#: A record about a comment: its post, the hash of its id, and the state that its object had before, if it had one.
Comment = tuple[LivePage, int, Interaction, int | None]


class CommentChange:
    """A comment that a slice touched. `waits_ms`: its own time if it waits for a reply, else None; `mark`: the hash of
    its id, as keys and fields in Redis have it.

    `said`: the slice's records about it, `before`: its state before the first of them. `time_ms`: where it stands and
    was spoken of, the time under which its text is kept; `former_ms`: the one under which it was kept before the slice,
    if that is another. What was said so far moves with it, or goes.
    """

    __slots__ = ("before", "comment", "former_ms", "mark", "post", "said", "time_ms", "waits_ms")

    def __init__(self, post: LivePage, comment: int) -> None:
        self.post = post
        self.comment = comment
        self.mark = ""
        self.before: int | None = None
        self.said: list[Interaction] = []
        self.waits_ms: int | None = None
        self.time_ms: int | None = None
        self.former_ms: int | None = None


def settle_comments(comments: Sequence[Comment], finest_ms: int) -> list[CommentChange]:
    """Put what became of the answers into the posts' changes; gives every comment whose waiting may have changed."""
    changes: dict[tuple[LivePage, int], CommentChange] = {}
    for post, key, interaction, old in comments:
        change = changes.get((post, key))
        if change is None:
            change = changes[post, key] = CommentChange(post, key)
        if not change.said:
            change.before = old
        change.said.append(interaction)
        if post.threads is not None or interaction.parent is not None:
            for other in _above(post, key, interaction, old):
                if (post, other) not in changes:
                    changes[post, other] = CommentChange(post, other)
    return [change for change in changes.values() if _settle(change, finest_ms)]


def _above(post: LivePage, key: int, interaction: Interaction, old: int | None) -> set[int]:
    """The comments whose answers a record may change besides its own."""
    threads, parent = post.threads, interaction.parent if interaction.kind == "comment" else None
    others: set[int] = set()
    if parent is not None and parent != interaction.id:
        if threads is None:
            threads = post.threads = Threads()
        others.update(threads.link(key, hash_id(parent), post.members))
    if threads is not None:
        others.update(threads.attach(key, post.members))
        if old is not None and old & CLASS_BITS == REPLY:
            others.update(threads.above(key))  # it may be no reply any more: records that contradict each other
    return others


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


def _settle(change: CommentChange, finest_ms: int) -> bool:
    """What has become of a comment; False where it means nothing: never seen, or something that never waited."""
    post, comment = change.post, change.comment
    state = post.members.get(comment)
    if state is None:  # replied to, and not seen yet
        return False
    threads = post.threads
    if threads is not None:
        old, new = threads.settle(comment, post.members)
        if old != new:
            _count(post.answered, old, new, finest_ms)
        elif is_standing(state, COMMENT):
            # What came and went within a slice may have been told by an owner whose Redis was lost since.
            post.answered.setdefault(counted_at_ms(state) // finest_ms, 0)
    stands = is_standing(state, COMMENT)
    if not stands and change.said and change.before is None and not any(map(_may_wait, change.said)):
        return False  # a new reply of the account, or something that was removed before it came
    change.mark = f"{comment:016x}"
    time_ms = counted_at_ms(state) if stands else None
    if threads is None or comment not in threads.counted:
        change.waits_ms = time_ms
    if change.said:
        before = change.before
        kept_ms = None if before is None or not is_standing(before, COMMENT) else counted_at_ms(before)
        change.time_ms = time_ms
        if kept_ms != time_ms:
            change.former_ms = kept_ms
    return True


def _may_wait(said: Interaction) -> bool:
    """What came and went within a slice is told as well: an owner whose Redis was lost since may have said it waits."""
    return said.kind == "comment" and said.action != "remove" and not said.own


def _count(answered: dict[int, int], old: Answer | None, new: Answer | None, finest_ms: int) -> None:
    for answer, sign in ((old, -1), (new, 1)):
        if answer is not None:
            finest = answer[0] // finest_ms
            answered[finest] = answered.get(finest, 0) + sign * ANSWERED_IN[answer[1]]
