"""Steady signed webhooks at a fixed rate, over a few open connections; posts come and go as they do in a day.

A post lives some minutes; a fifth of what happens to it are comments, a tenth of the likes is taken back. So windows
open and close, pages are left behind, and what grows for good is what the retention keeps.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from types import TracebackType

import orjson

SECRET = "soak-secret-soak-secret"  # noqa: S105 - signs nothing but this
CONNECTIONS_FILE = f"""
[connections.facebook]
platform = "facebook"
secrets = ["{SECRET}"]
"""
CONNECTIONS = 16
ACCOUNTS = 200
#: Posts of an account that are talked about at a time, and for how long.
POSTS = 3
POST_LIFE_S = 180
ACTORS = 50_000
TICK_S = 0.02


class Load:
    """`async with Load(port, rate) as load`; `taken`: answers of 200, `other`: all else."""

    def __init__(self, port: int, rate: float) -> None:
        self.taken = 0
        self.other = 0
        self._port = port
        self._rate = rate
        #: What is due and not sent yet. Bounded: a gateway that falls behind is not asked for what is past.
        self._due: asyncio.Queue[int] = asyncio.Queue(maxsize=10_000)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Load:
        self._tasks = [
            asyncio.create_task(self._tick()),
            *(asyncio.create_task(self._post()) for _ in range(CONNECTIONS)),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks[0].cancel()
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tick(self) -> None:
        began, number = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - began) * self._rate)
            while number < due:
                if not self._due.full():
                    self._due.put_nowait(number)
                number += 1
            await asyncio.sleep(TICK_S)

    async def _post(self) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                while True:
                    writer.write(webhook(await self._due.get()))
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                    await reader.readexactly(length)
                    if head[9:12] == b"200":
                        self.taken += 1
                    else:
                        self.other += 1
            except (OSError, asyncio.IncompleteReadError):
                self.other += 1
                await asyncio.sleep(1.0)


def webhook(number: int) -> bytes:
    """The signed request of something that happens now."""
    now_s = int(time.time())
    account = number * 7919 % ACCOUNTS
    post = f"{account}_{now_s // POST_LIFE_S}_{number // ACCOUNTS % POSTS}"
    value: dict[str, object] = {
        "from": {"id": str(number * 104_729 % ACTORS)},
        "post_id": post,
        "created_time": now_s,
        "parent_id": post,
        "verb": "remove" if number % 11 == 5 else "add",
    }
    if number % 5 == 0:
        value |= {
            "item": "comment",
            "comment_id": f"c_{number}",
            "message": "What does it cost, please?",
            "verb": "add",
        }
    else:
        value |= {"item": "reaction", "reaction_type": "love"}
    entry = {"id": str(10**12 + account), "time": now_s, "changes": [{"field": "feed", "value": value}]}
    body = orjson.dumps({"object": "page", "entry": [entry]})
    signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
    head = (
        f"POST /webhooks/facebook HTTP/1.1\r\nHost: soak\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
