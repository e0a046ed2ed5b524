"""Addresses as ids: which server an address belongs to. Nothing here fetches anything."""

from __future__ import annotations

from urllib.parse import urlsplit

LONGEST_URI = 2048


def origin(uri: str) -> str | None:
    """`https://host[:port]` of an address in lower case; None where it is no web address or hides who is asked."""
    if len(uri) > LONGEST_URI or not uri.isascii() or not uri.isprintable() or "\\" in uri:
        return None
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"https", "http"} or not parts.hostname or "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = port is None or port == {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{host}" if usual else f"{parts.scheme}://{host}:{port}"


def same_origin(one: str, other: str) -> bool:
    """Whether one server speaks for both addresses."""
    first = origin(one)
    return first is not None and first == origin(other)
