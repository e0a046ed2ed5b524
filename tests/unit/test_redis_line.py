"""The redis-cli of `twoway key`: what the settings say of Redis, and never a password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.redis_line import redis_line
from pipeline.settings import Secret, Settings


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A redis-cli that the shell finds."""
    (tmp_path / "redis-cli").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.parametrize(
    ("url", "more", "line"),
    [
        ("redis://localhost:6379/0", {}, "redis-cli"),
        ("redis://127.0.0.1:8004/0", {}, "redis-cli -p 8004"),
        ("redis://redis.example/2", {}, "redis-cli -h redis.example -n 2"),
        ("redis://[::1]:8004", {}, "redis-cli -h ::1 -p 8004"),
        ("unix:///run/my%20redis.sock?db=3", {}, "redis-cli -s '/run/my redis.sock' -n 3"),
        ("redis://:hunter2@redis.example:7000", {}, "redis-cli -h redis.example -p 7000 --askpass"),
        ("redis://ann:hunter2@localhost", {}, "redis-cli --user ann --askpass"),
        (
            "redis://localhost",
            {"redis_username": "bob", "redis_password": Secret("hunter2")},
            "redis-cli --user bob --askpass",
        ),
        (
            "rediss://redis.example:6380",
            {"redis_ca_file": "/etc/ca.pem", "redis_cert_file": "c.pem", "redis_key_file": "k.pem"},
            "redis-cli -h redis.example -p 6380 --tls --cacert /etc/ca.pem --cert c.pem --key k.pem",
        ),
        ("redis+cluster://a.example:7000,b.example:7001", {}, "redis-cli -h a.example -p 7000 -c"),
        ("rediss+cluster://:hunter2@a.example,b.example", {}, "redis-cli -h a.example -c --tls --askpass"),
    ],
)
def test_line_leads_to_the_redis_of_the_settings(url: str, more: dict[str, Any], line: str) -> None:
    assert redis_line(Settings(redis_url=Secret(url), **more)) == line


def test_without_a_redis_cli_on_the_path_it_is_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also where nobody activated the environment."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.chdir(tmp_path.parent)
    assert redis_line(Settings()) == f"{tmp_path.name}/redis-cli"
