"""A brand's posts: what each is about, and what it may still get, after the lifetime totals of a real one."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random

from pipeline.local.simulator.brands import Brand, PostShape, post_shapes
from pipeline.local.simulator.happenings import Happening
from pipeline.local.simulator.ids import Ids
from pipeline.local.simulator.talk import Subject, choose_subject, post_text
from schemas.interaction import Kind, Media

POSTS_AT_ONCE = 40
#: Two of the real posts have more comments than all others together: beside one of them nothing else is seen.
VIRAL_COMMENTS = 100
#: The first posts are older: people still talk about those of the last days.
OLDEST_MS = 10 * 86_400_000
NEWEST_MS = 3_600_000
#: Comments that somebody may reply to: the newest ones.
REPLIED_TO = 12

#: What a post of a shape's type shows; an account of pictures alone shows pictures.
_MEDIA: dict[str, tuple[Media | None, ...]] = {
    "photo": ("image", "image", "album", "video"),
    "status": (None,),
    "link": ("link",),
}


@dataclass(frozen=True)
class Said:
    """A comment or reply in a thread; `depth` is 1 on the post itself."""

    id: str
    time_ms: int
    depth: int


@dataclass
class Post:
    """A post that people still find."""

    id: str
    subject: Subject
    budget: Counter[Kind]
    likers: set[str] = field(default_factory=set)
    said: deque[Said] = field(default_factory=lambda: deque(maxlen=REPLIED_TO))

    @property
    def left(self) -> int:
        return self.budget.total()


class Feed:
    """The posts of one brand."""

    def __init__(self, brand: Brand, random: Random, ids: Ids) -> None:
        self._brand = brand
        self._random = random
        self._ids = ids
        self._posts: list[Post] = []
        self._published = 0
        self._shape = _usual_shapes()[0]

    def keep_posting(self, now_ms: int) -> list[Happening]:
        """New posts in the place of those that have all that they will get."""
        is_first = self._published == 0
        self._posts = [post for post in self._posts if post.left]
        new = []
        while len(self._posts) < POSTS_AT_ONCE:
            time_ms = now_ms - self._random.randint(NEWEST_MS, OLDEST_MS) if is_first else now_ms
            new.append(self._publish(time_ms))
        return new

    def choose(self) -> tuple[Post, Kind] | None:
        """A post that gets something now, and what."""
        posts = [post for post in self._posts if post.left]
        if not posts:
            return None
        post = self._random.choices(posts, [post.left for post in posts])[0]
        kind = self._random.choices([*post.budget], [*post.budget.values()])[0]
        post.budget[kind] -= 1
        return post, kind

    def _publish(self, time_ms: int) -> Happening:
        brand, random = self._brand, self._random
        # Every second, every third, ...: spread evenly, so that the share holds for a few posts, too.
        asks = int((self._published + 1) * brand.questions) > int(self._published * brand.questions)
        # Two by two of one shape, one that asks and one that states: so a few posts are enough to tell them apart.
        if self._published % 2 == 0:
            self._shape = random.choice(_usual_shapes())
        self._published += 1
        shape = self._shape
        subject = choose_subject(brand.topic, asks, random)
        post = Post(self._ids.post(brand), subject, self._budget(shape, subject))
        self._posts.append(post)
        media = random.choice(_MEDIA["photo" if brand.platform == "instagram" else shape.type])
        text = post_text(subject, random)
        return Happening(
            brand, "post", "add", post.id, post.id, brand.account, time_ms, own=True, text=text, media=media
        )

    def _budget(self, shape: PostShape, subject: Subject) -> Counter[Kind]:
        brand, budget = self._brand, Counter[Kind]()
        budget["like"] = self._round(shape.likes * brand.likes)
        budget["comment"] = self._round(shape.comments * brand.comments * subject.lift)
        budget["share"] = self._round(shape.shares * brand.shares)
        return budget

    def _round(self, expected: float) -> int:
        """Up or down at random, so that small numbers add up rightly."""
        return int(expected + self._random.random())


def _usual_shapes() -> list[PostShape]:
    return [shape for shape in post_shapes() if shape.comments < VIRAL_COMMENTS]
