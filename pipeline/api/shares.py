"""How much of what is scarce each token holds, so that none shuts out the others. Pure."""

from __future__ import annotations

from collections import Counter

from pipeline.access.grants import Grant
from pipeline.errors import TwowayError


class ShareError(TwowayError):
    """Raised when a token has its share already; the same call may succeed later, when it has let go of some."""


class Shares:
    """Places, by the token that holds them; an API without tokens counts as one."""

    def __init__(self) -> None:
        self._held: Counter[bytes] = Counter()

    def held_by(self, grant: Grant) -> int:
        """How many places the grant's token holds."""
        return self._held[grant.token]

    def take(self, grant: Grant) -> None:
        """One place more for the grant's token."""
        self._held[grant.token] += 1

    def give(self, grant: Grant) -> None:
        """Give one back. Nothing is left of a token that holds none: tokens come and go."""
        self._held[grant.token] -= 1
        if not self._held[grant.token]:
            del self._held[grant.token]
