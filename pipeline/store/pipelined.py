"""Pipelines of many commands, in a fifth of redis-py's time: a slice of new pages sends a hundred thousand.

redis-py packs each argument in Python and awaits each answer through five coroutines. Here hiredis, which parses for
redis-py anyway, packs a command in C, and answers that have arrived are taken without awaiting anything.
"""

from __future__ import annotations

from typing import Any

from hiredis import PushNotification, pack_command
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
        try:
            await self._send(connection, commands)
            answers = await self._answers(connection, commands)
        except BaseException as error:
            # Answers are still to come, and redis-py's pool does not look for them: who gets this connection next would
            # take them for his own.
            await connection.disconnect(nowait=True)
            if isinstance(error, OSError):
                raise RedisConnectionError(f"Error while reading from {connection._host_error()}: {error}") from error
            raise
        if raise_on_error:
            self.raise_first_error(commands, answers)
        return answers

    @staticmethod
    async def _send(connection: Any, commands: Any) -> None:
        parts, size = [], 0
        for args, _ in commands:
            part = _pack(connection, args)
            parts.append(part)
            size += len(part)
            if size > WRITE_BYTES:
                await connection.send_packed_command(b"".join(parts))
                parts, size = [], 0
        await connection.send_packed_command(b"".join(parts))

    async def _answers(self, connection: Any, commands: Any) -> list[Any]:
        """One of each command, errors of Redis among them. Raises redis' ConnectionError."""
        parser = connection._parser
        reader, callbacks = parser._reader, self.response_callbacks  # the reader was made when the connection was
        answers: list[Any] = []
        for args, options in commands:
            if options:
                # They say how the answer is to be read, which redis-py knows.
                try:
                    answers.append(await self.parse_response(connection, args[0], **options))
                except ResponseError as error:
                    answers.append(error)
                continue
            answer = reader.gets()
            while answer is NOT_ENOUGH_DATA or isinstance(answer, PushNotification):
                if answer is NOT_ENOUGH_DATA:
                    await parser.read_from_socket()
                else:
                    await parser.handle_push_response(answer)
                answer = reader.gets()
            if isinstance(answer, RedisConnectionError):
                raise answer
            callback = callbacks.get(args[0])
            if callback is not None and not isinstance(answer, ResponseError):
                answer = callback(answer)
            answers.append(answer)
        return answers


def _pack(connection: Any, args: tuple[Any, ...]) -> bytes:
    name = args[0]
    if isinstance(name, str) and " " not in name:
        try:
            return bytes(pack_command(args))
        except TypeError:
            pass
    # A name of several words, or an argument that is no text, bytes or number.
    return b"".join(connection.pack_command(*args))


class PipelinedRedis(Redis):
    """A client whose pipelines are `PlainPipeline`s. It sets no time for answers: `round_trip` does."""

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        if transaction:
            return super().pipeline(transaction, shard_hint)
        return PlainPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
