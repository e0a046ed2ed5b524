"""The API's application: routes from the operations, the stream, health, the document and the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec
import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.api.guard import Guard, grant_of
from pipeline.api.hub import Hub
from pipeline.api.metrics import Timed
from pipeline.api.openapi import openapi_document
from pipeline.api.operations import Operation, operations
from pipeline.api.page import page_policy, read_page
from pipeline.api.parameters import read_parameters
from pipeline.api.paths import EncodedPaths, starlette_path
from pipeline.api.problems import on_error
from pipeline.api.stream import STREAM_PATH, Stream, stream_parameters
from pipeline.api.tokens import Tokens
from pipeline.errors import TwowayError, UnavailableError
from pipeline.health import health_routes
from pipeline.reading import Reader

_encode = msgspec.json.Encoder().encode


def build_app(reader: Reader, hub: Hub, tokens: Tokens) -> Starlette:
    """The application. Whoever asks is known before a route is, and each route answers within his grant."""
    asked = operations(reader.windows)
    document = openapi_document(asked, STREAM_PATH, stream_parameters(reader.windows), tokens=not tokens.is_open)
    routes = [
        *(Route(starlette_path(operation.path), _answer(operation, reader)) for operation in asked),
        Route(STREAM_PATH, Stream(hub, reader.windows, tokens).answer),
        *health_routes(_readiness(reader)),
        Route("/openapi.json", _fixed(orjson.dumps(document), "application/json")),
        Route("/", _page()),
    ]
    templates = {route.path: route.path for route in routes} | {starlette_path(o.path): o.path for o in asked}
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(Timed, templates=templates),
            # The guard sees the path by which the route is found.
            Middleware(EncodedPaths),
            Middleware(Guard, tokens=tokens),
        ],
        exception_handlers={TwowayError: on_error, HTTPException: on_error, Exception: on_error},
    )


def _answer(operation: Operation, reader: Reader) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        values = read_parameters(request.query_params, operation.parameters)
        path = [request.path_params[name] for name in ("platform", "id") if name in request.path_params]
        answer = await operation.ask(reader.within(grant_of(request)), *path, **values)
        return Response(_encode(answer) + b"\n", media_type="application/json")

    return respond


def _readiness(reader: Reader) -> Callable[[], Awaitable[Mapping[str, bool]]]:
    """Ready while Redis answers: without Kafka only the stream fails, and says so itself."""

    async def readiness() -> Mapping[str, bool]:
        try:
            await reader.ping()
        except UnavailableError:
            return {"redis": False}
        return {"redis": True}

    return readiness


def _page() -> Callable[[Request], Awaitable[Response]]:
    html = read_page()
    return _fixed(html, "text/html", {"Content-Security-Policy": page_policy(html)})


def _fixed(
    body: bytes, media_type: str, headers: Mapping[str, str] | None = None
) -> Callable[[Request], Awaitable[Response]]:
    async def fixed(_: Request) -> Response:
        return Response(body, media_type=media_type, headers=headers)

    return fixed
