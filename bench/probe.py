"""Reads pages while a worker catches up, as queries would, and says how long each `HGETALL` took.

The moments of the reads are fixed beforehand, and a read's time counts from its moment: one that has to wait for a free
connection has waited. Queries come from many, so there are CONNECTIONS of them.
python -m bench.probe REDIS_PORT RATE KEY... ; it ends when its standard input does and prints one line of JSON (ms).
"""

from __future__ import annotations

import asyncio
import sys
import time

import orjson
import uvloop
from redis.asyncio import BlockingConnectionPool, Redis

CONNECTIONS = 16


async def main() -> None:
    pool = BlockingConnectionPool(port=int(sys.argv[1]), max_connections=CONNECTIONS, timeout=None)
    client = Redis(connection_pool=pool)
    every_s = 1 / int(sys.argv[2])
    keys = sys.argv[3:]
    await client.ping()
    took: list[float] = []
    reads: set[asyncio.Task[None]] = set()
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    due, number = time.perf_counter(), 0
    while not ended.done():
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        read = asyncio.create_task(_read(client, keys[number % len(keys)], due, took))
        reads.add(read)
        read.add_done_callback(reads.discard)
        due, number = due + every_s, number + 1
    await asyncio.gather(*reads)
    took.sort()
    line = {
        "reads": len(took),
        "p50_ms": took[len(took) // 2],
        "p99_ms": took[len(took) * 99 // 100],
        "max_ms": took[-1],
    }
    sys.stdout.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


async def _read(client: Redis, key: str, due: float, took: list[float]) -> None:
    await client.hgetall(key)
    took.append((time.perf_counter() - due) * 1000)


if __name__ == "__main__":
    uvloop.run(main())
