"""The data folder of a local stack: one owner, private secrets, addresses for other commands."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pipeline.errors import LocalStackError
from pipeline.gateway.connections import load
from pipeline.local.folder import DEFAULT, StackFolder, is_owned, use_local_stack


def test_second_owner_is_told_who_the_first_is(tmp_path: Path) -> None:
    """Two Kafkas on one data folder would destroy it."""
    with StackFolder(tmp_path), pytest.raises(LocalStackError, match=rf"process id {os.getpid()}\)"):
        StackFolder(tmp_path).__enter__()


def test_folder_is_free_again_after_its_owner(tmp_path: Path) -> None:
    """A stack that was stopped can be started again, and nobody takes it for a running one."""
    with StackFolder(tmp_path):
        assert is_owned(tmp_path)
    assert not is_owned(tmp_path)
    with StackFolder(tmp_path):
        assert is_owned(tmp_path)


def test_secrets_are_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    """Another actor key would make other actors of the same people; others on the machine must not read it."""
    with StackFolder(tmp_path) as folder:
        first = folder.actor_key().read_text(encoding="utf-8")
        paths = [folder.actor_key(), folder.connections(), folder.publish_env({"TWOWAY_REDIS_URL": "redis://x"})]
        assert folder.actor_key().read_text(encoding="utf-8") == first
    assert len(first.strip()) == 64
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths[:2]} == {0o600}


def test_connections_that_are_made_are_read_by_the_gateway(tmp_path: Path) -> None:
    """Every connection has a platform that exists and a secret in its form."""
    with StackFolder(tmp_path) as folder:
        connections, _ = load(folder.connections())
    assert set(connections) == {"facebook", "instagram", "x", "own"}
    assert all(connection.secrets for connection in connections.values())


def test_emptying_spares_what_is_not_ours(tmp_path: Path) -> None:
    """`--data` may name a folder in which somebody keeps other things."""
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "kafka").mkdir()
    with StackFolder(tmp_path) as folder:
        folder.connections()
        folder.empty()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "thesis.txt"]


def test_commands_find_the_stack_of_their_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`twoway top` in a second terminal asks the Redis of the `twoway up` in the first."""
    monkeypatch.chdir(tmp_path)
    environ: dict[str, str] = {}
    with StackFolder(DEFAULT) as folder:
        folder.publish_env({"TWOWAY_REDIS_URL": "redis://127.0.0.1:8004/0"})
        use_local_stack(["top"], environ)
    assert environ == {"TWOWAY_REDIS_URL": "redis://127.0.0.1:8004/0"}


@pytest.mark.parametrize(
    ("arguments", "environ"), [(["top"], {"TWOWAY_REDIS_URL": "redis://other"}), (["up"], {}), (["demo"], {})]
)
def test_given_servers_and_commands_that_start_a_stack_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], environ: dict[str, str]
) -> None:
    """What the environment names holds, and a new stack never takes the running one's servers for given ones."""
    monkeypatch.chdir(tmp_path)
    before = dict(environ)
    with StackFolder(DEFAULT) as folder:
        folder.publish_env({"TWOWAY_REDIS_URL": "redis://127.0.0.1:8004/0"})
        use_local_stack(arguments, environ)
    assert environ == before


def test_stack_that_no_longer_runs_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a crash the addresses may still lie there; the lock tells that nobody answers at them."""
    monkeypatch.chdir(tmp_path)
    with StackFolder(DEFAULT) as folder:
        addresses = folder.publish_env({"TWOWAY_REDIS_URL": "redis://127.0.0.1:8004/0"}).read_bytes()
    (DEFAULT / "env").write_bytes(addresses)
    environ: dict[str, str] = {}
    use_local_stack(["top"], environ)
    assert environ == {}
