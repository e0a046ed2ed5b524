"""What is asked of a Mastodon instance besides its stream: where that is, and lists page by page. Read-only.

Answers are bounded, redirects are not followed (the token goes to the named server alone), errors are a LostError.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from pipeline.errors import LostError, SettingsError
from pipeline.settings import Secret
from pipeline.sources.times import from_iso

TIMEOUT_S = 20.0
#: A page of 80 notifications with all that stands in them has some 400 kB.
ANSWER_BYTES = 16_000_000
LONGEST_WAIT_S = 300.0
#: The largest pages that the instance gives.
NOTIFICATIONS_PAGE, STATUSES_PAGE = 80, 40
#: Comes before every id.
BEFORE_ALL = "0"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Shape = TypeVar("Shape")


class Item(NamedTuple):
    """An element of a list: its id, its JSON as it came, and when it was made."""

    id: str
    raw: str
    created_ms: int | None


class _Element(msgspec.Struct):
    id: str
    created_at: str = ""


class _Urls(msgspec.Struct):
    streaming: str = ""


class _Configuration(msgspec.Struct):
    urls: _Urls = msgspec.field(default_factory=_Urls)


class _About(msgspec.Struct):
    configuration: _Configuration = msgspec.field(default_factory=_Configuration)


class Instance:
    """One account's view of its instance."""

    def __init__(self, url: str, token: Secret, account: str) -> None:
        """Raises SettingsError for an address that a token must not be sent to."""
        self.server = check_url(url)
        self._account = account
        self._token = token
        self._client = httpx.AsyncClient(base_url=self.server, timeout=TIMEOUT_S, headers=self.headers)

    @property
    def headers(self) -> dict[str, str]:
        """What every request and the stream carry."""
        return {"Authorization": f"Bearer {self._token.reveal()}"}

    async def stream_url(self) -> str:
        """The address of the account's stream; the instance may serve it under another name."""
        about = _decoded(await self._get("/api/v2/instance", {}), _About)
        base = about.configuration.urls.streaming or self.server
        parts = urlsplit(base)
        secure = parts.scheme in {"wss", "https"}
        if not parts.hostname or (not secure and parts.hostname not in _LOOPBACK):
            raise LostError("refused", "the instance names a streaming address that is not wss")
        return f"{'wss' if secure else 'ws'}://{parts.netloc}/api/v1/streaming?stream=user"

    async def notifications(self, after: str) -> list[Item]:
        """The oldest notifications newer than an id, oldest first; empty where there are none."""
        query = {"min_id": after, "limit": str(NOTIFICATIONS_PAGE)}
        return await self._list("/api/v1/notifications", query)

    async def statuses(self, after: str) -> list[Item]:
        """The oldest statuses of the account newer than an id, oldest first."""
        query = {"min_id": after, "limit": str(STATUSES_PAGE)}
        return await self._list(f"/api/v1/accounts/{quote(self._account, safe='')}/statuses", query)

    async def newest_notification(self) -> str:
        """The id from which on everything is new."""
        return _newest(await self._list("/api/v1/notifications", {"limit": "1"}))

    async def newest_status(self) -> str:
        """The same of the account's statuses."""
        return _newest(await self._list(f"/api/v1/accounts/{quote(self._account, safe='')}/statuses", {"limit": "1"}))

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def _list(self, path: str, query: dict[str, str]) -> list[Item]:
        elements = _decoded(await self._get(path, query), list[msgspec.Raw])
        return [_item(bytes(raw)) for raw in reversed(elements)]  # the newest comes first

    async def _get(self, path: str, query: dict[str, str]) -> bytes:
        try:
            async with self._client.stream("GET", path, params=query) as answer:
                if answer.status_code != 200:
                    raise _refused(path, answer)
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > ANSWER_BYTES:
                        raise LostError("too_large", f"{path} answers with more than {ANSWER_BYTES} bytes")
                return bytes(body)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise LostError("unreachable", f"{path}: {type(error).__name__}") from error


def check_url(url: str) -> str:
    """`https://host`, without what may follow. Raises SettingsError; plain http only to this machine."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise SettingsError("url is no address; expected the instance, such as https://mastodon.example") from error
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not parts.hostname or not secure or "@" in parts.netloc:
        shown = url.rpartition("@")[2]  # what stands before it may be a password
        raise SettingsError(f"url is {shown!r}; expected the instance, such as https://mastodon.example")
    return f"{parts.scheme}://{parts.netloc}"


def _item(raw: bytes) -> Item:
    element = _decoded(raw, _Element)
    return Item(element.id, raw.decode(errors="replace"), from_iso(element.created_at))


def _newest(items: list[Item]) -> str:
    return items[-1].id if items else BEFORE_ALL


def _refused(path: str, answer: httpx.Response) -> LostError:
    cause = "unauthorised" if answer.status_code in {401, 403} else "refused"
    return LostError(cause, f"{path} answers HTTP {answer.status_code}", _asked_wait_s(answer))


def _asked_wait_s(answer: httpx.Response) -> float:
    """How long the instance asks to wait: seconds, or the time at which its limit is lifted."""
    after = answer.headers.get("Retry-After", "")
    if after.isascii() and after.isdigit() and len(after) < 10:
        return min(float(after), LONGEST_WAIT_S)
    reset_ms = from_iso(answer.headers.get("X-RateLimit-Reset")) if answer.status_code == 429 else None
    if reset_ms is None:
        return 0.0
    return min(max(reset_ms / 1000 - datetime.now(UTC).timestamp(), 0.0), LONGEST_WAIT_S)


def _decoded(body: bytes, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LostError("unreadable", f"the instance answers with something else: {type(error).__name__}") from error
