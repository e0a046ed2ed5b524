"""The topics: names, keys and settings. No topic name stands anywhere else."""

from __future__ import annotations

from dataclasses import dataclass, field

DAY_MS = 86_400_000
#: Records get the broker's time as they arrive. It refuses a record whose sender says that it is from the future: with
#: this a worker whose clock is ahead goes on telling.
ARRIVAL = {"message.timestamp.type": "LogAppendTime"}


@dataclass(frozen=True)
class Topic:
    """A topic as it has to be on the brokers. `partitions` None: as many as `interactions` has."""

    name: str
    key: str
    holds: str
    config: dict[str, str] = field(default_factory=dict)
    partitions: int | None = None


#: 30 days where TWOWAY_INTERACTIONS_DAYS says nothing else: long enough to rebuild every count of a month and to replay
#: what a fix makes countable.
INTERACTIONS = Topic(
    "interactions",
    "platform:account",
    "one interaction a record, JSON (schemas/json/interaction.json)",
    {"retention.ms": str(30 * DAY_MS), "cleanup.policy": "delete"},
)
REJECTED = Topic(
    "interactions.rejected",
    "none",
    "what could not be counted: original bytes, stage, reason, time (schemas/json/rejected.json)",
    # One record holds a whole webhook's body as base64.
    {"retention.ms": str(30 * DAY_MS), "cleanup.policy": "delete", "max.message.bytes": "8388608", **ARRIVAL},
)
POSTS = Topic(
    "engagement.posts",
    "<platform>:<post>|<window>|<window start>",
    "upserts of a post's rows (schemas/json/engagement.json)",
    {"retention.ms": str(90 * DAY_MS), "cleanup.policy": "compact,delete", **ARRIVAL},
)
ACCOUNTS = Topic(
    "engagement.accounts",
    "<platform>:<account>|<window>|<window start>",
    "upserts of an account's rows (schemas/json/engagement.json)",
    {"retention.ms": str(90 * DAY_MS), "cleanup.policy": "compact,delete", **ARRIVAL},
)
#: As long as a comment's text is kept (TWOWAY_TEXT_TTL_DAYS): what waits longer leaves the queue. What a tombstone has
#: taken back is off the disk two days later, where at Kafka's defaults it would stay for weeks; the tombstone itself
#: stays for those who subscribe again later.
UNANSWERED = Topic(
    "engagement.unanswered",
    "<platform>:<post>|<comment's hash>",
    "audience comments that wait for the account's reply (schemas/json/unanswered.json); a tombstone when they do not",
    {
        "retention.ms": str(30 * DAY_MS),
        "cleanup.policy": "compact,delete",
        "segment.ms": str(DAY_MS),
        "max.compaction.lag.ms": str(DAY_MS),
        "delete.retention.ms": str(30 * DAY_MS),
        **ARRIVAL,
    },
)
ALERTS = Topic(
    "engagement.alerts",
    "<alert id>",
    "what a rule said of a post or an account: fired, cleared (schemas/json/alert.json)",
    {"retention.ms": str(90 * DAY_MS), "cleanup.policy": "compact,delete", **ARRIVAL},
)
#: One partition: erasures are few. For good: Redis may be filled anew from `interactions` at any time.
ERASED = Topic(
    "interactions.erased",
    "<platform>:<actor>",
    "actors whose texts are to go (schemas/json/erasure.json)",
    {"cleanup.policy": "compact"},
    partitions=1,
)

TOPICS = (INTERACTIONS, REJECTED, POSTS, ACCOUNTS, UNANSWERED, ALERTS, ERASED)
