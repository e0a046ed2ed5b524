"""Shared tokens: schemes whose sender signs nothing and sends the secret itself. Https alone protects it on its way."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qsl

from pipeline.errors import RefusedError
from pipeline.sources.delivery import Delivery


def gitlab(delivery: Delivery, secret: str, now_s: float) -> None:
    """`X-Gitlab-Token`: the secret itself."""
    _compare(delivery.headers.get("x-gitlab-token"), secret)


def telegram(delivery: Delivery, secret: str, now_s: float) -> None:
    """`X-Telegram-Bot-Api-Secret-Token`: the secret itself."""
    _compare(delivery.headers.get("x-telegram-bot-api-secret-token"), secret)


def path(delivery: Delivery, secret: str, now_s: float) -> None:
    """The secret itself, at the end of the address: for senders that sign nothing."""
    _compare(delivery.tail, secret)


def bearer(delivery: Delivery, secret: str, now_s: float) -> None:
    """`Authorization: Bearer <token>`, or `access_token` in the query (CloudEvents)."""
    kind, _, token = delivery.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        token = next((value for name, value in parse_qsl(delivery.query) if name == "access_token"), "")
    _compare(token.strip(), secret)


def _compare(given: str | None, secret: str) -> None:
    if not given:
        raise RefusedError("missing_token")
    if not hmac.compare_digest(secret.encode(), given.encode()):
        raise RefusedError("wrong_token")
