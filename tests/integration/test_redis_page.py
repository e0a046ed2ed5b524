"""docs/redis.md: its commands, run by a real redis-cli, give the answers that stand below them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.local.redis import RedisServer
from pipeline.settings import Secret, Settings
from pipeline.store.keys import LAYOUT_VERSION, Keys
from schemas.engagement import COLUMNS
from tests.written import NOON_MS, Written

pytestmark = pytest.mark.servers
PAGE = (Path(__file__).parents[2] / "docs" / "redis.md").read_text()
EXAMPLES = re.findall(r"```sh\n(.*?)```\n```text\n(.*?)```", PAGE, re.DOTALL)
ACCOUNT, POST, SLOT = "1234567890", "1234567890_42", 35


@pytest.fixture
def shell(own_redis: RedisServer, tmp_path: Path) -> dict[str, str]:
    """An environment whose redis-cli speaks to this test's Redis, and prints as it does on a terminal."""
    written = Written(Settings(redis_url=Secret(own_redis.url)))
    rows = {
        "1h:2026-11-23T09": "120,31,4,6,1",
        "1m:2026-11-23T09:22": "3,1,0,0,0",
        "1m:2026-11-23T09:24": "5,2,0,1,0",
    }
    written.account((4000, 930, 80, 41, 12), rows, account=ACCOUNT, last_ms=NOON_MS + 59_000)
    page = {"polled:likes": f"41,{NOON_MS + 50_000}", "1d:2026-11-23": "40,10,2,1,1"}
    times = {"first_ms": NOON_MS - 240_000, "last_ms": NOON_MS + 59_000}
    written.post(POST, (40, 10, 2, 1, 1), page, account=ACCOUNT, **times)
    written.post("1234567890_41", (1, 0, 0, 0, 1), account=ACCOUNT, last_ms=NOON_MS - 3_840_000)
    keys, redis = written.keys, written.redis
    redis.set(keys.members(SLOT, "facebook", POST), bytes(48))
    redis.hset(keys.applied[SLOT], mapping={"3": 1812, "version": NOON_MS + 59_123, "layout": LAYOUT_VERSION})
    redis.zadd(keys.open[SLOT], {f"post:facebook:{POST}": NOON_MS + 120_000})
    return {**os.environ, "PATH": f"{_redis_cli(own_redis, tmp_path)}:{os.environ['PATH']}"}


def test_every_command_gives_the_answer_below_it(shell: dict[str, str]) -> None:
    """Copied and pasted as they stand."""
    assert len(EXAMPLES) == len(re.findall("```sh", PAGE)) >= 12
    for command, answer in EXAMPLES:
        ran = subprocess.run(["sh", "-c", command], env=shell, capture_output=True, text=True, check=True, timeout=20)
        assert ran.stdout.splitlines() == answer.splitlines(), command


def test_the_page_names_every_key_and_every_column() -> None:
    """The table of keys and the order of a row are those of the code."""
    assert Keys().slot("facebook", ACCOUNT) == SLOT
    assert f"`{','.join(COLUMNS)}`" in PAGE
    declared = re.findall(r"\| `(tw:\S+)` \|", Keys.__doc__ or "")
    assert len(declared) >= 9
    assert [key for key in declared if f"`{key}`" not in PAGE] == []


def _redis_cli(server: RedisServer, folder: Path) -> Path:
    real = shutil.which("redis-cli", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    wrapper = folder / "bin" / "redis-cli"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec "{real}" -p {server.port} --no-raw "$@"\n')
    wrapper.chmod(0o755)
    return wrapper.parent
