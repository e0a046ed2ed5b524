"""What simulations share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.local.ports import free_ports
from pipeline.local.redis import RedisServer
from tests.waiting import DEADLINE_S


@pytest.fixture(scope="module")
def socket() -> Iterator[str]:
    """A Redis on a socket of its own, without files."""
    with tempfile.TemporaryDirectory(prefix="tw") as folder:
        (port,) = free_ports(1)
        path = str(Path(folder) / "s")
        server = RedisServer(Path(folder), port, options={"unixsocket": path, "appendonly": "no"})
        server.start()
        try:
            server.wait_healthy(DEADLINE_S)
            yield path
        finally:
            server.kill()
