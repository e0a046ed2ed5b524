"""What arrives and for whom: a delivery (one HTTP request) and the connection that it came through.

Owns no meaning: verifying is in `signatures.py`, reading in the file of each platform.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.settings import Secret


@dataclass(frozen=True, slots=True)
class Delivery:
    """One HTTP request as it came in. `headers` has lower-case names; `tail`: the path after the connection."""

    body: bytes
    headers: Mapping[str, str]
    method: str = "POST"
    path: str = "/"
    query: str = ""
    tail: str = ""
    received_ms: int = 0

    @property
    def media_type(self) -> str:
        """The content type without its parameters, lower case; empty where none is given."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Connection:
    """A configured way in: platform, secrets (any one of them is enough, newest first) and whose posts it is about.

    `accounts` empty: every account that the secret signs for. The account itself is always a brand actor. `questions`:
    whether posts may be labelled as open questions. `public_keys`: actor -> PEM of the key that he signs with, an empty
    one for an actor whose server says that he is gone; `fetch_keys`: whether those of others may be fetched. `url`: the
    server whose stream is listened to.
    """

    name: str
    platform: str
    scheme: str
    secrets: tuple[Secret, ...] = ()
    verify_token: Secret = field(default_factory=lambda: Secret(""))
    accounts: frozenset[str] = frozenset()
    brand_actors: frozenset[str] = frozenset()
    questions: bool = True
    public_keys: Mapping[str, str] = field(default_factory=dict)
    fetch_keys: bool = True
    url: str = ""

    @property
    def account(self) -> str | None:
        """The account where the connection names exactly one: for deliveries that do not say whose they are."""
        return next(iter(self.accounts)) if len(self.accounts) == 1 else None

    def serves(self, account: str) -> bool:
        """Whether this connection may speak of the account."""
        return not self.accounts or account in self.accounts

    def is_brand(self, account: str, actor: str | None) -> bool:
        """Whether the actor, as the platform writes it, acts for the account."""
        return actor is not None and (actor == account or actor in self.brand_actors)


@dataclass(frozen=True, slots=True)
class Lease:
    """A subscription for a time: of which account, and for how many seconds from now."""

    account: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handshake is answered with. `lease`: the subscription that it confirms, where that one ends."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    lease: Lease | None = None


def join_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Lower-case names; a header that stands twice is joined by a comma (RFC 9110): a doubled signature fits none."""
    given = [(name.lower(), value) for name, value in pairs]
    joined = dict(given)
    if len(joined) == len(given):
        return joined
    joined.clear()
    for name, value in given:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
