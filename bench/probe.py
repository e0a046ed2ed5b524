"""Reads pages while a worker catches up, as a query would, and says how long each `HGETALL` took.

python -m bench.probe REDIS_PORT KEY... ; it ends when its standard input does and prints one line of JSON (ms).
"""

from __future__ import annotations

import select
import sys
import time

import orjson
import redis

PAUSE_S = 0.002


def main() -> None:
    client = redis.Redis(port=int(sys.argv[1]))
    keys = sys.argv[2:]
    client.ping()
    took: list[float] = []
    while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
        key = keys[len(took) % len(keys)]
        began = time.perf_counter()
        client.hgetall(key)
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    line = {
        "reads": len(took),
        "p50_ms": took[len(took) // 2],
        "p99_ms": took[len(took) * 99 // 100],
        "max_ms": took[-1],
    }
    sys.stdout.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    main()
