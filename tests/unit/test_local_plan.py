"""Which ports and settings a local stack gets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import LocalStackError, SettingsError
from pipeline.local.folder import StackFolder
from pipeline.local.plan import make_plan
from pipeline.local.ports import LOOPBACK, refuse_taken
from pipeline.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[StackFolder]:
    with StackFolder(tmp_path / "data") as folder:
        yield folder


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a directory without a connections.toml."""
    monkeypatch.chdir(tmp_path)


def test_roles_have_the_ports_of_the_defaults(folder: StackFolder) -> None:
    """What the documents say of ports holds for a stack without options."""
    plan, default = make_plan(folder, {}, 8000, 1), Settings()
    assert dict(plan.ports) == {
        "kafka": 8000,
        "gateway": default.gateway_port,
        "api": default.api_port,
        "worker": default.worker_port,
        "redis": 8004,
        "kafka's controller": 8005,
    }


def test_no_port_is_given_twice(folder: StackFolder) -> None:
    """Every worker has a port of its own."""
    ports = [port for _, port in make_plan(folder, {}, 9000, 5).ports]
    assert len(set(ports)) == len(ports) == 10


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_notify_and_listener_have_ports_of_their_own_however_many_workers_there_are(
    folder: StackFolder, workers: int
) -> None:
    """What a scraper was told once holds for the next start with more workers."""
    plan = make_plan(folder, {"TWOWAY_ALERT_URL": "https://hooks.example/"}, 9000, workers)
    ports = [*dict(plan.ports).values(), plan.settings.listener_port]
    assert (dict(plan.ports)["notify"], plan.settings.listener_port) == (9006, 9007)
    assert len(set(ports)) == len(ports) == 7 + workers


def test_addresses_of_an_earlier_start_do_not_clash_with_more_workers(folder: StackFolder) -> None:
    """Who sources `.twoway/env` of a stack with one worker gives its ports to the next start with three."""
    alerts = {"TWOWAY_ALERT_URL": "https://hooks.example/"}
    before = make_plan(folder, alerts, 8000, 1).variables
    ports = {name: value for name, value in before.items() if name.endswith("_PORT")} | alerts
    assert make_plan(folder, ports, 8000, 3).worker_ports == (8003, 8008, 8009)


def test_further_workers_go_around_ports_that_were_given_to_roles(folder: StackFolder) -> None:
    environ = {"TWOWAY_NOTIFY_PORT": "8008", "TWOWAY_LISTENER_PORT": "8010"}
    assert make_plan(folder, environ, 8000, 3).worker_ports == (8003, 8009, 8011)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"TWOWAY_API_PORT": "8001"}, "port 8001 is wanted for gateway and for api"),
        ({"TWOWAY_WORKER_PORT": "8004"}, "port 8004 is wanted for redis and for worker"),
        (
            {"TWOWAY_ALERT_URL": "https://hooks.example/", "TWOWAY_NOTIFY_PORT": "8003"},
            "port 8003 is wanted for worker and for notify",
        ),
    ],
)
def test_a_port_that_is_wanted_twice_is_refused_with_both_names(
    folder: StackFolder, environ: dict[str, str], said: str
) -> None:
    """Not by whoever comes second, as taken by another program."""
    with pytest.raises(LocalStackError, match=f"{said}; expected a port for each"):
        make_plan(folder, environ, 8000, 2)


def test_given_servers_are_used_and_not_started(folder: StackFolder) -> None:
    """With both named, only the roles are left to start."""
    environ = {"TWOWAY_KAFKA_SERVERS": "kafka.example:9092", "TWOWAY_REDIS_URL": "redis://redis.example/0"}
    plan = make_plan(folder, environ, 8000, 1)
    assert [name for name, _ in plan.ports] == ["gateway", "api", "worker"]
    assert plan.settings.kafka_servers == ("kafka.example:9092",)
    assert plan.settings.redis_url.reveal() == "redis://redis.example/0"


def test_secrets_are_made_where_none_are_given(folder: StackFolder) -> None:
    """A stack without any preparation takes webhooks and has a key for its actors."""
    settings = make_plan(folder, {}, 8000, 1).settings
    assert len(settings.actor_key.reveal()) == 64
    assert settings.connections_file == str(folder.path / "connections.toml")


def test_given_secrets_are_kept(folder: StackFolder, tmp_path: Path) -> None:
    """A connections.toml in the directory is the user's own."""
    (tmp_path / "connections.toml").write_text("", encoding="utf-8")
    settings = make_plan(folder, {"TWOWAY_ACTOR_KEY": "k" * 32}, 8000, 1).settings
    assert settings.actor_key.reveal() == "k" * 32
    assert settings.connections_file == str(tmp_path / "connections.toml")


def test_wrong_environment_is_refused_before_anything_is_made(folder: StackFolder) -> None:
    """A misspelt variable is named, and no secret lies around because of it."""
    with pytest.raises(SettingsError, match="TWOWAY_KAFKA_SERVER is no setting"):
        make_plan(folder, {"TWOWAY_KAFKA_SERVER": "x"}, 8000, 1)
    assert [path.name for path in folder.path.iterdir()] == ["lock"]


def test_a_port_that_is_taken_is_answered_with_what_to_type() -> None:
    """In both spellings: whoever typed make finds no option --ports-from there."""
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        with pytest.raises(LocalStackError, match=r"--ports-from 9000 \(with make: PORTS_FROM=9000\)"):
            refuse_taken([("the API", other.getsockname()[1])])


@pytest.mark.parametrize(("ports_from", "workers"), [(80, 1), (65_530, 1), (8000, 0), (8000, 65)])
def test_numbers_that_cannot_be_are_refused(folder: StackFolder, ports_from: int, workers: int) -> None:
    """The message says what is expected."""
    with pytest.raises(LocalStackError, match="expected"):
        make_plan(folder, {}, ports_from, workers)
