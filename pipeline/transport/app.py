"""The Faust app of a worker: settings that measurements and faults have taught, and the batch transport."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import faust
from faust.app.base import BootStrategy
from yarl import URL

from pipeline.access.kafka import kafka_security
from pipeline.publishing.outlet import Outlet
from pipeline.settings import Settings
from pipeline.table.tables import Tables
from pipeline.transport.consumer import BatchTransport

#: A killed worker's partitions move after this; aiokafka's default lets them stand still for a minute.
SESSION_S = 6.0
HEARTBEAT_S = 2.0
#: Batches of one partition that wait before the agent. Each holds up to `fetch_events` records.
BATCHES_WAITING = 2
#: Of one partition, compressed as they are. With less, a fetch is full long before it has `fetch_events`; and the size
#: of a slice decides what an event costs, for a page that changes is written once a slice.
FETCH_BYTES = 16 << 20
#: Faust waits so long until the tables say where to go on, which they do when Redis answers; after that it would keep
#: the partitions and never count again. How long the client waits for a broker is `REQUEST_MS`.
ASSIGNMENT_S = 365 * 86_400.0
#: New partitions are counted within this; Faust's default is five minutes.
METADATA_AGE_S = 10


class Boot(BootStrategy):  # type: ignore[misc]
    """Without Faust's own web server, which would bind port 6066 even when told to be off."""

    enable_web = False


class WholeBatches(faust.Schema):  # type: ignore[misc]
    """Hands the batch through: the table decodes its records itself."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        return None

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        return message.value


class CountApp(faust.App):  # type: ignore[misc]
    """A Faust app that keeps no files: the table and the checkpoint are in Redis."""

    BootStrategy = Boot

    tables_of_partitions: Tables
    outlet: Outlet

    def _create_directories(self) -> None:
        """Nothing to keep."""

    async def on_stop(self) -> None:
        """Publish first: the consumer commits what is acknowledged when it stops."""
        await self.tables_of_partitions.stop()
        await super().on_stop()
        await self.outlet.stop()


def make_app(settings: Settings, make_tables: Callable[[faust.App], Tables]) -> tuple[faust.App, Tables]:
    """The app with its transport. `make_tables` gets the app, for it needs its consumer to seek."""
    brokers = [URL(f"kafka://{server}") for server in settings.kafka_servers]
    app = CountApp(
        settings.topic_prefix + settings.group,
        broker=brokers,
        broker_credentials=_credentials(settings),
        store="memory://",
        # Faust would create topics as it likes; ours are declared in schemas/topics.py.
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_buffer_maxsize=BATCHES_WAITING,
        # A stream's events are acknowledged by the publisher, so there is nothing to wait for at a rebalance.
        stream_wait_empty=False,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=settings.fetch_events,
        consumer_max_fetch_size=FETCH_BYTES,
        consumer_metadata_max_age_ms=METADATA_AGE_S * 1000,
        broker_commit_interval=1.0,
        broker_request_timeout=ASSIGNMENT_S,
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=HEARTBEAT_S,
    )
    tables = app.tables_of_partitions = make_tables(app)
    app.transport = BatchTransport(brokers, app, tables=tables)
    return app, tables


def _credentials(settings: Settings) -> Any:
    """TLS and user as Faust takes them; None without either."""
    given = kafka_security(settings)
    context = given.get("ssl_context")
    if "sasl_mechanism" in given:
        return faust.SASLCredentials(
            username=given["sasl_plain_username"],
            password=given["sasl_plain_password"],
            ssl_context=context,
            mechanism=given["sasl_mechanism"],
        )
    return None if context is None else faust.SSLCredentials(context)


def batches_topic(app: faust.App, name: str) -> Any:
    """The topic whose events are Batches."""
    return app.topic(name, schema=WholeBatches(), allow_empty=True)
