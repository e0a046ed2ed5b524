"""What one grant sees of an installation: pages, their owners, accounts; and what is said of all that it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.access.grants import Grant
from pipeline.counting.page import PageView
from pipeline.errors import NotFoundError
from pipeline.reading.directory import AccountRef, Directory
from pipeline.reading.hints import COMPARED_MAX, hint_account, hint_platform, hint_post, likely_owners
from pipeline.reading.lookups import Lookups, PageRef
from pipeline.reading.rankings import check_platform
from schemas.engagement import Entity


@dataclass(frozen=True)
class Scope:
    """Finds what the grant holds. What it does not hold is unknown to it, and appears in no hint."""

    grant: Grant
    lookups: Lookups
    directory: Directory

    async def page(self, entity: Entity, platform: str, entity_id: str, owner: str, fields: Sequence[str]) -> PageView:
        """A page's fields. Raises NotFoundError where there is none, ForbiddenError beyond the grant."""
        self.grant.require(check_platform(platform), owner)
        page = await self.lookups.page(PageRef(entity, platform, entity_id, owner), fields)
        # A post's page lies in the slot of its account, which others share: what it says of its account holds.
        if page is None or not self.grant.holds(platform, page.account or ""):
            known = await self.known(None)
            if entity == "account":
                raise NotFoundError(hint_account(platform, entity_id, known))
            raise NotFoundError(await self._hint_post(platform, entity_id, known, owner))
        return page

    async def owner(self, platform: str, post: str) -> str:
        """The account that the post belongs to. Raises NotFoundError where that is not known, or beyond the grant."""
        owner = await self.lookups.owner(check_platform(platform), post)
        if owner is None or not self.grant.holds(platform, owner):
            raise NotFoundError(await self._hint_post(platform, post, await self.known(None), None))
        return owner

    async def _hint_post(self, platform: str, post: str, known: list[AccountRef], asked: str | None) -> str:
        """What to say of a post that is not known, as that of the account that was `asked` for, or of any."""
        owner = await self.lookups.owner(platform, post)
        if asked is not None and owner not in {None, asked} and AccountRef(platform, owner or "") in known:
            return hint_post(platform, post, known, owner=owner)
        owners = likely_owners(platform, post, known)
        if asked is not None:
            owners = [ref for ref in known if ref == AccountRef(platform, asked)] or owners
        each = COMPARED_MAX // max(1, len(owners))
        refs, _ = await self.lookups.newest_posts([account_page(ref) for ref in owners], each)
        return hint_post(platform, post, known, [ref.id for ref in refs])

    async def known_of(self, platform: str | None) -> list[AccountRef]:
        """The accounts (of a platform). Raises NotFoundError where others have some and this one has none."""
        known = await self.known(platform)
        if platform is not None and not known and self.directory.complete and (others := await self.known(None)):
            raise NotFoundError(hint_platform(platform, others))
        return known

    async def known(self, platform: str | None) -> list[AccountRef]:
        """The accounts (of a platform), as far as the directory has walked; none is no error."""
        if platform is not None:
            check_platform(platform)
        known = await self.directory.accounts()
        return [ref for ref in known if platform in (None, ref.platform) and self.grant.holds(ref.platform, ref.id)]


def account_page(account: AccountRef) -> PageRef:
    """The account's own page."""
    return PageRef("account", account.platform, account.id, account.id)
