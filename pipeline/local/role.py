"""Our own roles as children of a local stack: `twoway gateway`, `twoway worker`, `twoway api`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from pipeline.local.children import Child
from pipeline.local.ports import LOOPBACK

HEALTH_TIMEOUT_S = 2.0
#: What Python runs as `twoway`.
PROGRAM = ("-m", "pipeline")


class Role(Child):
    """One role on `port`, healthy once its /readyz says so."""

    def __init__(
        self,
        name: str,
        command: str,
        port: int,
        log: Path,
        variables: Mapping[str, str],
        on_line: Callable[[str], None] | None,
        program: tuple[str, ...] = PROGRAM,
    ) -> None:
        self.port = port
        env = {name: value for name, value in os.environ.items() if not name.startswith("TWOWAY_")}
        env |= {**variables, "PYTHONUNBUFFERED": "1"}
        super().__init__(name, [sys.executable, *program, command], log, env, on_line)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{LOOPBACK}:{self.port}"

    def is_healthy(self) -> bool:
        """Whether it is ready, with everything that it needs."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=HEALTH_TIMEOUT_S).status_code == 200
        except httpx.HTTPError:
            return False
