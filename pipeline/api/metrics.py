"""What the API measures of itself: requests by route and outcome, clients of the stream."""

from __future__ import annotations

import time

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_SECONDS = Histogram(
    "twoway_api_request_seconds",
    "Time from a request to the head of its answer",
    ("route", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
STREAM_CLIENTS = Gauge("twoway_api_stream_clients", "Clients that listen to /v1/stream")
STREAM_EVENTS = Counter("twoway_api_stream_events_total", "Updates sent to clients of /v1/stream")
STREAM_COALESCED = Counter("twoway_api_stream_coalesced_total", "Updates replaced by a newer one before they were sent")
STREAM_DROPPED = Counter("twoway_api_stream_dropped_total", "Clients of /v1/stream dropped because they were too slow")
STREAM_UNREADABLE = Counter("twoway_api_stream_unreadable_total", "Records of the aggregate topics that cannot be read")
REFUSED = Counter("twoway_api_refused_total", "Requests refused before they were answered", ("reason",))
TOKENS = Gauge("twoway_api_tokens", "Tokens in force")
ACCESS_RELOADS = Counter("twoway_api_access_reloads_total", "Times that the access file was read anew", ("result",))

_CLOSED = {"400": "malformed", "431": "too_large", "too_many": "too_many"}

#: The label of what matched no route: never the path itself, which comes from outside.
NO_ROUTE = "none"


def count_closed(reason: str) -> None:
    """A connection was closed from here. A head that took too long is told twice, as slow and by its status 408."""
    if reason != "408":
        REFUSED.labels(_CLOSED.get(reason, "slow")).inc()


class Timed:
    """Middleware: observes each request by its route's template and the class of its status, such as `2xx`."""

    def __init__(self, app: ASGIApp, templates: dict[str, str]) -> None:
        self._app = app
        self._templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def send_timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = self._templates.get(getattr(scope.get("route"), "path", ""), NO_ROUTE)
                status = f"{message['status'] // 100}xx"
                REQUEST_SECONDS.labels(route, status).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, send_timed)
