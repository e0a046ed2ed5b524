"""Kafka's class path: the jars that `kafka.lock` names, fetched once, checked by their SHA-256, kept in a cache.

`jgo` knows where Maven artifacts live and, when the list is renewed (`make lock`), which ones Kafka needs. The pinned
list saves the resolution of 45 POM files on every new machine, and no other bytes than the listed ones ever run.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import jgo.maven

from pipeline.errors import LocalStackError

#: What is resolved for the list: the broker, and the binding through which it logs (as in Kafka's own distribution).
WANTED = (
    ("org.apache.kafka", "kafka_2.13", "4.3.1"),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4"),
)
LOCK_FILE = "kafka.lock"
PARALLEL = 8
#: A fetch hangs at most so long without a byte; a slow line that still delivers may take longer.
TIMEOUT_S = 30.0

#: Told how many bytes have come, and how many there are in all.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Jar:
    """One pinned file."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def path(self) -> str:
        """Where it lies in a Maven repository, ours and others'."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.artifact}-{self.version}.jar"


def cache_dir() -> Path:
    """Where fetched jars are kept: `twoway` in the user's cache folder (XDG_CACHE_HOME)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "twoway" / "jars"


def pinned_jars() -> list[Jar]:
    """The list of `kafka.lock`."""
    lines = files("pipeline.local").joinpath(LOCK_FILE).read_text(encoding="utf-8").splitlines()
    return [_parse(line) for line in lines if line and not line.startswith("#")]


def class_path(progress: Progress | None = None, cache: Path | None = None, repository: str | None = None) -> str:
    """Kafka's class path. Fetches what is missing; a warm cache costs no network. Raises LocalStackError.

    `repository`: where to fetch from, Maven Central unless given.
    """
    cache = cache_dir() if cache is None else cache
    jars = pinned_jars()
    missing = [jar for jar in jars if not _is_there(cache / jar.path, jar)]
    if missing:
        repository = repository or next(iter(jgo.maven.MavenContext(repo_cache=cache).remote_repos.values()))
        _fetch_all(missing, repository, cache, progress)
    return os.pathsep.join(str(cache / jar.path) for jar in jars)


def write_lock() -> None:
    """Resolve WANTED anew and write `kafka.lock` beside this file; `make lock` does."""
    with TemporaryDirectory() as cache:
        Path(__file__).with_name(LOCK_FILE).write_text(_resolve(Path(cache)), encoding="utf-8")


def _resolve(cache: Path) -> str:
    context = jgo.maven.MavenContext(repo_cache=cache)
    found: dict[tuple[str, str], jgo.maven.Dependency] = {}
    for group, artifact, version in WANTED:  # one after the other: together, jgo lets the second override the first
        wanted = jgo.maven.Dependency(context.project(group, artifact).at_version(version).artifact())
        for dependency in (wanted, *context.resolver.resolve([wanted])[1]):
            found.setdefault((dependency.groupId, dependency.artifactId), dependency)
    lines = ["# Jars of Kafka: group:artifact:version sha256 bytes. Written by `make lock`."]
    for _, dependency in sorted(found.items()):
        content = dependency.artifact.resolve().read_bytes()
        name = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
        lines.append(f"{name} {hashlib.sha256(content).hexdigest()} {len(content)}")
    return "\n".join(lines) + "\n"


def _parse(line: str) -> Jar:
    name, sha256, size = line.split()
    group, artifact, version = name.split(":")
    return Jar(group, artifact, version, sha256, int(size))


def _is_there(path: Path, jar: Jar) -> bool:
    # Files come into place by a rename after their check, so the size tells enough on every later start.
    return path.is_file() and path.stat().st_size == jar.size


def _fetch_all(jars: Iterable[Jar], repository: str, cache: Path, progress: Progress | None) -> None:
    biggest_first = sorted(jars, key=lambda jar: -jar.size)
    total = sum(jar.size for jar in biggest_first)
    come = 0
    with httpx.Client(timeout=TIMEOUT_S, follow_redirects=True) as client:
        pool = ThreadPoolExecutor(PARALLEL)
        try:
            for fetched in as_completed([pool.submit(_fetch, client, repository, jar, cache) for jar in biggest_first]):
                come += fetched.result()
                if progress:
                    progress(come, total)
        finally:
            pool.shutdown(cancel_futures=True)  # on Ctrl-C, or after the first failure, the rest is not begun


def _fetch(client: httpx.Client, repository: str, jar: Jar, cache: Path) -> int:
    try:
        content = client.get(f"{repository}/{jar.path}").raise_for_status().content
    except httpx.HTTPError as error:
        raise LocalStackError(
            f"Kafka's {jar.artifact} {jar.version} could not be fetched ({type(error).__name__}); "
            f"expected a way to Maven Central, or TWOWAY_KAFKA_SERVERS that names a Kafka of yours"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != jar.sha256:
        raise LocalStackError(f"{jar.path} has SHA-256 {found}; expected {jar.sha256}")
    path = cache / jar.path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".part{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)
    return jar.size
