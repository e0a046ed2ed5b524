"""`twoway down`: whom it stops, and what it says where there is nobody to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.main import build
from pipeline.errors import LocalStackError
from pipeline.local.ending import end_stack, owner_of
from pipeline.local.folder import DEFAULT, DEMO, StackFolder, is_owned, recorded_owner

OWNER = """
import sys, time
from pathlib import Path
from pipeline.local.folder import StackFolder
from pipeline.local.running import interruptible
with interruptible(), StackFolder(Path(sys.argv[1])):
    try:
        print("on", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        pass
"""
DEAF = """
import signal, sys, time
from pathlib import Path
from pipeline.local.folder import StackFolder
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with StackFolder(Path(sys.argv[1])):
    print("on", flush=True)
    time.sleep(60)
"""


@contextmanager
def owner(path: Path, code: str = OWNER) -> Iterator[subprocess.Popen[str]]:
    """A process that owns this folder and gives it back at SIGTERM."""
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        yield process
        process.kill()


def down(*arguments: str) -> str:
    result = CliRunner().invoke(build(), ["down", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_down_ends_the_owner_of_the_folder_and_waits_for_it(tmp_path: Path) -> None:
    with owner(tmp_path) as process:
        said = down("--data", str(tmp_path))
        assert not is_owned(tmp_path)
        assert process.wait(20) == 0
    assert said.splitlines() == [f"stopping the stack on {tmp_path} (process id {process.pid})", "stopped"]


def test_where_no_stack_runs_down_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where one ran before: the id that it left behind may be anybody's by now."""
    monkeypatch.chdir(tmp_path)
    assert down() == "no stack runs on .twoway\n"
    with StackFolder(DEFAULT):
        pass
    assert (DEFAULT / "lock").read_text() == f"{os.getpid()}\n"
    assert down() == "no stack runs on .twoway\n"
    with owner(DEMO):
        assert down() == "no stack runs on .twoway; the demo does: `twoway down --data .twoway/demo`\n"


def test_a_process_that_does_not_hold_the_folder_is_never_ended(tmp_path: Path) -> None:
    """Whatever id stands in the file."""
    with owner(tmp_path), subprocess.Popen(["sleep", "60"]) as other:
        (tmp_path / "lock").write_text(f"{other.pid}\n")
        with pytest.raises(LocalStackError, match=f"names process {other.pid}, which is not the stack"):
            owner_of(tmp_path)
        assert other.poll() is None
        other.kill()


@pytest.mark.parametrize("text", ["", "-1", "nobody", "9" * 30, "\xff"])
def test_what_is_no_process_id_is_none(tmp_path: Path, text: str) -> None:
    """-1 would be everybody."""
    (tmp_path / "lock").write_text(text, encoding="latin-1")
    assert recorded_owner(tmp_path) is None


def test_who_takes_too_long_is_named(tmp_path: Path) -> None:
    """And the next step with it."""
    with owner(tmp_path, DEAF) as process:
        with pytest.raises(LocalStackError, match=rf"process id {process.pid}\) still stops after 0.2 s"):
            end_stack(tmp_path, process.pid, 0.2)
        process.send_signal(signal.SIGKILL)
