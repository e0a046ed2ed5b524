"""What a local stack runs and where: ports, and the settings that its roles get. Starts nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from pipeline.errors import LocalStackError
from pipeline.local.folder import StackFolder
from pipeline.local.ports import LOOPBACK
from pipeline.settings import Settings

PORTS_FROM = 8000
WORKERS_MAX = 64
#: Offsets from the first port, each of one owner, however many workers there are. Gateway, API and first worker fall on
#: the defaults of the settings. A listener is no part of the stack, but finds its port among the stack's addresses.
_KAFKA, _GATEWAY, _API, _WORKER, _REDIS, _CONTROLLER, _NOTIFY, _LISTENER, _MORE_WORKERS = range(9)
#: Roles whose ports are settings, with their offsets.
_ROLES = {"gateway": _GATEWAY, "api": _API, "worker": _WORKER, "notify": _NOTIFY, "listener": _LISTENER}


@dataclass(frozen=True)
class Plan:
    """A stack to be. A server's port is None where the environment names servers of its own."""

    kafka_port: int | None
    controller_port: int | None
    redis_port: int | None
    worker_ports: tuple[int, ...]
    variables: dict[str, str]
    settings: Settings

    @property
    def ports(self) -> list[tuple[str, int]]:
        """Who wants which port of this machine."""
        named = [
            ("kafka", self.kafka_port),
            ("kafka's controller", self.controller_port),
            ("redis", self.redis_port),
            ("gateway", self.settings.gateway_port),
            ("api", self.settings.api_port),
        ]
        workers = [(worker_name(number), port) for number, port in enumerate(self.worker_ports, 1)]
        notify = [("notify", self.settings.notify_port)] if self.notifies else []
        return [(name, port) for name, port in [*named, *workers, *notify] if port is not None]

    @property
    def notifies(self) -> bool:
        """Whether alerts have somewhere to go."""
        return bool(self.settings.alert_url)

    def worker_variables(self, port: int) -> dict[str, str]:
        """The environment of the worker on `port`."""
        return {**self.variables, "TWOWAY_WORKER_PORT": str(port)}


def make_plan(folder: StackFolder, environ: Mapping[str, str], ports_from: int, workers: int) -> Plan:
    """Ports from `ports_from` on, local servers where the environment names none, secrets where it gives none.

    Raises SettingsError for what is wrong in the environment, LocalStackError for numbers that cannot be.
    """
    given = {name: value for name, value in environ.items() if name.startswith("TWOWAY_")}
    Settings.from_env(given)  # refuse a wrong variable before anything is made
    _check(ports_from, workers)
    own_kafka = "TWOWAY_KAFKA_SERVERS" not in given
    own_redis = "TWOWAY_REDIS_URL" not in given and "TWOWAY_REDIS_URL_FILE" not in given
    variables = {
        **{f"TWOWAY_{role.upper()}_PORT": str(ports_from + offset) for role, offset in _ROLES.items()},
        **given,
        **_secrets(folder, given),
    }
    if own_kafka:
        variables["TWOWAY_KAFKA_SERVERS"] = f"{LOOPBACK}:{ports_from + _KAFKA}"
    if own_redis:
        variables["TWOWAY_REDIS_URL"] = f"redis://{LOOPBACK}:{ports_from + _REDIS}/0"
    plan = Plan(
        kafka_port=ports_from + _KAFKA if own_kafka else None,
        controller_port=ports_from + _CONTROLLER if own_kafka else None,
        redis_port=ports_from + _REDIS if own_redis else None,
        worker_ports=_worker_ports(variables, ports_from, workers),
        variables=variables,
        settings=Settings.from_env(variables),
    )
    _refuse_doubled(plan)
    return plan


def worker_name(number: int) -> str:
    """`worker`, `worker2`, `worker3` ..."""
    return "worker" if number == 1 else f"worker{number}"


def _check(ports_from: int, workers: int) -> None:
    if not 1 <= workers <= WORKERS_MAX:
        raise LocalStackError(f"--workers is {workers}; expected 1 to {WORKERS_MAX}")
    highest = 65_535 - _MORE_WORKERS - len(_ROLES) - workers
    if not 1024 <= ports_from <= highest:
        raise LocalStackError(f"--ports-from is {ports_from}; expected 1024 to {highest}")


def _worker_ports(variables: Mapping[str, str], ports_from: int, workers: int) -> tuple[int, ...]:
    """The first has the setting's; the others follow the stack's own ports, around those that roles were given."""
    roles = {int(variables[f"TWOWAY_{role.upper()}_PORT"]) for role in _ROLES}
    free = (port for port in count(ports_from + _MORE_WORKERS) if port not in roles)
    return (int(variables["TWOWAY_WORKER_PORT"]), *islice(free, workers - 1))


def _refuse_doubled(plan: Plan) -> None:
    """Only variables can give one port to two: two settings, or a setting and a server of the stack."""
    times = Counter(port for _, port in plan.ports)
    doubled = [(name, port) for name, port in plan.ports if times[port] > 1]
    if doubled:
        (first, port), (second, _), *_ = doubled
        raise LocalStackError(
            f"port {port} is wanted for {first} and for {second}; expected a port for each: "
            f"change a variable TWOWAY_..._PORT, or --ports-from (with make: PORTS_FROM=...)"
        )


def _secrets(folder: StackFolder, given: Mapping[str, str]) -> dict[str, str]:
    made = {}
    if "TWOWAY_ACTOR_KEY" not in given and "TWOWAY_ACTOR_KEY_FILE" not in given:
        made["TWOWAY_ACTOR_KEY_FILE"] = str(folder.actor_key())
    if "TWOWAY_CONNECTIONS_FILE" not in given:
        usual = Path(Settings().connections_file)
        made["TWOWAY_CONNECTIONS_FILE"] = str(usual.absolute() if usual.exists() else folder.connections())
    return made
