"""A real Redis Cluster on loopback: three masters, each with a replica; its nodes can be stopped, killed and paused."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

from pipeline.local.ports import CHOSEN_FROM, LOOPBACK, is_free
from pipeline.local.redis import RedisServer
from tests.waiting import wait_until

MASTERS = 3
HASH_SLOTS = 16_384
#: A node that does not answer for so long is taken to be dead by the others: where a test kills some; and where none
#: does, so that a busy machine is no failover.
NODE_TIMEOUT_MS, PATIENT_MS = 4_000, 60_000
#: The nodes' own connections lie so much above the port of clients.
BUS = 10_000


class Node(RedisServer):
    """A server of the cluster."""

    def __init__(self, data: Path, port: int, node_timeout_ms: int) -> None:
        super().__init__(data, port)
        options = {
            "cluster-enabled": "yes",
            "cluster-node-timeout": str(node_timeout_ms),
            # Take over however long the connection to the master has been gone: tests make it lag.
            "cluster-replica-validity-factor": "0",
            "repl-diskless-sync": "yes",
            "repl-diskless-sync-delay": "0",
        }
        self.command += [part for name, value in options.items() for part in (f"--{name}", value)]

    def call(self, *command: Any) -> Any:
        """One command to this very server."""
        with Redis(port=self.port, decode_responses=True, socket_timeout=5) as client:
            return client.execute_command(*command)

    @property
    def id(self) -> str:
        """Its name among the nodes."""
        name: str = self.call("CLUSTER", "MYID")
        return name

    def info(self) -> dict[str, Any]:
        """How it stands to its master or its replicas."""
        with Redis(port=self.port, decode_responses=True, socket_timeout=5) as client:
            found: dict[str, Any] = client.info("replication")
            return found

    def is_master(self) -> bool:
        return self.is_running() and self.info()["role"] == "master"

    def agrees(self, nodes: int) -> bool:
        """Whether it knows so many nodes and, as it sees it, all slots are served."""
        try:
            with Redis(port=self.port, decode_responses=True, socket_timeout=5) as client:
                said: Any = client.cluster("info")
        except RedisError:
            return False
        return said["cluster_state"] == "ok" and int(said["cluster_known_nodes"]) == nodes


class RedisCluster:
    """Nodes 0 to 2 are masters at the start, 3 to 5 their replicas in the same order."""

    def __init__(self, data: Path, node_timeout_ms: int = NODE_TIMEOUT_MS) -> None:
        self.nodes = [Node(data / str(port), port, node_timeout_ms) for port in _ports(2 * MASTERS)]

    @property
    def url(self) -> str:
        """What a client connects to: two of the nodes, which lead to all."""
        return f"redis+cluster://{LOOPBACK}:{self.nodes[0].port},{LOOPBACK}:{self.nodes[1].port}"

    def start(self) -> None:
        """Start all nodes and make them a cluster."""
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_healthy()
        first, masters = self.nodes[0], self.nodes[:MASTERS]
        for number, node in enumerate(self.nodes):
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for number, node in enumerate(masters):
            slots = range(HASH_SLOTS * number // MASTERS, HASH_SLOTS * (number + 1) // MASTERS)
            node.call("CLUSTER", "ADDSLOTS", *slots)
        for node in self.nodes[1:]:
            node.call("CLUSTER", "MEET", LOOPBACK, first.port)
        wait_until(lambda: all(node.agrees(len(self.nodes)) for node in self.nodes))
        for master, replica in zip(masters, self.nodes[MASTERS:], strict=True):
            replica.call("CLUSTER", "REPLICATE", master.id)
        wait_until(self.is_replicated)

    def kill(self) -> None:
        """End all nodes."""
        for node in self.nodes:
            node.kill()

    def is_replicated(self) -> bool:
        """Whether every replica follows its master and has all that was written."""
        masters, replicas = self.nodes[:MASTERS], self.nodes[MASTERS:]
        for master, replica in zip(masters, replicas, strict=True):
            said = replica.info()
            if said["role"] != "slave" or said["master_link_status"] != "up":
                return False
            if said["slave_repl_offset"] < master.info()["master_repl_offset"]:
                return False
        return True

    def master_of(self, key: str) -> Node:
        """The node that holds a key's slot, as the running nodes see it."""
        slot = key_slot(key.encode())
        asked = next(node for node in self.nodes if node.is_running())
        for first, last, master, *_ in asked.call("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == master[1])
        raise AssertionError(f"nobody holds slot {slot}")

    def replica_of(self, master: Node) -> Node:
        """The node that follows this one."""
        return next(node for node in self.nodes if node.info().get("master_port") == master.port)

    @contextmanager
    def lagging_replica(self, key: str) -> Iterator[tuple[Node, Node]]:
        """What is written to the key's master while the block runs does not reach its replica, which sleeps. Gives
        both; the block ends with the master killed."""
        master = self.master_of(key)
        replica = self.replica_of(master)
        replica.pause()
        # Else what is written fills the buffers between the two, and is there when the replica wakes up.
        master.call("CLIENT", "KILL", "TYPE", "replica")
        yield master, replica
        assert not master.is_running()
        replica.resume()

    @contextmanager
    def moving(self, key: str, target: Node) -> Iterator[int]:
        """The key's slot is on its way to another master while the block runs; none of its keys has moved yet. Gives
        the slot's number."""
        slot, source = key_slot(key.encode()), self.master_of(key)
        target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
        try:
            yield slot
        finally:
            while self.move_some(slot, source, target, 100):
                pass
            for node in (target, source, *(node for node in self.nodes if node.is_master())):
                node.call("CLUSTER", "SETSLOT", slot, "NODE", target.id)

    @staticmethod
    def move_some(slot: int, source: Node, target: Node, number: int) -> int:
        """Move so many keys of a slot; gives how many there were. As `redis-cli --cluster reshard` does: a key that
        stands on both sides is an error."""
        keys = source.call("CLUSTER", "GETKEYSINSLOT", slot, number)
        if keys:
            source.call("MIGRATE", LOOPBACK, target.port, "", 0, 5_000, "KEYS", *keys)
        return len(keys)


def _ports(number: int) -> list[int]:
    """Free ports whose ports for the nodes themselves are free as well; below those that the system gives away."""
    candidates = random.SystemRandom().sample(CHOSEN_FROM[: len(CHOSEN_FROM) - BUS], 200)
    free = [port for port in candidates if is_free(port) and is_free(port + BUS)]
    return free[:number]
