"""Updates written into the aggregate topics by hand: for tests of whatever reads them."""

from __future__ import annotations

from typing import Any

from kafka import KafkaProducer

from pipeline.settings import Settings
from schemas.engagement import Engagement, encode_engagement, engagement_key
from schemas.topics import ACCOUNTS, POSTS, UNANSWERED
from schemas.unanswered import Unanswered, encode_unanswered


class Published:
    """Writes updates, deletions and bytes that are no update; each call returns once Kafka has it all."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: Any = KafkaProducer(bootstrap_servers=list(settings.kafka_servers), acks="all")

    def updates(self, *updates: Engagement) -> None:
        """Each update under its key; those of a row stay in order."""
        for update in updates:
            topic = POSTS if update.entity == "post" else ACCOUNTS
            key = engagement_key(update.platform, update.id, update.window, update.start_ms)
            self._producer.send(self._settings.topic(topic.name), encode_engagement(update), key=key.encode())
        self._producer.flush()

    def raw(self, value: bytes | None) -> None:
        """A record of engagement.posts with this value; None deletes."""
        self._producer.send(self._settings.topic(POSTS.name), value, key=b"raw")
        self._producer.flush()

    def queue(self, key: str, comment: Unanswered | bytes | None) -> None:
        """A record of engagement.unanswered; None for a tombstone, bytes for what is no comment."""
        value = encode_unanswered(comment) if isinstance(comment, Unanswered) else comment
        self._producer.send(self._settings.topic(UNANSWERED.name), value, key=key.encode())
        self._producer.flush()

    def close(self) -> None:
        """Leave Kafka."""
        self._producer.close()
