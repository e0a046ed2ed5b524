"""`twoway up`: the whole local stack in the foreground. `twoway down`: its end, from another terminal."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from pipeline.local.ending import end_stack, owner_of
from pipeline.local.extra import require_local_extra
from pipeline.local.folder import DEFAULT, DEMO, StackFolder, is_owned
from pipeline.local.paths import shown_path
from pipeline.local.plan import PORTS_FROM
from pipeline.logs import printable

#: Longer than the gateway's draining, the worker's last slice and the servers' ends take together.
WAIT_S = 90.0


def register(app: typer.Typer) -> None:
    """Add `up` and `down`."""

    @app.command("up")
    def command(
        data: Annotated[Path, typer.Option(help="folder for all data; survives a restart")] = DEFAULT,
        ports_from: Annotated[int, typer.Option(help="first of the ports that the stack takes")] = PORTS_FROM,
        workers: Annotated[int, typer.Option(help="worker processes that share the counting")] = 1,
    ) -> None:
        """Start Kafka, Redis, topics, gateway, worker and API here; Ctrl-C stops all.

        With TWOWAY_KAFKA_SERVERS or TWOWAY_REDIS_URL in the environment those servers are used instead.
        """
        require_local_extra()
        from pipeline.errors import LocalStackError
        from pipeline.local.console import StackConsole
        from pipeline.local.plan import make_plan
        from pipeline.local.running import interruptible, running_stack, watch

        console = StackConsole()
        with interruptible(), StackFolder(data) as folder:
            plan = make_plan(folder, os.environ, ports_from, workers)
            try:
                with running_stack(folder, plan, console, console.role_line) as stack:
                    console.say(f"up; Ctrl-C stops it, or `{_down(data)}` (process id {os.getpid()})")
                    console.addresses(plan, folder.path)
                    watch(stack)
            except LocalStackError as error:
                raise typer.Exit(1) from error
            except KeyboardInterrupt:
                console.say("stopped")

    @app.command("down")
    def down(
        data: Annotated[Path, typer.Option(help="folder of the stack")] = DEFAULT,
        wait_s: Annotated[float, typer.Option("--wait", min=0, help="seconds that it may take to stop")] = WAIT_S,
    ) -> None:
        """Stop the stack of this directory, as Ctrl-C would. Nothing happens where none runs."""
        shown = printable(shown_path(data))
        pid = owner_of(data)
        if pid is None:
            demo = f"; the demo does: `{_down(DEMO)}`" if data == DEFAULT and is_owned(DEMO) else ""
            typer.echo(f"no stack runs on {shown}{demo}")
            return
        typer.echo(f"stopping the stack on {shown} (process id {pid})")
        end_stack(data, pid, wait_s)
        typer.echo("stopped")


def _down(data: Path) -> str:
    """The command that ends the stack on this folder."""
    return "twoway down" if data == DEFAULT else shlex.join(["twoway", "down", "--data", str(data)])
