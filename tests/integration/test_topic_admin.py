"""Creating and checking topics on a real broker."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from kafka import KafkaAdminClient

from pipeline.errors import TopicsError, UnavailableError
from pipeline.local.ports import free_ports
from pipeline.settings import Settings
from pipeline.topic_admin import add_partitions, check_topics, create_topics
from schemas.topics import INTERACTIONS, POSTS, REJECTED, TOPICS, UNANSWERED, Topic
from tests.commands import twoway, variables

pytestmark = pytest.mark.servers


def fresh(settings: Settings, name: str) -> Settings:
    return replace(settings, topic_prefix=f"{settings.topic_prefix}{name}.")


def make(settings: Settings, topic: str, partitions: int, config: dict[str, str]) -> None:
    with KafkaAdminClient(bootstrap_servers=list(settings.kafka_servers)) as admin:
        name = settings.topic(topic)
        admin.create_topics({name: {"num_partitions": partitions, "replication_factor": 1, "configs": config}})
        admin.wait_for_topics([name])


def test_created_topics_pass_the_check(settings: Settings) -> None:
    """Every declared topic is there with as many partitions as the settings name, or as it always has."""
    found = check_topics(settings)
    assert {name: topic.partitions for name, topic in found.items()} == {
        topic.name: topic.partitions or 4 for topic in TOPICS
    }


def test_creating_twice_changes_nothing(settings: Settings) -> None:
    """The second time there is nothing to create, and that is no error."""
    assert create_topics(settings) == []


def test_missing_topics_are_refused_by_name(settings: Settings) -> None:
    """The message names the topic and the command that makes it."""
    with pytest.raises(TopicsError, match=r"none\.interactions is missing.*twoway topics create"):
        check_topics(fresh(settings, "none"))


def test_new_topics_follow_the_partitions_of_interactions(settings: Settings) -> None:
    """Aggregate rows go to the partition number of their input: the counts must be equal, whatever the setting says."""
    grown = fresh(settings, "grown")
    make(grown, INTERACTIONS.name, 8, INTERACTIONS.config)
    create_topics(grown)
    assert check_topics(grown)[POSTS.name].partitions == 8


def test_partitions_that_are_no_power_of_two_are_refused(settings: Settings) -> None:
    """With three partitions a slot would lie in several of them."""
    odd = fresh(settings, "odd")
    make(odd, INTERACTIONS.name, 3, INTERACTIONS.config)
    for look in (create_topics, check_topics):
        with pytest.raises(TopicsError, match="has 3 partitions; expected a power of two"):
            look(odd)
    done = twoway("topics", "check", **variables(odd))
    assert (done.returncode, done.stdout) == (1, "")
    assert "has 3 partitions; expected a power of two" in done.stderr


def test_aggregate_topic_whose_partitions_split_slots_is_refused(settings: Settings) -> None:
    """A smaller power of two holds each slot's rows in one place; with three, or with more, nobody could say where."""
    uneven, wider, fewer = (fresh(settings, name) for name in ("uneven", "wider", "fewer"))
    make(uneven, POSTS.name, 3, POSTS.config)
    with pytest.raises(TopicsError, match="has 3 partitions; expected 4 as interactions has, or a smaller power"):
        create_topics(uneven)
    make(wider, POSTS.name, 8, POSTS.config)
    with pytest.raises(TopicsError, match="has 8 partitions; expected 4"):
        create_topics(wider)
    make(fewer, POSTS.name, 2, POSTS.config)
    create_topics(fewer)


def test_growing_adds_partitions_to_interactions_alone(settings: Settings) -> None:
    """The aggregate topics keep theirs, so that a slot's rows stay where they are; asked twice it changes nothing."""
    grown = fresh(settings, "grows")
    create_topics(grown)
    assert (add_partitions(grown, 16), add_partitions(grown, 16)) == (4, 16)
    found = check_topics(grown)
    assert (found[INTERACTIONS.name].partitions, found[POSTS.name].partitions) == (16, 4)


def test_growing_refuses_what_would_break_counting(settings: Settings) -> None:
    """No power of two, or fewer than there are: nothing is changed, and what is named is the number that was given."""
    name = settings.topic(INTERACTIONS.name)
    for partitions, why in (
        (12, "partitions is 12; expected a power of two up to 256"),
        (2, f"partitions is 2; expected 4, as topic {name} has, or more"),
    ):
        with pytest.raises(TopicsError, match=re.escape(why)):
            add_partitions(settings, partitions)
    with pytest.raises(TopicsError, match=r"nothing\.interactions is missing"):
        add_partitions(fresh(settings, "nothing"), 8)
    assert check_topics(settings)[INTERACTIONS.name].partitions == 4


def test_compacted_interactions_are_refused(settings: Settings) -> None:
    """Compaction would drop all but an account's last interaction."""
    compacted = fresh(settings, "compacted")
    make(compacted, INTERACTIONS.name, 4, {"cleanup.policy": "compact"})
    with pytest.raises(TopicsError, match=r"cleanup\.policy compact; expected delete"):
        create_topics(compacted)


def test_shorter_retention_is_refused_and_longer_is_not(settings: Settings) -> None:
    """Kept for good is more than asked for; an hour is less."""
    good, short = fresh(settings, "good"), fresh(settings, "short")
    make(good, INTERACTIONS.name, 4, {"retention.ms": "-1"})
    make(short, INTERACTIONS.name, 4, {"retention.ms": "3600000"})
    create_topics(good)
    with pytest.raises(TopicsError, match=r"retention\.ms 3600000; expected 2592000000 or more"):
        create_topics(short)


@pytest.mark.parametrize(
    ("topic", "setting"),
    [(INTERACTIONS, "interactions_days"), (REJECTED, "interactions_days"), (UNANSWERED, "text_ttl_days")],
)
def test_topics_of_what_people_said_may_be_kept_as_short_as_the_settings_say(
    settings: Settings, topic: Topic, setting: str
) -> None:
    """Whoever is held to two days sets both; a topic that is made has them, one that is shorter still is refused."""
    two_days = replace(fresh(settings, "two"), **{setting: 2})
    make(two_days, topic.name, 4, {**topic.config, "retention.ms": "172800000"})
    create_topics(two_days)
    with pytest.raises(TopicsError, match=rf"172800000; expected 259200000 or more \(TWOWAY_{setting.upper()}\)"):
        check_topics(replace(two_days, **{setting: 3}))
    made = replace(fresh(settings, "made"), **{setting: 2})
    create_topics(made)
    assert check_topics(made)[topic.name].config["retention.ms"] == "172800000"


def test_silent_brokers_are_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address where nobody listens ends in an error that names it."""
    monkeypatch.setattr("pipeline.topic_admin.TIMEOUT_MS", 500)
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(UnavailableError, match=nobody):
        check_topics(replace(settings, kafka_servers=(nobody,)))
