"""`twoway gateway`, `worker`, `api`, `notify`: the roles, each in the foreground until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio

import typer

from pipeline.logs import set_up_logs
from pipeline.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the roles."""

    @app.command("gateway")
    def gateway() -> None:
        """Take webhooks, verify them, and put their interactions into Kafka."""
        settings = _settings()
        import uvloop

        from pipeline.gateway.server import run_gateway

        uvloop.run(run_gateway(settings))

    @app.command("worker")
    def worker() -> None:
        """Count the interactions of its share of the topic into Redis, and publish the aggregate topics."""
        settings = _settings()
        from agents.worker import run_worker

        run_worker(settings)

    @app.command("api")
    def api() -> None:
        """Answer queries over HTTP."""
        settings = _settings()
        from pipeline.api.server import run_api

        asyncio.run(run_api(settings))

    @app.command("notify")
    def notify() -> None:
        """Post alerts, signed, to TWOWAY_ALERT_URL until they are taken."""
        settings = _settings()
        from pipeline.notifying.server import run_notify

        asyncio.run(run_notify(settings))


def _settings() -> Settings:
    from pipeline.access.refusals import check_access

    settings = Settings.from_env()
    set_up_logs(settings)
    check_access(settings)
    return settings
