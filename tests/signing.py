"""Deliveries as their platforms sign them, one line a scheme: what a connection has, and what a request carries."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.http_signing import public_pem, rfc9421

META_SECRET = "meta-app-secret"


@dataclass(frozen=True)
class Request:
    """A request before it is signed: where it goes, what it carries, and the sender's clock in Unix seconds."""

    host: str
    path: str
    body: bytes
    headers: Mapping[str, str]
    now_s: int


@dataclass(frozen=True)
class Signed:
    """What signing adds: headers, and a tail (`/more`) to the address."""

    headers: Mapping[str, str] = field(default_factory=dict)
    tail: str = ""


@dataclass(frozen=True)
class Signer:
    """How one scheme signs. `secret` stands in the connection's `secrets`; `keys` gives, for a body, what besides."""

    secret: str
    sign: Callable[[Request, str], Signed]
    keys: Callable[[bytes], Mapping[str, Any]] = lambda body: {}


def _hex_hmac(header: str, method: str = "sha256") -> Callable[[Request, str], Signed]:
    """`<header>: <method>=<hex>` over the body."""

    def sign(request: Request, secret: str) -> Signed:
        return Signed({header: f"{method}={hmac.digest(secret.encode(), request.body, method).hex()}"})

    return sign


def _token(header: str, form: str = "{}") -> Callable[[Request, str], Signed]:
    """The secret itself in a header."""
    return lambda request, secret: Signed({header: form.format(secret)})


def _x(request: Request, secret: str) -> Signed:
    signature = b64encode(hmac.digest(secret.encode(), request.body, "sha256")).decode()
    return Signed({"x-twitter-webhooks-signature": f"sha256={signature}"})


def _standardwebhooks(request: Request, secret: str) -> Signed:
    key = b64decode(secret.removeprefix("whsec_"))
    signature = hmac.digest(key, b"msg_1.%d.%s" % (request.now_s, request.body), "sha256")
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(request.now_s)}
    return Signed({**headers, "webhook-signature": f"v1,{b64encode(signature).decode()}"})


def _linkedin(request: Request, secret: str) -> Signed:
    return Signed({"X-LI-Signature": hmac.digest(secret.encode(), b"hmacsha256=" + request.body, "sha256").hex()})


def _tiktok(request: Request, secret: str) -> Signed:
    signature = hmac.digest(secret.encode(), b"%d.%s" % (request.now_s, request.body), "sha256").hex()
    return Signed({"TikTok-Signature": f"t={request.now_s},s={signature}"})


def _http_signature(request: Request, secret: str) -> Signed:
    """The newer form, whose time is its own: the `Date` of a recorded delivery may stay as it was."""
    actor = _actor(request.body)
    where = {"key_id": f"{actor}#main-key", "key": actor, "host": request.host}
    return Signed(rfc9421(request.body, request.path, now_s=request.now_s, **where))


def _public_keys(body: bytes) -> Mapping[str, Any]:
    actor = _actor(body)
    return {"public_keys": {actor: public_pem(actor)}, "fetch_keys": False}


def _actor(body: bytes) -> str:
    return str(json.loads(body)["actor"])


SIGNERS: dict[str, Signer] = {
    "meta": Signer(META_SECRET, _hex_hmac("X-Hub-Signature-256")),
    "meta-legacy": Signer(META_SECRET, _hex_hmac("X-Hub-Signature", "sha1")),
    "x": Signer("x-consumer-secret", _x),
    "standardwebhooks": Signer("whsec_" + b64encode(b"0123456789abcdef01234567").decode(), _standardwebhooks),
    "linkedin": Signer("linkedin-client-secret", _linkedin),
    "tiktok": Signer("tiktok-client-secret", _tiktok),
    "discourse": Signer("discourse-secret", _hex_hmac("X-Discourse-Event-Signature")),
    "gitlab": Signer("gitlab-token", _token("X-Gitlab-Token")),
    "telegram": Signer("telegram_secret-1", _token("X-Telegram-Bot-Api-Secret-Token")),
    "mastodon": Signer("mastodon-secret", _hex_hmac("X-Hub-Signature")),
    "websub": Signer("websub-secret", _hex_hmac("X-Hub-Signature", "sha1")),
    "http-signature": Signer("", _http_signature, _public_keys),
    "path": Signer("a-secret-in-the-path", lambda request, secret: Signed(tail=f"/{secret}")),
    "bearer": Signer("token", _token("Authorization", "Bearer {}")),
}
