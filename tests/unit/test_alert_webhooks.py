"""How an alert leaves: signed as Standard Webhooks says, and what an answer means."""

from __future__ import annotations

import asyncio
import json
import traceback
from itertools import chain, repeat
from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.notifying.receiver import Answer, Receiver, check_address, judge_answer, sign, signing_keys
from pipeline.settings import Secret, Settings
from tests.factories import NOON_MS, make_alert
from tests.waiting import DEADLINE_S

VECTORS = Path(__file__).parents[1] / "contract" / "payloads" / "signatures.json"
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ALERT = make_alert()


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


class Raw:
    """A receiver that sends these pieces, one every 0.1 s, and ends, or goes on with the last one for ever."""

    def __init__(self, *pieces: bytes, ends: bool) -> None:
        self._pieces = pieces
        self._ends = ends

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in chain(self._pieces, repeat(b"" if self._ends else self._pieces[-1])):
            writer.write(piece)
            if not piece or writer.is_closing():
                break
            await asyncio.sleep(0.1)
        writer.close()


async def answer_of(raw: Raw) -> Answer:
    """What one attempt of two seconds comes to; an attempt that does not end is an error."""
    server = await asyncio.start_server(raw, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = Settings(alert_url=Secret(f"http://127.0.0.1:{port}/"), alert_secret=Secret(KEY))
        receiver = Receiver(settings, lambda: NOON_MS, timeout_s=2)
        try:
            return await asyncio.wait_for(receiver.deliver(ALERT), DEADLINE_S)
        finally:
            await receiver.close()


HEAD = b"HTTP/1.1 %d _\r\ncontent-length: 1000\r\n\r\n"


@pytest.mark.parametrize("ends", [True, False], ids=["cut short", "dripping"])
@pytest.mark.parametrize(("status", "outcome"), [(200, "delivered"), (410, "gone"), (500, "again")])
async def test_the_status_is_the_answer_whatever_becomes_of_the_body(ends: bool, status: int, outcome: str) -> None:
    """An alert that was taken is not sent for a day because the body after its 200 is cut short or never ends."""
    assert await answer_of(Raw(HEAD % status, b"o", ends=ends)) == Answer(outcome, str(status))


async def test_an_attempt_ends_in_time_although_bytes_keep_coming() -> None:
    """A head that drips: each read is quick, the answer never comes."""
    assert await answer_of(Raw(b"HTTP/1.1 200 OK\r\n", b"x", ends=False)) == Answer("again", "timeout")


@pytest.mark.parametrize(
    "url",
    [
        "https://hook:very-secret@℀.example/",  # NFKC makes `a/c` of it, another host
        "https://[very-secret",
        "https://very-secret.example:99999999/",
        "https://very-secret.example:0/",
        "https://very-secret.example:port/",
        "https://very-secret.example/\x00",
        "ftp://very-secret.example/",
        "https:///very-secret",
    ],
)
def test_an_address_that_is_none_is_refused_without_any_of_it(url: str) -> None:
    """Also not in a cause, which a trace would show: it quoted the password."""
    with pytest.raises(SettingsError, match=r"^TWOWAY_ALERT_URL is set, but is no address; expected") as refused:
        check_address(Secret(url))
    assert "very-secret" not in "".join(traceback.format_exception(refused.value))
