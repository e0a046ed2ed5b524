"""A page by its reference: for what is looked at because a time has come, not because an event touched it."""

from __future__ import annotations

from pipeline.counting.live import LivePage
from pipeline.store.keys import split_reference
from pipeline.store.shelf import Shelf


def page_of(shelf: Shelf, slot: int, reference: str) -> LivePage:
    """The page on the shelf; else one beside it, still to be loaded, for it is not going to be changed."""
    entity, platform, entity_id = split_reference(reference)
    key = f"{platform}:{entity_id}" if entity == "account" else f"{slot}|{platform}:{entity_id}"
    page = shelf.pages.get(key)
    if page is None or not page.loaded:
        page = LivePage(entity, platform, entity_id, slot, key)
    return page
