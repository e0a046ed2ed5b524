"""The page at `/`: one file without anything from elsewhere, and the policy that lets only its own script run."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from importlib.resources import files


def read_page() -> bytes:
    """The page as it is sent."""
    return files("pipeline.api").joinpath("page.html").read_bytes()


def page_policy(html: bytes) -> str:
    """A Content-Security-Policy under which exactly this page's script and style run, and fetch from its own origin."""
    return (
        f"default-src 'none'; script-src {_hash(html, b'script')}; style-src {_hash(html, b'style')}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hash(html: bytes, tag: bytes) -> str:
    found = re.search(rb"<%b>(.*?)</%b>" % (tag, tag), html, re.DOTALL)
    if found is None:
        raise ValueError(f"the page has no <{tag.decode()}>")
    return f"'sha256-{b64encode(hashlib.sha256(found[1]).digest()).decode()}'"
