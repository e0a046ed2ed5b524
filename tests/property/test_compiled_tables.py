"""The compiled tables are, operation by operation, the dictionaries that they replaced."""

from __future__ import annotations

from random import Random
from struct import iter_unpack, pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.counting import rows
from pipeline.counting.object_set import ObjectSet
from pipeline.counting.row_table import RowTable

#: Few, so that they meet; neighbours and the ends of what 64 bits hold.
KEYS = [0, 1, 2, 3, 2**20, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1, *(number << 20 for number in range(4, 40))]
STATES = [2, 3, 2**62, 2**63, 2**64 - 2, 2**64 - 1]


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(STATES)), max_size=80), st.integers(0, 80))
def test_an_object_set_holds_the_greatest_state_of_each(merges: list[tuple[int, int]], half: int) -> None:
    """Also when it is loaded, from what was appended or from what was compacted, and goes on."""
    objects, states, blob = ObjectSet(), dict[int, int](), b""
    for number, (key, state) in enumerate(merges):
        assert objects.merge(key, state) == states.get(key, 0)
        states[key] = max(state, states.get(key, 0))
        assert objects.get(key) == objects[key] == states[key]
        if number == half:
            blob += objects.take_appended()
            objects = ObjectSet.load(blob)
    assert dict(objects.items()) == states
    assert sorted(objects) == sorted(states)
    assert len(objects) == len(states)
    assert [key in objects for key in KEYS] == [key in states for key in KEYS]
    assert objects.appended * 16 == len(waiting := objects.take_appended())
    assert (objects.appended, objects.take_appended()) == (0, b"")
    assert dict(iter_unpack("<QQ", blob + waiting)) == states
    assert dict(ObjectSet.load(objects.compacted()).items()) == states


def test_an_object_set_of_a_hundred_thousand_is_the_dictionary() -> None:
    """Growth past every size on the way."""
    random, objects, states = Random(1), ObjectSet(), dict[int, int]()
    for _ in range(100_000):
        key, state = random.choice((random.getrandbits(64), random.getrandbits(14))), random.randrange(2, 2**64)
        assert objects.merge(key, state) == states.get(key, 0)
        if state > states.get(key, 0):
            states[key] = state
    assert dict(objects.items()) == states
    assert dict(ObjectSet.load(objects.take_appended()).items()) == states
    assert len(objects.compacted()) == 16 * (len(states) + 1)


def test_an_empty_object_set_has_nothing_and_loads_nothing() -> None:
    """A half entry at the end, which no writer of ours leaves, is none."""
    for objects in (ObjectSet(), ObjectSet.load(b""), ObjectSet.load(b"fifteen bytes..")):
        assert (len(objects), objects.items(), list(objects), objects.compacted()) == (0, [], [], b"")
        assert objects.get(0) is None
        assert objects.get(0, 7) == 7
        with pytest.raises(KeyError):
            objects[0]


def test_an_entry_without_a_state_is_no_object() -> None:
    """Nothing of ours writes one; taken for an object it made the compacted set longer than what was put into it."""
    objects = ObjectSet.load(pack("<4Q", 7, 0, 8, 9))
    assert (len(objects), objects.items()) == (1, [(8, 9)])
    assert objects.compacted() == pack("<4Q", 8, 9, 8, 9)


def test_keys_beyond_64_bits_are_refused() -> None:
    """Not cut off."""
    for key in (-1, 2**64):
        with pytest.raises(OverflowError):
            ObjectSet().merge(key, 2)
        with pytest.raises(OverflowError):
            ObjectSet().get(key)


COUNTS = st.tuples(*[st.sampled_from([0, 0, 1, -1, 2**31, 2**62, -(2**62)]) for _ in range(5)])
TIMES = st.sampled_from([(), (), (1,), (0, 0, 3), (2**62, 0, 1), (-1,), (0, -3, 1)])
CODES = [-1, *range(0, 40, 3), 2**40, 2**40 + 1, 2**62]


@given(st.lists(st.tuples(st.sampled_from(["put", "put", "drop"]), st.sampled_from(CODES), COUNTS, TIMES), max_size=60))
def test_a_row_table_is_a_dictionary_of_packed_rows(
    changes: list[tuple[str, int, tuple[int, int, int, int, int], tuple[int, ...]]],
) -> None:
    """Rows of nothing but zeros are rows, numbers below 0 are numbers; answers come and go."""
    table, expected = RowTable(), dict[int, int]()
    for change, code, counts, times in changes:
        if change == "put":
            table[code] = expected[code] = rows.pack(counts, times)
        elif code in expected:
            del table[code], expected[code]
        else:
            with pytest.raises(KeyError):
                del table[code]
    assert dict(table.items()) == expected
    assert sorted(table) == sorted(expected)
    assert sorted(table.values()) == sorted(expected.values())
    assert len(table) == len(expected)
    for code in CODES:
        assert (code in table, table.get(code), table.get(code, -7)) == (
            code in expected, expected.get(code), expected.get(code, -7),
        )  # fmt: skip
    assert dict(RowTable.of(expected).items()) == expected


def test_a_row_table_of_ten_thousand_loses_rows_one_by_one() -> None:
    """Whatever order they go in; what stands behind a row that went is found."""
    random = Random(2)
    table = RowTable.of({code: code for code in range(10_000)})
    gone = random.sample(range(10_000), 9_990)
    for number, code in enumerate(gone):
        del table[code]
        if number % 1_000 == 0:
            assert len(table) == 9_999 - number
    left = set(range(10_000)) - set(gone)
    assert dict(table.items()) == {code: code for code in left}
