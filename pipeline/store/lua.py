"""Lua scripts as Redis knows them: read from their files, loaded, called by their hash.

A Redis that was restarted or fell back has forgotten them: a call then raises NoScriptError, and whoever made it loads
them again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from redis.asyncio import Redis


class LuaScript:
    """The script in a file, `sha` its hash."""

    def __init__(self, path: Path) -> None:
        self._source = path.read_text(encoding="utf-8")
        self.sha = hashlib.sha1(self._source.encode(), usedforsecurity=False).hexdigest()

    async def load(self, redis: Redis) -> None:
        """Make Redis know it."""
        await redis.script_load(self._source)
