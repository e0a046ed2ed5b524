"""`twoway topics create` and `twoway topics check`."""

from __future__ import annotations

import typer
from rich.table import Table

from pipeline.cli.tables import make_console
from pipeline.settings import Settings


def register(app: typer.Typer) -> None:
    """Add `topics`."""
    topics = typer.Typer(help="Create and check the topics on the brokers.", no_args_is_help=True)
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
