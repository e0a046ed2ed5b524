"""All settings: one frozen object, read once at start from `TWOWAY_*`, checked there, passed down.

A field `kafka_servers` is the variable `TWOWAY_KAFKA_SERVERS`. Unknown `TWOWAY_*` variables are refused. A variable
that ends in `_FILE` names a file that holds the value (for secrets). Every field stands in `.env.example`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

from pipeline.access.consistency import check_servers
from pipeline.errors import SettingsError
from pipeline.windows import Windows
from schemas.alert import Rule

#: A value in a file is a word or a line, never a log or a device without an end.
FILE_CHARACTERS_MAX = 1_000_000
ALERT_RULES: tuple[str, ...] = get_args(Rule)


class Secret:
    """A value that never shows: str() and repr() are stars, `reveal()` gives it. Falsy when empty."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: only for the place that computes with it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret('')"

    __str__ = __repr__


def _between(low: int, high: int, default: float, meaning: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "meaning": meaning})


def _choice(*choices: str, meaning: str) -> Any:
    return field(default=choices[0], metadata={"choices": choices, "meaning": meaning})


def _text(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Settings:
    """Every setting with its default. Times and sizes say their unit."""

    # Where the servers are
    kafka_servers: tuple[str, ...] = _text(("localhost:9092",), "Kafka bootstrap servers, comma separated host:port")
    kafka_tls: bool = _text(False, "encrypt the way to Kafka, and check its certificate and host name")
    kafka_ca_file: str = _text("", "PEM file of whoever signed Kafka's certificate; empty: the system's authorities")
    kafka_cert_file: str = _text("", "PEM file with our certificate for Kafka")
    kafka_key_file: str = _text("", "PEM file with its key")
    kafka_key_password: Secret = _text(Secret(""), "password of that key, if it has one")
    kafka_sasl: str = _choice("none", "plain", "scram-sha-256", "scram-sha-512", meaning="how Kafka's user is proven")
    kafka_username: str = _text("", "Kafka's user")
    kafka_password: Secret = _text(Secret(""), "its password")
    redis_url: Secret = _text(
        Secret("redis://localhost:6379/0"),
        "Redis, rediss:// with TLS, redis+cluster://host:port,host:port a cluster; may hold a password, never shown",
    )
    redis_username: str = _text("", "Redis' user, where the URL names none; empty: `default`")
    redis_password: Secret = _text(Secret(""), "its password, where the URL holds none")
    redis_ca_file: str = _text("", "PEM file of whoever signed Redis' certificate, besides the system's authorities")
    redis_cert_file: str = _text("", "PEM file with our certificate for Redis")
    redis_key_file: str = _text("", "PEM file with its key")
    redis_key_password: Secret = _text(Secret(""), "password of that key, if it has one")
    topic_prefix: str = _text("", "put before every topic's name: several installations on one Kafka")
    key_prefix: str = _text("tw", "first part of every Redis key: several installations on one Redis")
    partitions: int = _between(1, 256, 8, "partitions of `interactions` when topics are created; a power of two")
    replication: int = _between(1, 9, 1, "replication factor when topics are created")

    # What is counted
    windows: Windows = _text(
        Windows.parse("1m:3h,1h:8d,1d:90d"),
        "window sizes and how long their rows are kept, size:kept pairs; once counted, only shorter times",
    )
    engaged_windows: Windows = _text(
        Windows.parse("1d:90d"),
        "windows in which distinct actors are counted besides all time, size:kept pairs; the same",
    )
    text_ttl_days: int = _between(1, 3650, 30, "days that the text of a comment is kept and that it waits for a reply")
    interactions_days: int = _between(
        1, 3650, 30, "days that Kafka keeps interactions at the least: so far back a lost Redis is counted anew"
    )
    page_ttl_days: int = _between(1, 3650, 90, "days that a post's or an account's page outlives its last event")
    future_limit_s: int = _between(0, 86_400, 600, "seconds an event may lie in the future before it is rejected")
    grace_s: int = _between(0, 86_400, 60, "seconds after a window's end at which it is published as final")

    # The worker
    group: str = _text("twoway-count", "Kafka consumer group of the workers")
    worker_host: str = _text("127.0.0.1", "address of the worker's health and metrics")
    worker_port: int = _between(0, 65_535, 8003, "port of the worker's health and metrics; 0 takes a free one")
    slice_events: int = _between(1, 100_000, 80000, "events that are folded and applied together")
    fetch_events: int = _between(1, 1_000_000, 80000, "events that one fetch of a partition gives at the most")
    cache_entries: int = _between(1_000, 1_000_000_000, 10_000_000, "members and rows that a worker keeps in memory")
    publish_s: float = _text(1.0, "seconds between two publications of the same row at the least")
    from_earliest: bool = _text(False, "go on from the oldest record left where Redis asks for one that Kafka dropped")

    crash_at: str = _text("", "for tests: where the worker kills itself, POINT or POINT:HIT (docs/prove.md)")

    # Alerts
    alert_rules: tuple[str, ...] = _text(ALERT_RULES, "rules in force, comma separated; empty: no alerts")
    alert_window: str = _text("1h", "one of the window sizes: what the rules look at")
    alert_baseline_windows: int = _between(3, 10_000, 168, "past windows that say what is usual, if kept")
    alert_least_windows: int = _between(3, 10_000, 24, "past windows with enough in them before anything is usual")
    alert_least_sample: int = _between(1, 1_000_000_000, 30, "interactions of a window before its ratio says anything")
    alert_clear: float = _between(0, 1, 0.7, "share of its threshold at which a standing alert clears")
    alert_cool_down_s: int = _between(0, 31_536_000, 43_200, "seconds after an alert cleared before it fires again")
    alert_shift_z: float = _between(1, 1_000, 4.0, "robust z at which a conversation share has left its baseline")
    alert_shift_least: float = _between(0, 1, 0.1, "difference of a conversation share from its baseline at the least")
    alert_ratioed: float = _between(0, 1_000_000, 1.0, "comments a like above which a post is ratioed")
    alert_ratioed_comments: int = _between(1, 1_000_000_000, 50, "comments of a post before it can be ratioed")
    alert_queue_comments: int = _between(1, 1_000_000_000, 20, "waiting comments before a queue can have grown")
    alert_queue_times: float = _between(1, 1_000_000, 2.0, "times its usual length at which a queue has grown")
    alert_queue_minutes: int = _between(1, 5_256_000, 1_440, "minutes that a comment may wait for its reply")
    alert_queue_reply_rate: float = _between(0, 1, 0.8, "share of comments an account answers before their age matters")
    alert_silent_minutes: int = _between(1, 5_256_000, 180, "minutes of silence before an account can be silent")
    alert_silent_times: float = _between(1, 1_000_000, 2.0, "times its longest usual silence at which it is silent")
    alert_url: Secret = _text(Secret(""), "where `twoway notify` posts alerts; often a secret itself, so never shown")
    alert_secret: Secret = _text(
        Secret(""), "keys that sign them, comma separated: whsec_ and base64 of 24 to 64 bytes"
    )
    alert_retry_hours: int = _between(1, 720, 24, "hours after an alert at which its delivery is given up")
    notify_group: str = _text("twoway-notify", "Kafka consumer group of `twoway notify`")
    notify_host: str = _text("127.0.0.1", "address of notify's health and metrics")
    notify_port: int = _between(0, 65_535, 8030, "port of notify's health and metrics; 0 takes a free one")

    # The gateway
    gateway_host: str = _text("127.0.0.1", "address of the gateway")
    gateway_port: int = _between(0, 65_535, 8001, "port of the gateway; 0 takes a free one")
    connections_file: str = _text("connections.toml", "TOML file with the gateway's connections")
    actor_key: Secret = _text(Secret(""), "key of the hash that pseudonymises actors, 32 characters or more")
    actor_key_former: Secret = _text(
        Secret(""), "the key before a rotation, as long as likes that were made under it may be taken back"
    )
    body_limit_bytes: int = _between(1_000, 100_000_000, 4_000_000, "largest webhook body")
    produce_timeout_ms: int = _between(100, 60_000, 1_500, "how long a webhook waits for Kafka before its 503")
    directory_ttl_days: int = _between(1, 3650, 90, "days that the gateway remembers which post an id belongs to")

    key_fetch_local: bool = _text(False, "fetch actors' public keys by http and from private addresses too: for tests")

    # Listeners
    listener_host: str = _text("127.0.0.1", "address of a listener's health and metrics")
    listener_port: int = _between(0, 65_535, 8020, "port of a listener's health and metrics; 0 takes a free one")

    # The API
    api_host: str = _text("127.0.0.1", "address of the API; anything but loopback needs tokens")
    api_port: int = _between(0, 65_535, 8002, "port of the API; 0 takes a free one")
    api_tokens: Secret = _text(Secret(""), "bearer tokens that read everything, comma separated")
    api_access_file: str = _text("", "TOML file with the hashes of further tokens and the accounts that each may read")

    # Logs
    log_format: str = _choice("human", "json", meaning="form of the log lines")
    log_level: str = _choice("info", "debug", "warning", "error", meaning="lowest level that is logged")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Settings from `TWOWAY_*`. Raises SettingsError for unknown names and values out of their range."""
        environ = os.environ if environ is None else environ
        known = {f.name: f for f in fields(cls)}
        given: dict[str, Any] = {}
        for variable, raw in environ.items():
            if not variable.startswith("TWOWAY_"):
                continue
            name, text = variable.removeprefix("TWOWAY_").lower(), raw
            if name.endswith("_file") and name not in known and name.removesuffix("_file") in known:
                name, text = name.removesuffix("_file"), _read(variable, raw)
                if environ.get(direct := variable.removesuffix("_FILE")):
                    raise SettingsError(f"{variable} and {direct} are both given; expected one of them")
            elif name in known and name + "_file" not in known and f"{variable}_FILE" in environ:
                continue  # empty, or refused when its file's turn comes
            if name not in known:
                raise SettingsError(f"{variable} is no setting; expected one of those in .env.example")
            given[name] = _parse(variable, text, known[name].default, known[name].metadata)
        settings = cls(**given)
        if settings.alert_rules and settings.alert_window not in {size.name for size in settings.windows.sizes}:
            names = ", ".join(size.name for size in settings.windows.sizes)
            raise SettingsError(f"TWOWAY_ALERT_WINDOW is {settings.alert_window!r}; expected one of {names}")
        return settings

    def __post_init__(self) -> None:
        if self.partitions & (self.partitions - 1):
            raise SettingsError(f"TWOWAY_PARTITIONS is {self.partitions}; expected a power of two up to 256")
        for name, key in (("ACTOR_KEY", self.actor_key), ("ACTOR_KEY_FORMER", self.actor_key_former)):
            if key and len(key.reveal()) < 32:
                raise SettingsError(f"TWOWAY_{name} is shorter than expected: 32 characters or more")
        check_servers(self)
        if not self.publish_s > 0:
            raise SettingsError(f"TWOWAY_PUBLISH_S is {self.publish_s}; expected more than 0")
        if unknown := set(self.alert_rules) - set(ALERT_RULES):
            raise SettingsError(f"TWOWAY_ALERT_RULES has {min(unknown)!r}; expected some of {', '.join(ALERT_RULES)}")

    def topic(self, name: str) -> str:
        """A declared topic's name as it is on the brokers."""
        return self.topic_prefix + name


def _read(variable: str, path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(FILE_CHARACTERS_MAX + 1)
    except OSError as error:
        raise SettingsError(f"{variable} is {path!r}; expected a readable file ({error.strerror})") from error
    except UnicodeDecodeError:  # its message would hold bytes of the secret
        raise SettingsError(f"{variable} is {path!r}; expected a file of UTF-8 text") from None
    if not text.strip() or len(text) > FILE_CHARACTERS_MAX:
        # An emptied file must not turn a secret off.
        raise SettingsError(f"{variable} is {path!r}; expected a file of 1 to {FILE_CHARACTERS_MAX:,} characters")
    return text.strip()


def _parse(variable: str, text: str, default: Any, meta: Mapping[str, Any]) -> Any:
    if isinstance(default, Secret):
        return Secret(text)
    if isinstance(default, Windows):
        return Windows.parse(text, variable)
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if isinstance(default, bool):
        if text.lower() not in {"true", "false", "1", "0"}:
            raise SettingsError(f"{variable} is {text!r}; expected true or false")
        return text.lower() in {"true", "1"}
    if isinstance(default, int | float):
        return _number(variable, text, default, meta)
    if "choices" in meta and text not in meta["choices"]:
        raise SettingsError(f"{variable} is {text!r}; expected one of {', '.join(meta['choices'])}")
    return text


def _number(variable: str, text: str, default: float, meta: Mapping[str, Any]) -> float:
    try:
        value = type(default)(text)
    except ValueError as error:
        raise SettingsError(f"{variable} is {text!r}; expected a number") from error
    if "low" in meta and not meta["low"] <= value <= meta["high"]:
        raise SettingsError(f"{variable} is {text!r}; expected {meta['low']} to {meta['high']}")
    return value
