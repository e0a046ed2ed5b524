"""HTTP as gateway and API speak it: uvicorn's protocol, with limits on what anybody may send before he is known.

Owns the size of heads and what is neither head nor body; who is closed because he is slow: `waiting.py`. What follows a
body (trailers) is no header: in small requests it would stand beside the real ones, in large ones it would not.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from pipeline.waiting import SENDER, TAKEN_BYTES, Phase, Sender, Waiting

#: Platforms' heads have some 2 KB, with the signatures of ActivityPub 8 KB; a question's URL has up to 16 KB.
HEAD_BYTES = 32_768
MOST_HEADERS = 100
#: Requests that may wait in one connection for the answer to the one before.
MOST_PIPELINED = 16
#: The phases in which nothing of a request is on its way.
_BETWEEN = (Phase.ANSWER, Phase.REQUEST, Phase.NEXT)


class Guarded(HttpToolsProtocol):
    """One connection. `waiting` is shared by those of a server."""

    waiting: Waiting

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._phase = Phase.REQUEST
        self._untaken_bytes = 0
        self._began = False
        self._head_bytes = 0
        self._idle_bytes = 0
        self._body_bytes = 0
        self._refusal = 400

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._sender = Sender(transport.abort)
        self.waiting.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.waiting.leave(self, self._phase)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before, self._began, self._body_bytes = self._phase, False, 0
        super().data_received(data)
        if self._phase is not before or self._began:
            self.waiting.move(self, before, self._phase)
            self._idle_bytes = 0
        elif not self._body_bytes:  # all of it belongs to one head, or to nothing: chunks' extensions, trailers
            self._idle_bytes += len(data)
            if self._idle_bytes > HEAD_BYTES:
                self._refuse(431)
        else:
            self._idle_bytes = 0

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MOST_PIPELINED:
            self.transport.abort()
            raise ValueError("too many requests at once")
        super().on_message_begin()
        self.scope[SENDER] = self._sender  # type: ignore[literal-required]
        self._phase, self._began, self._head_bytes = Phase.HEAD, True, 0

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value))
        if self._phase is Phase.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._phase = Phase.BODY
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        # Whoever was answered before his body was read may go on.
        self._phase = self._turn

    def on_response_complete(self) -> None:
        queued = bool(self.pipeline)
        super().on_response_complete()
        if self._phase is Phase.ANSWER and not queued:
            self._move(self._silent)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._untaken_bytes = self.transport.get_write_buffer_size()
        if self._phase in _BETWEEN:
            self._move(Phase.TAKE)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._phase is Phase.TAKE:
            self._move(self._turn)

    def _move(self, phase: Phase) -> None:
        before, self._phase = self._phase, phase
        self.waiting.move(self, before, phase)

    @property
    def _turn(self) -> Phase:
        """Whose turn it is once a request is whole."""
        if self.flow.write_paused:
            return Phase.TAKE
        return self._silent if self.cycle.response_complete else Phase.ANSWER

    @property
    def _silent(self) -> Phase:
        return Phase.NEXT if self._sender.is_known else Phase.REQUEST

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls for everything that the parser does not take, and that is refused here."""
        self._refuse(self._refusal)

    def give_way(self) -> None:
        self.transport.abort()

    def time_out(self, phase: Phase) -> bool:
        if phase is Phase.TAKE:
            before, self._untaken_bytes = self._untaken_bytes, self.transport.get_write_buffer_size()
            if before - self._untaken_bytes >= TAKEN_BYTES:
                return False
        if phase is Phase.HEAD:
            self._refuse(408)
        else:
            self.transport.abort()
        return True

    def _count_head(self, size_bytes: int) -> None:
        self._head_bytes += size_bytes
        if self._head_bytes > HEAD_BYTES or len(self.headers) >= MOST_HEADERS:
            self._refusal = 431
            raise ValueError("too large a head")

    def _refuse(self, status: int) -> None:
        """Answer and close. Where an earlier request has no answer yet, this one would be taken for it: only close."""
        if self.transport.is_closing():
            return
        self.waiting.closed(str(status))
        waits = self.cycle is not None and not self.cycle.response_complete
        is_his_turn = not waits or (self._phase is Phase.BODY and not self.pipeline and not self.cycle.response_started)
        # Where he does not take what he was answered before, a connection that is only closed would stay.
        if not is_his_turn or self.transport.get_write_buffer_size():
            self.transport.abort()
            return
        self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


def guarded(waiting: Waiting) -> type[Guarded]:
    """The protocol of the connections of one server."""
    return type("GuardedConnection", (Guarded,), {"waiting": waiting})
