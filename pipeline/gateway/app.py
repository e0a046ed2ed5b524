"""The gateway's HTTP application: webhooks, health and metrics."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.clock import Clock, wall_clock
from pipeline.gateway.budget import Budget
from pipeline.gateway.connections import Connections
from pipeline.gateway.directory import Directory
from pipeline.gateway.intake import Intake
from pipeline.gateway.public_keys import PublicKeys
from pipeline.gateway.publisher import Publisher
from pipeline.gateway.webhook import PREFIX, WebhookEndpoint
from pipeline.health import health_routes
from pipeline.settings import Settings
from pipeline.sources.context import Pseudonym


def build_app(
    settings: Settings,
    connections: Connections,
    publisher: Publisher,
    directory: Directory,
    pseudonym: Pseudonym,
    budget: Budget,
    keys: PublicKeys,
    clock: Clock = wall_clock,
) -> ASGIApp:
    """The application over clients that somebody else opens and closes."""
    intake = Intake(settings, publisher, directory, pseudonym, keys, clock)
    webhook = WebhookEndpoint(connections, intake, budget, settings.body_limit_bytes, clock)

    async def readiness() -> Mapping[str, bool]:
        return {"kafka": publisher.is_ready, "redis": await directory.is_ready()}

    health = Starlette(routes=health_routes(readiness))
    health.router.redirect_slashes = False  # a redirect would say the sender's own `Host` back

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Webhooks pass Starlette's layers by: they would cost a tenth of the whole.
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await webhook(scope, receive, send)
        else:
            await health(scope, receive, send)

    return app
