"""The receiver: one address that takes alerts as Standard Webhooks 1.0.0, and what its answer means.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: `webhook-id` is the alert's
id and the same in every attempt, `webhook-timestamp` that of the attempt, `webhook-signature` one `v1,<base64>` a key.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Literal
from urllib.parse import urlsplit

import httpx
import orjson

from pipeline.clock import Clock
from pipeline.errors import RefusedError, SettingsError
from pipeline.notifying import metrics
from pipeline.settings import Secret, Settings
from pipeline.sources.signatures import standard_key
from schemas.alert import Alert

#: Standard Webhooks advises 15 to 30 s for a whole attempt.
TIMEOUT_S = 15.0
#: Of an answer nothing is needed but its status: more is not read.
LARGEST_ANSWER_BYTES = 16_384
#: A receiver's wish is heard up to here.
LONGEST_RETRY_AFTER_S = 3_600
KEY_BYTES = range(24, 65)
_EXPECTED_KEY = "expected whsec_ and base64 of 24 to 64 bytes, whsec_$(openssl rand -base64 32) (docs/alerts.md)"
_EXPECTED_URL = "expected the address that takes alerts, https://HOST/PATH (or http:// inside; docs/alerts.md)"

#: `delivered`: 2xx. `again`: try later. `gone`: 410, it wants nothing any more.
Outcome = Literal["delivered", "again", "gone"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt came to. `why` is a short fixed word or a status, safe to log; `wait_s`: not before that."""

    outcome: Outcome
    why: str
    wait_s: float = 0.0


def signing_keys(secret: Secret) -> tuple[bytes, ...]:
    """The keys in force; several while one is being replaced. Raises SettingsError, without showing any of it."""
    if not secret:
        raise SettingsError(f"TWOWAY_ALERT_SECRET is not set; {_EXPECTED_KEY}")
    try:
        keys = tuple(standard_key(part.strip()) for part in secret.reveal().split(",") if part.strip())
    except RefusedError as error:
        raise SettingsError(f"TWOWAY_ALERT_SECRET is set, but is no base64; {_EXPECTED_KEY}") from error
    if not keys or any(len(key) not in KEY_BYTES for key in keys):
        raise SettingsError(f"TWOWAY_ALERT_SECRET is set, but has another length; {_EXPECTED_KEY}")
    return keys


def check_address(url: Secret) -> str:
    """The address. Raises SettingsError, showing nothing of it but the scheme."""
    if not url:
        raise SettingsError(f"TWOWAY_ALERT_URL is not set; {_EXPECTED_URL}")
    if not _is_address(url.reveal()):
        raise SettingsError(f"TWOWAY_ALERT_URL is set, but is no address; {_EXPECTED_URL}")
    return url.reveal()


def _is_address(url: str) -> bool:
    """What the parsers say of one that is none quotes it, and goes no further."""
    try:
        parts = urlsplit(url)
        httpx.URL(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        return False


def encode_event(alert: Alert) -> bytes:
    """The body: type, time and the alert as it is in the topic. The same bytes for the same alert."""
    time = datetime.fromtimestamp(alert.time_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return orjson.dumps(
        {
            "type": f"engagement.alert.{alert.state}",
            "timestamp": time.replace("+00:00", "Z"),
            "data": alert_fields(alert),
        }
    )


def alert_fields(alert: Alert) -> dict[str, object]:
    """The alert's fields in the order of its schema."""
    return {name: getattr(alert, name) for name in alert.__struct_fields__}


def sign(keys: Sequence[bytes], message_id: str, stamp: int, body: bytes) -> str:
    """`v1,<base64>` for each key, separated by spaces."""
    signed = b"%s.%d.%s" % (message_id.encode(), stamp, body)
    return " ".join("v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)


class Receiver:
    """The address and its keys."""

    def __init__(self, settings: Settings, clock: Clock, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._url = check_address(settings.alert_url)
        self._keys = signing_keys(settings.alert_secret)
        self._clock = clock
        # Redirects are not followed: whoever answers for the address may not send alerts elsewhere. No proxy of the
        # environment either: what is signed for the receiver goes to the receiver.
        self._client = httpx.AsyncClient(timeout=timeout_s, follow_redirects=False, trust_env=False)

    @property
    def host(self) -> str:
        """Whom it is, for logs: the rest of the address may be a secret."""
        return urlsplit(self._url).hostname or ""

    async def deliver(self, alert: Alert) -> Answer:
        """One attempt."""
        body, stamp = encode_event(alert), self._clock() // 1000
        headers = {
            "content-type": "application/json",
            "user-agent": "twoway",
            "webhook-id": alert.id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": sign(self._keys, alert.id, stamp, body),
        }
        began = perf_counter()
        answer = await self._post(body, headers)
        metrics.ATTEMPT_SECONDS.observe(perf_counter() - began)
        return answer

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def _post(self, body: bytes, headers: dict[str, str]) -> Answer:
        answer = None
        try:
            # httpx's own timeout is that of one read: who sends a byte now and then would hold an attempt for hours.
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream("POST", self._url, content=body, headers=headers) as response,
            ):
                answer = judge_answer(response.status_code, response.headers.get("retry-after", ""))
                await _drain(response)
        except (TimeoutError, httpx.TimeoutException):
            answer = answer or Answer("again", "timeout")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # A body that is cut short takes nothing back of the status before it.
            if answer is None:
                metrics.ATTEMPTS.labels("unreachable").inc()
                return Answer("again", type(error).__name__)
        metrics.ATTEMPTS.labels("timeout" if answer.why == "timeout" else f"{answer.why[0]}xx").inc()
        return answer


def judge_answer(status: int, retry_after: str) -> Answer:
    """2xx is a delivery, 410 an end; everything else comes again, later where the receiver asks for it."""
    if 200 <= status < 300:
        return Answer("delivered", str(status))
    if status == 410:
        return Answer("gone", str(status))
    asked_s = int(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 8 else 0
    return Answer("again", str(status), float(min(asked_s, LONGEST_RETRY_AFTER_S)))


async def _drain(response: httpx.Response) -> None:
    """Read a short answer, so that its connection can be used again; let go of a long one."""
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read > LARGEST_ANSWER_BYTES:
            return
