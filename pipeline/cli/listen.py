"""`twoway listen PLATFORM`: a stream that the platform does not send but lets be read, until SIGTERM or Ctrl-C."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.logs import printable, set_up_logs
from pipeline.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("listen")
    def listen(
        platform: Annotated[str, typer.Argument(help="bluesky or mastodon.")],
        connection: Annotated[
            str, typer.Option("--connection", help="Its name in the connections file; the only one if left out.")
        ] = "",
        url: Annotated[str, typer.Option("--url", help="The server, instead of the connection's `url`.")] = "",
    ) -> None:
        """Read a platform's stream and put its interactions into Kafka, without a gap across restarts."""
        import uvloop

        from pipeline.access.refusals import check_access
        from pipeline.listening.server import LISTENERS, Wanted, run_listener

        if platform not in LISTENERS:
            raise typer.BadParameter(f"platform is {printable(platform)!r}; expected one of {', '.join(LISTENERS)}")
        settings = Settings.from_env()
        set_up_logs(settings)
        check_access(settings)
        uvloop.run(run_listener(settings, Wanted(platform, connection, url)))
