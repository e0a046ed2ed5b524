"""Errors over HTTP: `application/problem+json` (RFC 9457) that names the thing, its value and what was expected."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pipeline.api import metrics
from pipeline.api.shares import ShareError
from pipeline.errors import ForbiddenError, NotFoundError, QueryError, TwowayError, UnavailableError

logger = logging.getLogger("twoway.api")

MEDIA_TYPE = "application/problem+json"
#: Redis and Kafka restart within seconds.
RETRY_AFTER_S = 2
_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    413: "Content too large",
    414: "URI too long",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong. `detail` is for people; programs go by `status`."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer for this status, a line as every answer is."""
    body = Problem(title=_TITLES.get(status, "Error"), status=status, detail=detail)
    return Response(msgspec.json.encode(body) + b"\n", status, headers, MEDIA_TYPE)


async def on_error(request: Request, error: Exception) -> Response:
    """The answer for any exception that a route raised; what we did not foresee is logged and not shown."""
    if isinstance(error, NotFoundError):
        return problem(404, str(error))
    if isinstance(error, ForbiddenError):
        metrics.REFUSED.labels("beyond").inc()
        return problem(403, str(error))
    if isinstance(error, QueryError):
        return problem(400, str(error))
    if isinstance(error, UnavailableError | ShareError):
        if in_shares := isinstance(error, ShareError):
            metrics.REFUSED.labels("share").inc()
        return problem(429 if in_shares else 503, str(error), {"Retry-After": str(RETRY_AFTER_S)})
    if isinstance(error, HTTPException):
        return problem(error.status_code, _explain(request, error), error.headers)
    known = isinstance(error, TwowayError)
    logger.error("%s %s failed: %s", request.method, request.url.path, error, exc_info=None if known else error)
    return problem(500, str(error) if known else "the server failed; its log says why")


def _explain(request: Request, error: HTTPException) -> str:
    path = request.url.path[:200]
    if error.status_code == 404:
        return f"path is {path!r}; expected one of those in /openapi.json"
    if error.status_code == 405:
        return f"method is {request.method!r}; expected GET for {path!r}"
    return error.detail
