"""What subscribers were told, once it is what Redis says."""

from __future__ import annotations

import asyncio
import time

from pipeline.proving.published import compare_published
from pipeline.settings import Settings
from tests.waiting import DEADLINE_S, POLL_S


async def told_right(settings: Settings, deadline_s: float = DEADLINE_S) -> None:
    """Wait until every published row, and the queue, is right: the last publication comes a moment after the count."""
    until = time.monotonic() + deadline_s
    while (told := await compare_published(settings)).wrong or not told.compared:
        assert time.monotonic() < until, told.wrong[:10]
        await asyncio.sleep(POLL_S)
