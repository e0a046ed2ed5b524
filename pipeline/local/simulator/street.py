"""One brand's street: its audience likes, talks, shares and thinks better of it, and the brand answers, or does not."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from pipeline.local.simulator.audience import Audience
from pipeline.local.simulator.brands import Brand
from pipeline.local.simulator.feed import Feed, Post, Said
from pipeline.local.simulator.happenings import Happening, second_thoughts
from pipeline.local.simulator.ids import Ids
from pipeline.local.simulator.talk import answer_text, aside_text, comment_text
from pipeline.local.simulator.truth import Truth

#: Meta writes whole seconds. What happens to one object keeps this distance, so that its order can be told.
APART_MS = 2_000
#: Of all that happens, how much takes something back or changes it.
SECOND_THOUGHTS = 0.06
REMEMBERED = 500
#: Of the comments, how many reply to another one, and how deep in a thread the platform lets people reply. The brand's
#: own reply comes one level below; Instagram shows replies on one level alone.
ASIDES = 0.25
DEEPEST = {"facebook": 2, "x": 5, "instagram": 1}
#: No answer takes longer than so many times the brand's usual.
PATIENCE = 5


@dataclass
class _Thing:
    """A like, comment, share or reply that stands; `changed_ms` is when it last changed."""

    happening: Happening
    changed_ms: int


@dataclass(frozen=True)
class _Answer:
    """A reply that the brand is going to give."""

    due_ms: int
    post: str
    comment: str


class Street:
    """The account of one brand. `truth` knows what stands."""

    def __init__(self, brand: Brand, random: Random, ids: Ids, audience: Audience) -> None:
        self.brand = brand
        self.truth = Truth()
        self._random = random
        self._ids = ids
        self._audience = audience
        self._feed = Feed(brand, random, ids)
        self._things: list[_Thing] = []
        self._answers: list[_Answer] = []

    @property
    def followers(self) -> int:
        """It has some more with every hundredth of the likes."""
        return self.brand.followers + self.truth.likes.total() // 100

    def pass_time(self, from_ms: int, until_ms: int, number: int) -> list[Happening]:
        """What happens in this span: so many things of the audience's, and what the brand posts and answers."""
        happened = [self._take(post) for post in self._feed.keep_posting(from_ms)]
        for _ in range(number):
            happened += self._something(self._random.randrange(from_ms, until_ms))
        return happened + self._answer(from_ms, until_ms)

    def _something(self, time_ms: int) -> list[Happening]:
        if self._random.random() < SECOND_THOUGHTS and (changed := self._second_thought(time_ms)):
            return [changed]
        chosen = self._feed.choose()
        if chosen is None:
            return []
        post, kind = chosen
        if kind == "like":
            return [self._like(post, time_ms)]
        return [self._comment(post, time_ms) if kind == "comment" else self._share(post, time_ms)]

    def _like(self, post: Post, time_ms: int) -> Happening:
        actor = self._audience.someone(post.likers)
        post.likers.add(actor)
        reaction = self._random.choice(("like", "like", "like", "love", "wow", "haha"))
        like_id = f"{post.id}/{actor}"
        return self._stands(Happening(self.brand, "like", "add", post.id, like_id, actor, time_ms, reaction=reaction))

    def _share(self, post: Post, time_ms: int) -> Happening:
        share_id, actor = self._ids.comment(self.brand, post.id), self._audience.someone()
        return self._stands(Happening(self.brand, "share", "add", post.id, share_id, actor, time_ms, text="Look!"))

    def _comment(self, post: Post, time_ms: int) -> Happening:
        replied_to = self._find_reply_target(post, time_ms)
        text = aside_text(self._random) if replied_to else comment_text(post.subject, self._random)
        comment = Happening(
            self.brand, "comment", "add", post.id, self._ids.comment(self.brand, post.id), self._audience.someone(),
            time_ms, text=text, parent=replied_to.id if replied_to else None,
        )  # fmt: skip
        post.said.append(Said(comment.id, time_ms, replied_to.depth + 1 if replied_to else 1))
        self._consider(comment.post, comment.id, time_ms)
        return self._stands(comment)

    def _find_reply_target(self, post: Post, time_ms: int) -> Said | None:
        """Somebody else's comment that stands and is old enough to have been read."""
        if self._random.random() >= ASIDES:
            return None
        deepest = DEEPEST[self.brand.platform]
        readable = [
            said
            for said in post.said
            if said.depth < deepest and said.time_ms + APART_MS <= time_ms and self.truth.stands(said.id)
        ]
        return self._random.choice(readable) if readable else None

    def _consider(self, post: str, comment: str, time_ms: int) -> None:
        """Answer later, if this brand is one that does."""
        brand = self.brand
        if self._random.random() < brand.reply_rate:
            after_ms = min(self._random.expovariate(1 / brand.answer_ms), PATIENCE * brand.answer_ms)
            self._answers.append(_Answer(time_ms + APART_MS + int(after_ms), post, comment))

    def _answer(self, from_ms: int, until_ms: int) -> list[Happening]:
        due = [answer for answer in self._answers if answer.due_ms < until_ms]
        self._answers = [answer for answer in self._answers if answer.due_ms >= until_ms]
        return [self._reply(answer, max(answer.due_ms, from_ms)) for answer in due if self.truth.stands(answer.comment)]

    def _reply(self, answer: _Answer, time_ms: int) -> Happening:
        brand, reply_id = self.brand, self._ids.comment(self.brand, answer.post)
        text = answer_text(self._random)
        return self._stands(
            Happening(
                brand, "comment", "add", answer.post, reply_id, brand.account, time_ms, own=True, text=text,
                parent=answer.comment,
            )
        )  # fmt: skip

    def _second_thought(self, time_ms: int) -> Happening | None:
        """A reaction or a comment changed, or something taken back."""
        if not self._things:
            return None
        index = self._random.randrange(len(self._things))
        thing = self._things[index]
        old = thing.happening
        possible = second_thoughts(self.brand.platform, old.kind, old.own)
        if not possible or time_ms - thing.changed_ms < APART_MS:
            return None
        action = self._random.choice(possible)
        if action == "edit":
            thing.changed_ms = time_ms
        else:
            self._things[index] = self._things[-1]
            self._things.pop()
            if old.own and old.parent:  # a reply with a mistake in it: the comment waits again
                self._consider(old.post, old.parent, time_ms)
        text = f"{old.text} (edited)" if old.text and action == "edit" else None
        reaction = self._random.choice(("love", "care", "sorry")) if old.reaction and action == "edit" else None
        return self._take(
            Happening(
                self.brand, old.kind, action, old.post, old.id, old.actor, time_ms, old.own, text, reaction, old.parent
            )
        )

    def _stands(self, new: Happening) -> Happening:
        if len(self._things) < REMEMBERED:
            self._things.append(_Thing(new, new.time_ms))
        else:  # a sample of all that stands can be thought better of; the rest stays as it is
            self._things[self._random.randrange(REMEMBERED)] = _Thing(new, new.time_ms)
        return self._take(new)

    def _take(self, happening: Happening) -> Happening:
        self.truth.take(happening)
        return happening
