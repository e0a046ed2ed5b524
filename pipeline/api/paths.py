"""Ids in paths: decoded after routing, so that an encoded slash never splits an id.

`/v1/accounts/mastodon/https%3A%2F%2Fexample.org%2Fposts` is the account `https://example.org/posts`, and `/posts`
behind it lists its posts. A slash that a proxy has decoded on the way still works, unless the id itself ends in
`/posts`, `/series`, `/insights` or `/unanswered`.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send


class EncodedId(Convertor[str]):
    """An id in a path, still percent-encoded when it is matched."""

    regex = ".+"

    def convert(self, value: str) -> str:
        return unquote(value)

    def to_string(self, value: str) -> str:
        return quote(value, safe="")


class EncodedSegment(EncodedId):
    """One segment of a path, still percent-encoded when it is matched."""

    regex = "[^/]+"


class EncodedPaths:
    """Middleware: routes match the path as it was sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raw = scope.get("raw_path")
            scope["path"] = raw.decode("ascii", "replace") if raw else quote(scope["path"])
        await self._app(scope, receive, send)


def starlette_path(path: str) -> str:
    """A path of an operation as Starlette writes it. Makes the convertors known."""
    register_url_convertor("encoded", EncodedId())
    register_url_convertor("segment", EncodedSegment())
    return path.replace("{id}", "{id:encoded}").replace("{platform}", "{platform:segment}")
