"""What is read without being decoded means what it means decoded: the same pages, refusals and replays."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.counting.changes import take_changes
from pipeline.counting.comments import waits_ms
from pipeline.counting.fold import Fold
from pipeline.counting.live import ACTOR_BYTES, LivePage
from pipeline.counting.plain import Plain
from pipeline.slots import slot_of
from pipeline.store.checkpoint import Mark
from pipeline.store.keys import Keys
from pipeline.store.shelf import Shelf
from pipeline.table.batch import Record
from pipeline.table.intake import place, take_in
from pipeline.windows import Windows
from schemas.interaction import LAST_TIME_MS, Interaction, decode_interaction, encode_interaction
from tests.factories import NOON_MS, make_interaction

WINDOWS = Windows.parse("1m:3h,1h:8d,1d:90d")
FUTURE_MS = 60_000
NAMES = [f"brand{number}" for number in range(2_000)]
SLOTS = {name: slot_of("facebook", name) for name in NAMES}
OURS = NAMES[0]
#: Of our slot, where both can name the same post; of another one; and of one that is another partition's.
OTHERS = next(name for name in NAMES[1:] if SLOTS[name] == SLOTS[OURS])
APART = next(name for name in NAMES if SLOTS[name] != SLOTS[OURS])
ELSEWHERE = next(name for name in NAMES if SLOTS[name] not in {SLOTS[OURS], SLOTS[APART]})
POSTS = ("p1", "p2", "pяé")
TIMES_MS = (NOON_MS, NOON_MS - 1, NOON_MS - 60_000, NOON_MS - 4 * 3_600_000, NOON_MS - 9 * 86_400_000, 0)


@dataclass
class Written:
    """A record as Kafka gives it."""

    offset: int
    value: bytes | None
    timestamp: int = NOON_MS
    key: bytes | None = b""


@dataclass
class Outcome:
    """All that a log leaves: pages, what waits for a reply as it was told, and what became of each record."""

    pages: dict[str, Any] = field(default_factory=dict)
    told: dict[tuple[str, int], int] = field(default_factory=dict)
    fields: dict[str, dict[str, str]] = field(default_factory=dict)
    engaged: Counter[tuple[str, int, bytes]] = field(default_factory=Counter)
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    of_others: list[int] = field(default_factory=list)
    replayed: list[Interaction] = field(default_factory=list)
    misplaced: list[int] = field(default_factory=list)
    counted: int = 0
    #: How many were read without being decoded: in this alone the two ways may differ.
    plain: int = field(default=0, compare=False)

    def take(self, page: LivePage) -> None:
        """What a slice changed of a page, put into its hash in Redis."""
        changes = take_changes(page, WINDOWS)
        parts = iter(msgspec.msgpack.decode(changes.fields) if changes.fields else ())
        hash_ = self.fields.setdefault(page.key, {})
        hash_ |= dict(zip(parts, parts, strict=True))
        for name in changes.gone:
            hash_.pop(name, None)
        for window, actors in (changes.engaged or {}).items():
            each = [bytes(actors[at : at + ACTOR_BYTES]) for at in range(0, len(actors), ACTOR_BYTES)]
            self.engaged.update((page.key, window, actor) for actor in each)


def leave(slices: Sequence[Sequence[bytes | None]], marks: Sequence[int], *, decoded: bool) -> Outcome:
    """What these values leave, slice by slice; `decoded`: each of them is decoded. `marks`: where our slot and the
    other one stand."""
    out, fold, offset = Outcome(), Fold(WINDOWS), 0
    shelf = Shelf(Keys("t"), WINDOWS, 1_000_000)
    slots = {SLOTS[account]: Mark(mark, 0) for account, mark in zip((OURS, APART), marks, strict=True)}
    for values in slices:
        records: list[Record] = [Written(offset + number, value) for number, value in enumerate(values)]
        offset += len(records)
        intake = take_in(records, shelf, slots, FUTURE_MS, copies_come=decoded)
        out.plain += len(intake.plain)
        out.refused += [(one.record.offset, one.reason, one.detail) for one in intake.refusals]
        out.replayed += [interaction for interaction, _, _ in intake.replayed]
        out.misplaced += [record.offset for _, record in intake.misplaced]
        folded = fold.fold(intake.placed, intake.plain, intake.places, lambda at, of=records: place(of[at], shelf))
        out.of_others += sorted(
            [intake.records[at].offset for at in folded.refused] + [records[at].offset for at in folded.refused_plain]
        )
        out.counted += folded.applied + folded.unchanged
        for one in folded.comments:
            out.told.pop((one.post.key, one.comment), None)
            if one.waits_ms is not None:
                out.told[one.post.key, one.comment] = one.waits_ms
        for page in folded.touched:
            out.take(page)
    out.pages = {key: shown(page) for key, page in shelf.pages.items()}
    return out


def shown(page: LivePage) -> tuple[Any, ...]:
    waiting = {comment: waits_ms(page, comment) for comment in page.members}
    rows, members = sorted(page.rows.items()), sorted(page.members.items())
    return page.account, page.first_ms, page.last_ms, rows, members, waiting, page.touched, sorted(page.dirty)


def same(slices: Sequence[Sequence[bytes | None]], marks: Sequence[int] = (0, 0)) -> Outcome:
    """What both ways leave, which must be the same."""
    plain, decoded = leave(slices, marks, decoded=False), leave(slices, marks, decoded=True)
    assert decoded.plain == 0
    assert plain == decoded
    return plain


OPENING = [
    encode_interaction(make_interaction(account=account, post=f"{account}/{post}", kind="totals", actor=None, likes=0))
    for account in (OURS, OTHERS, APART)
    for post in POSTS
]


def a_like(**changes: Any) -> bytes:
    """A like of a post that is known, as the gateway writes it."""
    return encode_interaction(make_interaction(**{"account": OURS, "post": f"{OURS}/p1", "id": "o1"} | changes))


ODD_TEXTS = st.one_of(
    st.sampled_from(["", "x", 'a"b', "\\", "\x00", "\x7f", "é", "\ud7ff", "\ud800", "😀", "a" * 1025, "y" * 1024]),
    st.text(max_size=12),
)
MORE = {
    "actor": st.sampled_from([None, "ann", "bob", "яé"]),
    "own": st.booleans(),
    "parent": st.sampled_from([None, "o0", "o1"]),
    "reaction": ODD_TEXTS,
    "url": ODD_TEXTS,
    "text": ODD_TEXTS,
    "time_from": st.sampled_from(["platform", "delivery", "received"]),
    "nobody_knows": st.sampled_from([1, "x", [1, {"a": []}], None]),
}


@st.composite
def fields_of_events(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly a like or share of an object that others are about as well."""
    owner = draw(st.sampled_from([OURS, OURS, OTHERS, "new"]))
    fields: dict[str, Any] = {
        "platform": "facebook",
        "account": draw(st.sampled_from([OURS, OURS, OURS, OTHERS, APART, ELSEWHERE])),
        "kind": draw(st.sampled_from(["like", "like", "like", "share", "comment", "post", "totals"])),
        "action": draw(st.sampled_from(["add", "add", "remove", "edit"])),
        "post": f"{owner}/{draw(st.sampled_from(POSTS))}",
        "id": f"o{draw(st.integers(0, 4))}",
        "time_ms": draw(st.sampled_from([*TIMES_MS, *(NOON_MS + FUTURE_MS + n for n in (-1, 0, 1))])),
    }
    for name in draw(st.lists(st.sampled_from(sorted(MORE)), max_size=3)):
        fields[name] = draw(MORE[name])
    if draw(st.integers(0, 19)) == 0:
        fields[draw(st.sampled_from(sorted(fields)))] = draw(
            ODD_TEXTS | st.integers(-1, 2**70) | st.floats() | st.none()
        )
    return fields


@st.composite
def values(draw: st.DrawFn) -> bytes:
    """An interaction in one of the many ways to write it, sometimes damaged."""
    fields = draw(fields_of_events())
    if draw(st.booleans()):
        fields = {name: fields[name] for name in draw(st.permutations(sorted(fields)))}
    separators = draw(st.sampled_from([(",", ":"), (",", ":"), (", ", ": ")]))
    text = json.dumps(fields, separators=separators, ensure_ascii=draw(st.booleans()))
    if draw(st.integers(0, 9)) == 0:
        again = draw(st.sampled_from(sorted(fields)))
        text = f"{text[:-1]},{json.dumps({again: fields[again]})[1:]}"
    value = text.encode(errors="surrogatepass")
    return damaged(value, Random(draw(st.integers(0, 2**32)))) if draw(st.integers(0, 4)) == 0 else value


def damaged(value: bytes, random: Random) -> bytes:
    """With a byte or two put in, taken out or flipped, or all behind one of them gone."""
    found = bytearray(value)
    for _ in range(random.randint(1, 2)):
        at = random.randrange(len(found) + 1)
        found[at : at + random.choice((0, 0, 1, 1, 1, 1, 5))] = random.choice(
            (b"", bytes([random.randrange(256)]), bytes([random.choice(b'"\\{}:,0123456789-.eE \x00\x1f\x7f\x80tf')]))
        )
        if random.randrange(8) == 0:
            del found[random.randrange(len(found) + 1) :]
    return bytes(found)


@settings(max_examples=80)
@given(st.lists(st.lists(values(), max_size=12), max_size=3), st.tuples(st.integers(0, 24), st.integers(0, 24)))
def test_a_log_leaves_the_same_whether_it_is_decoded_or_not(log: list[list[bytes]], marks: tuple[int, int]) -> None:
    """Rows, members, fields in Redis, engaged actors, refusals, replays, and whose posts they are."""
    same([OPENING, *log], marks)


@settings(max_examples=80)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["like", "like", "share", "comment"]),
            st.sampled_from(["add", "add", "remove", "edit"]),
            st.booleans(),
            st.sampled_from(TIMES_MS),
            st.sampled_from([None, "o0", "o1"]),
            st.integers(0, 2),
        ),
        max_size=16,
    ),
    st.integers(1, 5),
)
@example([("comment", "add", False, NOON_MS - 60_000, None, 0), ("like", "add", False, NOON_MS, None, 0)], 1)
@example([("like", "add", False, NOON_MS, None, 0), ("comment", "add", False, NOON_MS - 60_000, None, 0)], 5)
def test_records_that_contradict_each_other_leave_the_same(log: list[tuple[Any, ...]], size: int) -> None:
    """A like whose object was a comment before, and back: also what waits for a reply."""
    written = [
        a_like(kind=kind, action=action, own=own, time_ms=time_ms, parent=parent, id=f"o{number}")
        for kind, action, own, time_ms, parent, number in log
    ]
    same([OPENING, *(written[at : at + size] for at in range(0, len(written), size))])


def test_damaged_bytes_leave_the_same() -> None:
    """Ten thousand likes and shares with a byte or two put in, taken out or flipped."""
    random = Random(20_261_123)
    whole = [
        a_like(),
        a_like(kind="share", action="remove", own=True, time_from="delivery"),
        a_like(reaction="LOVE", url="https://x.example/1?a=b", actor="ann", time_ms=NOON_MS - 300),
    ]
    left = same([OPENING, *([damaged(random.choice(whole), random) for _ in range(200)] for _ in range(50))])
    assert left.plain > 500
    assert len(left.refused) > 1000


START = b'{"platform":"facebook","account":"%b","kind":"like","action":"add","post":"%b/p1"' % (
    OURS.encode(),
    OURS.encode(),
)
#: What may stand behind these fields, and whether it is plain.
ENDS = {
    b',"id":"x","time_ms":7}': True,
    b',"id":"x","time_ms":0}': True,
    b',"id":"x","time_ms":%d}' % (NOON_MS + FUTURE_MS): True,
    b',"id":"x","time_ms":%d}' % (NOON_MS + FUTURE_MS + 1): False,
    b',"id":"x","time_ms":%d}' % LAST_TIME_MS: False,
    b',"id":"x","time_ms":%d}' % (LAST_TIME_MS + 1): False,
    b',"id":"x","time_ms":07}': False,
    b',"id":"x","time_ms":00}': False,
    b',"id":"x","time_ms":-0}': False,
    b',"id":"x","time_ms":-7}': False,
    b',"id":"x","time_ms":+7}': False,
    b',"id":"x","time_ms":7.0}': False,
    b',"id":"x","time_ms":7e0}': False,
    b',"id":"x","time_ms":1e400}': False,
    b',"id":"x","time_ms":%d}' % (2**63 + 7): False,
    b',"id":"x","time_ms":%d}' % (2**64 + 7): False,
    b',"id":"x","time_ms":' + b"9" * 400 + b"}": False,
    b',"id":"x","time_ms":"7"}': False,
    b',"id":"x","time_ms":null}': False,
    b',"id":"x","time_ms":}': False,
    b',"id":"x","time_ms":7': False,
    b',"id":"x"}': False,
    b',"time_ms":7}': False,
    b"}": False,
    b',"id":"","time_ms":7}': False,
    b',"id":"' + b"x" * 1024 + b'","time_ms":7}': True,
    b',"id":"' + b"x" * 1025 + b'","time_ms":7}': False,
    b',"id":"' + b"x" * 1_000_000 + b'","time_ms":7}': False,
    b',"id":"\\u0078","time_ms":7}': False,
    b',"id":"x\\': False,
    b',"id":"\\ud800","time_ms":7}': False,
    b',"id":"\xed\xa0\x80","time_ms":7}': False,
    b',"id":"x\x00","time_ms":7}': False,
    b',"id":"\\u0000","time_ms":7}': False,
    b',"id":"x\x1f","time_ms":7}': False,
    b',"id":"xxxxxxx\x0axxxxxxxxxx","time_ms":7}': False,
    b',"id":"\xff\xfe","time_ms":7}': False,
    b',"id":"xxxxxxxxxxxxxxxxxxxxxxxx': False,
    b',"id":"x","time_ms":7} ': False,
    b',"id":"x","time_ms":7}{}': False,
    b',"id":"x","time_ms":7,}': False,
    b',"id":"x","id":"y","time_ms":7}': False,
    b',"id":"x","time_ms":7,"time_ms":8}': False,
    b',"id":"x","time_ms":7,"own":true,"own":false}': False,
    b',"id":"x","time_ms":7,"own":true}': True,
    b',"id":"x","time_ms":7,"own":"true"}': False,
    b',"id":"x","time_ms":7,"own":1}': False,
    b',"id":"x","time_ms":7,"own":tru': False,
    b',"id":"x","time_ms":7,"own":truefalse}': False,
    b',"id":"x","time_ms":7,"actor":null}': False,
    b',"id":"x","time_ms":7,"actor":""}': False,
    b',"id":"x","time_ms":7,"reaction":""}': True,
    b',"id":"x","time_ms":7,"reaction":"' + b"r" * 257 + b'"}': False,
    b',"id":"x","time_ms":7,"url":"' + b"u" * 2048 + b'"}': True,
    b',"id":"x","time_ms":7,"url":"' + b"u" * 2049 + b'"}': False,
    b',"id":"x","time_ms":7,"time_from":"nowhere1"}': False,
    b',"id":"x","time_ms":7,"more":1}': False,
    b',"id":"x","time_ms":7,"":1}': False,
    b',"id":"x","time_ms":7,"":""}': False,
    b',"id":"x","time_ms":7,"more":[{"id":"y"}]}': False,
    b',"id":{"id":"y"},"time_ms":7}': False,
    b',"id":"x","time_ms":7,"more":' + b"[" * 3000 + b"]" * 3000 + b"}": False,
}


def test_read_plainly_is_only_what_the_decoder_takes() -> None:
    """Whatever else there is in JSON is left to it."""
    assert {end: same([OPENING, [START + end]]).plain == 1 for end in ENDS} == ENDS
    assert {decode_interaction(START + end).kind for end, plain in ENDS.items() if plain} == {"like"}


def test_fields_of_the_record_before_do_not_stand_in_for_missing_ones() -> None:
    """A record without a kind or an action behind one that has them ended the process."""
    whole = a_like(own=True, actor="ann", reaction="LOVE", time_from="delivery", url="x")
    fields = json.loads(whole)
    slices: list[list[bytes | None]] = []
    for name in fields:
        lacking = {other: value for other, value in fields.items() if other != name}
        slices.append(
            [whole, json.dumps(lacking, separators=(",", ":")).encode(), b"{}", b'{"kind":"like"}', b"", None]
        )
    left = same([OPENING, *slices])
    assert Counter(reason for _, reason, _ in left.refused) == {"schema": 31, "not_json": 12, "no_value": 12}


def test_every_record_that_is_not_plain_is_handed_on_in_its_order() -> None:
    """Those of accounts that are not known yet, too."""
    handed: list[int] = []
    records: list[Record] = [Written(0, a_like()), Written(1, b"{"), Written(2, a_like()), Written(3, None)]
    Plain().read(records, {}, lambda record: handed.append(record.offset), 0, FUTURE_MS)
    assert handed == [0, 1, 2, 3]


def test_who_names_a_new_post_first_owns_it_also_when_plain_records_follow() -> None:
    """Within the slice and beyond it; the other's records are refused."""
    ours, others = a_like(post="new"), a_like(post="new", account=OTHERS)
    assert same([OPENING, [ours, others], [ours, others]]).of_others == [10, 12]
    assert same([OPENING, [others, ours], [ours, others]]).of_others == [10, 11]
    assert same([OPENING, [ours, ours, others, ours]]).of_others == [11]


def test_replayed_records_are_not_counted_again() -> None:
    """Below its slot's mark a record is only published again, though the other slot's mark is another one."""
    likes = [a_like(id=f"x{number}") for number in range(4)]
    left = same([OPENING, likes], (11, 12))
    assert [one.id for one in left.replayed][-2:] == ["x0", "x1"]
    assert left.plain == 1
    assert same([OPENING, likes]).plain == 4
