"""README.md: its commands, copied and pasted, give the answers that stand below them; so does its webhook."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.local.children import Child
from pipeline.local.folder import StackFolder
from pipeline.settings import Settings
from tests.commands import TWOWAY, environment, run_program
from tests.gateways import gateway, meta_headers
from tests.waiting import wait_until

pytestmark = pytest.mark.servers
PAGE = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
#: Commands with the answer right below; the block ends at its own fence, so that no prose is taken for commands.
EXAMPLES = re.findall(r"```sh\n((?:(?!```).)*)```\n```text\n(.*?)```", PAGE, re.DOTALL)
(WEBHOOK,) = re.findall(r"```sh\n(secret=.*?)```", PAGE, re.DOTALL)
ACTIVATE = ". .venv/bin/activate\n"


@pytest.fixture
def shell(settings: Settings, start_child: Callable[..., Child], tmp_path: Path) -> Callable[[str], list[str]]:
    """Runs lines in bash as in a terminal beside `twoway up`; gives what they print, without the spaces of tables."""
    start_child("worker", [*TWOWAY, "worker"], environment(settings))
    command = tmp_path / "bin" / "twoway"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipeline "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}:{os.environ['PATH']}"
    env = environment(settings, PATH=path, PYTHONPATH=str(Path(__file__).parents[2]))

    def run(lines: str) -> list[str]:
        done = run_program(["bash", "-c", lines], env=env, cwd=tmp_path)
        return [" ".join(line.split()) for line in (done.stdout + done.stderr).splitlines()]

    return run


def test_every_command_gives_the_answer_below_it(shell: Callable[[str], list[str]]) -> None:
    """The worker needs a moment, and every command may be given again: it changes nothing then."""
    assert len(EXAMPLES) >= 5
    assert ACTIVATE in EXAMPLES[0][0]
    for command, answer in EXAMPLES:
        wanted = [" ".join(line.split()) for line in answer.splitlines() if line != "..."]
        wait_until(lambda c=command, w=wanted: set(w) <= set(shell(c.replace(ACTIVATE, ""))))


def test_what_the_commands_write_stays_out_of_git() -> None:
    """Whoever follows the page in a clone has nothing new in `git status`."""
    written = re.findall(r"^cat > (\S+) <<", PAGE, re.MULTILINE)
    ignored = (Path(__file__).parents[2] / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert written
    assert [name for name in written if f"/{name}" not in ignored] == []


async def test_the_webhook_is_taken_and_counted(
    settings: Settings, shell: Callable[[str], list[str]], tmp_path: Path
) -> None:
    """Signed here instead of by openssl, sent by httpx instead of by curl: the suite needs neither."""
    with StackFolder(tmp_path / ".twoway") as folder:
        connections = tomllib.loads(folder.connections().read_text(encoding="utf-8"))["connections"]
        secret_line, _, rest = WEBHOOK.partition("\n")
        (secret,) = shell(f'{secret_line}\nprintf %s "$secret"')
        assert [secret] == connections["facebook"]["secrets"]
        body = "\n".join(shell(f'{rest.partition("signature=")[0]}\nprintf %s "$body"')).encode()
        (path,) = re.findall(r"http://127.0.0.1:8001(\S+)", WEBHOOK)
        async with gateway(settings, folder.path) as client:
            answer = await client.post(path, content=body, headers=meta_headers(body, secret))
    assert (answer.status_code, answer.json()["accepted"]) == (200, 2)
    last = WEBHOOK.splitlines()[-1]
    await asyncio.to_thread(wait_until, lambda: "comments / likes 1.00 comment_to_like" in shell(last), 40)
