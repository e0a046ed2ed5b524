"""Pipelines of many commands, in a fifth of redis-py's time: a slice of new pages sends a hundred thousand.

redis-py packs each argument in Python and awaits each answer through five coroutines. Here hiredis, which parses for
redis-py anyway, packs a command in C, and answers that have arrived are taken without awaiting anything.
"""

from __future__ import annotations

from typing import Any

from hiredis import pack_command
from redis._parsers.hiredis import NOT_ENOUGH_DATA, _AsyncHiredisParser
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from pipeline.errors import StateError

#: Written to the socket together.
WRITE_BYTES = 1 << 20


class PlainPipeline(Pipeline):
    """A pipeline of ordinary commands; `transaction=True` is redis-py's own."""

    async def _execute_pipeline(self, connection: Any, commands: Any, raise_on_error: bool) -> list[Any]:
        parser = connection._parser
        if not isinstance(parser, _AsyncHiredisParser):
            raise StateError(f"redis-py parses with {type(parser).__name__}; expected hiredis, which is installed")
        await self._send(connection, commands)
        reader: Any = parser._reader  # made when the connection is
        answers = []
        for args, options in commands:
            answer = reader.gets()
            while answer is NOT_ENOUGH_DATA:
                await self._read(connection)
                answer = reader.gets()
            if isinstance(answer, RedisConnectionError):
                await connection.disconnect(nowait=True)
                raise answer
            callback = self.response_callbacks.get(args[0])
            if callback is not None and not isinstance(answer, ResponseError):
                answer = callback(answer, **options)
            answers.append(answer)
        if raise_on_error:
            self.raise_first_error(commands, answers)
        return answers

    @staticmethod
    async def _send(connection: Any, commands: Any) -> None:
        parts, size = [], 0
        for args, _ in commands:
            part = pack_command(args)
            parts.append(part)
            size += len(part)
            if size > WRITE_BYTES:
                await connection.send_packed_command(b"".join(parts))
                parts, size = [], 0
        await connection.send_packed_command(b"".join(parts))

    @staticmethod
    async def _read(connection: Any) -> None:
        """More of what Redis says. Raises redis' ConnectionError; a connection left halfway is not used again."""
        try:
            await connection._parser.read_from_socket()
        except OSError as error:
            await connection.disconnect(nowait=True)
            raise RedisConnectionError(f"Error while reading from {connection._host_error()}: {error}") from error
        except BaseException:
            await connection.disconnect(nowait=True)
            raise


class PipelinedRedis(Redis):
    """A client whose pipelines are `PlainPipeline`s. It sets no time for answers: `round_trip` does."""

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        if transaction:
            return super().pipeline(transaction, shard_hint)
        return PlainPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
