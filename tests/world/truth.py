"""What the world must have come to: Redis and the topics held against the oracle over the whole log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from struct import iter_unpack
from typing import Any

from pipeline.counting.members import hash_id, state_of
from pipeline.proving.compare import compare_page, unknown_page
from pipeline.proving.expected import ExpectedPage, PageName
from pipeline.proving.oracle import Oracle, decode
from pipeline.proving.snapshot import ENGAGED, SnapshotReader
from pipeline.settings import Settings
from pipeline.store.keys import Keys
from pipeline.store.texts import day_of, decode_text, mark_of
from pipeline.windows import ALL
from schemas.engagement import COLUMNS, Engagement, decode_engagement, engagement_key
from schemas.interaction import Interaction
from schemas.topics import ACCOUNTS, POSTS, UNANSWERED
from schemas.unanswered import decode_unanswered, unanswered_key
from tests.world.kafka import PARTITIONS, Kafka, LogRecord
from tests.world.texts import expected_texts
from tests.world.wire import WiredRedis


class Truth:
    """The oracle's word on the world's log. `redis` decodes its answers (as Latin-1: some are bytes). `forgot`: texts
    left Redis; a comment that waits without one is a tombstone where it is told of again."""

    def __init__(
        self,
        settings: Settings,
        redis: WiredRedis,
        kafka: Kafka,
        applied: Mapping[int, Mapping[int, int]] | None = None,
        *,
        forgot: bool = False,
    ) -> None:
        self.forgot = forgot
        self.settings = settings
        self.redis = redis
        self.kafka = kafka
        self.keys = Keys(settings.key_prefix)
        self.oracle = Oracle(settings.windows, settings.future_limit_s * 1000, settings.engaged_windows)
        self.taken: list[Interaction] = []
        for partition, log in kafka.logs.items():
            for record in log:
                self._take(partition, record, applied)
        self.expected = dict(self.oracle.pages())

    def _take(self, partition: int, record: LogRecord, applied: Mapping[int, Mapping[int, int]] | None) -> None:
        interaction = decode(record.value)
        if applied is not None:
            # A record in a partition that does not own its slot counts as its copy does, where that is sent to.
            assert isinstance(interaction, Interaction)
            slot = self.keys.slot(interaction.platform, interaction.account)
            if record.offset >= applied[slot].get(partition, 0) or slot % PARTITIONS != partition:
                return
        if self.oracle.take(record.value, record.timestamp) == "accepted":
            assert isinstance(interaction, Interaction)
            self.taken.append(interaction)

    async def differences(self) -> list[Any]:
        """Whatever is not as it must be, in words or as the proof names it."""
        return [
            *await self._rows(),
            *await self._members(),
            *await self._directory(),
            *await self._texts(),
            *self._published_rows(),
            *await self._published_queue(),
        ]

    async def differences_now(self) -> list[Any]:
        """The same in the middle of things: rows and sets are right up to what is applied. Engaged actors, who are
        added before the script that counts them, may be ahead."""
        rows = [one for one in await self._rows() if not one.row.startswith(ENGAGED)]
        return [*rows, *await self._members()]

    async def _rows(self) -> list[Any]:
        """Every row, fact, label, waiting comment and number of engaged actors, as `twoway verify` compares them."""
        reader = SnapshotReader(self.redis, self.keys, self.settings.engaged_windows)
        names = await reader.names()
        for name in self.expected:
            names[name.slot].add(name)
        found: dict[PageName, dict[str, str]] = {}
        for slot, some in names.items():
            snapshot = await reader.take(slot, {name: self.oracle.engaged_codes(name) for name in some})
            found |= snapshot.pages
        out: list[Any] = [
            unknown_page(name, page) for name, page in found.items() if page and name not in self.expected
        ]
        for name, page in self.expected.items():
            out += compare_page(
                name, page, found[name], self.settings.windows, engaged=self.settings.engaged_windows, hll_least=0
            )[1]
        return out

    async def _members(self) -> list[str]:
        """A post's set is the greatest statement on each of its objects."""
        wanted: dict[PageName, dict[int, int]] = {name: {} for name in self.expected if name.entity == "post"}
        for one in self.taken:
            if one.post is not None and one.kind != "totals":
                members = wanted[PageName(self.keys.slot(one.platform, one.account), "post", one.platform, one.post)]
                members[hash_id(one.id)] = max(state_of(one), members.get(hash_id(one.id), 0))
        out = []
        for name, members in wanted.items():
            blob = await self.redis.get(self.keys.members(name.slot, name.platform, name.id))
            found = dict(iter_unpack("<QQ", blob.encode("latin-1"))) if blob else {}
            if found != members:
                out.append(f"members of {name}: {found}; expected {members}")
        return out

    async def _directory(self) -> list[str]:
        """Whoever knows an account or a post finds its page."""
        out = []
        for name, page in self.expected.items():
            if name.entity == "account":
                there = await self.redis.hget(self.keys.account_entry(name.platform, name.id), "slot") == str(name.slot)
            else:
                there = await self.redis.get(self.keys.post_entry(name.platform, name.id)) == page.account
            if not there:
                out.append(f"{name} is not in the directory")
        return out

    async def _texts(self) -> list[str]:
        """The newest text of each comment where it stands, unless forgotten; of erased actors none is left."""
        erased = self.kafka.erased_actors()
        out = []
        wanted = {} if self.forgot else expected_texts(self.keys, self.taken, erased)
        for (key, mark), value in wanted.items():
            found = await self.redis.hget(key, mark)
            if found is None or found.encode("latin-1").decode() != value:
                out.append(f"text {mark} of {key}: {found}; expected {value}")
        for one in self._comments():
            key = self.keys.texts(
                self.keys.slot(one.platform, one.account), one.platform, one.account, day_of(one.time_ms)
            )
            for value in (await self.redis.hgetall(key)).values():
                text = decode_text(value.encode("latin-1"))
                if text.actor in erased:
                    out.append(f"a text of {text.actor}, who is erased: {text}")
        return out

    async def _keys_of_texts(self) -> set[str]:
        """The comments of which Redis holds a text, by their key in the topic."""
        found = set()
        async for key in self.redis.scan_iter(match=f"{self.settings.key_prefix}:*:texts:*"):
            for mark, value in (await self.redis.hgetall(key)).items():
                text = decode_text(value.encode("latin-1"))
                found.add(unanswered_key(text.platform, text.post, mark))
        return found

    def _published_rows(self) -> list[str]:
        """By its highest revision every row that is kept says what the oracle says, and each was published, as final
        where its window ends."""
        newest: dict[str, Engagement] = {}
        for topic in (POSTS, ACCOUNTS):
            for key, value in self.kafka.out[self.settings.topic(topic.name)]:
                assert key is not None
                assert value is not None
                update, name = decode_engagement(value), f"{topic.name} {key.decode()}"
                if name not in newest or newest[name].revision <= update.revision:
                    newest[name] = update
        wanted = dict(self._wanted_rows())
        out = []
        for name, counts in wanted.items():
            row = newest.get(name)
            found = None if row is None else self._counts(row)
            # A row that has always been empty need not be told.
            if found != counts and (found or any(counts[0])):
                out.append(f"published {name}: {found}; expected {counts}")
            elif row is not None and row.final != (row.end_ms is not None):
                out.append(f"published {name}: final is {row.final}; expected {not row.final}")
        return out

    def _wanted_rows(self) -> Iterator[tuple[str, Any]]:
        windows = self.settings.windows
        codes_of: dict[PageName, set[int]] = {name: {ALL} for name in self.expected}
        for one in self.taken:
            slot = self.keys.slot(one.platform, one.account)
            names = [PageName(slot, "account", one.platform, one.account)]
            if one.post is not None:
                names.append(PageName(slot, "post", one.platform, one.post))
            for name in names:
                codes_of[name].update(windows.codes(one.time_ms))
        for name, codes in codes_of.items():
            page = self.expected[name]
            topic = POSTS.name if name.entity == "post" else ACCOUNTS.name
            for code in codes:
                if windows.is_kept(code, page.last_ms):
                    window = windows.window(code)
                    key = engagement_key(name.platform, name.id, window.size, window.start_ms)
                    yield f"{topic} {key}", self._expected_counts(page, code)

    @staticmethod
    def _expected_counts(page: ExpectedPage, code: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return tuple(page.rows.get(code, (0,) * len(COLUMNS))), _shortened(page.times.get(code, ()))

    @staticmethod
    def _counts(row: Engagement) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return tuple(getattr(row, column) for column in COLUMNS), _shortened(row.reply_times)

    async def _published_queue(self) -> list[str]:
        """The last record of each comment says whether it waits, and nothing that an erased actor said."""
        last = dict(self.kafka.out[self.settings.topic(UNANSWERED.name)])
        waiting = {
            unanswered_key(name.platform, post, mark_of(hash_id(comment)))
            for name, page in self.expected.items()
            for post, comment in page.waiting
        }
        told = {key.decode() for key, value in last.items() if key is not None and value is not None}
        kept = await self._keys_of_texts() if self.forgot else waiting
        out = [f"published queue: {key} waits and is not told" for key in (waiting & kept) - told]
        out += [f"published queue: {key} is told and does not wait" for key in told - waiting]
        erased = self.kafka.erased_actors()
        for value in last.values():
            if value is not None and decode_unanswered(value).actor in erased:
                out.append(f"published queue: {value!r} of an actor who is erased")
        return out

    def _comments(self) -> Iterator[Interaction]:
        return (one for one in self.taken if one.kind == "comment")


def _shortened(times: tuple[int, ...]) -> tuple[int, ...]:
    """Zeros at the end are left out."""
    shown = list(times)
    while shown and shown[-1] == 0:
        shown.pop()
    return tuple(shown)
