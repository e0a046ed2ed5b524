"""HTTP by hand: bytes to a port, whatever they are, and what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

import httpx


class Reply(NamedTuple):
    """One answer as it stood on the wire; status 0 where there was none before the end."""

    status: int
    head: bytes
    body: bytes


def request(path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, method: str = "POST") -> bytes:
    """A request with its length, byte by byte as given otherwise."""
    lines = {"Host": "gateway", "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


class Wire:
    """One open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def send(self, *pieces: bytes) -> None:
        """Write the pieces, each by itself; whoever has closed already reads no more of them."""
        for piece in pieces:
            try:
                self.writer.write(piece)
                await self.writer.drain()
            except ConnectionError:
                return

    async def reply(self, within_s: float = 30.0) -> Reply:
        """The next answer."""
        async with asyncio.timeout(within_s):
            try:
                head = await self._reader.readuntil(b"\r\n\r\n")
                told = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                body = await self._reader.readexactly(int(told or 0))
            except (asyncio.IncompleteReadError, ConnectionError):
                return Reply(0, b"", b"")
        return Reply(int(head[9:12]), head, body)

    async def is_closed(self, within_s: float = 30.0) -> bool:
        """Whether the other side ends the connection in time, after what it still had to say."""
        async with asyncio.timeout(within_s):
            try:
                while await self._reader.read(65_536):
                    pass
            except ConnectionError:
                pass
        return True


@asynccontextmanager
async def wire(client: httpx.AsyncClient) -> AsyncIterator[Wire]:
    """A connection of its own to where the client's requests go."""
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


async def ask(client: httpx.AsyncClient, *pieces: bytes) -> Reply:
    """The first answer to these bytes."""
    async with wire(client) as connection:
        await connection.send(*pieces)
        return await connection.reply()
