"""Pseudonyms of actors: a keyed hash, stable under its key, that cannot be looked up without it.

The platform is part of what is hashed: the same id on two platforms gives two pseudonyms.
"""

from __future__ import annotations

import hashlib

from pipeline.errors import UnsetError
from pipeline.settings import Secret, Settings
from pipeline.sources.context import Pseudonym

#: 128 bits, 32 hex characters: no two actors of all platforms will share one.
PSEUDONYM_BYTES = 16


def keyed_pseudonym(key: Secret) -> Pseudonym:
    """The function (platform, actor) -> pseudonym under this key. Raises UnsetError without a key."""
    if not key:
        raise UnsetError(
            "TWOWAY_ACTOR_KEY is not set; expected 32 characters or more, the same for every gateway and listener "
            "(docs/privacy.md)"
        )
    # BLAKE2b takes keys of 64 bytes at the most; a longer one is hashed first, as HMAC does.
    base = hashlib.blake2b(key=hashlib.blake2b(key.reveal().encode()).digest(), digest_size=PSEUDONYM_BYTES)

    def pseudonym(platform: str, actor: str) -> str:
        hashed = base.copy()
        hashed.update(f"{platform}:{actor}".encode())
        return hashed.hexdigest()

    return pseudonym


def former_pseudonym(settings: Settings) -> Pseudonym | None:
    """The function under the key before a rotation, as long as one goes on."""
    return keyed_pseudonym(settings.actor_key_former) if settings.actor_key_former else None
