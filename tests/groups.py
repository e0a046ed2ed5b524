"""Who has which partitions, as Kafka says it of a group's workers, and how often they change hands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaAdminClient

from pipeline.settings import Settings
from schemas.topics import INTERACTIONS

LOOK_S = 0.25


@contextmanager
def open_admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    """A client that says nothing of what Faust puts beside a member's topics, which it cannot read."""
    logging.getLogger("kafka.admin").setLevel(logging.ERROR)
    with KafkaAdminClient(bootstrap_servers=list(settings.kafka_servers)) as admin:
        yield admin


def owners(admin: KafkaAdminClient, settings: Settings) -> dict[int, str]:
    """Partition of `interactions` -> the member that has it; empty while they are being shared out."""
    name = settings.topic_prefix + settings.group
    group = admin.describe_groups([name])[name]
    if group["group_state"] != "Stable":
        return {}
    return {
        partition: member["member_id"]
        for member in group["members"]
        for topic in member["member_assignment"]["assigned_partitions"]
        if topic["topic"] == settings.topic(INTERACTIONS.name)
        for partition in topic["partitions"]
    }


class Hands:
    """Whose hands each partition went through: `of` lists its members in turn."""

    def __init__(self, settings: Settings) -> None:
        self.of: dict[int, list[str]] = {partition: [] for partition in range(settings.partitions)}
        self._settings = settings

    @property
    def changes(self) -> int:
        """How many times a partition went from one member to another."""
        return sum(max(0, len(members) - 1) for members in self.of.values())

    async def run(self) -> None:
        """Look until cancelled."""
        with open_admin(self._settings) as admin:
            while True:
                for partition, member in (await asyncio.to_thread(owners, admin, self._settings)).items():
                    if self.of[partition][-1:] != [member]:
                        self.of[partition].append(member)
                await asyncio.sleep(LOOK_S)
