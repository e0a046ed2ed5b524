"""Where each number comes from, and how far counted and polled are apart."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from pipeline.cli.tables import items_table, numbers_table, series_table
from pipeline.counting.page import PageView, Polled
from pipeline.counting.rows import Counts
from pipeline.reading.answers import Numbers, Series, numbers_of, row_of
from pipeline.reading.origins import untold
from pipeline.reading.replying import together
from pipeline.windows import ALL, Window
from schemas.platforms import DELIVERED, SOMETIMES

NOW_MS = 600_000


def numbers(platform: str, counts: Counts, **polled: int) -> Numbers:
    """A post that was counted up to 9 ms, and polled at 5 ms."""
    totals = {name: Polled(value, 5) for name, value in polled.items()}
    return numbers_of(PageView("post", platform, "p1", "a1", {ALL: counts}, totals, 1, 9))


def shown(renderable: Any) -> list[str]:
    """Its lines, blanks between words taken together."""
    output = StringIO()
    Console(file=output, width=200, emoji=False).print(renderable)
    return [" ".join(line.split()) for line in output.getvalue().splitlines()]


def test_likes_that_a_platform_does_not_send_are_its_own_total() -> None:
    """And the ratios are computed with it: 5 comments by events, 100 likes polled."""
    post = numbers("instagram", (0, 5, 0, 0, 0), likes=100)
    assert (post.likes, post.comments, post.comment_to_like) == (100, 5, 0.05)
    assert post.conversation_share == 5 / 105
    likes, comments = post.origins["likes"], post.origins["comments"]
    assert (likes.source, likes.as_of_ms, likes.counted, likes.polled) == ("totals", 5, 0, 100)
    assert (likes.drift, likes.drift_share) == (None, None)
    assert (comments.source, comments.as_of_ms, comments.polled) == ("events", 9, None)


def test_what_is_counted_stays_counted_and_shows_its_drift() -> None:
    """Facebook sends likes: the total stands beside them."""
    post = numbers("facebook", (96, 12, 0, 0, 0), likes=100, comments=10)
    assert (post.likes, post.comment_to_like, post.source) == (96, 0.125, "both")
    likes, comments = post.origins["likes"], post.origins["comments"]
    assert (likes.source, likes.drift, likes.drift_share) == ("events", -4, -0.04)
    assert (comments.drift, comments.drift_share) == (2, 0.2)
    assert post.polled_comment_to_like == 0.1


def test_what_nobody_sends_and_nobody_polled_is_unknown() -> None:
    """The value is 0, for that is what was counted; its source says that this means nothing."""
    post = numbers("instagram", (0, 5, 0, 0, 0), comments=7)
    assert (post.likes, post.origins["likes"].source, post.origins["likes"].as_of_ms) == (0, None, None)
    assert post.comment_to_like is None
    assert post.origins["comments"].drift == -2


def test_likes_of_a_file_count_where_the_platform_sends_none() -> None:
    """Fed by hand; once the platform was asked, its own number is shown, and how far they are apart."""
    assert (numbers("instagram", (3, 1, 0, 0, 0)).origins["likes"].source) == "events"
    likes = numbers("instagram", (3, 1, 0, 0, 0), likes=4).origins["likes"]
    assert (likes.value, likes.source, likes.counted, likes.drift, likes.drift_share) == (4, "totals", 3, -1, -0.25)


@pytest.mark.parametrize("platform", sorted(SOMETIMES))
def test_likes_that_come_over_some_ways_only_are_polled_until_one_is_counted(platform: str) -> None:
    """A Telegram channel has totals, a group has events; without either nothing was liked."""
    channel, group = numbers(platform, (0, 1, 0, 0, 0), likes=40), numbers(platform, (39, 1, 0, 0, 0), likes=40)
    assert (channel.likes, channel.origins["likes"].source, channel.origins["likes"].drift) == (40, "totals", None)
    assert (group.likes, group.origins["likes"].source, group.origins["likes"].drift) == (39, "events", -1)
    assert numbers(platform, (0, 1, 0, 0, 0)).origins["likes"].source == "events"


def test_a_platform_of_somebodys_own_delivers_everything() -> None:
    assert "shop" not in DELIVERED
    assert {one.source for one in numbers("shop", (0, 0, 0, 0, 0), likes=1).origins.values()} == {"events"}


def test_a_total_of_0_has_no_share() -> None:
    likes = numbers("facebook", (2, 0, 0, 0, 0), likes=0).origins["likes"]
    assert (likes.drift, likes.drift_share) == (2, None)


def test_tables_show_source_time_and_drift_of_each_number() -> None:
    """And a dash, not a 0, for what is unknown."""
    instagram = shown(numbers_table(numbers("instagram", (0, 5, 0, 0, 0), likes=100), [], NOW_MS))
    assert "likes 100 polled 9 m ago" in instagram
    assert "shares - unknown: instagram does not send them; poll them (kind: totals)" in instagram
    facebook = shown(numbers_table(numbers("facebook", (96, 12, 0, 0, 0), likes=100, followers=7), [], NOW_MS))
    assert "likes 96" in facebook
    assert "likes, polled 100 9 m ago, drift -4 (-4.0 %)" in facebook
    assert "followers, polled 7 9 m ago" in facebook
    fed = shown(numbers_table(numbers("instagram", (1003, 1, 0, 0, 0), likes=1004), [], NOW_MS))
    assert "likes 1,004 polled 9 m ago; counted 1,003, drift -1 (-0.1 %)" in fed


def test_posts_that_were_not_seen_when_published_are_explained() -> None:
    """`--posts` lists two of which people did something; counted are publications."""
    page = PageView("account", "shop", "brand", "brand", {ALL: (2, 1, 0, 0, 0)}, {}, 1, 9)
    assert "posts 0 seen when they were published; 2 known" in shown(numbers_table(numbers_of(page), [], NOW_MS, 2))
    page = PageView("account", "shop", "brand", "brand", {ALL: (2, 1, 0, 0, 2)}, {}, 1, 9)
    assert "posts 2" in shown(numbers_table(numbers_of(page), [], NOW_MS, 2))
    assert "posts 0 not seen when it was published" in shown(numbers_table(numbers("x", (2, 1, 0, 0, 0)), [], NOW_MS))


@pytest.mark.parametrize(
    ("counts", "polled", "told"),
    [
        ((2, 1, 0, 0, 0), {}, "counted"),
        ((2, 1, 0, 0, 0), {"likes": 3}, "counted and polled"),
        ((0, 0, 0, 0, 0), {"likes": 3}, "polled"),
    ],
)
def test_the_last_line_says_how_the_numbers_were_had(counts: Counts, polled: dict[str, int], told: str) -> None:
    *_, line = shown(numbers_table(numbers("facebook", counts, **polled), [], NOW_MS))
    assert line == f"as of 9 m ago 1970-01-01 00:00:00 UTC, {told}"


def test_lists_show_a_dash_for_what_is_unknown() -> None:
    item = numbers("instagram", (0, 5, 0, 0, 0))
    series = _no_rows(item)
    assert shown(items_table([item], [series], NOW_MS, 200))[1].startswith("instagram p1 - 100.0 % 5 - - 0.0 % - 5 ")
    assert shown(items_table([item], [series], NOW_MS, 80))[1].startswith("instagram p1 - 5 - ")


@pytest.mark.parametrize(
    ("platform", "counts", "polled", "unknown"),
    [
        ("instagram", (0, 5, 0, 0, 0), {"likes": 100}, ["likes", "shares"]),
        ("instagram", (0, 5, 0, 0, 0), {}, ["likes", "shares"]),
        ("facebook", (0, 0, 0, 0, 0), {"likes": 100}, ["shares"]),
        ("facebook", (0, 0, 2, 0, 0), {}, []),
        ("x", (0, 0, 0, 0, 0), {}, []),
        ("mastodon", (0, 5, 0, 0, 0), {"likes": 3}, ["likes"]),
    ],
)
def test_windows_know_nothing_of_what_no_event_tells(
    platform: str, counts: Counts, polled: dict[str, int], unknown: list[str]
) -> None:
    """Also where a total was polled: it belongs to no window."""
    totals = {name: Polled(value, 5) for name, value in polled.items()}
    assert untold(PageView("post", platform, "p1", "a1", {ALL: counts}, totals, 1, 9)) == unknown


def test_windows_show_a_dash_for_what_no_event_tells() -> None:
    """Nobody can take it for a minute without likes."""
    row = row_of(Window("1m", 0, 60_000), (0, 5, 0, 2, 0), (), 60_000)
    series = replace(_no_rows(numbers("instagram", (0, 5, 0, 2, 0))), rows=[row], unknown=["likes", "shares"])
    assert shown(series_table(series))[1] == "00:00 - 5 - - 2 0.0 % -"


def _no_rows(item: Numbers) -> Series:
    return Series(
        entity="post",
        platform=item.platform,
        id=item.id,
        account=item.account,
        window="1m",
        rows=[],
        unknown=[],
        replying=together([]),
        as_of_ms=9,
        source="events",
    )
