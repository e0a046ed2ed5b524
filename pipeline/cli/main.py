"""The command `twoway`: the list of its commands, and errors of ours as one line. Each noun has a file of its own."""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module
from importlib.metadata import version as package_version
from typing import Annotated

import typer

from pipeline.cli.flags import use_own_classes
from pipeline.errors import TwowayError, UnavailableError, UnsetError
from pipeline.local.folder import SERVER_VARIABLES, use_local_stack
from pipeline.logs import printable

#: Files of this folder by the heading under which the help lists their commands; each has a function `register(app)`.
NOUNS = {
    "Start here": ("demo", "stack"),
    "Look": ("pages", "watch", "unanswered", "insights", "alerts", "keys"),
    "Feed": ("feed", "listen", "webhooks"),
    "Prove": ("verify", "explain", "prove"),
    "Run": ("roles", "topics", "token", "erase"),
}

#: Added where servers do not answer that nobody named, or a key is not set: most often the stack was not started, or
#: elsewhere.
NO_STACK = "; no `twoway up` or `twoway demo` runs in this directory"


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"twoway {package_version('twoway')}")
        raise typer.Exit


def build() -> typer.Typer:
    """The command line with every command."""
    app = typer.Typer(
        name="twoway",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for heading, nouns in NOUNS.items():
        commands, groups = len(app.registered_commands), len(app.registered_groups)
        for noun in nouns:
            import_module(f"pipeline.cli.{noun}").register(app)
        for command in app.registered_commands[commands:]:
            command.rich_help_panel = heading
        for group in app.registered_groups[groups:]:
            group.rich_help_panel = heading
    use_own_classes(app)
    return app


def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Say the version and end.")
    ] = False,
) -> None:
    """Live, exact comment-to-like ratios of brand accounts."""


def main() -> None:
    """Run the command; an error of ours ends it with one line and exit code 1."""
    for client in ("aiokafka", "kafka"):  # a command says itself what failed; roles set up handlers of their own
        logging.getLogger(client).addHandler(logging.NullHandler())
    try:
        if left_out := use_local_stack(sys.argv[1:], os.environ):
            sys.stderr.write(f"twoway: {left_out}\n")
        build()()
    except TwowayError as error:
        hint = NO_STACK if isinstance(error, UnavailableError | UnsetError) and not _names_servers() else ""
        sys.stderr.write(f"twoway: {printable(str(error))}{hint}\n")
        sys.exit(1)


def _names_servers() -> bool:
    """Whether the environment, or the stack of this directory, says where the servers are."""
    return any(variable in os.environ or f"{variable}_FILE" in os.environ for variable in SERVER_VARIABLES)
