"""Running a stack in the foreground: until a signal comes, a child ends, or whoever runs it has had enough."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from pipeline.errors import LocalStackError
from pipeline.local.children import Child
from pipeline.local.console import StackConsole
from pipeline.local.folder import StackFolder
from pipeline.local.plan import Plan
from pipeline.local.stack import OnLine, Stack

WATCH_S = 0.2


@contextmanager
def running_stack(folder: StackFolder, plan: Plan, console: StackConsole, on_line: OnLine | None) -> Iterator[Stack]:
    """A stack that is up inside the `with`, and stopped after it, in order. A second signal ends it at once.

    A LocalStackError is shown before anything is stopped, and raised on.
    """
    stack = Stack(folder, plan, console.say, on_line)
    try:
        with console.fetching() as fetched:
            stack.start(fetched)
        yield stack
    except LocalStackError as error:
        console.fail(str(error))
        raise
    finally:
        try:
            if stack.begun:
                console.say("stopping (once more ends everything at once)")
            stack.stop()
        except KeyboardInterrupt:
            stack.kill()


def watch(stack: Stack, until: Callable[[], bool] = lambda: False) -> None:
    """Return once `until` holds. Raises LocalStackError when a child ended, with its name and reason."""
    while not until():
        if ended := stack.ended():
            raise ended_error(ended)
        time.sleep(WATCH_S)


def ended_error(child: Child) -> LocalStackError:
    """The error that says which child ended, and why."""
    return LocalStackError(child.why())


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, SIGTERM (service managers) and SIGHUP (a closed terminal) end the stack just as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
