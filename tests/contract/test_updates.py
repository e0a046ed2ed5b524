"""What the worker publishes is, to the byte's meaning, the published schema."""

from __future__ import annotations

from pipeline.counting.live import LivePage
from pipeline.counting.page import Polled
from pipeline.counting.rows import pack
from pipeline.publishing.record_batch import Batches
from pipeline.publishing.updates import Updates
from pipeline.windows import ALL, Windows
from schemas.engagement import Engagement, decode_engagement
from tests.factories import NOON_MS
from tests.outgoing import read_back

WINDOWS = Windows.parse("1m:3h,1h:8d,1d:90d")
MINUTE = WINDOWS.codes(NOON_MS)[0]


def page(entity: str = "post", account: str = "a1", id_: str = "p1") -> LivePage:
    made = LivePage(entity, "facebook", id_, 0, "key")
    made.account = account
    made.rows = {ALL: pack((4, 2, 2, 1, 1)), MINUTE: pack((0, 3, 0, 0, 0))}
    made.last_ms = NOON_MS + 5
    return made


def told(page: LivePage, codes: list[int], version: int, closed: set[int]) -> list[tuple[bytes, bytes]]:
    """Key and value of each row."""
    out = Batches()
    Updates(WINDOWS).of_page(page, codes, version, closed, out)
    return [(key or b"", value or b"") for key, value, _ in read_back(out)]


def test_a_row_reads_as_the_engagement_that_it_is() -> None:
    """Every field, with its key."""
    [(key, value)] = told(page(), [ALL], 500, set())
    assert key == b"facebook:p1|all|"
    assert decode_engagement(value) == Engagement(
        entity="post", platform="facebook", account="a1", id="p1", window="all", start_ms=None, end_ms=None,
        likes=4, comments=2, shares=2, replies=1, posts=1, comment_to_like=0.5, conversation_share=0.25,
        reply_rate=0.0, revision=1000, final=False, as_of_ms=NOON_MS + 5, source="events",
    )  # fmt: skip


def test_a_row_with_answered_comments_says_how_many_and_how_soon() -> None:
    """One within half a minute, three within two hours: the median is in the bucket from 90 to 120 minutes."""
    made = page()
    made.rows = {ALL: pack((4, 8, 2, 4, 1), (0, 1, *[0] * 9, 3))}
    [(_, value)] = told(made, [ALL], 500, set())
    update = decode_engagement(value)
    assert (update.answered, update.reply_rate, update.reply_times) == (4, 0.5, (0, 1, *[0] * 9, 3))
    assert update.comments == 8
    assert (update.reply_median_ms, update.reply_p90_ms) == (7_200_000, 7_200_000)


def test_a_closed_window_is_final_with_a_revision_above_the_open_ones() -> None:
    """No likes: the ratio is null, not 0."""
    [(key, value)] = told(page(), [MINUTE], 500, {MINUTE})
    update = decode_engagement(value)
    assert key == f"facebook:p1|1m|{NOON_MS}".encode()
    assert (update.start_ms, update.end_ms, update.final, update.revision) == (NOON_MS, NOON_MS + 60_000, True, 1001)
    assert (update.comment_to_like, update.conversation_share) == (None, 1.0)


def test_ids_with_anything_in_them_stay_inside_their_strings() -> None:
    """Quotes, backslashes, control characters and other scripts."""
    nasty = 'a"\\\n\x00|{}<script>é☃'
    [(key, value)] = told(page(account=nasty, id_=nasty), [ALL], 1, set())
    assert (decode_engagement(value).id, decode_engagement(value).account) == (nasty, nasty)
    assert key.decode().rsplit("|", 2) == [f"facebook:{nasty}", "all", ""]


def test_the_source_says_whether_events_or_polled_totals_or_both_speak() -> None:
    """A page with polled numbers only has counted nothing."""
    polled = page("account", "a1", "a1")
    polled.polled["followers"] = Polled(10, NOON_MS)
    polled.rows = {ALL: 0}
    [(_, value)] = told(polled, [ALL], 1, set())
    assert decode_engagement(value).source == "totals"


def test_rows_that_the_page_let_go_are_not_published() -> None:
    """Their windows are past the retention."""
    assert told(page(), [MINUTE + 8], 1, set()) == []
