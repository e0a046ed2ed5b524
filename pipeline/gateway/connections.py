"""The connections: a TOML file, read at start and again when it or one of its secret files changes.

    [connections.brand-pages]        # POST /webhooks/brand-pages
    platform = "facebook"
    secrets = ["newest", "older"]    # and/or secret_files = ["path"]; any match is enough
    verify_token = "..."             # Meta's handshake
    accounts = ["1234567890321"]     # only these are ours; left out: every account that the secret signs for
    brand_actors = ["..."]           # who else acts for the brand
    questions = false                # posts are not to be labelled as open questions; left out: they are
    url = "https://..."              # the server that `twoway listen` listens to
    fetch_keys = false               # ActivityPub: only the keys below; left out: others are fetched from their servers
    public_keys = {"https://other.example/users/bob" = "-----BEGIN PUBLIC KEY-----..."}

Errors name file, connection, key and expectation, never a value that may be a secret.
"""

from __future__ import annotations

import asyncio
import logging
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import RefusedError, SettingsError
from pipeline.gateway import metrics
from pipeline.settings import Secret
from pipeline.sources.delivery import Connection
from pipeline.sources.http_signatures import load_key
from pipeline.sources.registry import SOURCES
from pipeline.stamps import stamp_of

logger = logging.getLogger("twoway.gateway")

KEYS = frozenset(
    {
        "platform",
        "scheme",
        "secrets",
        "secret_files",
        "verify_token",
        "accounts",
        "brand_actors",
        "questions",
        "url",
        "public_keys",
        "fetch_keys",
    }
)
#: How soon a changed file is in force.
POLL_S = 1.0
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")


class Connections:
    """The connections in force, by name."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises SettingsError."""
        self.path = path
        self._stamp = stamp_of([path])
        self._by_name: Mapping[str, Connection] = {}
        self._read()

    def get(self, name: str) -> Connection | None:
        """The connection of this name."""
        return self._by_name.get(name)

    def of_platform(self, platform: str) -> list[str]:
        """The names of a platform's connections, sorted."""
        return sorted(name for name, connection in self._by_name.items() if connection.platform == platform)

    async def watch(self) -> None:
        """Read the file anew whenever it changed, until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            self.refresh()

    def refresh(self) -> None:
        """Read the file anew if it changed. A broken one leaves the old connections in force and is told once."""
        stamp = stamp_of([Path(path) for path, *_ in self._stamp])
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._read()
        except SettingsError as error:
            metrics.RELOADS.labels("refused").inc()
            logger.warning("%s; the %d connections read before stay in force", error, len(self._by_name))
        else:
            metrics.RELOADS.labels("read").inc()
            logger.info("%s was read anew: %d connections", self.path, len(self._by_name))

    def _read(self) -> None:
        by_name, files = load(self.path)
        # Stamped after reading: a change in between is seen at the next look.
        self._by_name, self._stamp = by_name, stamp_of([self.path, *files])
        metrics.CONNECTIONS.set(len(by_name))


def load(path: Path) -> tuple[dict[str, Connection], list[Path]]:
    """The connections of a file, and the secret files that it names. Raises SettingsError."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"TWOWAY_CONNECTIONS_FILE is {str(path)!r}, which cannot be read ({error.strerror}); "
            f"expected a TOML file of connections (docs/gateway.md)"
        ) from error
    except ValueError as error:  # TOMLDecodeError tells the position and no value; so does UnicodeDecodeError
        where = str(error).rpartition("(")[2].rstrip(")") if isinstance(error, tomllib.TOMLDecodeError) else "encoding"
        raise SettingsError(f"connections file {path} is no TOML ({where})") from None
    tables = content.get("connections")
    if not isinstance(tables, dict) or not tables or content.keys() != {"connections"}:
        raise SettingsError(f"connections file {path} has no connection; expected tables such as [connections.name]")
    files: list[Path] = []
    return {name: _connection(path, name, entry, files) for name, entry in tables.items()}, files


def _connection(path: Path, name: str, entry: Any, files: list[Path]) -> Connection:
    where = f"{path}: connection {name!r}"
    if not _NAME.match(name):
        raise SettingsError(f"{where}; expected a name of letters, digits, '.', '_' and '-'")
    if not isinstance(entry, dict):
        raise SettingsError(f"{where} is no table; expected [connections.{name}]")
    unknown = sorted(entry.keys() - KEYS)
    if unknown:
        raise SettingsError(f"{where} has the unknown key {unknown[0]!r}; expected {', '.join(sorted(KEYS))}")
    platform = entry.get("platform")
    if not isinstance(platform, str) or platform not in SOURCES:
        raise SettingsError(f"{where}: platform {_shown(platform)}; expected one of {', '.join(SOURCES)}")
    schemes = SOURCES[platform].schemes
    scheme = entry.get("scheme", schemes[0])
    if scheme not in schemes:
        raise SettingsError(f"{where}: scheme {_shown(scheme)}; expected one of {', '.join(schemes)}")
    return Connection(
        name=name,
        platform=platform,
        scheme=scheme,
        secrets=_secrets(path, where, entry, platform, files),
        verify_token=Secret(_text(where, entry, "verify_token")),
        accounts=_accounts(where, entry, platform),
        brand_actors=frozenset(_ids(where, entry, "brand_actors")),
        questions=_flag(where, entry, "questions"),
        public_keys=_public_keys(where, entry),
        fetch_keys=_flag(where, entry, "fetch_keys"),
        url=_text(where, entry, "url"),
    )


def _shown(value: Any) -> str:
    """Of keys that never hold a secret."""
    return "is missing" if value is None else f"is {value!r}"[:100]


def _secrets(path: Path, where: str, entry: Mapping[str, Any], platform: str, files: list[Path]) -> tuple[Secret, ...]:
    secrets = [Secret(text) for text in _texts(where, entry, "secrets")]
    for name in _texts(where, entry, "secret_files"):
        file = path.parent / name
        files.append(file)
        try:
            secrets.append(Secret(file.read_text(encoding="utf-8").strip()))
        except (OSError, ValueError) as error:
            raise SettingsError(f"{where}: secret_files; expected {file} to be readable text") from error
    if not all(secrets) or (not secrets and SOURCES[platform].needs_secret):
        raise SettingsError(f"{where}: secrets; expected one at least, and none empty")
    for secret in secrets:
        expected = SOURCES[platform].check_secret(secret)
        if expected:
            raise SettingsError(f"{where}: secrets; expected {expected}")
    return tuple(secrets)


def _accounts(where: str, entry: Mapping[str, Any], platform: str) -> frozenset[str]:
    accounts = frozenset(_ids(where, entry, "accounts"))
    expected = SOURCES[platform].check_accounts(accounts)
    if expected:
        raise SettingsError(f"{where}: accounts; expected {expected}")
    return accounts


def _public_keys(where: str, entry: Mapping[str, Any]) -> dict[str, str]:
    keys = entry.get("public_keys", {})
    try:
        for actor in keys:
            load_key(keys[actor])
    except (RefusedError, TypeError) as error:
        raise SettingsError(f"{where}: public_keys; expected actor = PEM of an RSA key of 2048 bits or more") from error
    return dict(keys)


def _text(where: str, entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str):
        raise SettingsError(f"{where}: {key}; expected a string")
    return value


def _flag(where: str, entry: Mapping[str, Any], key: str) -> bool:
    value = entry.get(key, True)
    if not isinstance(value, bool):
        raise SettingsError(f"{where}: {key} {_shown(value)}; expected true or false")
    return value


def _texts(where: str, entry: Mapping[str, Any], key: str) -> list[str]:
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise SettingsError(f"{where}: {key}; expected a list of strings")
    return values


def _ids(where: str, entry: Mapping[str, Any], key: str) -> list[str]:
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(isinstance(v, str | int) and not isinstance(v, bool) for v in values):
        raise SettingsError(f"{where}: {key}; expected a list of ids")
    return [str(value) for value in values]
