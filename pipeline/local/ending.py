"""Ending the stack of a folder from another terminal: only the process that really holds the folder is told to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from pipeline.errors import LocalStackError
from pipeline.local.folder import LOCK, is_owned, recorded_owner
from pipeline.local.paths import shown_path

POLL_S = 0.1
#: A stack takes its folder and writes its id down in two steps: a stale id is looked at again for so long.
TAKING_S = 1.0
_STARTERS = {"up", "demo"}


def owner_of(path: Path) -> int | None:
    """The process id of the stack that runs on this folder; None where none runs. Raises LocalStackError where the
    folder is held, and not by the process that is written down there."""
    until = time.monotonic() + TAKING_S
    while is_owned(path):
        pid = recorded_owner(path)
        if pid is not None and _holds(pid, path / LOCK):
            return pid
        if time.monotonic() > until:
            raise LocalStackError(
                f"{shown_path(path / LOCK)} names process {pid}, which is not the stack that holds this folder; "
                f"expected its process id: end it in its own terminal"
            )
        time.sleep(POLL_S)
    return None


def end_stack(path: Path, pid: int, wait_s: float) -> None:
    """Tell it to stop in order, and return once it has given the folder back.

    Raises LocalStackError where it may not be told, or is not done after `wait_s`.
    """
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise LocalStackError(f"process {pid} is somebody else's; expected a stack that you started") from error
    until = time.monotonic() + wait_s
    while is_owned(path):
        if time.monotonic() > until:
            raise LocalStackError(
                f"the stack on {shown_path(path)} (process id {pid}) still stops after {wait_s:g} s; "
                f"`twoway down` once more ends everything at once"
            )
        time.sleep(POLL_S)


def _holds(pid: int, lock: Path) -> bool:
    """Whether the process has this lock open; where the system does not tell, whether it is a `twoway up` or demo."""
    if sys.platform == "linux":
        try:
            return any(_is_same(one, lock) for one in Path(f"/proc/{pid}/fd").iterdir())
        except OSError:
            return False
    shown = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return not _STARTERS.isdisjoint(shown.split())


def _is_same(descriptor: Path, lock: Path) -> bool:
    try:
        return descriptor.samefile(lock)
    except OSError:  # closed meanwhile
        return False
