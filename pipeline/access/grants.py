"""What a token may read: of which accounts, and whether what is measured of the program itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.errors import ForbiddenError

_SHOWN = 100


@dataclass(frozen=True)
class Grant:
    """`accounts`: as (platform, id); None: all of them, also those that come. `operations`: /metrics. `token`: the
    SHA-256 of the token that it belongs to, so that another token of the same name is another grant."""

    name: str
    accounts: frozenset[tuple[str, str]] | None = None
    operations: bool = False
    token: bytes = field(default=b"", repr=False)

    def holds(self, platform: str, account: str) -> bool:
        """Whether this account may be read."""
        return self.accounts is None or (platform, account) in self.accounts

    def require(self, platform: str, account: str) -> None:
        """Raises ForbiddenError where the account may not be read, whether there is one or not."""
        if not self.holds(platform, account):
            raise ForbiddenError(
                f"account {account[:_SHOWN]!r} on {platform[:_SHOWN]!r} is beyond this token; expected one that it was "
                "made for"
            )


#: Of who may read everything: whoever asks Redis himself, and the API that serves this machine only.
EVERYTHING = Grant("everything", operations=True)
