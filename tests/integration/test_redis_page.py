"""docs/redis.md: its commands, run by a real redis-cli, give the answers that stand below them."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from pipeline.counting.rows import reply_quantile_ms
from pipeline.labels.post import Labels, encode_labels
from pipeline.local.redis import RedisServer
from pipeline.settings import Secret, Settings
from pipeline.store.checkpoint import WATERMARK, published_field
from pipeline.store.keys import LAYOUT_VERSION, Keys
from schemas.engagement import COLUMNS, REPLY_BUCKETS, REPLY_TIMES_S
from tests.commands import run_program
from tests.written import NOON_MS, Written

pytestmark = pytest.mark.servers
PAGE = (Path(__file__).parents[2] / "docs" / "redis.md").read_text()
EXAMPLES = re.findall(r"```sh\n(.*?)```\n```text\n(.*?)```", PAGE, re.DOTALL)
ACCOUNT, POST, SLOT = "1234567890", "1234567890_42", 35
LABELS = Labels(question=True, media="image", hashtags=("soup",), hour=9, weekday=0, lang="en", words=7)
ACTORS = [
    "5e884898da28047151d0e56f8dc62927",
    "6b86b273ff34fce19d6b804eff5a3f57",
    "d4735e3a265e16eee03f59718b9b5d03",
    "4e07408562bedb8b60ce05c1decfe3ad",
]


@pytest.fixture
def shell(own_redis: RedisServer, tmp_path: Path) -> dict[str, str]:
    """An environment whose redis-cli speaks to this test's Redis, and prints as it does on a terminal."""
    written = Written(Settings(redis_url=Secret(own_redis.url)))
    rows = {
        "answered": "412",
        "reply_times": "40,61,75,80,66,30,25,20,10,5",
        "1h:2026-11-23T09": "120,31,4,6,1,9,2,3,1,2,1",
        "1m:2026-11-23T09:22": "3,1,0,0,0",
        "1m:2026-11-23T09:24": "5,2,0,1,0",
    }
    written.account((4000, 930, 80, 41, 12), rows, account=ACCOUNT, last_ms=NOON_MS + 59_000)
    page = {
        "polled:likes": f"41,{NOON_MS + 50_000}",
        "answered": "1",
        "reply_times": "0,0,1",
        "1d:2026-11-23": "40,10,2,1,1,1,0,0,1",
    }
    times = {"first_ms": NOON_MS - 240_000, "last_ms": NOON_MS + 59_000}
    written.post(POST, (40, 10, 2, 1, 1), page, account=ACCOUNT, **times)
    labelled = {"labels": encode_labels(LABELS).decode(), "published_ms": str(NOON_MS - 240_000)}
    written.post("1234567890_41", (1, 0, 0, 0, 1), labelled, account=ACCOUNT, last_ms=NOON_MS - 3_840_000)
    older, newer = NOON_MS - 120_000, NOON_MS - 60_000
    written.waiting(f"{POST}_7", older, account=ACCOUNT, post=POST, text="Is it vegan?", actor=ACTORS[0])
    written.waiting(f"{POST}_9", newer, account=ACCOUNT, post=POST)
    keys, redis = written.keys, written.redis
    for window, actors in {"all": ACTORS, "1d:2026-11-23": ACTORS[:2], "1d:2026-11-22": ACTORS[1:3]}.items():
        redis.pfadd(keys.engaged(SLOT, "facebook", ACCOUNT, window), *actors)
    redis.pfadd(keys.engaged_post(SLOT, "facebook", POST), *ACTORS[:2])
    redis.set(keys.members(SLOT, "facebook", POST), bytes(48))
    settings = Settings()
    applied = {"3": 1812, "version": NOON_MS + 59_123, "layout": LAYOUT_VERSION}
    sizes = {"windows": settings.windows.text, "engaged_windows": settings.engaged_windows.text}
    published = {published_field(3): 1812, WATERMARK: NOON_MS + 58_764}
    redis.hset(keys.applied[SLOT], mapping=applied | sizes | published)
    redis.zadd(keys.open[SLOT], {f"post:facebook:{POST}": NOON_MS + 120_000})
    return {**os.environ, "PATH": f"{_redis_cli(own_redis, tmp_path)}:{os.environ['PATH']}"}


def test_every_command_gives_the_answer_below_it(shell: dict[str, str]) -> None:
    """Copied and pasted as they stand."""
    assert len(EXAMPLES) == len(re.findall("```sh", PAGE)) >= 17
    for command, answer in EXAMPLES:
        ran = run_program(["sh", "-c", command], env=shell, check=True)
        assert ran.stdout.splitlines() == answer.splitlines(), command


def test_the_page_names_every_key_and_every_column() -> None:
    """The table of keys and the order of a row are those of the code."""
    assert Keys().slot("facebook", ACCOUNT) == SLOT
    assert f"`{','.join(COLUMNS)}[,answered,times...]`" in PAGE
    assert ", ".join(map(str, REPLY_TIMES_S)) in PAGE
    assert f"up to {REPLY_BUCKETS} reply times" in PAGE
    declared = re.findall(r"\| `(tw:\S+)` \|", Keys.__doc__ or "")
    assert len(declared) >= 20
    assert [key for key in declared if f"`{key}`" not in PAGE.replace("\\|", "|")] == []


def test_the_median_of_the_page_is_the_codes() -> None:
    """Read off the buckets by hand."""
    assert "so half of them were answered within 120 s" in PAGE
    assert reply_quantile_ms((40, 61, 75, 80, 66, 30, 25, 20, 10, 5), 0.5) == 120_000


def _redis_cli(server: RedisServer, folder: Path) -> Path:
    real = shutil.which("redis-cli", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    wrapper = folder / "bin" / "redis-cli"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec "{real}" -p {server.port} --no-raw "$@"\n')
    wrapper.chmod(0o755)
    return wrapper.parent
