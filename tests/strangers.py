"""Strangers who hold connections open: `python -m tests.strangers PORT NUMBER`, until it is ended.

A process of its own: what they cost is no part of what the senders beside them wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys

#: What each begins and does not finish: nothing at all, a line, a head, a body.
SLOW = (
    b"",
    b"POST /webh",
    b"POST /webhooks/page HTTP/1.1\r\nHost: g\r\nX-Slow: ",
    b"POST /webhooks/page HTTP/1.1\r\nHost: g\r\nContent-Length: 4000000\r\n\r\nx",
)
#: How often a byte falls, and how soon somebody who was cut off comes again.
DRIP_S = 5.0
AGAIN_S = 2.0
OTHER_FILES = 100


async def be_strange(port: int, number: int) -> None:
    """Open a connection, begin something, let a byte fall now and then; when it is cut off, do it again."""
    begun = SLOW[number % len(SLOW)]
    await asyncio.sleep(number % 1_000 / 500)
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            ended = asyncio.ensure_future(reader.read(1_000))
            try:
                writer.write(begun)
                while not (await asyncio.wait({ended}, timeout=DRIP_S))[0]:
                    writer.write(b"x" if begun else b"")
                ended.result()
            finally:
                ended.cancel()
                writer.transport.abort()
        await asyncio.sleep(AGAIN_S)


async def main(port: int, number: int) -> None:
    """All of them; ends with the error of one that could not go on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number + OTHER_FILES), hard))
    await asyncio.gather(*(be_strange(port, one) for one in range(number)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
