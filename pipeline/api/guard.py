"""Who asks: the bearer token's grant, or this machine where there are no tokens; and the headers of every answer.

Without tokens the API binds a loopback address and answers only requests for a loopback host: a page in somebody's
browser that points a name of its own at 127.0.0.1 reads nothing. A token comes in a header, never in a URL, which would
stand in histories and in the logs of proxies.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.access.grants import EVERYTHING, Grant
from pipeline.access.loopback import is_loopback
from pipeline.api import metrics
from pipeline.api.problems import problem
from pipeline.api.tokens import Tokens
from pipeline.waiting import SENDER

#: What answers without a token: no numbers of anybody stand there, and probes carry none.
OPEN_PATHS = frozenset({"/", "/livez", "/readyz", "/openapi.json"})
#: What a token must be made for besides accounts.
OPERATIONS_PATHS = frozenset({"/metrics"})
#: A path with ids of the greatest length, each byte of them encoded, and a query.
URL_BYTES_MAX = 16_384
_GRANT = "twoway.grant"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_CHALLENGE = 'Bearer realm="twoway"'


def grant_of(request: Request) -> Grant:
    """What the asker may read. There is none without the guard: then nothing is answered."""
    grant: Grant = request.scope[_GRANT]
    return grant


class Guard:
    """Middleware: lets in who may ask, tells routes what he may read, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refusal(scope)
        await (refused or self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        """Why this is not answered; None, and the grant in its place, where it is."""
        headers = Headers(scope=scope)
        if (oversized := _oversized(scope, headers)) is not None:
            return oversized
        if self._tokens.is_open:
            scope[_GRANT] = EVERYTHING
            return _of_elsewhere(headers.get("host", ""))
        if scope["path"] in OPEN_PATHS:
            return None
        return self._stranger(scope, headers.get("authorization", ""))

    def _stranger(self, scope: Scope, authorization: str) -> ASGIApp | None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            detail = "there is no bearer token; expected one in the Authorization header"
            return _refuse("no_token", 401, detail, {"WWW-Authenticate": _CHALLENGE})
        grant = self._tokens.find(token.strip())
        if grant is None:
            challenge = {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'}
            return _refuse(
                "unknown_token", 401, "the bearer token is unknown; expected one that is in force", challenge
            )
        if SENDER in scope:
            scope[SENDER].is_known = True
        if scope["path"] in OPERATIONS_PATHS and not grant.operations:
            return _refuse("beyond", 403, f"{scope['path']} is beyond this token; expected one with `operations`")
        scope[_GRANT] = grant
        return None


def _oversized(scope: Scope, headers: Headers) -> ASGIApp | None:
    if len(scope["path"]) + len(scope["query_string"]) > URL_BYTES_MAX:
        return _refuse("too_large", 414, f"the URL is too long; expected {URL_BYTES_MAX:,} bytes at the most")
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        detail = "the request has a body; expected none: nothing here takes one"
        return _refuse("too_large", 413, detail, {"Connection": "close"})
    return None


def _of_elsewhere(host: str) -> ASGIApp | None:
    if is_loopback(host):
        return None
    return _refuse("host", 400, f"host is {host[:200]!r}; expected a loopback host, as no tokens are set")


def _refuse(reason: str, status: int, detail: str, headers: dict[str, str] | None = None) -> ASGIApp:
    metrics.REFUSED.labels(reason).inc()
    return problem(status, detail, headers)
