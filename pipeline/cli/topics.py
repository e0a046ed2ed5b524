"""`twoway topics create`, `twoway topics check` and `twoway topics grow`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from pipeline.cli.tables import make_console
from pipeline.settings import Settings
from schemas.topics import INTERACTIONS


def register(app: typer.Typer) -> None:
    """Add `topics`."""
    topics = typer.Typer(help="Create, check and grow the topics on the brokers.", no_args_is_help=True)
    app.add_typer(topics, name="topics")

    @topics.command("create")
    def create() -> None:
        """Create the topics that are missing, then check all. Changes none that is there."""
        from pipeline.topic_admin import create_topics

        settings = Settings.from_env()
        created = create_topics(settings)
        for name in created:
            typer.echo(f"created {name}")
        typer.echo(f"topics are as expected on {','.join(settings.kafka_servers)}")

    @topics.command("check")
    def check() -> None:
        """Refuse topics that are missing or would break counting. Exit 1 with the first reason."""
        from pipeline.topic_admin import check_topics

        table = Table("topic", "partitions", "cleanup.policy", "retention.ms", box=None, pad_edge=False)
        for topic in check_topics(Settings.from_env()).values():
            table.add_row(
                topic.name, str(topic.partitions), topic.config["cleanup.policy"], topic.config["retention.ms"]
            )
        make_console().print(table)

    @topics.command("grow")
    def grow(
        partitions: Annotated[int, typer.Argument(help="as many as `interactions` is to have; a power of two")],
    ) -> None:
        """Give `interactions` more partitions while everything runs. Numbers stay exact; it cannot be taken back."""
        from pipeline.topic_admin import add_partitions

        settings = Settings.from_env()
        before = add_partitions(settings, partitions)
        name = settings.topic(INTERACTIONS.name)
        typer.echo(
            f"{name} has {partitions} partitions" + (f", {before} before" if before != partitions else " already")
        )
