"""What can be said of the Docker files without an engine: they agree with the settings, the commands and each other."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from pipeline.cli.main import build
from pipeline.listening.server import LISTENERS as PLATFORMS
from pipeline.local.jars import WANTED
from pipeline.settings import Settings

ROOT = Path(__file__).parents[2]
ROLES = ("gateway", "worker", "api", "notify")
LISTENERS = ("bluesky", "mastodon")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def dockerfile() -> list[str]:
    return (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").splitlines()


def environment_of(service: dict[str, Any]) -> dict[str, str]:
    """The service's own settings; what comes from outside (`${...}`) gets a value that fits."""
    given = {name: str(value) for name, value in service["environment"].items() if name.startswith("TWOWAY_")}
    return {name: "x" * 32 if value.startswith("${") else value for name, value in given.items()}


@pytest.mark.parametrize("role", [*ROLES, *LISTENERS])
def test_settings_of_a_role_are_accepted(compose: dict[str, Any], role: str) -> None:
    """A variable that no longer exists would stop the container at its start."""
    settings = Settings.from_env(environment_of(compose["services"][role]))
    assert settings.kafka_servers == ("kafka:9092",)


@pytest.mark.parametrize("platform", LISTENERS)
def test_a_listener_runs_only_where_it_is_asked_for(compose: dict[str, Any], platform: str) -> None:
    """Under a profile of its name, with the command that there is; its health is asked on the listener's port."""
    service = compose["services"][platform]
    port = Settings.from_env(environment_of(service)).listener_port
    assert platform in PLATFORMS
    assert (service["profiles"], service["command"]) == ([platform], ["listen", platform])
    assert f"http://127.0.0.1:{port}/readyz" in service["healthcheck"]["test"][-1]
    assert "ports" not in service


@pytest.mark.parametrize("role", ["gateway", *LISTENERS])
def test_a_connections_file_that_an_editor_replaces_is_seen(compose: dict[str, Any], role: str) -> None:
    """A mount of one file keeps the old file when another takes its name; so its directory is mounted, read-only."""
    service = compose["services"][role]
    file = PurePosixPath(environment_of(service)["TWOWAY_CONNECTIONS_FILE"])
    source, target, mode = service["volumes"][0].split(":")
    assert (PurePosixPath(target), mode, len(service["volumes"])) == (file.parent, "ro", 1)
    assert source == "./config"
    head = (ROOT / "docker-compose.yml").read_text(encoding="utf-8").partition("\n\n")[0]
    assert f"cp deploy/connections.example.toml {source.removeprefix('./')}/{file.name}" in head


def test_variables_of_the_image_are_settings(dockerfile: list[str]) -> None:
    """The same for what the image sets."""
    names = {field.name.upper() for field in fields(Settings)}
    words = [word for line in dockerfile if line.startswith("ENV") for word in line.split() if "TWOWAY_" in word]
    assert words
    assert {word.partition("=")[0].removeprefix("TWOWAY_") for word in words} <= names


def test_alerts_are_posted_only_where_it_is_asked_for(compose: dict[str, Any]) -> None:
    """Who sets no address starts the stack without it."""
    assert compose["services"]["notify"]["profiles"] == ["notify"]


@pytest.mark.parametrize("role", ROLES)
def test_role_answers_where_its_health_is_asked(compose: dict[str, Any], role: str) -> None:
    """The port of the setting is the one that is published and the one that the health check asks."""
    service = compose["services"][role]
    port = getattr(Settings.from_env(environment_of(service)), f"{role}_port")
    assert f"http://127.0.0.1:{port}/readyz" in service["healthcheck"]["test"][-1]
    assert all(published == f"127.0.0.1:{port}:{port}" for published in service.get("ports", ()))


def test_commands_exist(compose: dict[str, Any]) -> None:
    """Every container of ours runs a command that the command line has."""
    app = build()
    commands = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    ours = [service for service in compose["services"].values() if service["image"] == "twoway"]
    assert {service["command"][0] for service in ours} == {*ROLES, "topics", "listen"}
    assert {service["command"][0] for service in ours} <= commands


def test_roles_wait_for_topics_and_a_healthy_redis(compose: dict[str, Any]) -> None:
    """Nothing starts on servers that are not ready, and topics are made on a healthy broker."""
    services = compose["services"]
    for role in (*ROLES, *LISTENERS):
        waits = {name: on["condition"] for name, on in services[role]["depends_on"].items()}
        assert waits == {"topics": "service_completed_successfully", "redis": "service_healthy"}
    assert services["topics"]["depends_on"]["kafka"]["condition"] == "service_healthy"


def test_containers_of_ours_can_do_little(compose: dict[str, Any], dockerfile: list[str]) -> None:
    """Not root, no capabilities, nothing to write to."""
    users = [line.split()[1] for line in dockerfile if line.startswith("USER ")]
    assert users == ["10001"]
    for service in (service for service in compose["services"].values() if service["image"] == "twoway"):
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]


def test_nothing_is_published_beyond_this_machine(compose: dict[str, Any]) -> None:
    """Every published port is bound to loopback."""
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_kafka_is_the_version_of_the_local_stack(compose: dict[str, Any]) -> None:
    """The same broker with Docker and without."""
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{WANTED[0][2]}"


def test_both_ways_to_install_pin_the_same_versions() -> None:
    """The image's packages are a part of those that the tests ran with."""
    pins = [(ROOT / name).read_text(encoding="utf-8") for name in ("requirements.lock", "deploy/requirements.lock")]
    every, image = ({line.split()[0] for line in text.splitlines() if "==" in line.split("#")[0]} for text in pins)
    assert image
    assert image <= every
