"""What to say of an unknown account, platform or post: what was looked for, and the nearest that is known. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from itertools import accumulate

from pipeline.reading.directory import AccountRef

#: Ids compared for likeness, and their characters: a hint is worth a tenth of a second, not more.
COMPARED_MAX = 2_000
_COMPARED_CHARACTERS = 40_000
#: Accounts whose posts are looked at for a hint.
OWNERS_MAX = 100
_SHOWN = 3


def hint_account(platform: str, account: str, known: Sequence[AccountRef]) -> str:
    """`no account 'acm' on facebook: nothing of it was counted; near it are 'acme', 'acme_de'`."""
    missing = f"no account {_quoted(account)} on {platform}: nothing of it was counted"
    elsewhere = sorted({ref.platform for ref in known if ref.id == account})
    if elsewhere:
        return f"{missing}; it is known on {', '.join(elsewhere)}"
    here = [ref.id for ref in known if ref.platform == platform]
    near = _near(account, here)
    if near or here:
        shown = near or here[:_SHOWN]
        return f"{missing}; {'near it are' if near else 'known there are'} {', '.join(map(_quoted, shown))}"
    return f"{missing}; {_platforms(known)}"


def hint_platform(platform: str, known: Sequence[AccountRef]) -> str:
    """`no account on 'facebok': nothing of it was counted; platforms with counts: facebook, x`."""
    return f"no account on {_quoted(platform)}: nothing of it was counted; {_platforms(known)}"


def hint_post(
    platform: str, post: str, known: Sequence[AccountRef], posts: Sequence[str] = (), owner: str | None = None
) -> str:
    """`no post '1_2' on facebook: nothing of it was counted; near it are '1_1', '1_3'`. `posts`: those known there, the
    newest of an account first; `owner`: the account that the post does belong to."""
    if owner is not None:
        return f"no post {_quoted(post)} of this account on {platform}: it belongs to {_quoted(owner)}"
    missing = f"no post {_quoted(post)} on {platform}: nothing of it was counted"
    near = _near(post, posts)
    if near or posts:
        shown = near or posts[:_SHOWN]
        return f"{missing}; {'near it are' if near else 'known there are'} {', '.join(map(_quoted, shown))}"
    return f"{missing}; {_platforms(known)}"


def likely_owners(platform: str, post: str, known: Sequence[AccountRef]) -> list[AccountRef]:
    """The accounts among whose posts a hint is looked for, OWNERS_MAX at the most: first those whose id stands in the
    post's, as on Facebook and Telegram."""
    here = [ref for ref in known if ref.platform == platform]
    return sorted(here, key=lambda ref: ref.id not in post)[:OWNERS_MAX]


def _near(wanted: str, known: Sequence[str]) -> list[str]:
    characters = accumulate(map(len, known[:COMPARED_MAX]))
    compared = [one for one, so_far in zip(known, characters, strict=False) if so_far <= _COMPARED_CHARACTERS]
    return get_close_matches(wanted, compared, n=_SHOWN, cutoff=0.5)


def _platforms(known: Sequence[AccountRef]) -> str:
    platforms = sorted({ref.platform for ref in known})
    return f"platforms with counts: {', '.join(platforms)}" if platforms else "nothing has arrived yet"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:97] + "...")
