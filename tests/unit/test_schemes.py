"""Signature schemes of single platforms that the vectors do not show whole."""

from __future__ import annotations

import hmac
import json
from urllib.parse import quote

import pytest

from pipeline.errors import RefusedError
from pipeline.settings import Secret
from pipeline.sources.delivery import Connection, Delivery
from pipeline.sources.registry import SOURCES
from pipeline.sources.signatures import verify

CHALLENGES = ("123", "true", "hmacsha256=123", "MTIz+/=", "890e4665-4dfe-4ab1-b689-ed553bceeed0")
HEADER = "x-discourse-event-signature"


def test_tiktoks_time_is_signed_and_checked_both_ways() -> None:
    """An hour: a delivery that is repeated may carry its old time."""
    signature = hmac.digest(b"s", b"10000.{}", "sha256").hex()
    delivery = Delivery(b"{}", {"tiktok-signature": f"t=10000,s={signature}"})
    for now_s in (6400, 10000, 13600):
        verify("tiktok", delivery, (Secret("s"),), now_s)
    for now_s in (6399, 13601):
        with pytest.raises(RefusedError, match="time_outside_tolerance"):
            verify("tiktok", delivery, (Secret("s"),), now_s)
    moved = Delivery(b"{}", {"tiktok-signature": f"t=10001,s={signature}"})
    with pytest.raises(RefusedError, match="wrong_signature"):
        verify("tiktok", moved, (Secret("s"),), 10000)


@pytest.mark.parametrize("header", ["", "x", "t=1", "s=00", "t=,s=00", "t=1e9,s=00", "t=-1,s=00", "t=\u0661,s=00"])
def test_a_signature_of_tiktok_that_is_none_is_refused(header: str) -> None:
    """Whatever stands in the header."""
    with pytest.raises(RefusedError, match=r"missing_signature|malformed_signature|malformed_timestamp"):
        verify("tiktok", Delivery(b"", {"tiktok-signature": header}), (Secret("s"),), 1)


@pytest.mark.parametrize(
    ("scheme", "header"), [("gitlab", "x-gitlab-token"), ("telegram", "x-telegram-bot-api-secret-token")]
)
def test_a_shared_token_must_be_the_same(scheme: str, header: str) -> None:
    """Missing, wrong and longer ones are refused."""
    verify(scheme, Delivery(b"", {header: "token"}), (Secret("token"),), 0)
    for headers in ({}, {header: ""}, {header: "other"}, {header: "token, token"}, {header: "tök"}):
        with pytest.raises(RefusedError, match=r"missing_token|wrong_token"):
            verify(scheme, Delivery(b"", headers), (Secret("token"),), 0)


@pytest.mark.parametrize(("form", "body"), [("{}", b"{}"), ("sha1={}", b"{}"), ("sha256={}", b"{ }")])
def test_discourse_signs_the_body_and_names_the_method(form: str, body: bytes) -> None:
    """Bare, under another method, or of another body it is refused."""
    signature = hmac.digest(b"secret of a forum", b"{}", "sha256").hex()
    verify("discourse", Delivery(b"{}", {HEADER: f"sha256={signature}"}), (Secret("secret of a forum"),), 0)
    with pytest.raises(RefusedError):
        verify("discourse", Delivery(body, {HEADER: form.format(signature)}), (Secret("secret of a forum"),), 0)


@pytest.mark.parametrize(
    ("platform", "asked", "told", "header"),
    [
        ("x", "crc_token", "response_token", "x-twitter-webhooks-signature"),
        ("linkedin", "challengeCode", "challengeResponse", "x-li-signature"),
    ],
)
@pytest.mark.parametrize("challenge", CHALLENGES)
def test_a_signed_challenge_is_no_signed_delivery(
    platform: str, asked: str, told: str, header: str, challenge: str
) -> None:
    """A stranger chose it, and got its signature for asking: `123` was kept as a delivery that cannot be read."""
    source, connection = SOURCES[platform], Connection("c", platform, platform, (Secret("s"),))
    request = Delivery(b"", {}, method="GET", query=f"{asked}={quote(challenge)}")
    signature = json.loads(source.answer(request, connection).body)[told]
    for body in (challenge, challenge.removeprefix("hmacsha256=")):
        with pytest.raises(RefusedError, match="wrong_signature"):
            source.verify(Delivery(body.encode(), {header: signature}), connection, 0)


@pytest.mark.parametrize("challenge", ["{", '{"for_user_id":"1"}', " {}", "[1]", '"x"', "a&b", "<a>", "1\n", "\x00"])
@pytest.mark.parametrize(("platform", "asked"), [("x", "crc_token"), ("linkedin", "challengeCode")])
def test_no_challenge_is_signed_that_could_be_a_body(platform: str, asked: str, challenge: str) -> None:
    """No real one has braces, brackets, quotation marks, or what cannot be printed."""
    request = Delivery(b"", {}, method="GET", query=f"{asked}={quote(challenge)}")
    with pytest.raises(RefusedError, match="malformed_challenge"):
        SOURCES[platform].answer(request, Connection("c", platform, platform, (Secret("s"),)))
