"""Calls of `apply.lua`: collects what a slice changes in each slot and runs one script a slot in one round trip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis

from pipeline.counting.changes import Changes
from pipeline.counting.live import LivePage
from pipeline.settings import Settings
from pipeline.store.checkpoint import WATERMARK, Mark, published_field
from pipeline.store.engaged import Engaged
from pipeline.store.keys import LAYOUT_VERSION, Keys
from pipeline.store.lua import LuaScript
from pipeline.store.retention import Retention
from pipeline.store.round_trip import round_trip
from pipeline.store.talk import Talk
from pipeline.store.texts import text_of
from pipeline.windows import ALL_NAME

APPLY, ENGAGE = (LuaScript(Path(__file__).with_name(name)) for name in ("apply.lua", "engage.lua"))
_pack = msgspec.msgpack.Encoder().encode
#: A page outlives its last event by a day more than promised: a worker's memory of pages is a day old at the most, so
#: a page that it remembers has not run out in Redis.
SLACK_DAYS = 1
DAY_S = 86_400


class SlotChange:
    """What one slot's script is to do; the head of `apply.lua` describes the arrays."""

    __slots__ = (
        "appends", "beginnings", "earlier", "engaged", "moves", "open", "removals", "renewals", "renewed",
        "replacements", "scores", "sets", "standing", "texts", "unscores",
    )  # fmt: skip

    def __init__(self, open_: str) -> None:
        self.open = open_
        self.sets: list[Any] = []
        self.appends: list[Any] = []
        self.beginnings: list[Any] = []
        self.replacements: list[Any] = []
        # By key, for many pages share one, and a command costs Redis more than what it does.
        self.removals: defaultdict[str, list[str]] = defaultdict(list)
        self.earlier: defaultdict[str, list[str]] = defaultdict(list)
        self.scores: defaultdict[str, list[str]] = defaultdict(list)
        self.unscores: defaultdict[str, list[str]] = defaultdict(list)
        self.renewals: dict[str, int] = {}
        #: Slot, platform and id of the accounts whose lifetime is renewed.
        self.renewed: set[tuple[int, str, str]] = set()
        self.standing: list[str] = []
        #: Key -> lifetime in s, then what `apply.lua` wants of it.
        self.texts: dict[str, list[Any]] = {}
        #: Texts that move, to keys that `texts` has as well.
        self.moves: list[str] = []
        self.engaged = Engaged()

    def close_at(self, reference: str, closes_ms: int, *, earlier_only: bool) -> None:
        """Note when the page's next window closes; `earlier_only` keeps an earlier time that is noted already."""
        (self.earlier if earlier_only else self.scores)[self.open] += (str(closes_ms), reference)

    def closed(self, reference: str) -> None:
        """The page has no window left to close."""
        self.unscores[self.open].append(reference)

    def renew(self, key: str, below: int = 0) -> None:
        """Renew the lifetime of a key; members of a sorted set with a score below this one go."""
        self.renewals[key] = max(below, self.renewals.get(key, 0))

    def packed(self, ttl_s: int) -> bytes:
        """ARGV[6]."""
        return _pack(
            (
                self.sets, _flat(self.removals), self.appends, self.replacements, _flat(self.earlier),
                _flat(self.scores), _flat(self.unscores), _flat(self.renewals), ttl_s, _flat(self.texts),
                self.standing, self.moves, self.beginnings,
            )
        )  # fmt: skip


def _flat(table: Mapping[str, Any]) -> list[Any]:
    return [part for pair in table.items() for part in pair]


@dataclass(slots=True)
class Call:
    """One slot's script: the mark that must be in force, the mark afterwards, and what else to write."""

    slot: int
    believed: Mark
    following: Mark
    change: SlotChange | None

    def why_fenced(self, answer: list[bytes]) -> str:
        """What an answer other than 1 says of the slot."""
        found, expected = [part.decode() for part in answer], [self.believed.offset, self.believed.version]
        if found == list(map(str, expected)):
            return "has lost a page since it was read: its lifetime was over"
        return f"is at offset and version {found}; expected {expected}"


class Script:
    """Writes slices: every slot's changes with the marks that must still be in force."""

    def __init__(self, redis: Redis, keys: Keys, settings: Settings) -> None:
        self.redis = redis
        self.keys = keys
        self.ttl_s = (settings.page_ttl_days + SLACK_DAYS) * DAY_S
        self.talk = Talk(keys, settings, self.ttl_s)
        self.retention = Retention(settings)
        #: What says how a slot is to be read, beside its marks.
        self.description: tuple[str | int, ...] = ("layout", LAYOUT_VERSION, *self.retention.fields)

    async def load(self) -> None:
        """Make Redis know the scripts."""
        for script in (APPLY, ENGAGE):
            await script.load(self.redis)

    def change(self, slot: int) -> SlotChange:
        """An empty change of a slot."""
        return SlotChange(self.keys.open[slot])

    def add_page(self, change: SlotChange, page: LivePage, changes: Changes) -> None:
        """A page's fields, its members and its place among its account's posts. All that is the page's is renewed
        together, also where a part of it is made later than the page: none of it outlives the others."""
        key, members, posts, engaged = page.addresses or self._address(page)
        if changes.fields:
            change.sets += (key, msgspec.Raw(changes.fields))
        if changes.gone:
            change.removals[key] += changes.gone
        renew = not page.renewed or changes.whole or changes.begins_members or changes.begins_threads
        if changes.engaged:
            renew = renew or not page.engaged_renewed
            page.engaged_renewed = not renew  # with the page, also where they were renewed today
            self.talk.add_engaged(change, page, engaged, changes.engaged)
        if page.entity == "post":
            if changes.links is not None:
                threads = self.keys.threads(page.slot, page.platform, page.id)
                where = change.beginnings if changes.begins_threads else change.appends
                where += (threads, text_of(changes.links))
            if changes.blob is not None:
                where = change.replacements if changes.whole else change.appends
                if changes.begins_members:
                    where = change.beginnings
                where += (members, text_of(changes.blob))
            elif changes.begins:
                change.beginnings += (members, "")
            if changes.moved:
                change.scores[posts] += (str(page.last_ms), page.encoded_id)
        if renew:
            self._renew(change, page, changes)

    def _renew(self, change: SlotChange, page: LivePage, changes: Changes) -> None:
        """Renew the lifetime of a page and of all that is beside it. One that was in Redis must be there still."""
        key, members, posts, engaged = page.addresses or self._address(page)
        if not page.renewed and not changes.begins:
            change.standing.append(key)
        elif page.entity == "post":
            change.renew(key)
        page.renewed = True
        if page.entity == "post":
            change.renew(members)
            if not changes.engaged:  # else it has its lifetime with them
                change.renew(engaged)
            # Posts whose pages have run out: as old, against this post's newest event, as a page outlives its own.
            change.renew(posts, max(0, page.last_ms - self.ttl_s * 1000))
            if page.threads is not None:
                change.renew(self.keys.threads(page.slot, page.platform, page.id))
        # The sum outlives what it sums up: a post that stood alone could only be taken away from nothing.
        owner = (page.slot, page.platform, page.account)
        if owner not in change.renewed:
            change.renewed.add(owner)
            change.renew(self.keys.account(*owner))
            change.renew(self.keys.engaged(*owner, ALL_NAME))
            change.renew(self.keys.unanswered(*owner))

    def _address(self, page: LivePage) -> tuple[str, str, str, str]:
        keys, slot, name = self.keys, page.slot, page.reference
        page.addresses = (
            keys.page(slot, name),
            keys.beside(slot, "members", name),
            keys.posts(slot, page.platform, page.account),
            keys.beside(slot, "engaged-post", name),
        )
        return page.addresses

    async def run(self, partition: int, calls: Iterable[Call], *, only_engaged: bool = False) -> list[Any]:
        """Each slot's answer: 1, or [offset, version] where the writer is fenced. Raises what Redis raises.

        `only_engaged`: nothing but what comes before the offsets, for a crash point; there are no answers then."""
        pipe = self.redis.pipeline(transaction=False)
        field, published, sha, ttl_s = str(partition), published_field(partition), APPLY.sha, self.ttl_s
        are_calls: list[bool] = []
        for call in calls:
            change, believed, following = call.change, call.believed, call.following
            applied, missing = self.keys.applied[call.slot], self.keys.missing[call.slot]
            if change:
                # Before the offset that says they are done.
                for part in change.engaged.packed():
                    pipe.execute_command("EVALSHA", ENGAGE.sha, 2, applied, missing, part)
                    are_calls.append(False)
            if only_engaged:
                continue
            are_calls.append(True)
            beside = () if believed.described else self.description
            if beside or following.published != believed.published:
                beside += (published, following.published)
            if following.watermark_ms != believed.watermark_ms:
                beside += (WATERMARK, following.watermark_ms)
            pipe.execute_command(
                "EVALSHA", sha, 4, applied, self.keys.open[call.slot], self.keys.erased[call.slot], missing, field,
                believed.offset, believed.version, following.offset, following.version,
                change.packed(ttl_s) if change else b"", *beside,
            )  # fmt: skip
        answers = await round_trip(pipe, raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return [answer for answer, is_call in zip(answers, are_calls, strict=True) if is_call]


class Changing(dict[int, SlotChange]):
    """The changes of slots, made as they are asked for."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script

    def of(self, slot: int) -> SlotChange:
        """The slot's change."""
        change = self.get(slot)
        if change is None:
            change = self[slot] = self._script.change(slot)
        return change
