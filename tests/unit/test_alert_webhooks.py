"""How an alert leaves: signed as Standard Webhooks says, and what an answer means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.notifying.receiver import Answer, judge_answer, sign, signing_keys
from pipeline.settings import Secret

VECTORS = Path(__file__).parents[1] / "contract" / "payloads" / "signatures.json"
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_signature_is_that_of_the_official_vector() -> None:
    """Of the reference library: id, time and body give exactly this header."""
    cases = json.loads(VECTORS.read_text(encoding="utf-8"))
    vectors = cases if isinstance(cases, list) else cases["vectors"]
    vector = next(one for one in vectors if one["name"] == "standardwebhooks-official")
    headers = vector["headers"]
    stamp = int(headers["webhook-timestamp"])
    signed = sign(signing_keys(Secret(vector["secret"])), headers["webhook-id"], stamp, vector["body"].encode())
    assert signed == headers["webhook-signature"]


def test_two_keys_give_two_signatures() -> None:
    keys = signing_keys(Secret(f"{KEY}, whsec_{'QUJD' * 8}"))
    assert [part[:3] for part in sign(keys, "a", 1, b"{}").split(" ")] == ["v1,", "v1,"]


@pytest.mark.parametrize("secret", ["", "whsec_QUJD", "whsec_" + "QUJD" * 30, "whsec_QUJD!"])
def test_keys_of_another_length_or_form_are_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(SettingsError, match="TWOWAY_ALERT_SECRET") as raised:
        signing_keys(Secret(secret))
    assert "QUJD" not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "retry_after", "answer"),
    [
        (204, "", Answer("delivered", "204")),
        (410, "", Answer("gone", "410")),
        (301, "", Answer("again", "301")),
        (404, "", Answer("again", "404")),
        (429, "30", Answer("again", "429", 30.0)),
        (503, "999999", Answer("again", "503", 3600.0)),
        (503, "Mon, 23 Nov 2026 12:00:00 GMT", Answer("again", "503")),
    ],
)
def test_what_an_answer_means(status: int, retry_after: str, answer: Answer) -> None:
    assert judge_answer(status, retry_after) == answer
