"""The API's tokens in force. They come from the access file, which is read again when it changes, and the settings.

Tokens in TWOWAY_API_TOKENS may read everything. A token is never kept: what is compared are SHA-256 hashes, which is
enough for words of 256 random bits, as `twoway token` makes them.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from hashlib import sha256
from pathlib import Path

from pipeline.access.grants import EVERYTHING, Grant
from pipeline.access.loopback import is_loopback
from pipeline.api import metrics
from pipeline.api.access_file import load
from pipeline.errors import SettingsError
from pipeline.settings import Settings
from pipeline.stamps import stamp_of

logger = logging.getLogger("twoway.api")

#: Tokens in force at once: all are compared at every request, 0.04 ms for so many.
TOKENS_MAX = 1_000
#: A token that can be guessed is none: 16 characters are 80 bits or more when drawn at random.
TOKEN_CHARACTERS = 16
#: What is longer is no token of ours, and is not hashed.
TOKEN_CHARACTERS_MAX = 256
#: How soon a changed file is in force.
POLL_S = 1.0
#: So that those who look for secrets in the wrong places can know one.
PREFIX = "twoway_"


class Tokens:
    """The tokens in force."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError for a file that does not serve, and for no tokens at an address that others reach."""
        self._given = _given(settings)
        self._path = Path(settings.api_access_file) if settings.api_access_file else None
        self._stamp = stamp_of([self._path] if self._path else [])
        self._grants = self._read()
        #: Whether everybody on this machine may read everything. A file, even one without a token, closes it.
        self.is_open = not self._given and self._path is None
        if self.is_open and not is_loopback(settings.api_host):
            raise SettingsError(
                f"TWOWAY_API_HOST is {settings.api_host!r}, with neither TWOWAY_API_ACCESS_FILE nor TWOWAY_API_TOKENS; "
                "expected tokens, or 127.0.0.1"
            )

    def find(self, token: str) -> Grant | None:
        """What this token may read; None for one that is unknown."""
        if len(token) > TOKEN_CHARACTERS_MAX:
            return None
        given, found = hash_token(token), None
        # Every hash is compared to its end, so that the time says nothing about which one came near.
        for grant in self._grants:
            if hmac.compare_digest(given, grant.token):
                found = grant
        return found

    @property
    def is_one(self) -> bool:
        """Whether there are no others whom one asker could shut out: one token at the most reads accounts."""
        return sum(grant.accounts is None or bool(grant.accounts) for grant in self._grants) <= 1

    def stands(self, grant: Grant) -> bool:
        """Whether the grant is still in force as it was given."""
        return self.is_open or grant in self._grants

    async def watch(self) -> None:
        """Read the file anew whenever it changed, until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """Read the file anew if it changed. A broken one leaves the tokens in force and is told once."""
        if self._path is None or (stamp := stamp_of([self._path])) == self._stamp:
            return
        self._stamp = stamp
        try:
            self._grants = self._read()
        except SettingsError as error:
            metrics.ACCESS_RELOADS.labels("refused").inc()
            logger.warning("%s; the %d tokens read before stay in force", error, len(self._grants))
        else:
            metrics.ACCESS_RELOADS.labels("read").inc()
            logger.info("%s was read anew: %d tokens", self._path, len(self._grants))

    def _read(self) -> dict[Grant, None]:
        grants = [*self._given, *(load(self._path) if self._path else ())]
        if len(grants) > TOKENS_MAX:
            raise SettingsError(f"{len(grants):,} tokens are given; expected {TOKENS_MAX:,} at the most")
        names: dict[bytes, str] = {}
        for grant in grants:
            if names.setdefault(grant.token, grant.name) != grant.name:
                raise SettingsError(
                    f"{self._path}: token {grant.name!r} has a hash of {names[grant.token]!r} as well; expected it once"
                )
        metrics.TOKENS.set(len(grants))
        return dict.fromkeys(grants)


def make_token() -> str:
    """A new token: 256 random bits behind a prefix that says whose it is."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_token(token: str) -> bytes:
    """What is kept of a token."""
    return sha256(token.encode(errors="surrogateescape")).digest()


def _given(settings: Settings) -> tuple[Grant, ...]:
    tokens = [part.strip() for part in settings.api_tokens.reveal().split(",") if part.strip()]
    if any(not TOKEN_CHARACTERS <= len(token) <= TOKEN_CHARACTERS_MAX for token in tokens):
        raise SettingsError(
            f"TWOWAY_API_TOKENS holds a token that is too short or too long; expected {TOKEN_CHARACTERS} to "
            f"{TOKEN_CHARACTERS_MAX} characters"
        )
    return tuple(Grant("TWOWAY_API_TOKENS", None, EVERYTHING.operations, hash_token(token)) for token in tokens)
