"""HTTP as the API speaks it: uvicorn's protocol, with a limit on what a request may bring before it is answered."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pipeline.api import metrics

#: A URL of the greatest length, and the headers of a browser and two proxies. What follows a head is a body, and counts
#: as well: nothing here takes one.
HEAD_BYTES_MAX = 32_768
_REFUSAL = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
#: The extension of ASGI that lets go of a connection with what it was not sent yet: to close it would wait for that.
ABORT = "twoway.abort"


class LimitedHeads(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_bytes = 0

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX:
            metrics.REFUSED.labels("too_large").inc()
            self.transport.write(_REFUSAL)
            self.transport.close()
            return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {ABORT: self.transport.abort}
        self.scope["extensions"] = extensions

    def on_headers_complete(self) -> None:
        self._head_bytes = 0
        super().on_headers_complete()
