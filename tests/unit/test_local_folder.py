"""The data folder of a local stack: one owner, private secrets, addresses for other commands."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pipeline.errors import LocalStackError
from pipeline.gateway.connections import load
from pipeline.local.folder import DEFAULT, StackFolder, is_owned, use_local_stack
from pipeline.settings import Settings
from tests.commands import twoway


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


STACK = {
    "TWOWAY_KAFKA_SERVERS": "127.0.0.1:8000",
    "TWOWAY_REDIS_URL": "redis://127.0.0.1:8004/0",
    "TWOWAY_ACTOR_KEY_FILE": "/a/.twoway/actor.key",
}


def beside_a_stack(environ: dict[str, str]) -> tuple[str, dict[str, str]]:
    """What a command says of the stack, and its environment then."""
    with StackFolder(DEFAULT) as folder:
        folder.publish_env(STACK)
        return use_local_stack(["feed"], environ), environ


def test_a_key_of_the_environment_stands_in_for_the_stacks_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings refuse both; the other way round as well. An empty one is none."""
    monkeypatch.chdir(tmp_path)
    key = {"TWOWAY_ACTOR_KEY": "k" * 40}
    servers = {name: value for name, value in STACK.items() if name != "TWOWAY_ACTOR_KEY_FILE"}
    assert beside_a_stack(dict(key)) == ("", key | servers)
    assert Settings.from_env(key | servers).actor_key.reveal() == "k" * 40
    assert beside_a_stack({"TWOWAY_ACTOR_KEY": ""}) == ("", {"TWOWAY_ACTOR_KEY": ""} | STACK)
    file = {"TWOWAY_REDIS_URL": STACK["TWOWAY_REDIS_URL"], "TWOWAY_ACTOR_KEY_FILE": "mine"}
    assert beside_a_stack(dict(file)) == ("", STACK | file)


def test_a_server_that_is_the_stacks_own_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the stack is found all the same: no half of it is dropped without a word."""
    monkeypatch.chdir(tmp_path)
    assert beside_a_stack({"TWOWAY_KAFKA_SERVERS": "127.0.0.1:8000"}) == ("", STACK)


@pytest.mark.parametrize("name", ["TWOWAY_KAFKA_SERVERS", "TWOWAY_REDIS_URL", "TWOWAY_REDIS_URL_FILE"])
def test_one_server_of_another_installation_leaves_the_stack_out_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Their mixture would be neither of the two."""
    monkeypatch.chdir(tmp_path)
    said, environ = beside_a_stack({name: "elsewhere"})
    assert environ == {name: "elsewhere"}
    assert said == (
        f"the stack that runs in .twoway is not used, because {name} names another server than its own; "
        "expected none to be named, or all that the other installation needs"
    )


def test_both_servers_of_another_installation_leave_the_stack_out_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is clear what is meant."""
    monkeypatch.chdir(tmp_path)
    named = {"TWOWAY_KAFKA_SERVERS": "elsewhere:9092", "TWOWAY_REDIS_URL": "redis://elsewhere"}
    assert beside_a_stack(dict(named)) == ("", named)


def test_a_command_says_on_standard_error_that_the_stack_is_not_used(tmp_path: Path) -> None:
    with StackFolder(tmp_path / DEFAULT) as folder:
        folder.publish_env(STACK)
        done = twoway("--help", cwd=tmp_path, TWOWAY_KAFKA_SERVERS="elsewhere:9092")
    assert done.returncode == 0
    assert done.stderr.startswith("twoway: the stack that runs in .twoway is not used, because TWOWAY_KAFKA_SERVERS")


def test_stack_that_no_longer_runs_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a crash the addresses may still lie there; the lock tells that nobody answers at them."""
    monkeypatch.chdir(tmp_path)
    with StackFolder(DEFAULT) as folder:
        addresses = folder.publish_env({"TWOWAY_REDIS_URL": "redis://127.0.0.1:8004/0"}).read_bytes()
    (DEFAULT / "env").write_bytes(addresses)
    environ: dict[str, str] = {}
    use_local_stack(["top"], environ)
    assert environ == {}
