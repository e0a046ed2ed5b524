"""The sample request of each page of docs/platforms: signed by its own commands, and accepted by a gateway."""

from __future__ import annotations

import asyncio
import os
import re
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from pipeline.settings import Settings
from pipeline.sources.registry import SOURCES
from tests.gateways import gateway

pytestmark = pytest.mark.servers
PAGES = sorted((Path(__file__).parents[2] / "docs" / "platforms").glob("*.md"))
TOML = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
SAMPLE = re.compile(r"^## Try it\n.*?^```sh\n(.*?)^```\n```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8001"


async def test_the_sample_of_every_page_is_accepted(settings: Settings, tmp_path: Path) -> None:
    """With the connections of the pages in `.twoway/connections.toml`, as they stand."""
    folder = tmp_path / ".twoway"
    folder.mkdir()
    texts = {page.stem: page.read_text(encoding="utf-8") for page in PAGES}
    tables = "\n".join(table for text in texts.values() for table in TOML.findall(text))
    (folder / "connections.toml").write_text(tables, encoding="utf-8")
    samples = {name: SAMPLE.findall(text) for name, text in texts.items()}
    assert [name for name, found in samples.items() if len(found) == 1] == sorted(SOURCES)
    async with gateway(settings, folder) as client:
        said = {}
        for name, [(commands, _)] in samples.items():
            assert ADDRESS in commands
            said[name] = await run(commands.replace(ADDRESS, str(client.base_url).rstrip("/")), tmp_path)
    assert said == {name: answer.strip() for name, [(_, answer)] in samples.items()}


async def run(commands: str, folder: Path) -> str:
    """What a shell in this folder says to these commands."""
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    shell = await asyncio.create_subprocess_exec("sh", "-c", commands, cwd=folder, env=env, stdout=PIPE, stderr=PIPE)
    said, failed = await asyncio.wait_for(shell.communicate(), 60)
    return (said + failed).decode().strip()
