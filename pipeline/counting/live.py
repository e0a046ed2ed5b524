"""A page as the worker holds it: the set behind a post, the rows of a post or an account, and what changed of them.

All numbers lie in dictionaries of integers, which the garbage collector does not visit.
"""

from __future__ import annotations

from pipeline.counting.labelled import Labelled
from pipeline.counting.members import ENTRY_BYTES, decode_members
from pipeline.counting.page import PageParts, Polled
from pipeline.counting.threads import Threads
from pipeline.store.keys import reference
from pipeline.windows import ALL

#: Later than any event.
NEVER_MS = 1 << 62


class LivePage:
    """A post's or an account's page in memory: absolute numbers, and what changed of them since the last slice."""

    __slots__ = (
        "account", "actors", "actors_in", "addresses", "appended", "changed", "closes_ms", "delta", "dirty",
        "engaged", "engaged_in", "entity", "entries", "first_ms", "id", "key", "labelled", "last_ms", "loaded",
        "members", "new", "owner", "platform", "polled", "polled_changed", "prefix", "pruned_hour", "reference",
        "renewed", "rows", "slot", "threads", "touched", "weight", "written",
    )  # fmt: skip

    def __init__(self, entity: str, platform: str, entity_id: str, slot: int, key: str) -> None:
        self.entity = entity
        self.platform = platform
        self.id = entity_id
        self.slot = slot
        #: Where the shelf keeps it; what its posts' keys begin with; its name in Redis without prefix and slot.
        self.key = key
        # The bar keeps a post of platform "9" apart from an account of a platform that is called like a slot.
        self.prefix = f"{slot}|{platform}:"
        self.reference = reference(entity, platform, entity_id)
        self.account = entity_id if entity == "account" else ""
        #: The Redis keys of page, members, posts and engaged actors, made at the first change.
        self.addresses: tuple[str, str, str, str] | None = None
        #: The sets of its account's engaged actors in Redis, of the window number that was last written.
        self.engaged_in: tuple[int, tuple[str | int, ...]] = (-1, ())
        #: Who replied to whom (posts only), None as long as nobody did; and what the post is about.
        self.threads: Threads | None = None
        self.labelled: Labelled | None = None
        #: Object hash -> state (posts only), and how many entries of it Redis holds.
        self.members: dict[int, int] = {}
        self.entries = 0
        #: Window code -> packed row.
        self.rows: dict[int, int] = {ALL: 0}
        self.polled: dict[str, Polled] = {}
        self.first_ms = NEVER_MS
        self.last_ms = 0
        self.loaded = False
        #: Nothing of it was in Redis when it was loaded.
        self.new = True
        #: Its lifetime in Redis was renewed since it was loaded.
        self.renewed = False
        self.pruned_hour = 0
        #: Members and rows when it was last weighed.
        self.weight = 0
        # Since the last slice:
        self.touched = False
        self.delta: dict[int, int] = {}
        self.appended: list[int] = []
        #: Who was engaged in the window of this number (of the finest size of engaged actors); and in other ones.
        self.actors: list[str] = []
        self.actors_in = 0
        self.engaged: dict[int, list[str]] = {}
        self.polled_changed: list[str] = []
        self.changed: dict[int, None] = {}
        self.written = (NEVER_MS, 0, 0)
        #: A touched post's account.
        self.owner: LivePage | None = None
        # Since the last publication:
        self.dirty: dict[int, None] = {}
        #: The next closing time as it was last written to `open`; 0 where that is not known.
        self.closes_ms = 0

    def fill(self, parts: PageParts, blob: bytes | None, links: bytes | None, *, exists: bool) -> None:
        """Take over what Redis holds of it."""
        self.rows = parts.rows
        self.polled = parts.polled
        self.first_ms, self.last_ms = NEVER_MS if parts.first_ms is None else parts.first_ms, parts.last_ms
        self.account = parts.account or self.account
        self.members = decode_members(blob) if blob else {}
        self.entries = len(blob) // ENTRY_BYTES if blob else 0
        self.threads = Threads.load(links, self.members) if links else None
        self.labelled = parts.labelled
        self.new = not exists
        self.loaded = True
        self.written = (self.first_ms, self.last_ms, self.rows[ALL])
