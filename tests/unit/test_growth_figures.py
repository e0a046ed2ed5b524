"""What follows from the looks of a growth run: no event's cost is left out, and none is counted in two steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.growth_figures import Grown, Look, Step, assigned_again, further_page, steps
from bench.growth_plots import draw, lines
from bench.growth_points import Point

MB = 1_000_000


def _viral(*looks: Look) -> Grown:
    return Grown(Point("viral", 100, 1, 1, cache_entries=1_000), list(looks), empty_used=MB)


#: Seconds, events, CPU-seconds of worker and Redis, bytes of both.
EMPTY = Look(10.0, 0, 1.0, 0.5, 50 * MB, MB)
HALF = Look(11.0, 50, 2.0, 0.6, 80 * MB, 2 * MB)
ALL = Look(12.0, 100, 4.0, 0.8, 70 * MB, 3 * MB)
PUBLISHED = Look(13.0, 100, 4.5, 0.8, 90 * MB, 3 * MB)


def test_the_cost_of_an_event_counts_from_before_the_first_table_until_all_rows_are_published() -> None:
    """The first slices and the last publication are in it; the time is that until all is counted."""
    grown = _viral(EMPTY, HALF, ALL, PUBLISHED)
    assert grown.worker_us == 3.5 / 100 * 1e6
    assert round(grown.redis_us) == 3_000
    assert grown.events_per_s == 50.0


def test_a_step_holds_what_its_events_cost_and_the_most_memory_of_its_time() -> None:
    """The begin belongs to no step, each end to one."""
    assert steps(_viral(EMPTY, HALF, ALL, PUBLISHED), 2) == [
        Step(50, 20_000.0, pytest.approx(2_000.0), 80 * MB, MB),
        Step(100, 40_000.0, pytest.approx(4_000.0), 70 * MB, 2 * MB),
    ]


def test_steps_that_one_slice_jumped_over_are_one() -> None:
    """With few events a slice is larger than a step."""
    assert [step.applied for step in steps(_viral(EMPTY, HALF, PUBLISHED), 10)] == [50, 100]


def _grown(posts: int, used: int, rss: int, events: int = 1_000) -> Grown:
    end = Look(1.0, events, 1.0, 1.0, rss, used)
    return Grown(Point("posts", events, posts, 10), [Look(0.0, 0, 0.0, 0.0, 100, 100), end], empty_used=100)


def test_a_page_more_is_what_two_points_of_equal_events_differ_by() -> None:
    """What both hold for their events is in neither figure."""
    assert further_page(_grown(10, used=5_100, rss=9_000), _grown(110, used=15_100, rss=29_000)) == (100.0, 200.0)


def test_a_page_more_is_refused_where_the_events_differ() -> None:
    """Else the members of the events would be taken for pages."""
    with pytest.raises(ValueError, match="expected points with the same events and other pages"):
        further_page(_grown(10, 1, 1), _grown(110, 1, 1, events=2_000))


def test_partitions_that_moved_are_told() -> None:
    """Their tables were opened more often than those of the other points, whatever a table does when it is opened."""
    once, twice = (Grown(Point("partitions", 100, 1, 1, 8), [], 0, loads=loads) for loads in (16, 24))
    two = Grown(Point("partitions", 100, 1, 1, 2), [], 0, loads=4)
    assert assigned_again([two, once, twice]) == [twice]


def test_the_way_of_a_post_and_a_series_of_points_are_drawn(tmp_path: Path) -> None:
    """A line for each step of each run, a bar for each point."""
    way = [_viral(EMPTY, HALF, ALL, PUBLISHED)]
    assert [line.label for line in lines(way)] == ["50 (1,000 kept)", "100 (1,000 kept)"]
    for name, series in (("viral", way), ("posts", [_grown(10, 200, 200), _grown(20, 300, 300)])):
        draw("a title", series, tmp_path / f"{name}.svg")
        assert (tmp_path / f"{name}.svg").read_text().rstrip().endswith("</svg>")
