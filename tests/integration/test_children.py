"""Child processes: how they end, what they said, and that none outlives its parent."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import LocalStackError
from pipeline.local.children import Child
from tests.said import said
from tests.waiting import wait_until

SLEEPER = [sys.executable, "-c", "import time; print('awake', flush=True); time.sleep(60)"]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits to be noticed does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_child_that_ends_says_why(start_child: Callable[..., Child]) -> None:
    """The error has the name, the exit code and the last lines, with control characters made visible."""
    child = start_child("clumsy", [sys.executable, "-c", r"print('no \x1b[31mmoney'); raise SystemExit(7)"])
    wait_until(lambda: child.exit_code is not None)
    with pytest.raises(LocalStackError, match=r"(?s)clumsy ended \(exit code 7\).*no \\x1b\[31mmoney"):
        child.wait_healthy()


def test_lines_are_handed_on_and_kept(tmp_path: Path) -> None:
    """Who watches sees every line, and the log has them too."""
    seen: list[str] = []
    child = Child("talker", [sys.executable, "-c", "print('one'); print('two')"], tmp_path / "log", on_line=seen.append)
    child.start()
    wait_until(lambda: child.exit_code == 0)
    child.stop()
    assert seen == ["one", "two"]
    assert (tmp_path / "log").read_text(encoding="utf-8") == "one\ntwo\n"


def test_child_that_ignores_being_asked_is_killed(start_child: Callable[..., Child]) -> None:
    """A stop takes no longer than its grace."""
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    child = start_child("deaf", [sys.executable, "-c", code])
    wait_until(lambda: "deaf" in said(child))
    child.stop(grace_s=0.2)
    assert child.exit_code == -signal.SIGKILL


def test_kill_ends_what_the_child_started(start_child: Callable[..., Child]) -> None:
    """A killed child leaves no grandchildren that hold its ports."""
    code = f"import subprocess, time; print(subprocess.Popen({SLEEPER!r}).pid, flush=True); time.sleep(60)"
    child = start_child("parent", [sys.executable, "-c", code])
    grandchild = int(wait_until(lambda: [word for word in said(child).split() if word.isdigit()])[0])
    child.kill()
    wait_until(lambda: not is_alive(grandchild))


def test_child_dies_with_its_parent(tmp_path: Path, start_child: Callable[..., Child]) -> None:
    """Even when the parent is killed and can clean up nothing."""
    code = (
        "import time; from pathlib import Path; from pipeline.local.children import Child\n"
        f"child = Child('sleeper', {SLEEPER!r}, Path({str(tmp_path / 'sleeper.log')!r}))\n"
        "child.start(); print(child.pid, flush=True); time.sleep(60)"
    )
    parent = start_child("parent", [sys.executable, "-c", code])
    pid = int(wait_until(lambda: [word for word in said(parent).split() if word.isdigit()])[0])
    assert is_alive(pid)
    assert parent.pid is not None
    os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid))


def test_paused_child_goes_on_after_it(start_child: Callable[..., Child]) -> None:
    """A pause stands for a server that hangs: alive, silent, and later back."""
    code = "import time\nfor n in range(10_000): print(n, flush=True); time.sleep(0.01)"
    child = start_child("counter", [sys.executable, "-c", code])
    wait_until(lambda: "5" in said(child))
    child.pause()
    wait_until(lambda: Path(f"/proc/{child.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T")
    silent = child.log.stat().st_size
    child.resume()
    wait_until(lambda: child.log.stat().st_size > silent)
