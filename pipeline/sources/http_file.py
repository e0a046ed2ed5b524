"""A whole HTTP request in a file: request line, header lines, an empty line, then the body."""

from __future__ import annotations

from pipeline.errors import UnreadableError
from pipeline.sources.delivery import Delivery, join_headers


def read_http(raw: bytes) -> Delivery:
    """The delivery that the bytes hold; lines may end in LF or CRLF. Raises UnreadableError."""
    head, body = _split(raw)
    first, *lines = head.decode("latin-1").splitlines()
    words = first.split()
    if len(words) != 3 or not words[2].startswith("HTTP/"):
        raise UnreadableError("not_http", "expected a request line such as 'POST /webhooks/name HTTP/1.1'")
    path, _, query = words[1].partition("?")
    pairs = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Delivery(body, join_headers(pairs), method=words[0], path=path, query=query)


def _split(raw: bytes) -> tuple[bytes, bytes]:
    ends = [(at, end) for end in (b"\r\n\r\n", b"\n\n") if (at := raw.find(end)) >= 0]
    if not ends:
        raise UnreadableError("not_http", "expected an empty line after the headers")
    at, end = min(ends)
    return raw[:at], raw[at + len(end) :]
