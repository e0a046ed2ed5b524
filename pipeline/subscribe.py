"""The subscriber's helper: typed records of the aggregate topics, with kafka-python.

    with subscribe("localhost:9092", windows=["1m"]) as updates:
        for update in updates:
            print(update.account, update.comment_to_like)

    with subscribe_alerts("localhost:9092") as alerts:
        for alert in alerts:
            print(alert.state, alert.account, alert.explanation)

    with subscribe_unanswered("localhost:9092") as changes:
        for change in changes:
            print(change.key, change.comment.text if change.comment else "waits no more")

An update is an upsert of one row (`schemas.engagement.Engagement`): keep the last one of each row and you have the
table. A change of the queue is an upsert of a comment that waits, or a tombstone: keep what has no tombstone and you
have the queues of all accounts. An alert is given once by its id. A record that cannot be read is counted in
`unreadable` and passed over.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pipeline.reading.updates import REMEMBERED_ROWS, Newest, Wanted
from pipeline.subscription import Item, Start, Subscription, begin, open_consumer
from schemas.alert import Alert, decode_alert
from schemas.engagement import Engagement, Entity, decode_engagement
from schemas.topics import ACCOUNTS, ALERTS, POSTS, UNANSWERED
from schemas.unanswered import Unanswered, decode_unanswered

#: Neither TLS nor a user.
NO_SECURITY: Mapping[str, Any] = MappingProxyType({})
#: Ids of alerts that are remembered, so that none is given twice.
REMEMBERED_ALERTS = 10_000
_TOPICS = {"post": POSTS.name, "account": ACCOUNTS.name}
#: A post's id may hold `:` and `|`: a key is read from both ends.
_queue_key = re.compile(r"([a-z0-9-]{1,32}):(.+)\|([0-9a-f]{16})", re.DOTALL).fullmatch


class Updates(Subscription[Engagement]):
    """Rows of posts and accounts, the newest revision of each."""

    def __init__(
        self, consumer: Any, wanted: Wanted, *, remembered_rows: int, idle_s: float | None, commits: bool
    ) -> None:
        super().__init__(consumer, idle_s=idle_s, commits=commits)
        self._wanted = wanted
        self._newest = Newest(remembered_rows)
        #: Updates that were not newer than what had been given.
        self.repeated = 0

    def item(self, record: Any) -> Engagement | None:
        """The record's update; None for a deletion and for what is not wanted or not newer."""
        if record.value is None:
            return None
        update = decode_engagement(record.value)
        if not self._wanted.holds(update):
            return None
        if not self._newest.is_newer(update):
            self.repeated += 1
            return None
        return update


@dataclass(frozen=True)
class QueueChange:
    """A comment waits (`comment` says which), or it waits no more (`comment` is None): answered, removed, or erased.

    `mark` is the hash of the comment's id, all that is known of one that waits no more besides its post; what `key`
    names is one comment, so it is what to keep comments by.
    """

    key: str
    platform: str
    post: str
    mark: str
    comment: Unanswered | None


class _OfAccounts(Subscription[Item]):
    """A subscription that may be limited to some platforms and accounts; an empty set means all."""

    def __init__(
        self,
        consumer: Any,
        *,
        platforms: frozenset[str],
        accounts: frozenset[str],
        idle_s: float | None,
        commits: bool,
    ) -> None:
        super().__init__(consumer, idle_s=idle_s, commits=commits)
        self._platforms = platforms
        self._accounts = accounts


class QueueChanges(_OfAccounts[QueueChange]):
    """Comments that wait for a reply, and tombstones of those that do not any more."""

    def item(self, record: Any) -> QueueChange | None:
        """The record's change; None where it is not wanted."""
        change = read_change(record.key, record.value)
        if self._platforms and change.platform not in self._platforms:
            return None
        # A tombstone does not say whose comment it was: all are given, what nobody keeps is not missed.
        if self._accounts and change.comment is not None and change.comment.account not in self._accounts:
            return None
        return change


class AlertsTold(_OfAccounts[Alert]):
    """Alerts; the same id comes once."""

    def __init__(self, *arguments: Any, **limits: Any) -> None:
        super().__init__(*arguments, **limits)
        self._told: dict[str, None] = {}

    def item(self, record: Any) -> Alert | None:
        """The record's alert; None for one that is not wanted or was given before."""
        if record.value is None:
            return None
        alert = decode_alert(record.value)
        if self._platforms and alert.platform not in self._platforms:
            return None
        if (self._accounts and alert.account not in self._accounts) or alert.id in self._told:
            return None
        self._told[alert.id] = None
        if len(self._told) > REMEMBERED_ALERTS:
            del self._told[next(iter(self._told))]
        return alert


def read_change(key: bytes, value: bytes | None) -> QueueChange:
    """What a record of `engagement.unanswered` says. Raises ValueError for one that cannot be read."""
    text = key.decode()
    found = _queue_key(text)
    if found is None:
        raise ValueError(f"key is {text[:100]!r}; expected <platform>:<post>|<16 hex digits>")
    platform, post, mark = found.groups()
    return QueueChange(text, platform, post, mark, None if value is None else decode_unanswered(value))


def subscribe(
    servers: str | Collection[str] = "localhost:9092",
    *,
    entity: Entity | None = None,
    platforms: Collection[str] = (),
    accounts: Collection[str] = (),
    windows: Collection[str] = (),
    only_final: bool = False,
    start: Start = "now",
    group: str | None = None,
    topic_prefix: str = "",
    remembered_rows: int = REMEMBERED_ROWS,
    idle_s: float | None = None,
    security: Mapping[str, Any] = NO_SECURITY,
) -> Updates:
    """Subscribe to the rows of posts and accounts, or of one entity; empty collections stand for all.

    `start` is where to begin; a `group` begins there only the first time, then goes on after what it was given (at
    least once: after a crash the last COMMIT_S come again). `idle_s`: end once all is read and nothing has come for so
    long; None: never. `security`: TLS and user, as `pipeline.access.kafka.kafka_security(settings)` gives them.
    Raises UnavailableError when Kafka does not answer, TopicsError when it lacks the topics.
    """
    topics = [topic_prefix + name for kind, name in _TOPICS.items() if entity in (None, kind)]
    wanted = Wanted(entity, frozenset(platforms), frozenset(accounts), frozenset(windows), only_final)
    consumer = open_consumer(servers, topics, start, group, security)
    updates = Updates(consumer, wanted, remembered_rows=remembered_rows, idle_s=idle_s, commits=group is not None)
    if group is None:
        begin(updates, topics)
    return updates


def subscribe_unanswered(
    servers: str | Collection[str] = "localhost:9092",
    *,
    platforms: Collection[str] = (),
    accounts: Collection[str] = (),
    start: Start = "now",
    group: str | None = None,
    topic_prefix: str = "",
    idle_s: float | None = None,
    security: Mapping[str, Any] = NO_SECURITY,
) -> QueueChanges:
    """Subscribe to the comments that wait for a reply; from the beginning, to all that wait. As `subscribe` otherwise.

    With `accounts`, tombstones of other accounts' comments come as well: they do not say whose they are.
    """
    topics = [topic_prefix + UNANSWERED.name]
    changes = QueueChanges(
        open_consumer(servers, topics, start, group, security),
        platforms=frozenset(platforms),
        accounts=frozenset(accounts),
        idle_s=idle_s,
        commits=group is not None,
    )
    if group is None:
        begin(changes, topics)
    return changes


def subscribe_alerts(
    servers: str | Collection[str] = "localhost:9092",
    *,
    platforms: Collection[str] = (),
    accounts: Collection[str] = (),
    start: Start = "now",
    group: str | None = None,
    topic_prefix: str = "",
    idle_s: float | None = None,
    security: Mapping[str, Any] = NO_SECURITY,
) -> AlertsTold:
    """Subscribe to alerts, `fired` and `cleared`. As `subscribe` otherwise."""
    topics = [topic_prefix + ALERTS.name]
    told = AlertsTold(
        open_consumer(servers, topics, start, group, security),
        platforms=frozenset(platforms),
        accounts=frozenset(accounts),
        idle_s=idle_s,
        commits=group is not None,
    )
    if group is None:
        begin(told, topics)
    return told
