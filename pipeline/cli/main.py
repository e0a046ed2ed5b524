"""The command `twoway`: the list of its commands, and errors of ours as one line. Each noun has a file of its own."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import typer

from pipeline.errors import TwowayError
from pipeline.local.folder import use_local_stack
from pipeline.logs import printable

#: Files of this folder; each has a function `register(app)` that adds its commands.
NOUNS = ("roles", "webhooks", "topics", "stack", "pages", "watch", "keys", "feed", "verify", "demo")


def build() -> typer.Typer:
    """The command line with every command."""
    app = typer.Typer(
        name="twoway",
        help="Live, exact comment-to-like ratios of brand accounts.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    for noun in NOUNS:
        import_module(f"pipeline.cli.{noun}").register(app)
    return app


def main() -> None:
    """Run the command; an error of ours ends it with one line and exit code 1."""
    try:
        use_local_stack(sys.argv[1:], os.environ)
        build()()
    except TwowayError as error:
        sys.stderr.write(f"twoway: {printable(str(error))}\n")
        sys.exit(1)
