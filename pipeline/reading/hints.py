"""What to say when an account or a post is not known: what was looked for, and the nearest that is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from pipeline.reading.directory import AccountRef

#: Ids compared for likeness: a hint is worth a few milliseconds, not more.
COMPARED_MAX = 2_000
_SHOWN = 3


def hint_account(platform: str, account: str, known: Sequence[AccountRef]) -> str:
    """`no account 'acm' on facebook: nothing of it was counted; near it are 'acme', 'acme_de'`."""
    missing = f"no account {_quoted(account)} on {platform}: nothing of it was counted"
    elsewhere = sorted({ref.platform for ref in known if ref.id == account})
    if elsewhere:
        return f"{missing}; it is known on {', '.join(elsewhere)}"
    here = [ref.id for ref in known if ref.platform == platform]
    near = get_close_matches(account, here[:COMPARED_MAX], n=_SHOWN, cutoff=0.5)
    if near or here:
        shown = near or here[:_SHOWN]
        return f"{missing}; {'near it are' if near else 'known there are'} {', '.join(map(_quoted, shown))}"
    return f"{missing}; {_platforms(known)}"


def hint_post(platform: str, post: str, known: Sequence[AccountRef]) -> str:
    """`no post '1_2' on facebook: nothing of it was counted; platforms with counts: facebook, x`."""
    return f"no post {_quoted(post)} on {platform}: nothing of it was counted; {_platforms(known)}"


def _platforms(known: Sequence[AccountRef]) -> str:
    platforms = sorted({ref.platform for ref in known})
    return f"platforms with counts: {', '.join(platforms)}" if platforms else "nothing has arrived yet"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:97] + "...")
