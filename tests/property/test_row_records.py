"""The compiled texts of rows are those that Python writes, whatever the counts and whatever was kept of others."""

from __future__ import annotations

from random import Random

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.counting.live import LivePage
from pipeline.counting.rows import pack
from pipeline.publishing.record_batch import Batches
from pipeline.publishing.updates import Updates
from pipeline.windows import ALL, Windows
from tests.outgoing import read_back

WINDOWS = Windows.parse("1m:3h,1h:8d,1d:90d")
#: One for all tests: what it keeps of one row must not be told of another.
UPDATES = Updates(WINDOWS)
COUNT = st.one_of(st.integers(0, 9), st.integers(0, 2**60), st.sampled_from([2**53 - 1, 2**53 + 1, 2**60]))

Counts = tuple[int, int, int, int, int]


def told(*rows: Counts) -> list[bytes]:
    """What records say of each of these as a row of a page's own window."""
    page = LivePage("post", "facebook", "p1", 0, "key")
    page.rows = {ALL: 1} | {number * 8: pack(counts) for number, counts in enumerate(rows)}
    out = Batches()
    UPDATES.of_page(page, range(0, len(rows) * 8, 8), 1, set(), out)
    values = [value or b"" for _, value, _ in read_back(out)]
    return [value[value.index(b'"likes"') : value.index(b'"revision"')] for value in values]


def must_tell(counts: Counts) -> bytes:
    likes, comments, shares, replies, posts = counts
    total = likes + comments + shares
    to_like = repr(comments / likes) if likes else "null"
    share = repr(comments / total) if total else "null"
    unanswered = '"answered":0,"reply_rate":0.0,"reply_times":[],"reply_median_ms":null,"reply_p90_ms":null,'
    return (
        f'"likes":{likes},"comments":{comments},"shares":{shares},"replies":{replies},"posts":{posts},'
        f'"comment_to_like":{to_like},"conversation_share":{share},{unanswered if comments else ""}'
    ).encode()


@given(st.lists(st.tuples(COUNT, COUNT, COUNT, COUNT, COUNT), min_size=1, max_size=8))
@example([(2**53 + 1, 3, 0, 0, 0)])
@example([(3, 2**60 - 1, 2**60, 2**60, 2**60), (0, 0, 0, 0, 0), (0, 0, 0, 1, 0)])
def test_a_rows_ratios_are_those_of_python(rows: list[Counts]) -> None:
    """To the last digit, also of counts that no double holds."""
    assert told(*rows) == [must_tell(counts) for counts in rows]


def test_rows_that_meet_in_the_kept_texts_do_not_take_each_others() -> None:
    """Many more rows than texts that are kept, each told twice."""
    random = Random(3)
    rows: list[Counts] = [tuple(random.randrange(30) for _ in range(5)) for _ in range(20_000)]  # type: ignore[misc]
    twice = [*rows, *random.sample(rows, len(rows))]
    assert told(*twice) == [must_tell(counts) for counts in twice]
