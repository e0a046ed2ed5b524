"""`twoway prove`: a stack of its own under load, faults on a schedule drawn from a seed, and a proof."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.tables import counted
from pipeline.local.extra import require_local_extra
from pipeline.local.folder import PROVE
from pipeline.local.signals import cancelled_by_signals

if TYPE_CHECKING:
    from pipeline.faults.run import Outcome
    from pipeline.faults.schedule import Fault
    from pipeline.faults.screen import Screen
    from pipeline.faults.stage import Stage

PORTS_FROM = 8100
SEED_BITS = 32


def announced(faults: int, minutes: float) -> str:
    """`5 faults in 1 minute`."""
    return f"{counted(faults, 'fault')} in {minutes:g} minute{'' if minutes == 1 else 's'}"


def register(app: typer.Typer) -> None:
    """Add `prove`."""

    @app.command("prove")
    def command(
        minutes: Annotated[float, typer.Option(min=0.5, max=1_440, help="how long faults are injected")] = 5.0,
        seed: Annotated[int | None, typer.Option(min=0, help="the same seed, the same faults; else a new one")] = None,
        rate: Annotated[float, typer.Option(min=1, max=5_000, help="interactions a second")] = 250.0,
        data: Annotated[Path, typer.Option(help="folder for its data; emptied at the start")] = PROVE,
        ports_from: Annotated[int, typer.Option(help="first of the ports that it takes")] = PORTS_FROM,
    ) -> None:
        """Kill, freeze, add and remove what counts, under load, and prove that every number is right.

        Starts servers of its own and touches no others. Exit 1 if a row differs or a fault did not fire.
        """
        require_local_extra()
        from pipeline.errors import LocalStackError
        from pipeline.faults.schedule import PARTITIONS, draw_schedule
        from pipeline.faults.screen import Screen
        from pipeline.faults.stage import Stage, plan_stage
        from pipeline.local.console import StackConsole
        from pipeline.local.folder import StackFolder
        from pipeline.local.running import interruptible
        from pipeline.transport.app import SESSION_S

        console = StackConsole()
        seed = secrets.randbits(SEED_BITS) if seed is None else seed
        console.say(f"seed {seed}")
        with interruptible(), StackFolder(data) as folder:
            folder.empty()
            stage = Stage(folder, plan_stage(folder, ports_from, PARTITIONS[0]))
            try:
                with console.fetching() as fetched:
                    stage.start(fetched)
                schedule = draw_schedule(seed, minutes * 60, SESSION_S)
                console.say(f"everything is up; {announced(len(schedule), minutes)}")
                outcome = asyncio.run(_run(stage, schedule, seed, minutes * 60, rate, Screen(console)))
            except LocalStackError as error:
                console.fail(str(error))
                raise typer.Exit(1) from error
            except (KeyboardInterrupt, asyncio.CancelledError):
                console.say(f"stopped without a proof; seed {seed}")
                raise typer.Exit(1) from None
            finally:
                try:
                    stage.stop()
                except KeyboardInterrupt:
                    stage.kill()
        raise typer.Exit(0 if outcome.holds else 1)


async def _run(
    stage: Stage, schedule: tuple[Fault, ...], seed: int, seconds: float, rate: float, screen: Screen
) -> Outcome:
    from pipeline.faults.run import Run
    from pipeline.local.demo import end_tasks

    run = Run(stage, schedule, seed, seconds, screen.say, rate)
    with cancelled_by_signals():
        showing = asyncio.create_task(screen.show(run))
        try:
            outcome = await run.go()
        finally:
            await end_tasks([showing])
    screen.end(outcome)
    return outcome
