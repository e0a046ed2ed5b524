"""`twoway up` and `twoway demo` as a user runs them."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from redis import Redis

from pipeline.clock import wall_clock
from pipeline.local.children import Child
from pipeline.local.jars import cache_dir
from pipeline.local.ports import CHOSEN_FROM, is_free
from pipeline.local.simulator import meta
from pipeline.local.simulator.brands import BRANDS
from pipeline.local.simulator.happenings import Happening
from tests.commands import run_program
from tests.conftest import kafka_jars
from tests.said import said
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.servers

START_S = DEADLINE_S
GATEWAY, API, WORKER, REDIS = 1, 2, 3, 4


@pytest.fixture(scope="module", autouse=True)
def quick_kafka() -> None:
    """Else the first stack would make the cache beside itself."""
    kafka_jars()


def environment() -> dict[str, str]:
    """This process's, without settings of the developer's own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TWOWAY_")}


def free_row(count: int = 8) -> int:
    """The first of so many free ports in a row."""
    drawn = random.SystemRandom().sample(CHOSEN_FROM[:-count], 200)
    return next(start for start in drawn if all(is_free(start + n) for n in range(count)))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pipeline", *arguments]


def children_of(parent: Child) -> dict[int, str]:
    """Process id -> command line of everything that it started and that still runs."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return {int(pid): line for pid, ppid, line in rows if int(ppid) == parent.pid}


def wait_up(up: Child) -> None:
    wait_until(lambda: "up; Ctrl-C" in said(up) or not up.is_running(), START_S)
    assert up.is_running(), up.tail(lines=50)


def send_a_like(data: Path, first: int, post: str) -> None:
    """As Facebook would, with the secret that `up` made."""
    secrets = tomllib.loads((data / "connections.toml").read_text(encoding="utf-8"))["connections"]["facebook"][
        "secrets"
    ]
    like = Happening(BRANDS[0], "like", "add", post, f"{post}/u1", "u1", wall_clock())
    content = meta.body([like], wall_clock())
    url = f"http://127.0.0.1:{first + GATEWAY}/webhooks/facebook"
    headers = meta.headers(content, secrets[0])
    wait_until(lambda: httpx.post(url, content=content, headers=headers, timeout=DEADLINE_S).status_code == 200)


def likes(first: int) -> int:
    """Of the brand, as the API says."""
    brand = BRANDS[0]
    answer = httpx.get(
        f"http://127.0.0.1:{first + API}/v1/accounts/{brand.platform}/{brand.account}", timeout=DEADLINE_S
    )
    return int(answer.json()["likes"]) if answer.status_code == 200 else 0


def test_a_part_that_dies_is_named_and_ends_the_rest(tmp_path: Path, start_child: Callable[..., Child]) -> None:
    """Nobody looks at a half stack and takes its silence for quiet; meanwhile a second start on its data is refused."""
    first = free_row()
    up = start_child("up", command("up", "--data", str(tmp_path), "--ports-from", str(first)), environment())
    wait_up(up)
    second = run_program(command("up", "--data", str(tmp_path)), env=environment())
    assert second.returncode == 1
    assert f"already runs on {tmp_path} (process id {up.pid})" in second.stderr
    children = children_of(up)
    os.kill(next(pid for pid, line in children.items() if line.endswith(" worker")), signal.SIGKILL)
    wait_until(lambda: up.exit_code is not None)
    assert up.exit_code == 1
    assert "worker ended (signal SIGKILL)" in said(up)
    assert len(children) == 5
    assert children_of(up) == {}


def test_numbers_survive_a_restart(tmp_path: Path, start_child: Callable[..., Child]) -> None:
    """A stop loses nothing and a start counts nothing twice: one like before, one after, two in the end."""
    first = free_row()
    arguments = command("up", "--data", str(tmp_path), "--ports-from", str(first))
    up = start_child("up", arguments, environment())
    wait_up(up)
    send_a_like(tmp_path, first, "p1")
    wait_until(lambda: likes(first) == 1)
    up.stop(grace_s=DEADLINE_S)
    assert up.exit_code == 0
    again = start_child("up", arguments, environment())
    wait_up(again)
    assert likes(first) == 1
    send_a_like(tmp_path, first, "p2")
    wait_until(lambda: likes(first) == 2)
    with Redis(port=first + REDIS) as redis:
        assert redis.ping()
    ended = run_program(command("down", "--data", str(tmp_path)), env=environment(), check=True)
    assert ended.stdout.splitlines()[-1] == "stopped"
    wait_until(lambda: again.exit_code is not None)
    assert again.exit_code == 0


@pytest.mark.prove
def test_the_first_start_makes_the_next_ones_quick(tmp_path: Path, start_child: Callable[..., Child]) -> None:
    """Beside the stack, with what it leaves of the processor: one file for Kafka's Java, which the next broker maps."""
    cache = tmp_path / "cache" / "twoway" / "jars"
    cache.mkdir(parents=True)
    for folder in filter(Path.is_dir, cache_dir().iterdir()):
        (cache / folder.name).symlink_to(folder)
    (cache / "aot-left").mkdir()  # by one that was killed
    arguments = command("up", "--data", str(tmp_path / "data"), "--ports-from", str(free_row()))
    up = start_child("up", arguments, environment() | {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    wait_up(up)
    wait_until(lambda: list(cache.glob("kafka-*.aot")) and not list(cache.glob("aot-*")))
    up.stop(grace_s=DEADLINE_S)
    again = start_child("up", arguments, environment() | {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    wait_up(again)
    maps = [Path(f"/proc/{pid}/maps").read_text(encoding="utf-8") for pid in children_of(again)]
    assert sum(str(cache / "kafka-") in mapped for mapped in maps) == 1


def test_taken_port_is_named(tmp_path: Path, start_child: Callable[..., Child]) -> None:
    """The message says which port, for what, and what to do."""
    first = free_row()
    listen = f"s = socket.create_server(('127.0.0.1', {first + GATEWAY})); print('on', flush=True); time.sleep(60)"
    holder = start_child("holder", [sys.executable, "-c", f"import socket, time; {listen}"])
    wait_until(lambda: "on" in said(holder))
    up = start_child("up", command("up", "--data", str(tmp_path), "--ports-from", str(first)), environment())
    wait_until(lambda: up.exit_code is not None)
    assert up.exit_code == 1
    assert f"port {first + GATEWAY}, wanted for gateway, is taken" in said(up)


def test_demo_ends_with_a_proof(tmp_path: Path, start_child: Callable[..., Child]) -> None:
    """The last words: how much was sent, how many rows were compared, and that none differs.

    Before them, of each account: whether it answers, who waits, who is silent, and what makes people talk.
    """
    arguments = command("demo", "--seconds", "6", "--data", str(tmp_path), "--ports-from", str(free_row()))
    demo = start_child("demo", arguments, environment())
    wait_until(lambda: demo.exit_code is not None, START_S + DEADLINE_S)
    shown = demo.tail(lines=200)
    proof = re.search(r"interactions sent ([\d,]+)  rows compared ([\d,]+)  rows different 0$", shown)
    assert demo.exit_code == 0, shown
    assert proof, shown
    assert all(int(number.replace(",", "")) > 100 for number in proof.groups())
    assert "comments a like" in shown
    assert re.search(r"Atlas Rail .*\n +answers +none of \d+ comments\n +waiting +\d+ comments, the oldest for ", shown)
    assert re.search(r"Northwind Cycles .*\n +answers +[5-9]\d\.\d % of \d+ comments, half of them within \d", shown)
    assert len(
        re.findall(r" silent +(?:at most )?9\d\.\d % of [\d,]+ followers; [\d,]+ people did something", shown)
    ) == len(BRANDS)
    assert len(re.findall(r" questions +(?:[\d.,]+ times the comments|too few posts)", shown)) == len(BRANDS)


def test_demo_proves_after_the_first_interrupt(tmp_path: Path, start_child: Callable[..., Child]) -> None:
    """Who has seen enough presses Ctrl-C once and still gets the proof."""
    demo = start_child("demo", command("demo", "--data", str(tmp_path), "--ports-from", str(free_row())), environment())
    wait_until(lambda: "comments a like" in said(demo), START_S)
    assert demo.pid is not None
    os.kill(demo.pid, signal.SIGINT)
    wait_until(lambda: demo.exit_code is not None)
    assert demo.tail(lines=50).endswith("  rows different 0")
    assert demo.exit_code == 0
