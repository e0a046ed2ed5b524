"""Who may ask: bearer tokens, or only this machine; and the headers that every answer carries.

Without tokens the API binds a loopback address and answers only requests for a loopback host: a page in somebody's
browser that points a name of its own at 127.0.0.1 reads nothing.
"""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.api.problems import problem
from pipeline.errors import SettingsError
from pipeline.settings import Settings

#: A token that can be guessed is none: 16 characters are 80 bits or more when drawn at random.
TOKEN_CHARACTERS = 16
#: What answers without a token: no numbers of anybody stand there, and probes carry none.
OPEN_PATHS = frozenset({"/", "/livez", "/readyz", "/openapi.json"})
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def api_tokens(settings: Settings) -> tuple[bytes, ...]:
    """The tokens in force. Raises SettingsError for a short one, and for none on an address others can reach."""
    tokens = tuple(part.strip() for part in settings.api_tokens.reveal().split(",") if part.strip())
    if any(len(token) < TOKEN_CHARACTERS for token in tokens):
        raise SettingsError(
            f"TWOWAY_API_TOKENS holds a token that is too short; expected {TOKEN_CHARACTERS} characters"
        )
    if not tokens and not is_loopback(settings.api_host):
        raise SettingsError(
            f"TWOWAY_API_HOST is {settings.api_host!r} and TWOWAY_API_TOKENS is empty; expected tokens, or 127.0.0.1"
        )
    return tuple(token.encode() for token in tokens)


def is_loopback(host: str) -> bool:
    """Whether this host, with or without a port, can only be this machine."""
    name = host.rpartition(":")[0] if host.count(":") == 1 or "]:" in host else host
    name = name.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


class Guard:
    """Middleware: lets in who may ask, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, tokens: tuple[bytes, ...]) -> None:
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
        headers = Headers(scope=scope)
        if not self._tokens:
            host = headers.get("host", "")
            if is_loopback(host):
                return None
            return problem(400, f"host is {host[:200]!r}; expected a loopback host, as no tokens are set")
        if scope["path"] in OPEN_PATHS or self._is_known(headers.get("authorization", "")):
            return None
        challenge = {"WWW-Authenticate": 'Bearer realm="twoway"'}
        return problem(401, "the bearer token is missing or unknown; expected one of TWOWAY_API_TOKENS", challenge)

    def _is_known(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        given = token.strip().encode()
        # Every token is compared, so that the time says nothing about which one came near.
        matches = [hmac.compare_digest(given, known) for known in self._tokens]
        return scheme.lower() == "bearer" and any(matches)
