"""`twoway up`: the whole local stack in the foreground."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pipeline.local.extra import require_local_extra
from pipeline.local.folder import DEFAULT, StackFolder
from pipeline.local.plan import PORTS_FROM


def register(app: typer.Typer) -> None:
    """Add `up`."""

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
                    console.say("up; Ctrl-C stops it")
                    console.addresses(plan, folder.path)
                    watch(stack)
            except LocalStackError as error:
                raise typer.Exit(1) from error
            except KeyboardInterrupt:
                console.say("stopped")
