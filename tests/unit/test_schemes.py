"""Signature schemes of single platforms that the vectors do not show whole."""

from __future__ import annotations

import hmac

import pytest

from pipeline.errors import RefusedError
from pipeline.settings import Secret
from pipeline.sources.delivery import Delivery
from pipeline.sources.signatures import verify

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
