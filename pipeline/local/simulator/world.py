"""The world: brands post, their audience likes, talks, shares and thinks better of it, brands answer.

Pure: a seed and the moments handed to `pass_time` decide everything. It keeps the truth about what stands, which the
demo compares with what was counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from pipeline.local.simulator.brands import BRANDS, Brand, post_shapes
from schemas.interaction import Action, Kind

POSTS_AT_ONCE = 4
AUDIENCE = 20_000
#: Meta writes whole seconds. What happens to one object keeps this distance, so that its order can be told.
APART_MS = 2_000
#: Of all that happens, how much takes something back or changes it.
SECOND_THOUGHTS = 0.06
REMEMBERED = 500
#: A brand takes so long to answer, on average.
ANSWER_MS = 15_000

_QUESTIONS = ("What do you think of it?", "Which one would you take?", "Where should we go next?")
_STATEMENTS = ("New in our shop today.", "A look behind the scenes.", "Thank you for 10 years! 🎉")
_TAGS = ("#new", "#behindthescenes", "#summer", "#service")
_COMMENTS = (
    "Love it!", "When will it be back?", "Not for me.", "Is there one in blue?", "Très joli ❤", "Finally!",
    "My order is late again.", "How much is it?", "Could you bring back the old one?", "Why so expensive?", "👏👏👏",
)  # fmt: skip
_ANSWERS = ("Thank you!", "Please send us a message.", "Soon, promised.", "Yes, from Monday on.")


@dataclass(frozen=True)
class Happening:
    """Something that a platform will tell of. `needs`: the thing that it is about, where that is not a post."""

    brand: Brand
    kind: Kind
    action: Action
    post: str
    id: str
    actor: str
    time_ms: int
    own: bool = False
    text: str | None = None
    reaction: str | None = None
    needs: str | None = None


@dataclass
class _Post:
    """A post with what it may still get, after the totals of a real one."""

    id: str
    budget: Counter[Kind]
    likers: set[str] = field(default_factory=set)

    @property
    def left(self) -> int:
        return self.budget.total()


@dataclass
class _Thing:
    """A like, comment, share or reply that stands; `changed_ms` is when it last changed."""

    happening: Happening
    changed_ms: int


class World:
    """All brands, from a seed."""

    def __init__(self, seed: int, brands: tuple[Brand, ...] = BRANDS) -> None:
        self.brands = brands
        self._random = Random(seed)
        self._number = 0
        self._posts: dict[Brand, list[_Post]] = {brand: [] for brand in brands}
        self._things: dict[Brand, list[_Thing]] = {brand: [] for brand in brands}
        self._answers: dict[Brand, list[tuple[int, Happening]]] = {brand: [] for brand in brands}
        self._truth: dict[Brand, Counter[str]] = {brand: Counter() for brand in brands}

    def truth(self, brand: Brand) -> dict[str, int]:
        """What stands: the audience's likes, comments and shares, the brand's replies and posts."""
        return {name: self._truth[brand][name] for name in ("likes", "comments", "shares", "replies", "posts")}

    def pass_time(self, from_ms: int, until_ms: int, rate: float) -> list[Happening]:
        """What happens in this span at about so many happenings a second, oldest first."""
        happened: list[Happening] = []
        busy = sum(brand.busy for brand in self.brands)
        for brand in self.brands:
            happened += self._keep_posting(brand, from_ms)
            expected = rate * brand.busy / busy * (until_ms - from_ms) / 1000
            for _ in range(self._round(expected)):
                happened += self._something(brand, self._random.randrange(from_ms, until_ms))
            happened += self._answer(brand, from_ms, until_ms)
        return sorted(happened, key=lambda h: h.time_ms)

    def _keep_posting(self, brand: Brand, now_ms: int) -> list[Happening]:
        posts = self._posts[brand] = [post for post in self._posts[brand] if post.left]
        new = []
        while len(posts) < POSTS_AT_ONCE:
            shape = self._random.choice(post_shapes())
            budget: Counter[Kind] = Counter()
            budget["like"] = self._round(shape.likes * brand.likes)
            budget["comment"] = self._round(shape.comments * brand.comments)
            budget["share"] = self._round(shape.shares * brand.shares)
            if not budget.total():
                continue
            post = _Post(self._new_post_id(brand), budget)
            posts.append(post)
            text = f"{self._random.choice(_QUESTIONS + _STATEMENTS)} {self._random.choice(_TAGS)}"
            new.append(Happening(brand, "post", "add", post.id, post.id, brand.account, now_ms, own=True, text=text))
            self._truth[brand]["posts"] += 1
        return new

    def _something(self, brand: Brand, time_ms: int) -> list[Happening]:
        if self._random.random() < SECOND_THOUGHTS and (changed := self._second_thought(brand, time_ms)):
            return [changed]
        posts = [post for post in self._posts[brand] if post.left]
        if not posts:
            return []
        post = self._random.choices(posts, [post.left for post in posts])[0]
        kind = self._random.choices([*post.budget], [*post.budget.values()])[0]
        post.budget[kind] -= 1
        first = self._new(brand, post, kind, time_ms)
        if kind == "comment" and self._random.random() < brand.reply_rate:
            due_ms = time_ms + APART_MS + int(self._random.expovariate(1 / ANSWER_MS))
            self._answers[brand].append((due_ms, first))
        return [first]

    def _answer(self, brand: Brand, from_ms: int, until_ms: int) -> list[Happening]:
        waiting = self._answers[brand]
        self._answers[brand] = [answer for answer in waiting if answer[0] >= until_ms]
        return [self._reply(comment, max(due_ms, from_ms)) for due_ms, comment in waiting if due_ms < until_ms]

    def _new(self, brand: Brand, post: _Post, kind: Kind, time_ms: int) -> Happening:
        actor = self._someone(post.likers if kind == "like" else set())
        text = reaction = None
        if kind == "like":
            post.likers.add(actor)
            object_id = f"{post.id}/{actor}"
            reaction = self._random.choice(("like", "like", "like", "love", "wow", "haha"))
        else:
            object_id = self._new_id(brand, post.id)
            text = self._random.choice(_COMMENTS)
        new = Happening(brand, kind, "add", post.id, object_id, actor, time_ms, text=text, reaction=reaction)
        return self._stands(new)

    def _reply(self, comment: Happening, time_ms: int) -> Happening:
        brand = comment.brand
        object_id = self._new_id(brand, comment.post)
        text = self._random.choice(_ANSWERS)
        reply = Happening(
            brand, "comment", "add", comment.post, object_id, brand.account, time_ms, True, text, needs=comment.id
        )
        return self._stands(reply)

    def _second_thought(self, brand: Brand, time_ms: int) -> Happening | None:
        """A reaction or a comment changed, or something taken back: only what the platform tells of."""
        things = self._things[brand]
        if not things:
            return None
        index = self._random.randrange(len(things))
        thing = things[index]
        old = thing.happening
        if time_ms - thing.changed_ms < APART_MS or (brand.platform == "x" and not old.own):
            return None  # X tells neither of unlikes nor of others' deletions nor of edits
        action: Action = "remove" if brand.platform == "x" or self._random.random() < 0.5 else "edit"
        if action == "edit":
            thing.changed_ms = time_ms
        else:
            things[index] = things[-1]
            things.pop()
            self._truth[brand][_column(old)] -= 1
        text = self._random.choice(_COMMENTS) + " (edited)" if old.text and action == "edit" else None
        reaction = self._random.choice(("love", "care", "sorry")) if old.reaction and action == "edit" else None
        return Happening(
            brand, old.kind, action, old.post, old.id, old.actor, time_ms, old.own, text, reaction, needs=old.id
        )

    def _stands(self, new: Happening) -> Happening:
        self._truth[new.brand][_column(new)] += 1
        things = self._things[new.brand]
        if len(things) < REMEMBERED:
            things.append(_Thing(new, new.time_ms))
        else:  # a sample of all that stands can be thought better of; the rest stays as it is
            things[self._random.randrange(REMEMBERED)] = _Thing(new, new.time_ms)
        return new

    def _someone(self, others_than: set[str]) -> str:
        while True:
            actor = str(3_500_000_000_000_000 + self._random.randrange(AUDIENCE))
            if actor not in others_than:
                return actor

    def _new_post_id(self, brand: Brand) -> str:
        number = self._next()
        return str(1_850_000_000_000_000_000 + number) if brand.platform == "x" else f"{brand.account}_{number}"

    def _new_id(self, brand: Brand, post: str) -> str:
        number = self._next()
        return (
            str(1_850_000_000_000_000_000 + number) if brand.platform == "x" else f"{post.partition('_')[2]}_{number}"
        )

    def _next(self) -> int:
        self._number += 1
        return 900_000_000_000 + self._number

    def _round(self, expected: float) -> int:
        """Up or down at random, so that small numbers add up rightly."""
        return int(expected + self._random.random())


def _column(happening: Happening) -> str:
    if happening.kind == "comment":
        return "replies" if happening.own else "comments"
    return f"{happening.kind}s"
