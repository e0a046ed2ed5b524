"""A receiver of alerts as somebody else would run it: checks signatures by the rules, answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from pipeline.errors import RefusedError
from pipeline.settings import Secret
from pipeline.sources.delivery import Delivery
from pipeline.sources.signatures import verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_" + "QUJD" * 8


@dataclass
class Got:
    """One request: the alert's id, whether its signature fits, its body."""

    id: str
    signed: bool
    body: dict[str, Any]
    answered: int


@dataclass
class FakeReceiver:
    """`answer(n, id)` gives the status of the n-th request; `headers` go with it."""

    answer: Callable[[int, str], int] = lambda number, alert_id: 200
    headers: dict[str, str] = field(default_factory=dict)
    got: list[Got] = field(default_factory=list)
    url: str = ""

    @property
    def taken(self) -> list[str]:
        """Ids that were answered with 2xx, in order."""
        return [one.id for one in self.got if 200 <= one.answered < 300]


@contextmanager
def receiving(receiver: FakeReceiver, now_s: Callable[[], float]) -> Iterator[FakeReceiver]:
    """Serve it while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            alert_id = headers["webhook-id"]
            status = receiver.answer(len(receiver.got), alert_id)
            receiver.got.append(Got(alert_id, _is_signed(headers, body, now_s()), orjson.loads(body), status))
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """The test's output stays readable."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/alerts"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _is_signed(headers: dict[str, str], body: bytes, now_s: float) -> bool:
    try:
        verify("standardwebhooks", Delivery(body, headers), [Secret(SECRET)], now_s)
    except RefusedError:
        return False
    return True
