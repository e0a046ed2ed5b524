"""docs/reading.md: its commands, addresses and programs do what the page says."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import httpx
import pytest
import typer
from typer.testing import CliRunner

from pipeline.api.server import serving
from pipeline.cli import keys, pages, unanswered, watch
from pipeline.clock import wall_clock
from pipeline.counting.members import hash_id
from pipeline.settings import Settings
from pipeline.store.texts import mark_of
from schemas.unanswered import unanswered_key
from tests.commands import run_program
from tests.factories import make_unanswered, make_update
from tests.published import Published
from tests.waiting import DEADLINE_S
from tests.written import Written

pytestmark = pytest.mark.servers
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reading.md").read_text()
COMMANDS = re.findall(r"^twoway (.*)$", PAGE, re.MULTILINE)
ADDRESSES = re.findall(r"curl -s 'http://127.0.0.1:8002(.*)'", PAGE)
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ACCOUNT, POST = "1234567890", "1234567890_42"


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """An account and a post in Redis, an update in Kafka, and the variables that lead there."""
    written, now_ms = Written(settings), wall_clock()
    written.account((4000, 930, 80, 41, 12), account=ACCOUNT, last_ms=now_ms)
    written.post(POST, (40, 10, 2, 1, 1), account=ACCOUNT, last_ms=now_ms)
    written.waiting("c1", now_ms - 120_000, account=ACCOUNT, post=POST, text="Is it vegan?")
    published = Published(settings)
    key = unanswered_key("facebook", POST, mark_of(hash_id("c1")))
    published.queue(key, make_unanswered(account=ACCOUNT, post=POST))
    published.updates(make_update(entity="account", id=ACCOUNT, account=ACCOUNT))
    published.close()
    return {
        "TWOWAY_REDIS_URL": settings.redis_url.reveal(),
        "TWOWAY_KEY_PREFIX": settings.key_prefix,
        "TWOWAY_KAFKA_SERVERS": ",".join(settings.kafka_servers),
        "TWOWAY_TOPIC_PREFIX": settings.topic_prefix,
    }


def test_every_command_answers(environment: dict[str, str]) -> None:
    """Each names the account or the post that is there."""
    app = typer.Typer()
    for noun in (pages, unanswered, watch, keys):
        noun.register(app)
    assert len(COMMANDS) >= 13
    for command in COMMANDS:
        result = CliRunner().invoke(app, command.split(), env=environment)
        assert result.exit_code == 0, (command, result.output, result.exception)
        assert ACCOUNT in result.stdout or "--series" in command, command


async def test_every_address_answers(settings: Settings, environment: dict[str, str]) -> None:
    """On an API of this test."""
    assert len(ADDRESSES) >= 8
    async with serving(settings) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as api:
        for path in ADDRESSES:
            assert (await api.get(path)).status_code == 200, path


def test_a_program_that_only_a_lull_ends_says_so() -> None:
    """Beside the running demo it would seem to hang."""
    waiting = [program for program in PROGRAMS if "idle_s" in program]
    assert len(waiting) == 2
    assert all("# idle_s ends it when nothing has come" in program for program in waiting)


@pytest.mark.parametrize(
    ("number", "printed"),
    [
        (0, r"^930 4000 0\.2325\n1234567890_42 0\.19"),
        (1, r"^facebook 1234567890 0\.2325\n$"),
        (2, r"^1234567890_42 2 Is it vegan\?\n$"),
        (3, r"^1 wait\n$"),
        (4, r"^1234567890 2 4 0\.5 False\n$"),
    ],
)
def test_every_program_runs(environment: dict[str, str], number: int, printed: str) -> None:
    """The client, the reader in asyncio, a queue page by page, its subscriber, and the subscriber of ten lines."""
    assert len(PROGRAMS) == 5
    program = [sys.executable, "-c", PROGRAMS[number]]
    ran = run_program(program, env={**os.environ, **environment}, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    assert re.match(printed, ran.stdout), ran.stdout


def test_the_subscriber_of_the_page_has_ten_lines() -> None:
    """Whoever reads it sees at once that subscribing is short."""
    assert len([line for line in PROGRAMS[4].splitlines() if line.strip()]) <= 10
