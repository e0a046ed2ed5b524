"""Says in the log that deliveries are refused: the metrics count them, and their senders read no answer.

One line a connection and reason in a minute, whatever is sent: nobody who refuses to sign can fill the log.
"""

from __future__ import annotations

import logging

from pipeline.logs import printable

logger = logging.getLogger("twoway.gateway")

#: A line of one kind comes once in this time.
REPEAT_MS = 60_000
#: Of a name that somebody else chose so many characters are shown.
LONGEST_NAME = 100


class Refusals:
    """Remembers what was said when. Connections are those of the file, and reasons few words."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], tuple[int | None, int]] = {}

    def tell(self, connection: str, reason: str, status: int, now_ms: int) -> None:
        """Of a connection that exists; `reason` is a word of docs/gateway.md."""
        self._tell((connection, reason), f"connection {connection}", reason, status, now_ms)

    def tell_unknown(self, name: str, now_ms: int) -> None:
        """Of one that does not, or that takes nothing behind its name: all of them share a line."""
        self._tell(("", ""), f"address of {printable(name)[:LONGEST_NAME]!r}", "unknown_connection", 404, now_ms)

    def _tell(self, kind: tuple[str, str], who: str, reason: str, status: int, now_ms: int) -> None:
        said_ms, silent = self._said.get(kind, (None, 0))
        # In both directions: a clock that is set back must not keep us silent.
        if said_ms is not None and abs(now_ms - said_ms) < REPEAT_MS:
            self._said[kind] = said_ms, silent + 1
            return
        self._said[kind] = now_ms, 0
        more = f", and {silent} times since this was last logged" if silent else ""
        logger.warning("%s: a request was answered with %d, %s%s", who, status, reason, more)
