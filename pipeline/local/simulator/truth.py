"""The truth about one account: what stands, and what of it is answered. Told by the world, never by the gateway.

Plain sets and a walk up each thread, when somebody asks; nothing of it is shared with the worker or the proof.
"""

from __future__ import annotations

from collections import Counter

from pipeline.local.simulator.happenings import Happening


class Truth:
    """Takes happenings in the order in which they happen to one object."""

    def __init__(self) -> None:
        self.likes: Counter[str] = Counter()
        self.shares: Counter[str] = Counter()
        self._posts = 0
        #: Comments of the audience and replies of the brand that stand, and what each ever replied to.
        self._comments: set[str] = set()
        self._replies: set[str] = set()
        self._parents: dict[str, str] = {}

    def take(self, happening: Happening) -> None:
        """An edit changes nothing."""
        if happening.action == "edit":
            return
        step = 1 if happening.action == "add" else -1
        if happening.kind == "like":
            self.likes[happening.post] += step
        elif happening.kind == "share":
            self.shares[happening.post] += step
        elif happening.kind == "post":
            self._posts += step
        else:
            self._take_comment(happening)

    def stands(self, comment: str) -> bool:
        """Whether a comment or reply stands."""
        return comment in self._comments or comment in self._replies

    def numbers(self) -> dict[str, int]:
        """What stands. `answered`: comments below which, however far down the thread, a reply of the brand stands."""
        answered: set[str] = set()
        for reply in self._replies:
            above = self._parents.get(reply)
            while above is not None:
                answered.add(above)
                above = self._parents.get(above)
        answered &= self._comments
        return {
            "likes": self.likes.total(),
            "comments": len(self._comments),
            "shares": self.shares.total(),
            "replies": len(self._replies),
            "posts": self._posts,
            "answered": len(answered),
            "unanswered": len(self._comments) - len(answered),
        }

    def _take_comment(self, happening: Happening) -> None:
        standing = self._replies if happening.own else self._comments
        if happening.action == "remove":
            standing.discard(happening.id)
            return
        standing.add(happening.id)
        if happening.parent is not None:
            self._parents[happening.id] = happening.parent
