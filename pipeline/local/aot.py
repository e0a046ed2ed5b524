"""Makes Kafka's AOT cache: what Java loads and links at each start, done once and mapped from then on.

A new broker is there in a third of the time with it, and of the processor's. Java writes it when a broker ends that was
started for that (JEP 514): about twelve seconds, and 70 MB of the cache folder. `python -m pipeline.local.aot` does it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.errors import LocalStackError
from pipeline.local.jars import cache_dir, class_path
from pipeline.local.java import aot_cache
from pipeline.local.kafka import KafkaServer
from pipeline.local.ports import free_ports

#: Java writes it at the broker's end.
WRITE_S = 120.0
_FOLDER = "aot-"


def make_aot_cache(jars: str) -> None:
    """Make it unless it is there; whoever comes meanwhile waits. Raises LocalStackError."""
    cache = aot_cache(jars)
    with (cache_dir() / "aot.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if cache.exists():
            return
        for left in cache_dir().glob(f"{_FOLDER}*"):  # by one that was killed
            shutil.rmtree(left)
        with TemporaryDirectory(prefix=_FOLDER, dir=cache_dir()) as folder:
            _write(Path(folder) / "aot", Path(folder), jars)
            for old in cache_dir().glob("kafka-*.aot"):
                old.unlink()
            (Path(folder) / "aot").replace(cache)


def _write(cache: Path, folder: Path, jars: str) -> None:
    port, controller_port = free_ports(2)
    broker = KafkaServer(folder / "kafka", port, controller_port, jars, written_to=cache)
    try:
        broker.start()
        broker.wait_healthy()
        broker.stop(WRITE_S)
        if not cache.exists():
            raise LocalStackError(f"Java wrote no AOT cache: {broker.why()}")
    finally:
        broker.kill()


if __name__ == "__main__":
    os.nice(19)  # beside a stack that somebody looks at
    make_aot_cache(class_path())
