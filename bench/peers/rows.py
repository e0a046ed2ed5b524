"""What both peers count with: dictionaries in memory, each batch added up first and then written as absolute rows.

Per post and per account a row a minute, an hour, a day and for all time; an id that was seen counts nothing again.
No state survives a crash, nothing is taken back, and a batch that was written but not committed is counted twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

COLUMN = {"like": 0, "comment": 1, "share": 2}
PREFIX = "peer"
MINUTE_MS = 60_000


class DictCounter:
    """All rows in memory."""

    def __init__(self) -> None:
        self._seen: defaultdict[str, set[str]] = defaultdict(set)
        self._pages: defaultdict[str, dict[str, list[int]]] = defaultdict(dict)

    def add(self, values: Iterable[bytes]) -> dict[str, dict[Any, Any]]:
        """Count a batch of records; gives the rows that changed, by key and field, as they now are."""
        changes = self._fold(values)
        touched: defaultdict[str, set[str]] = defaultdict(set)
        for (post, account, minute, column), count in changes.items():
            fields = fields_of(minute)
            for key in (f"{PREFIX}:post:{post}", f"{PREFIX}:account:{account}"):
                page = self._pages[key]
                for field in fields:
                    row = page.get(field)
                    if row is None:
                        row = page[field] = [0, 0, 0, 0, 0]
                    row[column] += count
                touched[key].update(fields)
        return {
            key: {field: ",".join(map(str, self._pages[key][field])) for field in fields}
            for key, fields in touched.items()
        }

    def _fold(self, values: Iterable[bytes]) -> dict[tuple[str, str, int, int], int]:
        changes: dict[tuple[str, str, int, int], int] = {}
        loads: Any = orjson.loads
        for value in values:
            event = loads(value)
            post = event["post"]
            seen = self._seen[post]
            if event["id"] in seen:
                continue
            seen.add(event["id"])
            change = (post, event["account"], event["time_ms"] // MINUTE_MS, COLUMN[event["kind"]])
            changes[change] = changes.get(change, 0) + 1
        return changes


@lru_cache(maxsize=65_536)
def fields_of(minute: int) -> tuple[str, str, str, str]:
    """The names of a minute's rows, as ours."""
    moment = datetime.fromtimestamp(minute * 60, UTC)
    return f"1m:{moment:%Y-%m-%dT%H:%M}", f"1h:{moment:%Y-%m-%dT%H}", f"1d:{moment:%Y-%m-%d}", "all"
