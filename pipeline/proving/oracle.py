"""The oracle: what every row must be, from a plain dictionary and a group-by over the topic's records.

Owns nothing but the rules of counting, written a second time and without regard to speed of reading back, so that the
worker's fold can be held against it. It shares the record's schema, the slots and the windows with the worker, not one
line of counting.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from pipeline.proving.answers import first_answers, set_parent, times_by_window
from pipeline.proving.expected import ExpectedPage, PageName, Polled, Published
from pipeline.proving.objects import State, audience_comments, group_by_window, state_of
from pipeline.slots import slot_of
from pipeline.windows import ALL, Windows
from schemas.engagement import COLUMNS
from schemas.interaction import UNDECODABLE, Interaction, decode_interaction

NUMBERS = ("likes", "comments", "shares")
ACCEPTED = "accepted"
NO_VALUE = "no_value"
NOT_JSON = "not_json"
SCHEMA = "schema"
TIME_IN_FUTURE = "time_in_future"
OTHER_ACCOUNT = "post_of_another_account"


@dataclass
class _Span:
    """The first and last event time that touched a page."""

    first_ms: int
    last_ms: int

    def touch(self, time_ms: int) -> None:
        self.first_ms = min(self.first_ms, time_ms)
        self.last_ms = max(self.last_ms, time_ms)


@dataclass
class _Post:
    account: str
    span: _Span
    id: str
    objects: dict[str, State] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    actors: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    published: Published | None = None
    polled: dict[str, Polled] = field(default_factory=dict)


@dataclass
class _Account:
    span: _Span
    posts: list[_Post] = field(default_factory=list)
    followers: Polled | None = None


class Oracle:
    """Takes records one by one, in the order of their partition, and gives the pages that must come of them."""

    def __init__(self, windows: Windows, future_limit_ms: int = 600_000, engaged: Windows | None = None) -> None:
        self._windows = windows
        self._engaged = engaged or Windows.parse("1d:90d")
        self._future_limit_ms = future_limit_ms
        self._posts: dict[tuple[int, str, str], _Post] = {}
        self._accounts: dict[tuple[int, str, str], _Account] = {}
        self.outcomes: Counter[str] = Counter()

    def take(self, value: bytes | None, timestamp_ms: int) -> str:
        """Take one record, its value and its Kafka timestamp: `accepted`, or the reason why it counts nowhere."""
        interaction = decode(value)
        if isinstance(interaction, str):
            self.outcomes[interaction] += 1
            return interaction
        return self.take_decoded(interaction, timestamp_ms, slot_of(interaction.platform, interaction.account))

    def take_decoded(self, interaction: Interaction, timestamp_ms: int, slot: int) -> str:
        """The same for a record that was decoded before, with its slot."""
        outcome = self._take(interaction, timestamp_ms, slot)
        self.outcomes[outcome] += 1
        return outcome

    def pages(self, is_wanted: Callable[[int], bool] = lambda _: True) -> Iterator[tuple[PageName, ExpectedPage]]:
        """Every page of the slots that are wanted."""
        for (slot, platform, post_id), post in self._posts.items():
            if is_wanted(slot):
                page = self._post_page(post)
                yield PageName(slot, "post", platform, post_id), page
        for (slot, platform, account_id), account in self._accounts.items():
            if is_wanted(slot):
                yield PageName(slot, "account", platform, account_id), self._account_page(account)

    def names(self) -> Iterator[PageName]:
        """The names of all pages."""
        for entity, table in (("post", self._posts), ("account", self._accounts)):
            yield from (PageName(slot, entity, platform, id_) for slot, platform, id_ in table)

    def engaged_codes(self, name: PageName) -> set[int]:
        """The windows in which actors were engaged with a page so far."""
        if name.entity == "post":
            return {ALL}
        account = self._accounts.get((name.slot, name.platform, name.id))
        return {ALL}.union(*(post.actors for post in account.posts)) if account else {ALL}

    def _take(self, event: Interaction, timestamp_ms: int, slot: int) -> str:
        if event.time_ms > timestamp_ms + self._future_limit_ms:
            return TIME_IN_FUTURE
        post = None
        if event.post is not None:
            post = self._posts.get((slot, event.platform, event.post))
            if post is not None and post.account != event.account:
                return OTHER_ACCOUNT
        account = self._touch_account(event, slot)
        if event.post is not None:
            if post is None:
                post = _Post(event.account, _Span(event.time_ms, event.time_ms), event.post)
                self._posts[slot, event.platform, event.post] = post
                account.posts.append(post)
            post.span.touch(event.time_ms)
            _set_polled(post, event) if event.kind == "totals" else self._set_object(post, event)
        elif event.followers is not None:
            account.followers = newest(account.followers, event.followers, event.time_ms)
        return ACCEPTED

    def _touch_account(self, event: Interaction, slot: int) -> _Account:
        key = (slot, event.platform, event.account)
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = _Account(_Span(event.time_ms, event.time_ms))
        account.span.touch(event.time_ms)
        return account

    def _set_object(self, post: _Post, event: Interaction) -> None:
        _set_object(post, event)
        if event.kind == "comment" and event.parent is not None and event.parent != event.id:
            set_parent(post.parents, event)
        if event.action == "remove":
            return
        if event.kind == "post":
            if post.published is None:
                post.published = Published(event.time_ms, event.time_ms, [])
            post.published.take(event)
        elif event.actor is not None and not event.own:
            for code in self._engaged.codes(event.time_ms):
                post.actors[code].add(event.actor)

    def _post_page(self, post: _Post) -> ExpectedPage:
        answers = first_answers(post.objects, post.parents)
        return ExpectedPage(
            rows=group_by_window(post.objects, self._windows),
            polled=dict(post.polled),
            account=post.account,
            first_ms=post.span.first_ms,
            last_ms=post.span.last_ms,
            times=times_by_window(answers.values(), self._windows),
            engaged={ALL: len(post.actors[ALL])},
            published=post.published,
        )

    def _account_page(self, account: _Account) -> ExpectedPage:
        sums: defaultdict[int, list[int]] = defaultdict(lambda: [0] * len(COLUMNS))
        polled: dict[str, Polled] = {}
        for post in account.posts:
            for code, counts in group_by_window(post.objects, self._windows).items():
                sums[code] = [a + b for a, b in zip(sums[code], counts, strict=True)]
            for number, (value, time_ms) in post.polled.items():
                before = polled.get(number, (0, 0))
                polled[number] = (before[0] + value, max(before[1], time_ms))
        if account.followers is not None:
            polled["followers"] = account.followers
        rows = {code: tuple(counts) for code, counts in sums.items()}
        rows.setdefault(ALL, (0,) * len(COLUMNS))
        every: list[tuple[int, int]] = []
        waiting: dict[tuple[str, str], int] = {}
        actors: defaultdict[int, set[str]] = defaultdict(set)
        for post in account.posts:
            answers = first_answers(post.objects, post.parents)
            every += answers.values()
            for comment, time_ms in audience_comments(post.objects):
                if comment not in answers:
                    waiting[post.id, comment] = time_ms
            for code, some in post.actors.items():
                actors[code] |= some
        return ExpectedPage(
            rows=rows,
            polled=polled,
            account=None,
            first_ms=account.span.first_ms,
            last_ms=account.span.last_ms,
            times=times_by_window(every, self._windows),
            waiting=waiting,
            engaged={code: len(some) for code, some in actors.items()},
        )


def decode(value: bytes | None) -> Interaction | str:
    """The interaction of a record's value, or the reason why it is none."""
    if value is None:
        return NO_VALUE
    try:
        return decode_interaction(value)
    except msgspec.ValidationError:
        return SCHEMA
    except UNDECODABLE:
        return NOT_JSON


def newest(before: Polled | None, value: int, time_ms: int) -> Polled:
    """The number with the greater time; of the same time the greater value."""
    if before is None or (time_ms, value) > (before[1], before[0]):
        return value, time_ms
    return before


def _set_object(post: _Post, event: Interaction) -> None:
    state = state_of(event)
    before = post.objects.get(event.id)
    if before is None or state > before:
        post.objects[event.id] = state


def _set_polled(post: _Post, event: Interaction) -> None:
    for number in NUMBERS:
        value = getattr(event, number)
        if value is not None:
            post.polled[number] = newest(post.polled.get(number), value, event.time_ms)
