"""Another server of the fediverse: gives actors' documents, and can be told to misbehave."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipeline.serving import address_of, listen, served
from tests.http_signing import public_pem

ACTIVITY = "application/activity+json"


class ActorServer:
    """Knows every actor; `answers` replaces what a path gives. `hold` keeps requests waiting while it is cleared."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: Counter[str] = Counter()
        self.answers: dict[str, Response] = {}
        self.hold = asyncio.Event()
        self.hold.set()

    def actor(self, name: str) -> str:
        """The address of an actor."""
        return f"{self.url}/users/{name}"

    def document(self, name: str, key: str | None = None, **changes: Any) -> dict[str, Any]:
        """An actor's document with the key of this name, his own if none is named."""
        actor = self.actor(name)
        public_key = {"id": f"{actor}#main-key", "owner": actor, "publicKeyPem": public_pem(key or name)}
        return {"id": actor, "type": "Person", "publicKey": public_key | changes}

    def give(self, name: str, document: Any, media_type: str = ACTIVITY, status: int = 200) -> None:
        """Let an actor's address answer so from now on."""
        self.answers[f"/users/{name}"] = JSONResponse(document, status, media_type=media_type)

    async def _answer(self, request: Request) -> Response:
        self.asked[request.url.path] += 1
        await self.hold.wait()
        name = request.path_params["name"]
        return self.answers.get(request.url.path) or JSONResponse(self.document(name), media_type=ACTIVITY)


@asynccontextmanager
async def actor_server() -> AsyncIterator[ActorServer]:
    """Such a server on a free port of this machine, over plain HTTP."""
    server, listener = ActorServer(), listen("gateway", "127.0.0.1", 0)
    app = Starlette(routes=[Route("/users/{name}", server._answer)])
    async with served(app, listener, drain_s=1):
        server.url = address_of(listener)
        try:
            yield server
        finally:
            server.hold.set()
