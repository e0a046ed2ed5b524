"""The Python client: the same questions as the Reader's, without `await`, for notebooks and scripts.

It runs a Reader in a thread with a loop of its own, so it also works where a loop is already running (Jupyter).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from pipeline.insights import Insights
from pipeline.reading.alerts import Alerts
from pipeline.reading.answers import Numbers, Ranking, Series
from pipeline.reading.insights import POSTS_MOST
from pipeline.reading.reader import Reader
from pipeline.reading.unanswered import UnansweredQueue
from pipeline.settings import Settings
from schemas.engagement import Entity

_T = TypeVar("_T")


class Client:
    """`with Client() as numbers: numbers.account("facebook", "1234").comment_to_like`.

    Settings are those of the environment unless given. Raises what the Reader raises. Safe to use from many threads.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="twoway-client", daemon=True)
        self._thread.start()
        self._reader = Reader.connect(settings or Settings.from_env())

    def account(self, platform: str, account: str) -> Numbers:
        """The account's numbers."""
        return self._run(self._reader.account(platform, account))

    def post(self, platform: str, post: str, account: str | None = None) -> Numbers:
        """The post's numbers; its account need not be known."""
        return self._run(self._reader.post(platform, post, account))

    def posts(self, platform: str, account: str, sort: str = "recent", limit: int = 20) -> Ranking:
        """The account's posts by one of the sorts of docs/reading.md."""
        return self._run(self._reader.posts(platform, account, sort, limit))

    def accounts(self, sort: str = "conversation", limit: int = 20, platform: str | None = None) -> Ranking:
        """All accounts, best first."""
        return self._run(self._reader.accounts(sort, limit, platform))

    def top_posts(self, sort: str = "conversation", limit: int = 20, platform: str | None = None) -> Ranking:
        """The posts of all accounts, best first."""
        return self._run(self._reader.top_posts(sort, limit, platform))

    def series(self, entity: Entity, platform: str, entity_id: str, window: str = "1m", limit: int = 60) -> Series:
        """The last `limit` windows of a size, oldest first."""
        return self._run(self._reader.series(entity, platform, entity_id, window, limit))

    def unanswered(self, platform: str, account: str, limit: int = 50, after: str | None = None) -> UnansweredQueue:
        """The account's comments that wait for a reply, oldest first; `after`: `next` of the answer before."""
        return self._run(self._reader.unanswered(platform, account, limit, after))

    def alerts(
        self, platform: str | None = None, account: str | None = None, state: str = "all", limit: int = 100
    ) -> Alerts:
        """Alerts that stand or cleared within a week, newest first; `state`: all, standing or cleared."""
        return self._run(self._reader.alerts(platform, account, state, limit))

    def insights(self, platform: str, account: str, posts: int = POSTS_MOST) -> Insights:
        """What makes the account's audience talk and who stays silent, over its most recently active posts."""
        return self._run(self._reader.insights(platform, account, posts))

    def close(self) -> None:
        """Give the connections back and end the thread."""
        if self._thread.is_alive():
            self._run(self._reader.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, question: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(question, self._loop).result()
