"""The declared topics on real brokers: creating what is missing, refusing what would break counting.

What a topic has to be stands in `schemas/topics.py`. Nothing is ever deleted here, and nothing altered but the number
of partitions of `interactions`, by `add_partitions`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code

from pipeline.access.kafka import kafka_options, kafka_security
from pipeline.access.refusals import kafka_refusal, now, why_kafka
from pipeline.errors import TopicsError, UnavailableError
from pipeline.settings import Settings
from pipeline.slots import SLOTS, check_partitions, holds_slots
from schemas.topics import DAY_MS, INTERACTIONS, REJECTED, TOPICS, UNANSWERED, Topic

TIMEOUT_MS = 10_000
POLL_S = 0.1
#: Topics that hold what people said, by the setting that says for how many days at the least. Shorter than that, Redis
#: could not be counted anew as far back as promised, and subscribers would not find all who wait.
KEPT_BY = {
    INTERACTIONS.name: "interactions_days",
    REJECTED.name: "interactions_days",
    UNANSWERED.name: "text_ttl_days",
}


@dataclass(frozen=True)
class FoundTopic:
    """A topic as it is on the brokers."""

    name: str
    partitions: int
    config: dict[str, str]


def create_topics(settings: Settings) -> list[str]:
    """Create the topics that are missing and check all; returns the names that were created.

    Where `interactions` is there already, its number of partitions holds for the new ones, not the setting.
    Raises TopicsError, and UnavailableError when no broker answers.
    """
    with _admin(settings) as admin:
        found = _find(admin, settings)
        standing = found.get(INTERACTIONS.name)
        partitions = standing.partitions if standing else settings.partitions
        missing = [topic for topic in TOPICS if topic.name not in found]
        created = _create(admin, settings, missing, partitions) if missing else []
        _check(_find(admin, settings), settings)
        return created


def add_partitions(settings: Settings, partitions: int) -> int:
    """Give `interactions` so many partitions, while everything runs; gives the number that it had. The other topics
    stay as they are: a slot's rows go on in the partition where they are.

    Raises TopicsError for a number that is no power of two or smaller than what is there, and UnavailableError.
    """
    name = settings.topic(INTERACTIONS.name)
    if not holds_slots(partitions):
        raise TopicsError(f"partitions is {partitions}; expected a power of two up to {SLOTS}")
    with _admin(settings) as admin:
        found = _find(admin, settings).get(INTERACTIONS.name)
        if found is None:
            raise TopicsError(f"topic {name} is missing; expected it (`twoway topics create` makes it)")
        if partitions < found.partitions:
            raise TopicsError(f"partitions is {partitions}; expected {found.partitions}, as topic {name} has, or more")
        if partitions > found.partitions:
            admin.create_partitions({name: partitions}, timeout_ms=TIMEOUT_MS)
            _wait_for(admin, name, partitions)
        return found.partitions


def check_topics(settings: Settings) -> dict[str, FoundTopic]:
    """The topics as they are, by declared name. Raises TopicsError for the first that does not serve."""
    with _admin(settings) as admin:
        found = _find(admin, settings)
    _check(found, settings)
    return found


@contextmanager
def _admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    security = kafka_security(settings)
    if security and (refusal := now(kafka_refusal(settings.kafka_servers, security))):
        raise UnavailableError(refusal)  # the client would try for TIMEOUT_MS, and not say why
    try:
        with KafkaAdminClient(
            **kafka_options(settings),
            bootstrap_timeout_ms=TIMEOUT_MS,
            request_timeout_ms=TIMEOUT_MS,
            client_id="twoway-topics",
        ) as admin:
            yield admin
    except KafkaError as error:
        raise UnavailableError(now(why_kafka(settings, error))) from error


def _find(admin: KafkaAdminClient, settings: Settings) -> dict[str, FoundTopic]:
    there = {name for name in admin.list_topics() if name in {settings.topic(topic.name) for topic in TOPICS}}
    if not there:
        return {}
    partitions = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(sorted(there))}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(there)]
    configs = admin.describe_configs(resources, config_filter="all")["topic"]
    return {
        topic.name: FoundTopic(name, partitions[name], {key: str(c["value"]) for key, c in configs[name].items()})
        for topic in TOPICS
        if (name := settings.topic(topic.name)) in there
    }


def _create(admin: KafkaAdminClient, settings: Settings, topics: list[Topic], partitions: int) -> list[str]:
    wanted = {
        settings.topic(topic.name): {
            "num_partitions": topic.partitions or partitions,
            "replication_factor": settings.replication,
            "configs": _config(topic, settings),
        }
        for topic in topics
    }
    answer = admin.create_topics(wanted, timeout_ms=TIMEOUT_MS, raise_errors=False)
    created = []
    for one in answer["topics"]:
        error = for_code(one["error_code"])
        if error is NoError:
            created.append(one["name"])
        elif error is not TopicAlreadyExistsError:  # somebody else was faster: the check that follows decides
            raise TopicsError(f"topic {one['name']} was not created: {one.get('error_message') or error.__name__}")
    admin.wait_for_topics(list(wanted), timeout_ms=TIMEOUT_MS)
    return created


def _wait_for(admin: KafkaAdminClient, topic: str, partitions: int) -> None:
    """Until the broker that we ask knows of all partitions, as it soon does; the others learn of them meanwhile."""
    until = time.monotonic() + TIMEOUT_MS / 1000
    while len(admin.describe_topics([topic])[0]["partitions"]) < partitions and time.monotonic() < until:
        time.sleep(POLL_S)


def _check(found: dict[str, FoundTopic], settings: Settings) -> None:
    for topic in TOPICS:
        name = settings.topic(topic.name)
        if topic.name not in found:
            raise TopicsError(
                f"topic {name} is missing; expected it on {','.join(settings.kafka_servers)} "
                f"(`twoway topics create` makes it)"
            )
    partitions = check_partitions(settings.topic(INTERACTIONS.name), found[INTERACTIONS.name].partitions)
    for topic in TOPICS:
        _check_one(topic, found[topic.name], topic.partitions or partitions, settings)


def _config(topic: Topic, settings: Settings) -> dict[str, str]:
    """A topic's settings as it is created, and as it has to be."""
    if topic.name not in KEPT_BY:
        return topic.config
    return {**topic.config, "retention.ms": str(getattr(settings, KEPT_BY[topic.name]) * DAY_MS)}


def _check_one(topic: Topic, found: FoundTopic, partitions: int, settings: Settings) -> None:
    # The order of rejected records means nothing: any number of partitions serves.
    if topic is not REJECTED and not _is_served(topic, found.partitions, partitions):
        raise TopicsError(
            f"topic {found.name} has {found.partitions} partitions; expected {partitions}"
            + ("" if topic.partitions else " as interactions has, or a smaller power of two")
        )
    config = _config(topic, settings)
    wanted, policy = config["cleanup.policy"], found.config["cleanup.policy"]
    if set(policy.split(",")) != set(wanted.split(",")):
        raise TopicsError(f"topic {found.name} has cleanup.policy {policy}; expected {wanted}")
    if "retention.ms" not in config:  # compacted only
        return
    kept_ms, at_least_ms = int(found.config["retention.ms"]), int(config["retention.ms"])
    if 0 <= kept_ms < at_least_ms:  # -1 keeps for good; longer than declared loses nothing
        setting = KEPT_BY.get(topic.name)
        raise TopicsError(
            f"topic {found.name} has retention.ms {kept_ms}; expected {at_least_ms} or more"
            + (f" (TWOWAY_{setting.upper()})" if setting else "")
        )


def _is_served(topic: Topic, there: int, partitions: int) -> bool:
    """Whether the number of partitions is the declared one; else, whether a slot lies wholly in one of them."""
    return there == partitions if topic.partitions else partitions % there == 0
