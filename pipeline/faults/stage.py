"""The stage of a proof: servers, gateway and workers of its own, each of which may be killed, frozen and brought back.

Nothing but the children that were started here is ever touched.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from pipeline.crash_points import Point
from pipeline.errors import LocalStackError
from pipeline.faults.shifted_clock import write_shift
from pipeline.faults.waiting import wait_for
from pipeline.local.children import Child
from pipeline.local.folder import StackFolder
from pipeline.local.jars import Progress, class_path
from pipeline.local.kafka import KafkaServer
from pipeline.local.plan import Plan, make_plan, worker_name
from pipeline.local.ports import refuse_taken
from pipeline.local.redis import RedisServer
from pipeline.local.role import PROGRAM, Role
from pipeline.topic_admin import create_topics

WORKERS = 2
WORKERS_MOST = 4
#: Small fetches and slices: many steps for a fault to fall between. Rules that soon have something to say.
BUSY = {
    "TWOWAY_SLICE_EVENTS": "200",
    "TWOWAY_FETCH_EVENTS": "2000",
    "TWOWAY_PUBLISH_S": "0.5",
    "TWOWAY_GRACE_S": "0",
    "TWOWAY_ALERT_WINDOW": "1m",
    "TWOWAY_ALERT_LEAST_SAMPLE": "1",
    "TWOWAY_ALERT_RATIOED": "0.01",
    "TWOWAY_ALERT_RATIOED_COMMENTS": "1",
}
STOP_S = 20.0
HEALTHY_S = 90.0
#: How long a fault waits for a victim to whom nothing else is done.
VICTIM_S = 120.0
#: What somebody wants of a worker.
IsFit = Callable[[Role], Awaitable[object]]
#: A worker whose wall clock a file sets.
SHIFTED = ("-m", "pipeline.faults.shifted_clock")


def plan_stage(folder: StackFolder, ports_from: int, partitions: int) -> Plan:
    """Ports and settings; servers that the environment names are left alone."""
    variables = {
        **BUSY,
        "TWOWAY_PARTITIONS": str(partitions),
        "TWOWAY_CONNECTIONS_FILE": str(folder.connections()),
    }
    return make_plan(folder, variables, ports_from, WORKERS_MOST)


class Stage:
    """The children. `start` them, `stop` them whatever happened."""

    def __init__(self, folder: StackFolder, plan: Plan) -> None:
        assert plan.kafka_port is not None
        assert plan.controller_port is not None
        assert plan.redis_port is not None
        self.plan = plan
        self._logs = folder.logs
        self._folder = folder.path
        self._ports = plan.kafka_port, plan.controller_port, plan.redis_port
        self._servers: dict[str, Child] = {}
        self.workers: dict[int, Role] = {}
        self._clocks = 0
        #: Children that ended though nobody ended them: what they said.
        self.deaths: list[str] = []
        #: Children to whom something is being done now.
        self.in_hand: set[Child] = set()
        #: Of each server: who does something to it has it alone.
        self.turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def start(self, fetched: Progress | None = None) -> None:
        """Everything up and healthy. Raises LocalStackError."""
        refuse_taken(self.plan.ports)
        kafka_port, controller_port, redis_port = self._ports
        jars = class_path(fetched)
        self.redis = RedisServer(self._folder / "redis", redis_port)
        self._servers = {
            "redis": self.redis,
            "kafka": KafkaServer(self._folder / "kafka", kafka_port, controller_port, jars),
        }
        self._start([*self._servers.values()])
        create_topics(self.plan.settings)
        gateway = Role(
            "gateway", "gateway", self.plan.settings.gateway_port, self._logs / "gateway.log", self.plan.variables, None
        )
        self._servers["gateway"] = gateway
        self._start([gateway, *(self.add_worker() for _ in range(WORKERS))])

    def server(self, name: str) -> Child:
        """`kafka`, `redis` or `gateway`."""
        return self._servers[name]

    def older(self, name: str) -> Path:
        """Where a copy of a server's data is kept."""
        return self._folder / "older" / name

    def add_worker(self, point: Point | None = None, hit: int = 1) -> Role:
        """Start one more worker, which dies at a crash point if one is given. Raises LocalStackError at the most."""
        return self._add_worker({} if point is None else {"TWOWAY_CRASH_AT": f"{point}:{hit}"})

    def add_shifted_worker(self) -> tuple[Role, Path]:
        """Start one more worker, whose wall clock is set by what is written to the file. Raises as `add_worker`."""
        self._clocks += 1
        clock = self._folder / "clocks" / str(self._clocks)
        clock.parent.mkdir(exist_ok=True)
        write_shift(clock, 0)
        return self._add_worker({}, (*SHIFTED, str(clock))), clock

    def _add_worker(self, more: Mapping[str, str], program: tuple[str, ...] = PROGRAM) -> Role:
        number = next((n for n in range(1, WORKERS_MOST + 1) if n not in self.workers), None)
        if number is None:
            raise LocalStackError(f"{WORKERS_MOST} workers run already; expected room for one more")
        port = self.plan.worker_ports[number - 1]
        variables = {**self.plan.worker_variables(port), **more}
        log = self._logs / f"worker{number}.log"
        worker = Role(worker_name(number), "worker", port, log, variables, None, program)
        self.workers[number] = worker
        worker.start()
        return worker

    def remove(self, worker: Role) -> None:
        """Forget a worker that ended, or is about to."""
        self.workers = {number: one for number, one in self.workers.items() if one is not worker}

    @asynccontextmanager
    async def victim(self, number: int, is_fit: IsFit | None = None) -> AsyncIterator[Role | None]:
        """A worker to whom nothing else is done meanwhile, the first that is fit from this number on; None where there
        is none in time."""

        async def picked() -> Role | None:
            free = [worker for worker in self.workers.values() if worker not in self.in_hand]
            first = number % len(free) if free else 0
            for worker in (*free[first:], *free[:first]):
                if is_fit is None or await is_fit(worker):
                    # Meanwhile it may have gone, or somebody else have picked it.
                    there = worker in self.workers.values() and worker not in self.in_hand
                    return worker if there else None
            return None

        worker = await wait_for(picked, VICTIM_S)
        if worker is None:
            yield None
            return
        with self.busy(worker):
            yield worker

    @contextmanager
    def busy(self, child: Child) -> Iterator[None]:
        """Inside, something is done to this child: it may end without anybody's wonder, and nobody else picks it."""
        self.in_hand.add(child)
        try:
            yield
        finally:
            self.in_hand.discard(child)

    def look(self) -> None:
        """Note who ended by itself, and start it again, so that the run goes on and the end tells of it."""
        for child in (*self.workers.values(), *self._servers.values()):
            if child.exit_code is not None and child not in self.in_hand:
                self.deaths.append(child.why())
                child.start()

    async def healthy(self, child: Child) -> None:
        """Wait until it does its work. Raises LocalStackError."""
        await asyncio.to_thread(child.wait_healthy, HEALTHY_S)

    def stop(self) -> None:
        """End all children, in the order of the data's way; what does not end is killed."""
        for group in (["gateway"], [*self.workers], ["kafka"], ["redis"]):
            children = [child for name in group if (child := self._child(name)) is not None]
            for child in children:
                child.resume()
                child.ask_to_end()
            for child in children:
                child.stop(STOP_S)

    def kill(self) -> None:
        """End all children at once."""
        for child in (*self.workers.values(), *self._servers.values()):
            child.kill()

    def _child(self, name: str | int) -> Child | None:
        return self.workers.get(name) if isinstance(name, int) else self._servers.get(name)

    @staticmethod
    def _start(children: list[Child] | list[Role]) -> None:
        for child in children:
            if not child.is_running():
                child.start()
        for child in children:
            child.wait_healthy(HEALTHY_S)
