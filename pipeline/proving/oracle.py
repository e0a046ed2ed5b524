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

from pipeline.slots import slot_of
from pipeline.windows import ALL, Windows
from schemas.engagement import COLUMNS
from schemas.interaction import UNDECODABLE, Interaction, decode_interaction

#: Classes of objects in the order that breaks ties; the first five are the columns of a row, in its order.
CLASSES = ("like", "comment", "share", "reply", "post", "uncounted")
NUMBERS = ("likes", "comments", "shares")
LIKE, COMMENT, SHARE, REPLY, POST, UNCOUNTED = range(len(CLASSES))

ACCEPTED = "accepted"
NO_VALUE = "no_value"
NOT_JSON = "not_json"
SCHEMA = "schema"
TIME_IN_FUTURE = "time_in_future"
OTHER_ACCOUNT = "post_of_another_account"

Counts = tuple[int, ...]
#: What is known of an object, such that the greater one is true: (1, time, removed, class) of an add or remove,
#: (0, -time, class, 0) of an edit that stands in for a missing add.
State = tuple[int, int, int, int]
Polled = tuple[int, int]


@dataclass(frozen=True)
class PageName:
    """A page: its slot, `post` or `account`, the platform, and the id as the platform writes it."""

    slot: int
    entity: str
    platform: str
    id: str


@dataclass(frozen=True)
class ExpectedPage:
    """What a page must hold. `rows`: window code -> counts in the order of COLUMNS, only rows that are not all 0, and
    always the row of all time. `polled`: number -> (value, time_ms). `account` is None on an account's page."""

    rows: dict[int, Counts]
    polled: dict[str, Polled]
    account: str | None
    first_ms: int
    last_ms: int


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
    objects: dict[str, State] = field(default_factory=dict)
    polled: dict[str, Polled] = field(default_factory=dict)


@dataclass
class _Account:
    span: _Span
    posts: list[_Post] = field(default_factory=list)
    followers: Polled | None = None


class Oracle:
    """Takes records one by one, in the order of their partition, and gives the pages that must come of them."""

    def __init__(self, windows: Windows, future_limit_ms: int = 600_000) -> None:
        self._windows = windows
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
                rows = group_by_window(post, self._windows)
                page = ExpectedPage(rows, dict(post.polled), post.account, post.span.first_ms, post.span.last_ms)
                yield PageName(slot, "post", platform, post_id), page
        for (slot, platform, account_id), account in self._accounts.items():
            if is_wanted(slot):
                yield PageName(slot, "account", platform, account_id), self._account_page(account)

    def names(self) -> Iterator[PageName]:
        """The names of all pages."""
        for entity, table in (("post", self._posts), ("account", self._accounts)):
            yield from (PageName(slot, entity, platform, id_) for slot, platform, id_ in table)

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
                post = _Post(event.account, _Span(event.time_ms, event.time_ms))
                self._posts[slot, event.platform, event.post] = post
                account.posts.append(post)
            post.span.touch(event.time_ms)
            _set_polled(post, event) if event.kind == "totals" else _set_object(post, event)
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

    def _account_page(self, account: _Account) -> ExpectedPage:
        sums: defaultdict[int, list[int]] = defaultdict(lambda: [0] * len(COLUMNS))
        polled: dict[str, Polled] = {}
        for post in account.posts:
            for code, counts in group_by_window(post, self._windows).items():
                sums[code] = [a + b for a, b in zip(sums[code], counts, strict=True)]
            for number, (value, time_ms) in post.polled.items():
                before = polled.get(number, (0, 0))
                polled[number] = (before[0] + value, max(before[1], time_ms))
        if account.followers is not None:
            polled["followers"] = account.followers
        rows = {code: tuple(counts) for code, counts in sums.items()}
        rows.setdefault(ALL, (0,) * len(COLUMNS))
        return ExpectedPage(rows, polled, None, account.span.first_ms, account.span.last_ms)


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


def class_of(event: Interaction) -> int:
    """The class of the object that an interaction is about: the column that counts it, or `uncounted`."""
    if event.kind == "post":
        return POST
    if event.kind == "comment":
        return REPLY if event.own else COMMENT
    if event.own:
        return UNCOUNTED
    return LIKE if event.kind == "like" else SHARE


def state_of(event: Interaction) -> State:
    """What one interaction says of its object, such that the greater statement is true."""
    if event.action == "edit":
        return (0, -event.time_ms, class_of(event), 0)
    return (1, event.time_ms, int(event.action == "remove"), class_of(event))


def standing(state: State) -> tuple[int, int] | None:
    """Time and class of an object that stands, None for one that was removed."""
    real, time_ms, third, fourth = state
    if not real:
        return -time_ms, third
    return None if third else (time_ms, fourth)


def group_by_window(post: _Post, windows: Windows) -> dict[int, Counts]:
    """How many objects stand in each window, by class; the row of all time is always there."""
    rows: dict[int, list[int]] = {ALL: [0] * len(COLUMNS)}
    for state in post.objects.values():
        stands = standing(state)
        if stands is None or stands[1] == UNCOUNTED:
            continue
        for code in windows.codes(stands[0]):
            rows.setdefault(code, [0] * len(COLUMNS))[stands[1]] += 1
    return {code: tuple(counts) for code, counts in rows.items()}


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
