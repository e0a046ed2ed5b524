"""A client of a Redis Cluster: redis-py's, whose errors are those of one Redis, with pipelines of ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from redis import exceptions as redis_errors
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.exceptions import AskError, MovedError

from pipeline.store.cluster_pipeline import AWAY, ClusterPipeline, exchange

#: How long a command is tried whose hash slot is on its way to another node; what has less time says so.
PATIENCE_S = 8.0
#: Slots that moved before the whole map is asked for again: a failover moves thousands.
MOVES_MOST = 16


class Cluster(RedisCluster):
    """Raises ConnectionError where no node answers, TryAgainError where a hash slot moves for longer than `patience_s`.

    redis-py's client closes the connections under everybody's feet with every fifth redirect; this one does not."""

    def __init__(self, *, patience_s: float = PATIENCE_S, ssl_password: str | None = None, **options: Any) -> None:
        # `reinitialize_steps`: never close connections that others use because a slot moved.
        super().__init__(reinitialize_steps=0, **options)
        if ssl_password is not None:  # the password of a key file, which redis-py takes for one server only
            holders: list[Any] = [self.nodes_manager, *self.nodes_manager.startup_nodes.values()]
            for known in holders:
                known.connection_kwargs["ssl_password"] = ssl_password
        self.patience_s = patience_s
        #: Every script that was loaded: a new master may not know it.
        self.scripts: dict[Any, None] = {}
        self._suspect: str | None = None
        self._moves = 0

    async def initialize(
        self,
        additional_startup_nodes_info: list[tuple[str, int]] | None = None,
        last_failed_node_name: str | None = None,
    ) -> Self:
        """Ask for the map of slots where it is not known, the node that failed last as the last."""
        if self._initialize:
            try:
                await super().initialize(additional_startup_nodes_info, last_failed_node_name or self._suspect)
            except redis_errors.RedisClusterException as error:
                raise redis_errors.ConnectionError(f"no node of the cluster answers ({str(error)[:200]})") from error
            self._moves = 0
        return self

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """One command, on the node that holds its key. (redis-py may send ASKING through one connection and what is to
        follow it through another.)"""
        if "target_nodes" not in options and args[0] not in self.command_flags:
            (answer,) = await self.pipeline().execute_command(*args, **options).execute()
            return answer
        try:
            return await super().execute_command(*args, **options)
        except redis_errors.SlotNotCoveredError as error:
            raise redis_errors.ConnectionError("no node of the cluster is known to hold a slot") from error

    async def masters(self) -> list[ClusterNode]:
        """The nodes that hold slots."""
        await self.initialize()
        found: list[ClusterNode] = self.get_primaries()
        return found

    async def script_load(self, script: Any) -> Any:
        """Make every master know a script."""
        self.scripts[script] = None
        return await super().script_load(script)

    def pipeline(self, transaction: Any = None, shard_hint: Any = None) -> Any:
        """A pipeline over all nodes; a transaction where all keys carry one hash tag."""
        return ClusterPipeline(self, transaction=bool(transaction))

    def node_of(self, slot: int, asking: AskError | None = None) -> ClusterNode:
        """The node to ask for a hash slot. Raises ConnectionError where none is known."""
        manager = self.nodes_manager
        try:
            node = manager.get_node_from_slot(slot) if asking is None else manager.get_node(asking.host, asking.port)
        except (redis_errors.SlotNotCoveredError, KeyError):
            node = None
        if node is None:
            self.doubt()
            raise redis_errors.ConnectionError("no node of the cluster is known to hold a slot")
        return node

    def doubt(self) -> None:
        """Ask for the map of slots before the next command: it may be another one by now."""
        self._initialize = True

    def suspect(self, node: ClusterNode) -> None:
        """This node failed: its connections are of no use, and others may hold its slots by now. Whoever is given one
        closes it first: while it is being closed by somebody else, it could be given away."""
        self._suspect = node.name
        self.doubt()
        connections: list[Any] = node._connections
        for connection in connections:
            connection.mark_for_reconnect()

    async def _execute_command(self, target_node: ClusterNode, *args: Any, **options: Any) -> Any:
        """One command to one node, which `execute_command` chose. (Where it fails, redis-py closes connections that
        others are given meanwhile.)"""
        try:
            (answer,) = await exchange(target_node, [args])
            if isinstance(answer, Exception):
                raise answer
        except AWAY:
            self.suspect(target_node)
            raise
        parse = self.response_callbacks.get(args[0])
        return answer if parse is None else parse(answer, **options)

    async def follow(self, moved: Iterable[MovedError]) -> None:
        """Note where slots have gone."""
        for error in {error.slot_id: error for error in moved}.values():
            self._moves += 1
            if self._moves > MOVES_MOST:
                self.doubt()
                return
            await self.nodes_manager.move_slot(error)

    async def know_scripts(self, node: ClusterNode) -> None:
        """Make one node know the scripts."""
        await exchange(node, [("SCRIPT", "LOAD", script) for script in self.scripts])
