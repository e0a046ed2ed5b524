"""Help without a type where there is nothing to type: typer shows `<bool>` behind every flag."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class FlagsAlone:
    """A command or group whose flags show no type."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters as they are, also `--help`."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if getattr(param, "is_flag", False):
                param.metavar = ""
        return params


class _Command(FlagsAlone, TyperCommand):
    pass


class _Group(FlagsAlone, TyperGroup):
    pass


def hide_types_of_flags(app: typer.Typer) -> None:
    """Do so for the app and for all that was added to it."""
    app.info.cls = _Group
    for command in app.registered_commands:
        command.cls = _Command
    for group in app.registered_groups:
        if group.typer_instance is not None:
            hide_types_of_flags(group.typer_instance)
