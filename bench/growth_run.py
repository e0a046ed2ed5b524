"""One point of growth: fills a topic of its own, lets workers count it, and looks at processor time and memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import redis

from bench.events import fill
from bench.growth_figures import Grown, Later, Look
from bench.growth_points import LATER_S, Point, names, records
from bench.growth_totals import check_totals, commands_of, sizes_of
from bench.machine import Others
from bench.slices import pages_loaded
from bench.workers import Workers
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from pipeline.topic_admin import create_topics

#: To ask all 256 slots costs Redis a millisecond's fraction; one slot, which tells of each slice, next to nothing.
LOOK_S, ONE_SLOT_LOOK_S = 0.25, 0.05
#: Three publications of a worker that is not behind: nothing of the run is left to do then.
QUIET_S = 3.0

#: Gets what is being done and the number of events for which it is.
Told = Callable[[str, int], None]


def run_point(
    point: Point, settings: Settings, servers: list[int], client: redis.Redis, folder: Path, limit_s: float, told: Told
) -> Grown:
    """Measure one point and prove its totals. Raises ProgramError where a worker ends or takes longer than `limit_s`,
    RuntimeError where a total is wrong."""
    client.flushall()
    create_topics(settings)
    made = records(point, int(time.time() * 1000))
    fill(settings, point.events, _told_of(islice(made, point.events), told))
    client.config_resetstat()
    empty, rewrite_s = _used(client), _rewrite_seconds(client)
    with Workers("worker", point.workers, settings, client, folder, limit_s) as workers:
        at_first = workers.wait_for_tables()
        others = Others(servers)
        begin = Look(time.perf_counter(), 0, at_first.worker_s, at_first.redis_s, at_first.rss, empty)
        grown = Grown(point, [begin], empty)
        for look in _looks(point, workers, client):
            told("counted", look.applied)
            grown.looks.append(look)
        grown.others_cores = others.cores(grown.looks[-1].worker_s - begin.worker_s)
        grown.loads = workers.tables_opened()
        grown.rewrite_s = _rewrite_seconds(client) - rewrite_s
        grown.commands = commands_of(client)
        if point.later:
            grown.later = _later(point, settings, workers, made)
    grown.proof = check_totals(point, client, Keys(settings.key_prefix))
    if point.posts == 1:
        grown.viral_bytes = sizes_of(client)
    return grown


def _told_of(made: Iterator[tuple[bytes, bytes]], told: Told) -> Iterator[tuple[bytes, bytes]]:
    for number, record in enumerate(made):
        if number % 10_000 == 0:
            told("filled", number)
        yield record


def _looks(point: Point, workers: Workers, client: redis.Redis) -> Iterator[Look]:
    """One for each number of events that is seen counted, with the most memory until the next; a last one when all rows
    are published."""
    progress = workers.progress
    slot = slot_of("facebook", next(names(point))[0]) if point.accounts == 1 else None
    every_s = LOOK_S if slot is None else ONE_SLOT_LOOK_S
    last: Look | None = None
    while True:
        workers.must_run()
        applied = progress.applied_exactly() if slot is None else progress.applied_in(slot)
        used = workers.use()
        look = Look(time.perf_counter(), applied, used.worker_s, used.redis_s, used.rss, _used(client))
        if last is None or applied > last.applied:
            if last is not None:
                yield last
            last = look
        elif look.rss > last.rss:
            last = replace(last, rss=look.rss)
        if applied >= point.events and progress.committed() >= point.events:
            yield last
            yield look
            return
        time.sleep(every_s)


def _later(point: Point, settings: Settings, workers: Workers, made: Iterator[tuple[bytes, bytes]]) -> Later:
    """The same number of events each second, until all are published."""
    time.sleep(QUIET_S)
    before, loaded, began = workers.use(), pages_loaded(settings.worker_port), time.perf_counter()
    for second in range(LATER_S):
        fill(settings, point.later // LATER_S, islice(made, point.later // LATER_S))
        time.sleep(max(0.0, began + second + 1 - time.perf_counter()))
    workers.wait_for(lambda: workers.progress.committed() >= point.events + point.later)
    after, passed_s = workers.use(), time.perf_counter() - began
    return Later(
        point.later / passed_s,
        (after.worker_s - before.worker_s) / passed_s,
        (after.redis_s - before.redis_s) / passed_s,
        (pages_loaded(settings.worker_port) - loaded) / passed_s,
    )


def _rewrite_seconds(client: redis.Redis) -> float:
    """CPU-seconds of the children that Redis had: of those that have ended."""
    info: Any = client.info("cpu")
    return float(info["used_cpu_user_children"]) + float(info["used_cpu_sys_children"])


def _used(client: redis.Redis) -> int:
    info: Any = client.info("memory")
    return int(info["used_memory"])
