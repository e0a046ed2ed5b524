"""Health and metrics of a role over HTTP: /livez, /readyz, /metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

#: Gives each dependency's name and whether it is ready, such as {"kafka": True, "redis": False}.
Readiness = Callable[[], Awaitable[Mapping[str, bool]]]


def health_routes(readiness: Readiness) -> list[Route]:
    """/livez answers 200 while the loop turns; /readyz 200 or 503 with each dependency; /metrics for Prometheus."""

    async def livez(_: Request) -> Response:
        return Response(b"ok\n", media_type="text/plain")

    async def readyz(_: Request) -> Response:
        ready = dict(await readiness())
        return Response(orjson.dumps(ready), 200 if all(ready.values()) else 503, media_type="application/json")

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]
