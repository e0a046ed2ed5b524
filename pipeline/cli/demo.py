"""`twoway demo`: the whole stack, simulated platforms, a live table, and a proof at the end."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.local.extra import require_local_extra
from pipeline.local.folder import DEMO, SERVER_VARIABLES, StackFolder
from pipeline.local.plan import PORTS_FROM

if TYPE_CHECKING:
    from pipeline.local.console import StackConsole
    from pipeline.local.demo import Proof


def register(app: typer.Typer) -> None:
    """Add `demo`."""

    @app.command("demo")
    def command(
        seconds: Annotated[float | None, typer.Option(min=1, help="end by itself after so long; else Ctrl-C")] = None,
        rate: Annotated[float, typer.Option(min=1, max=20_000, help="interactions a second")] = 250.0,
        data: Annotated[Path, typer.Option(help="folder for its data; emptied at the start")] = DEMO,
        ports_from: Annotated[int, typer.Option(help="first of the ports that the stack takes")] = PORTS_FROM,
        workers: Annotated[int, typer.Option(help="worker processes that share the counting")] = 1,
        seed: Annotated[int, typer.Option(help="the same seed, the same brands' luck")] = 1,
    ) -> None:
        """Watch comment-to-like ratios of simulated brands, through a real gateway, Kafka, Faust worker and Redis.

        At the end every row in Redis is compared with the topic. Exit 1 if any differs.
        """
        require_local_extra()
        from pipeline.errors import LocalStackError
        from pipeline.local.console import StackConsole
        from pipeline.local.demo import Demo
        from pipeline.local.plan import make_plan
        from pipeline.local.running import interruptible, running_stack

        console = StackConsole()
        with interruptible(), StackFolder(data) as folder:
            folder.empty()
            plan = make_plan(folder, _environ(folder), ports_from, workers)
            try:
                with running_stack(folder, plan, console, None) as stack:
                    proof = asyncio.run(Demo(stack, folder.path, console, rate, seed).run(seconds))
            except LocalStackError as error:
                raise typer.Exit(1) from error
            except (KeyboardInterrupt, asyncio.CancelledError):
                console.say("stopped without a proof")
                raise typer.Exit(1) from None
        _print(proof, console)
        raise typer.Exit(0 if proof.holds else 1)


def _environ(folder: StackFolder) -> dict[str, str]:
    """Connections and accounts of its own; on servers that are given, topics and keys of its own as well."""
    environ = {**os.environ, "TWOWAY_CONNECTIONS_FILE": str(folder.connections())}
    if any(variable in environ for variable in SERVER_VARIABLES):
        environ.setdefault("TWOWAY_TOPIC_PREFIX", "demo.")
        environ.setdefault("TWOWAY_KEY_PREFIX", "demo")
        environ.setdefault("TWOWAY_GROUP", "twoway-demo")
    return environ


def _print(proof: Proof, console: StackConsole) -> None:
    for reason, count in sorted(proof.refused.items()):
        console.say(f"the gateway refused {count:,} deliveries of {reason}")
    if proof.not_taken:
        console.say(f"{proof.not_taken:,} deliveries were not taken in time")
    if proof.report.not_applied:
        console.say(f"{proof.report.not_applied:,} interactions were not counted in time")
    for line in proof.wrong:
        console.say(line)
    console.say(
        f"interactions sent {proof.sent:,}  rows compared {proof.report.rows_compared:,}  "
        f"rows different {proof.report.rows_different:,}"
    )
