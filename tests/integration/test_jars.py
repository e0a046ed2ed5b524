"""Kafka's jars: only the pinned bytes ever run, and a full cache needs no network."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pipeline.errors import LocalStackError
from pipeline.local.jars import WANTED, cache_dir, class_path, pinned_jars
from pipeline.local.ports import free_ports


class _Tampered(BaseHTTPRequestHandler):
    """A repository that answers everything with other bytes."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"not the jar")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def tampered() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Tampered) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def nowhere() -> str:
    return f"http://127.0.0.1:{free_ports(1)[0]}"


def test_other_bytes_are_refused_and_not_kept(tampered: str, tmp_path: Path) -> None:
    """A tampered or broken jar never reaches the class path, nor the cache of the next start."""
    with pytest.raises(LocalStackError, match=r"has SHA-256 .*; expected "):
        class_path(cache=tmp_path, repository=tampered)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_machine_without_network_is_told_what_it_needs(nowhere: str, tmp_path: Path) -> None:
    """The way out, a Kafka of one's own, is named."""
    with pytest.raises(LocalStackError, match="TWOWAY_KAFKA_SERVERS"):
        class_path(cache=tmp_path, repository=nowhere)


def test_full_cache_needs_no_network(nowhere: str) -> None:
    """Every later start works offline, and in no time."""
    class_path()
    assert class_path(cache=cache_dir(), repository=nowhere) == class_path()


def test_pinned_list_holds_the_wanted_versions() -> None:
    """The list was renewed after the version was raised."""
    pinned = {(jar.group, jar.artifact, jar.version) for jar in pinned_jars()}
    assert set(WANTED) <= pinned
