"""Reads pages while a worker catches up, as a query would, and says how long each `HGETALL` took.

The moments of the reads are fixed beforehand, and a read's time counts from its moment: a read that has to wait for the
one before it has waited. python -m bench.probe REDIS_PORT RATE KEY... ; it ends when its standard input does and
prints one line of JSON (ms).
"""

from __future__ import annotations

import select
import sys
import time

import orjson
import redis


def main() -> None:
    client = redis.Redis(port=int(sys.argv[1]))
    every_s = 1 / int(sys.argv[2])
    keys = sys.argv[3:]
    client.ping()
    took: list[float] = []
    due = time.perf_counter()
    while not select.select([sys.stdin], [], [], max(0.0, due - time.perf_counter()))[0]:
        client.hgetall(keys[len(took) % len(keys)])
        took.append((time.perf_counter() - due) * 1000)
        due += every_s
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
