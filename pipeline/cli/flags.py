"""Where our commands differ from typer's: help shows no `<bool>` behind a flag, and ids may begin with a dash."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from pipeline.cli.negative import NegativeIds


class FlagsAlone:
    """A command or group whose flags show no type."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters as they are, also `--help`."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if getattr(param, "is_flag", False):
                param.metavar = ""
        return params


class _Command(FlagsAlone, NegativeIds):
    pass


class _Group(FlagsAlone, TyperGroup):
    pass


def use_own_classes(app: typer.Typer) -> None:
    """For the app and for all that was added to it."""
    app.info.cls = _Group
    for command in app.registered_commands:
        command.cls = _Command
    for group in app.registered_groups:
        if group.typer_instance is not None:
            use_own_classes(group.typer_instance)
