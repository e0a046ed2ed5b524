"""Pipelines over the nodes of a Redis Cluster: one round trip for each node, all at the same time.

redis-py's own pipeline sends what was redirected one command after the other and resends what was lost. This one
follows MOVED and ASK in groups again, lets a new master know the scripts, waits out the moving of a hash slot
(TRYAGAIN) for a bounded time, and otherwise raises what happened.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any

from redis import exceptions as redis_errors
from redis.asyncio.cluster import ClusterNode
from redis.commands import AsyncCoreCommands
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, NoScriptError, ResponseError, TryAgainError

if TYPE_CHECKING:
    from pipeline.store.cluster import Cluster

#: Between two attempts while a hash slot moves, at first and at the most.
PAUSE_S, PAUSE_MOST_S = 0.01, 0.2
#: A node that is not there, or says that the cluster is not.
AWAY = (redis_errors.ConnectionError, redis_errors.TimeoutError, ClusterDownError, OSError)
ON_ITS_WAY = "a hash slot is on its way to another node"
_NONE = object()


class _Command:
    """A command of a pipeline and what became of it. `asking`: where to ask while the slot of its key moves."""

    __slots__ = ("answer", "args", "asking", "options", "slot")

    def __init__(self, args: tuple[Any, ...], options: dict[str, Any], slot: int) -> None:
        self.args = args
        self.options = options
        self.slot = slot
        self.answer: Any = _NONE
        self.asking: AskError | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has to be sent (again): nobody has answered, or a node that did not execute it."""
        return self.answer is _NONE or isinstance(self.answer, AskError | TryAgainError | ClusterDownError)


class ClusterPipeline(AsyncCoreCommands):
    """Commands for any number of nodes, one round trip for each node, all at the same time.

    Every command has its key where most have it, or is EVAL or EVALSHA; where it has several they share a slot."""

    _event_dispatcher: Any = None

    def __init__(self, client: Cluster, *, transaction: bool) -> None:
        self._client = client
        self._transaction = transaction
        self._commands: list[_Command] = []

    def __len__(self) -> int:
        return len(self._commands)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Put a command behind the others."""
        key = args[3] if args[0] in {"EVAL", "EVALSHA"} else args[1]
        slot = key_slot(key if isinstance(key, bytes) else str(key).encode())
        self._commands.append(_Command(args, options, slot))
        return self

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """The answers in order. Where a node does not answer, all others have; raises what happened to that one."""
        commands, self._commands = self._commands, []
        if self._transaction and len({command.slot for command in commands}) > 1:
            raise redis_errors.CrossSlotTransactionError("a transaction has keys of several slots; expected one")
        retries = self._client.retry.get_retries()
        deadline, pause_s = monotonic() + self._client.patience_s, PAUSE_S
        todo = commands
        while todo:
            waits = False
            try:
                await self._round(todo)
            except AWAY:
                retries -= 1
                if retries < 0 or monotonic() > deadline:
                    raise
                waits = True
            todo = await self._still_to_send(commands)
            if todo and monotonic() > deadline:
                raise TryAgainError(ON_ITS_WAY)
            if waits or any(isinstance(command.answer, TryAgainError) for command in todo):
                await asyncio.sleep(pause_s)
                pause_s = min(PAUSE_MOST_S, 2 * pause_s)
        if raise_on_error:
            for command in commands:
                if isinstance(command.answer, Exception):
                    raise command.answer
        return [command.answer for command in commands]

    async def _round(self, todo: list[_Command]) -> None:
        """Ask every node that is concerned. When all have answered or failed, raises what happened to the first."""
        client = self._client
        await client.initialize()
        by_node: dict[str, tuple[ClusterNode, list[_Command]]] = {}
        for command in todo:
            command.answer = _NONE
            node = client.node_of(command.slot, command.asking)
            by_node.setdefault(node.name, (node, []))[1].append(command)
        send = self._transact if self._transaction else self._send
        try:
            done = await asyncio.gather(*(send(node, some) for node, some in by_node.values()), return_exceptions=True)
        except asyncio.CancelledError:
            client.doubt()
            raise
        failed: BaseException | None = None
        for (node, some), error in zip(by_node.values(), done, strict=True):
            down = next((one.answer for one in some if isinstance(one.answer, ClusterDownError)), None)
            if isinstance(error, AWAY):
                client.suspect(node)
            elif down is not None:
                client.doubt()
            failed = failed or error or down
        if failed is not None:
            raise failed

    async def _still_to_send(self, commands: list[_Command]) -> list[_Command]:
        """What was not executed, and to where it is to be sent next."""
        todo, moved, strangers = [], [], {}
        for command in commands:
            answer, asked, command.asking = command.answer, command.asking, None
            if isinstance(answer, MovedError):
                moved.append(answer)
            elif isinstance(answer, AskError):
                command.asking = answer
            elif isinstance(answer, NoScriptError) and self._client.scripts:
                command.asking = asked
                node = self._client.node_of(command.slot, asked)
                strangers[node.name] = node
                todo.append(command)
                continue
            if command.is_open:
                todo.append(command)
        if moved:
            await self._client.follow(moved)
        for node in strangers.values():
            await self._client.know_scripts(node)
        return todo

    async def _send(self, node: ClusterNode, commands: list[_Command]) -> None:
        packed: list[tuple[Any, ...]] = []
        for command in commands:
            if command.asking is not None:
                packed.append(("ASKING",))
            packed.append(command.args)
        answers = iter(await exchange(node, packed))
        for command in commands:
            if command.asking is not None:
                next(answers)
            command.answer = self._parsed(command, next(answers))

    async def _transact(self, node: ClusterNode, commands: list[_Command]) -> None:
        """MULTI to EXEC. Where one command is redirected nothing is executed, so all of them are."""
        asking = commands[0].asking
        packed = [*([("ASKING",)] if asking else []), ("MULTI",), *(c.args for c in commands), ("EXEC",)]
        *queued, executed = await exchange(node, packed)
        if isinstance(executed, Exception):
            errors = [answer for answer in (*queued, executed) if isinstance(answer, Exception)]
            cause = next((error for error in errors if isinstance(error, AskError | TryAgainError)), errors[0])
            for command in commands:
                command.answer = cause
            return
        for command, answer in zip(commands, executed, strict=True):
            command.answer = self._parsed(command, answer)

    def _parsed(self, command: _Command, answer: Any) -> Any:
        parse = self._client.response_callbacks.get(command.args[0])
        return answer if parse is None or isinstance(answer, Exception) else parse(answer, **command.options)


async def exchange(node: ClusterNode, commands: list[tuple[Any, ...]]) -> list[Any]:
    """One round trip to one node; what Redis refuses stands among the answers. Raises ConnectionError, TimeoutError."""
    connection = node.acquire_connection()
    try:
        await node.disconnect_if_needed(connection)
        await connection.send_packed_command(connection.pack_commands(commands))
        answers: list[Any] = []
        for _ in commands:
            try:
                answers.append(await connection.read_response())
            except ResponseError as error:
                answers.append(error)
        return answers
    except BaseException:
        # What is still to come must not be taken for the answer to something else.
        await connection.disconnect()
        raise
    finally:
        node.release(connection)
