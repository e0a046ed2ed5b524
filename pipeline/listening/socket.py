"""A WebSocket that is only read: frames come in rounds, and every end of it is a LostError with its cause.

The protocol, its pings and its limits are the library's (websockets).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from pipeline.errors import LostError

#: A round ends after so long, or with so much: what latency and memory it may cost.
ROUND_S = 0.1
ROUND_FRAMES = 2_000
ROUND_BYTES = 8_000_000
#: Larger frames end the connection. Those that are asked for are smaller by far.
FRAME_BYTES = 1_048_576
#: Frames that wait in the library; beyond it the server is held back.
WAITING_FRAMES = 64
OPEN_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 2.0
#: A peer that is gone without a word is noticed within the two together.
PING_S = 20.0
PONG_S = 20.0
LONGEST_DETAIL = 300
_TOO_LARGE = 1009


class Refusal(msgspec.Struct):
    """What a server says when it refuses: an XRPC error, or Mastodon's."""

    error: str = ""
    message: str = ""


class Socket:
    """An open stream."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def round(self, wait_s: float) -> list[bytes]:
        """The next frames; none where nothing comes for so long. Raises LostError: `closed` or `too_large`."""
        frames: list[bytes] = []
        size_bytes = 0
        try:
            async with asyncio.timeout(wait_s) as timer:
                while len(frames) < ROUND_FRAMES and size_bytes < ROUND_BYTES:
                    frame: bytes = await self._connection.recv(decode=False)
                    if not frames:
                        timer.reschedule(asyncio.get_running_loop().time() + ROUND_S)
                    frames.append(frame)
                    size_bytes += len(frame)
        except TimeoutError:
            pass
        except ConnectionClosed as error:
            if not frames:  # else the next call says it
                raise _ended(error) from error
        return frames


@asynccontextmanager
async def opened(url: str, headers: Mapping[str, str]) -> AsyncIterator[Socket]:
    """The stream at the address while the block runs.

    Raises LostError: `unreachable`, or `refused` with the server's own word as its detail.
    """
    try:
        connection = await connect(
            url,
            additional_headers=dict(headers),
            compression=None,
            user_agent_header="twoway",
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=PING_S,
            ping_timeout=PONG_S,
            max_size=FRAME_BYTES,
            max_queue=WAITING_FRAMES,
        )
    except InvalidStatus as error:
        raise _refused(error) from error
    except (OSError, TimeoutError, WebSocketException) as error:
        raise LostError("unreachable", f"{type(error).__name__}: {error}"[:LONGEST_DETAIL]) from error
    try:
        yield Socket(connection)
    finally:
        await connection.close()


def _ended(error: ConnectionClosed) -> LostError:
    if error.sent is not None and error.sent.code == _TOO_LARGE and not error.rcvd_then_sent:
        return LostError("too_large", f"a frame is larger than {FRAME_BYTES} bytes")
    return LostError("closed", str(error)[:LONGEST_DETAIL])


def _refused(error: InvalidStatus) -> LostError:
    """`refused`, or the server's word for it where it is one that we know what to do about."""
    status, headers = error.response.status_code, error.response.headers
    try:
        said = msgspec.json.decode(error.response.body or b"", type=Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = Refusal()
    after = headers.get("Retry-After", "")
    wait_s = min(float(after), 300.0) if after.isascii() and after.isdigit() and len(after) < 10 else 0.0
    if said.error == "CursorTooOld":
        return LostError("cursor_too_old", said.message[:LONGEST_DETAIL])
    return LostError("refused", f"HTTP {status} {said.error} {said.message}".strip()[:LONGEST_DETAIL], wait_s)
