"""`make audit`: a clean word only where packages were looked up; soft only where the database is out of reach."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.audit import audit


@pytest.fixture
def database() -> Iterator[str]:
    """A database that answers."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    thread.join()
    server.server_close()


def saying(dependencies: list[dict[str, Any]]) -> list[str]:
    """A program that reports this, as pip-audit would."""
    report = json.dumps({"dependencies": dependencies})
    return [sys.executable, "-c", f"import pathlib, sys; pathlib.Path(sys.argv[-1]).write_text({report!r})"]


CLEAN = {"name": "redis", "version": "8.1.0", "vulns": []}
WEAK = {"name": "redis", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": []}]}
SKIPPED = {"name": "xxhash", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("dependencies", "code", "said"),
    [
        ([CLEAN], 0, "1 packages looked up, 0 known vulnerabilities, 0 not looked up"),
        ([CLEAN, WEAK], 1, "redis 1.0: PYSEC-1, mended in 1.1"),
        ([CLEAN, SKIPPED], 1, "xxhash was not looked up: not found"),
        ([], 1, "0 packages looked up"),
    ],
)
def test_what_was_found_or_not_looked_up_fails(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], dependencies: list[Any], code: int, said: str
) -> None:
    """A package of which nobody knows is not one that is well."""
    assert audit(tmp_path / "build" / "audit.json", saying(dependencies), database) == code
    assert said in capsys.readouterr().out


def test_a_program_that_breaks_fails(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what it said."""
    assert audit(tmp_path / "audit.json", [sys.executable, "-c", "raise SystemExit('no such option')"], database) == 1
    assert "NOT AUDITED: pip-audit ended with 1 and no report:\nno such option" in capsys.readouterr().out


def test_a_database_out_of_reach_is_said_and_fails_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And leaves no report of an earlier audit that could be taken for this one's."""
    report = tmp_path / "audit.json"
    report.write_text("{}")
    assert audit(report, saying([CLEAN]), "http://127.0.0.1:1/v1/query") == 0
    assert capsys.readouterr().out.startswith("NOT AUDITED: http://127.0.0.1:1/v1/query cannot be reached from here (")
    assert not report.exists()
