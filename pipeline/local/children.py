"""A program that runs as a child of ours: started, watched, stopped, and never left behind.

A child stands in a session of its own, so Ctrl-C in the terminal reaches us alone and we stop children in our order.
On Linux the kernel kills it when we die: a crash of ours leaves no server behind that holds a port or a data folder.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Thread

from pipeline.errors import LocalStackError
from pipeline.logs import printable

POLL_S = 0.05
TAIL_LINES = 12
_PR_SET_PDEATHSIG = 1
_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class Child:
    """One child process. Its output goes to `log`; `on_line` sees each line as well."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self.command = [*command]
        self.log = log
        self._env = env
        self._on_line = on_line
        self._process: subprocess.Popen[bytes] | None = None
        self._pump: Thread | None = None

    def start(self) -> None:
        """Start the program; returns at once."""
        if self.is_running():
            raise LocalStackError(f"{self.name} already runs with process id {self.pid}")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self._on_line else log,
                stderr=subprocess.STDOUT,
                env=None if self._env is None else dict(self._env),
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - one prctl call, safe after a fork
            )
        if self._on_line:
            self._pump = Thread(target=self._hand_on, name=f"output of {self.name}", daemon=True)
            self._pump.start()

    @property
    def pid(self) -> int | None:
        """The process id, None before the start."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """The exit code once it ended, negative for the signal that ended it; None while it runs or never ran."""
        return self._process.poll() if self._process else None

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def is_healthy(self) -> bool:
        """Whether it does its work. A program that says nothing of its health is healthy while it runs."""
        return self.is_running()

    def wait_healthy(self, deadline_s: float = 60.0) -> None:
        """Wait until it is healthy. Raises LocalStackError with its last lines when it ends or takes too long."""
        until = time.monotonic() + deadline_s
        while True:
            if not self.is_running():
                raise LocalStackError(self.why())
            if self.is_healthy():
                return
            if time.monotonic() > until:
                raise LocalStackError(f"{self.name} is not healthy after {deadline_s:g} s; it says:\n{self.tail()}")
            time.sleep(POLL_S)

    def ask_to_end(self) -> None:
        """Send SIGTERM and return at once."""
        self._signal(signal.SIGTERM)

    def stop(self, grace_s: float = 30.0) -> None:
        """Ask it to end (SIGTERM) and wait; after the grace it is killed. Nothing happens if it does not run."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self.ask_to_end()
            try:
                self._process.wait(grace_s)
            except subprocess.TimeoutExpired:
                self.kill()
        self._finish()

    def kill(self) -> None:
        """End it as a crash would (SIGKILL), together with whatever it started."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._finish()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): it answers nothing, its connections stay open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after a pause."""
        self._signal(signal.SIGCONT)

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The last lines that it wrote, safe to print."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 16_384))
                text = log.read().decode(errors="replace")
        except FileNotFoundError:
            return "  (nothing)"
        return "\n".join(f"  {printable(line)}" for line in text.splitlines()[-lines:]) or "  (nothing)"

    def why(self) -> str:
        """How it ended, with its last lines."""
        code = self.exit_code
        if code is not None:
            self._finish()
        how = "never started" if code is None else f"exit code {code}"
        if code is not None and code < 0:
            how = f"signal {signal.Signals(-code).name}"
        return f"{self.name} ended ({how}); its last lines in {self.log}:\n{self.tail()}"

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _finish(self) -> None:
        if self._pump is not None:
            self._pump.join(timeout=5)
            self._pump = None

    def _hand_on(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        assert self._on_line is not None
        with self._process.stdout as lines, self.log.open("ab") as log:
            for line in lines:
                log.write(line)
                log.flush()
                self._on_line(line.decode(errors="replace").rstrip("\n"))


def _die_with(parent: int) -> Callable[[], None]:
    """What a child does before it becomes its program: ask to be killed when the parent dies, even just now."""

    def ask() -> None:
        if _PRCTL is not None:
            _PRCTL(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
            if os.getppid() != parent:
                os._exit(1)

    return ask
