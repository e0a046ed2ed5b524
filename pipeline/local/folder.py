"""The data folder of a local stack: one owner at a time, secrets of its own, and its addresses for other commands.

| file | holds |
|---|---|
| `lock` | the owner's process id; locked while a stack runs |
| `env` | the addresses as `TWOWAY_*` lines, for `source` and for commands in the same directory |
| `actor.key`, `connections.toml` | made where none were given; random secrets, readable by their owner only |
| `kafka/`, `redis/`, `logs/` | what the servers keep, and what every program wrote |
| `older/`, `clocks/` | of `twoway prove`: copies of what Redis kept, and by how much a worker's clock is wrong |
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import shlex
import shutil
import time
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from pipeline.errors import LocalStackError

DEFAULT = Path(".twoway")
#: The demo keeps its data apart, and empties it at every start.
DEMO = DEFAULT / "demo"
#: So does the proof.
PROVE = DEFAULT / "prove"
SERVER_VARIABLES = ("TWOWAY_KAFKA_SERVERS", "TWOWAY_REDIS_URL", "TWOWAY_REDIS_URL_FILE")
LOCK = "lock"
_STARTERS = ("up", "demo", "prove")
#: A command that only looks whether a stack runs holds the lock for a moment.
LOOK_S = 0.3

_CONNECTIONS = """\
# Connections of a local stack: POST /webhooks/NAME. Secrets are random; put yours where a platform gave you some.
[connections.facebook]
platform = "facebook"
secrets = ["{facebook}"]
verify_token = "{facebook_token}"

[connections.instagram]
platform = "instagram"
secrets = ["{instagram}"]
verify_token = "{instagram_token}"

[connections.x]
platform = "x"
secrets = ["{x}"]

# Our own interaction as data, for programs of yours.
[connections.own]
platform = "standardwebhooks"
secrets = ["whsec_{own}"]
"""


class StackFolder:
    """A data folder that this process owns. `with StackFolder(path):` takes it and gives it back."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self._lock: int | None = None

    def __enter__(self) -> StackFolder:
        """Become the owner. Raises LocalStackError that names the process which is."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        if not _lock(lock):
            os.close(lock)
            raise LocalStackError(
                f"a local stack already runs on {self.path} (process id {recorded_owner(self.path) or 'unknown'}); "
                f"expected to be the only one: stop it (twoway down), or give another folder with --data"
            )
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock
        return self

    def __exit__(self, *_: object) -> None:
        (self.path / "env").unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def empty(self) -> None:
        """Remove what an earlier stack left here: only what such a folder holds, never anything else in it."""
        for name in ("kafka", "redis", "logs", "older", "clocks"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for name in ("env", "actor.key", "connections.toml"):
            (self.path / name).unlink(missing_ok=True)

    def actor_key(self) -> Path:
        """The file with the key that pseudonymises actors; made once, since another key would make other actors."""
        return self._private("actor.key", secrets.token_hex(32) + "\n")

    def connections(self) -> Path:
        """The gateway's connections; made once, with random secrets."""
        names = ("facebook", "facebook_token", "instagram", "instagram_token", "x")
        words = {name: secrets.token_hex(24) for name in names}
        return self._private("connections.toml", _CONNECTIONS.format(own=_base64_secret(), **words))

    def publish_env(self, variables: Mapping[str, str]) -> Path:
        """Write the addresses where `source` and other commands find them."""
        lines = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        path = self.path / "env"
        path.unlink(missing_ok=True)
        return self._private("env", lines)

    def _private(self, name: str, text: str) -> Path:
        path = self.path / name
        if not path.exists():
            part = path.with_name(f".{name}.part")
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            part.replace(path)  # whole or not there: a crash leaves no half secret
        return path


def use_local_stack(arguments: list[str], environ: MutableMapping[str, str]) -> str:
    """Let a command find the stack that runs in this directory; what the environment names itself comes first.

    A server of another installation leaves the stack out as a whole: one's Kafka with the other's Redis, or its key of
    pseudonyms, would be a mixture. Gives what to say of that where nobody may have meant it, else nothing.
    The commands that start a stack are left alone: they would take the running one's servers for given ones.
    """
    if arguments and arguments[0] in _STARTERS:
        return ""
    for path in (DEFAULT, DEMO):
        if is_owned(path) and (path / "env").exists():
            found = _published(path / "env")
            others = [name for name in SERVER_VARIABLES if name in environ and environ[name] != found.get(name)]
            if others:
                return _left_out(path, others)
            for name, value in found.items():
                if not _is_given(name, environ):
                    environ[name] = value
            return ""
    return ""


def _published(path: Path) -> dict[str, str]:
    pairs = (shlex.split(line)[1].partition("=") for line in path.read_text(encoding="utf-8").splitlines())
    return {name: value for name, _, value in pairs}


def _left_out(path: Path, others: list[str]) -> str:
    """Nothing where both servers are named: then it is clear which installation is meant."""
    if len({name.removesuffix("_FILE") for name in others}) > 1:
        return ""
    return (
        f"the stack that runs in {path} is not used, because {others[0]} names another server than its own; "
        "expected none to be named, or all that the other installation needs"
    )


def _is_given(name: str, environ: Mapping[str, str]) -> bool:
    """Whether the environment has this variable, or the one with or without `_FILE` that would stand in for it."""
    sibling = name.removesuffix("_FILE") if name.endswith("_FILE") else f"{name}_FILE"
    return name in environ or bool(environ.get(sibling))


def is_owned(path: Path) -> bool:
    """Whether a stack runs on this folder now."""
    try:
        lock = os.open(path / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def recorded_owner(path: Path) -> int | None:
    """The process id that the last owner wrote down. It means something only while the folder is owned."""
    try:
        text = (path / LOCK).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdecimal() and len(text) < 20 else None


def _lock(descriptor: int) -> bool:
    until = time.monotonic() + LOOK_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        else:
            return True


def _base64_secret() -> str:
    return base64.b64encode(secrets.token_bytes(24)).decode()
