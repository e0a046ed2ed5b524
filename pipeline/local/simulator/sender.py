"""Sends deliveries to the gateway as platforms do: at their time, and the same bytes again until they are taken."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from types import TracebackType

import httpx

from pipeline.clock import Clock
from pipeline.local.simulator.deliveries import Delivery

AT_ONCE = 16
TIMEOUT_S = 10.0
#: Real platforms wait longer; here somebody watches.
RETRY_S = 1.0


class Sender:
    """`async with Sender(url, clock) as sender: sender.post(delivery)`, then `await sender.drain(...)`."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.sent = 0
        self.deliveries = 0
        self.repeats = 0
        self.retries = 0
        self.refused: Counter[str] = Counter()
        self._url = url
        self._clock = clock
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, limits=httpx.Limits(max_connections=AT_ONCE))
        self._free = asyncio.Semaphore(AT_ONCE)
        self._hurry = asyncio.Event()
        self._taken: set[str] = set()
        self._awaited: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Sender:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    def post(self, delivery: Delivery) -> None:
        """Have it sent when it is due; returns at once."""
        task = asyncio.create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, deadline_s: float) -> int:
        """Send everything that waits for its time now; gives how many deliveries were not taken by then."""
        self._hurry.set()
        if self._tasks:
            await asyncio.wait([*self._tasks], timeout=deadline_s)
        return len(self._tasks)

    async def _deliver(self, delivery: Delivery) -> None:
        await self._wait_until(delivery.due_ms)
        for needed in delivery.needs:
            if needed not in self._taken:  # asked anew after every wait: others may have come meanwhile
                await self._awaited.setdefault(needed, asyncio.Event()).wait()
        while not await self._try(delivery):
            self.retries += 1
            await asyncio.sleep(RETRY_S)

    async def _wait_until(self, due_ms: int) -> None:
        seconds = (due_ms - self._clock()) / 1000
        if seconds > 0 and not self._hurry.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._hurry.wait()

    async def _try(self, delivery: Delivery) -> bool:
        """Whether it need not be sent again."""
        url = f"{self._url}/webhooks/{delivery.connection}"
        try:
            async with self._free:
                answer = await self._client.post(url, content=delivery.content, headers=dict(delivery.headers))
        except httpx.TransportError:
            return False
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return False
        self._note(delivery, answer)
        return True

    def _note(self, delivery: Delivery, answer: httpx.Response) -> None:
        self.deliveries += 1
        if not answer.is_success:
            self.refused[f"{delivery.connection}: {answer.status_code}"] += 1
            return
        if delivery.is_repeat:
            self.repeats += 1
        else:
            self.sent += delivery.interactions
        self._taken |= delivery.makes
        for made in delivery.makes & self._awaited.keys():
            self._awaited.pop(made).set()
