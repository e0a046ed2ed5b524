"""A whole local stack: servers, topics, roles, started in order, watched, stopped in order.

Kept supervisors were looked at (honcho, circus, supervisor): they end all children at once, while here the gateway has
to drain into Kafka before Kafka may go, and none waits for one child to be ready before it starts the next.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from pipeline.errors import LocalStackError
from pipeline.local.children import POLL_S, Child
from pipeline.local.folder import StackFolder
from pipeline.local.jars import Progress, class_path
from pipeline.local.java import aot_cache
from pipeline.local.kafka import KafkaServer
from pipeline.local.plan import Plan, worker_name
from pipeline.local.ports import refuse_taken
from pipeline.local.redis import RedisServer
from pipeline.local.role import Role
from pipeline.topic_admin import create_topics

START_S = 90.0
#: Longer than the gateway's draining and the worker's last slice take; then a child is killed.
STOP_S = 20.0

#: Told what was reached, such as "kafka is ready (2.1 s)".
Report = Callable[[str], None]
#: Told each line of a role's output: name, line.
OnLine = Callable[[str, str], None]


class Stack:
    """One stack. `start()`, then `ended()` now and then, and `stop()` whatever happened."""

    def __init__(self, folder: StackFolder, plan: Plan, report: Report, on_line: OnLine | None = None) -> None:
        self.plan = plan
        self._folder = folder
        self._report = report
        self._on_line = on_line
        self._servers: list[Child] = []
        self._roles: list[Role] = []
        #: Makes the next start of Kafka quick, where none did; nobody waits for it.
        self._preparing: list[Child] = []

    def start(self, fetched: Progress | None = None) -> None:
        """Everything up and healthy. Raises LocalStackError that says what did not come up and why."""
        refuse_taken(self.plan.ports)
        self._servers = self._make_servers(fetched)
        self._start(self._servers)
        created = create_topics(self.plan.settings)
        self._report(f"topics are ready ({len(created)} created)")
        self._roles = self._make_roles()
        self._start(self._roles)
        self._folder.publish_env(self.plan.variables)
        for child in self._preparing:
            child.start()

    @property
    def begun(self) -> bool:
        """Whether any child was started: else there is nothing to stop."""
        return any(child.pid for child in (*self._servers, *self._roles))

    def ended(self) -> Child | None:
        """The first child that ended though nobody asked it to."""
        children = [*self._servers, *self._roles]
        return next((child for child in children if child.pid and not child.is_running()), None)

    def stop(self) -> None:
        """Stop in the order of the data's way: nothing new comes in, what came is counted, then the servers go."""
        for child in self._preparing:
            child.kill()
        gateways = [role for role in self._roles if role.name == "gateway"]
        others = [role for role in self._roles if role.name != "gateway"]
        for group in (gateways, others, self._servers[::-1]):
            for child in group:
                child.ask_to_end()
            for child in group:
                child.stop(STOP_S)

    def kill(self) -> None:
        """End everything at once."""
        for child in [*self._preparing, *self._roles, *self._servers]:
            child.kill()

    def _make_servers(self, fetched: Progress | None) -> list[Child]:
        servers: list[Child] = []
        plan = self.plan
        if plan.redis_port is not None:
            servers.append(RedisServer(self._folder.path / "redis", plan.redis_port))
        if plan.kafka_port is not None and plan.controller_port is not None:
            jars = class_path(fetched)
            if not aot_cache(jars).exists():
                command = [sys.executable, "-m", "pipeline.local.aot"]
                self._preparing = [Child("aot", command, self._folder.logs / "aot.log")]
            servers.append(KafkaServer(self._folder.path / "kafka", plan.kafka_port, plan.controller_port, jars))
        return servers

    def _make_roles(self) -> list[Role]:
        plan = self.plan
        roles = [
            self._role("gateway", "gateway", plan.settings.gateway_port, plan.variables),
            self._role("api", "api", plan.settings.api_port, plan.variables),
        ]
        for number, port in enumerate(plan.worker_ports, 1):
            roles.append(self._role(worker_name(number), "worker", port, plan.worker_variables(port)))
        if plan.notifies:
            roles.append(self._role("notify", "notify", plan.settings.notify_port, plan.variables))
        return roles

    def _role(self, name: str, command: str, port: int, variables: dict[str, str]) -> Role:
        on_line = self._on_line
        log = self._folder.logs / f"{name}.log"
        return Role(name, command, port, log, variables, None if on_line is None else lambda line: on_line(name, line))

    def _start(self, children: Sequence[Child]) -> None:
        began = time.monotonic()
        for child in children:
            child.start()
        waiting = [*children]
        while waiting:
            if dead := self.ended():
                raise LocalStackError(dead.why())
            for child in [child for child in waiting if child.is_healthy()]:
                waiting.remove(child)
                self._report(f"{child.name} is ready ({time.monotonic() - began:.1f} s)")
            if time.monotonic() - began > START_S:
                names = ", ".join(child.name for child in waiting)
                raise LocalStackError(f"not ready after {START_S:g} s: {names}; it says:\n{waiting[0].tail()}")
            time.sleep(POLL_S)
