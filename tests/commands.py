"""Runs `twoway` as a user does: a process of its own, everything by environment and arguments."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from pipeline.settings import Settings
from tests.waiting import DEADLINE_S

TWOWAY = [sys.executable, "-m", "pipeline"]


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """The environment in which `twoway` works on a test's installation; every role takes a free port."""
    return _without_ours() | variables(settings) | more


def variables(settings: Settings) -> dict[str, str]:
    """What leads to a test's installation."""
    return {
        "TWOWAY_KAFKA_SERVERS": ",".join(settings.kafka_servers),
        "TWOWAY_REDIS_URL": settings.redis_url.reveal(),
        "TWOWAY_TOPIC_PREFIX": settings.topic_prefix,
        "TWOWAY_KEY_PREFIX": settings.key_prefix,
        "TWOWAY_GROUP": settings.group,
        "TWOWAY_ACTOR_KEY": settings.actor_key.reveal(),
        "TWOWAY_WORKER_PORT": "0",
        "TWOWAY_GATEWAY_PORT": "0",
        "TWOWAY_API_PORT": "0",
    }


def run_program(
    command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None, *, check: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; gives what it said and its exit code. Fails when it takes for ever."""
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=check, timeout=DEADLINE_S)


def twoway_json(settings: Settings, *arguments: str, stdin: bytes = b"", **more: str) -> tuple[int, dict[str, Any]]:
    """Run a command with --json; gives its exit code and its report."""
    done = subprocess.run(
        [*TWOWAY, *arguments, "--json"],
        input=stdin,
        env=environment(settings, **more),
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.stdout, done.stderr.decode()
    return done.returncode, orjson.loads(done.stdout)


def twoway(*arguments: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command with these `TWOWAY_*` variables alone, in a directory of the test's own where it names one."""
    return run_program([*TWOWAY, *arguments], _without_ours() | env, cwd)


def _without_ours() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TWOWAY_")}
