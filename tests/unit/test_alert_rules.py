"""Each rule says what its formula says, and nothing where it knows too little."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.alerting.queue import Waiting, add_length, judge_age, judge_growth
from pipeline.alerting.ratioed import judge_ratioed
from pipeline.alerting.shift import judge_shift, spread
from pipeline.alerting.silence import judge_silence
from pipeline.counting.live import LivePage
from pipeline.counting.rows import pack
from pipeline.windows import ALL, SIZES_MAX
from tests.alerting import HOUR, HOUR_MS, SETTINGS, closes_ms, make_history, make_page
from tests.factories import NOON_MS

#: Two days of hours with 80 likes and 20 comments each: a conversation share of 0.2.
CALM = {-hour: (80, 20, 0) for hour in range(1, 49)}
MINUTE_MS = 60_000


def test_ratio_shift_fires_far_from_the_median_of_the_past() -> None:
    """60 of 100 against 20 of 100: 0.4 apart, ten times what chance makes of 100."""
    verdict = judge_shift(make_history(CALM | {0: (40, 60, 0)}), HOUR, SETTINGS)
    assert verdict is not None
    assert (verdict.level, verdict.value, verdict.baseline, verdict.sample) == ("over", 0.6, 0.2, 100)
    assert (verdict.start_ms, verdict.time_ms) == (HOUR * HOUR_MS, closes_ms(0))


def test_ratio_shift_sees_less_talk_as_well() -> None:
    """The usual share is 0.6; nobody comments any more."""
    talkative = dict.fromkeys(CALM, (40, 60, 0))
    verdict = judge_shift(make_history(talkative | {0: (100, 0, 0)}), HOUR, SETTINGS)
    assert verdict is not None
    assert verdict.level == "over"
    assert verdict.value < verdict.threshold < 0.6


def test_past_windows_that_are_all_the_same_do_not_make_every_difference_endless() -> None:
    """MAD is 0 there: the spread is that of as many throws, so 8 of 30 against 0.2 is chance."""
    assert spread([0.2] * 48, 30) == pytest.approx(0.0755, abs=1e-4)
    verdict = judge_shift(make_history(CALM | {0: (22, 8, 0)}), HOUR, SETTINGS)
    assert verdict is not None
    assert verdict.level == "under"


def test_a_scattering_past_needs_a_greater_difference() -> None:
    """Shares between 0.1 and 0.7 were always there: 0.6 is nothing new."""
    wild = {-hour: (90 - 20 * (hour % 4), 10 + 20 * (hour % 4), 0) for hour in range(1, 49)}
    verdict = judge_shift(make_history(wild | {0: (40, 60, 0)}), HOUR, SETTINGS)
    assert verdict is not None
    assert verdict.level == "under"


def test_an_outlier_of_the_past_does_not_hide_another() -> None:
    """Median and MAD do not mind single windows."""
    verdict = judge_shift(make_history(CALM | {-5: (0, 100, 0), 0: (10, 90, 0)}), HOUR, SETTINGS)
    assert verdict is not None
    assert verdict.level == "over"


@pytest.mark.parametrize(
    ("hours", "why"),
    [
        ({hour: CALM[hour] for hour in range(-23, 0)} | {0: (0, 100, 0)}, "23 past windows of 24"),
        (CALM | {0: (0, 29, 0)}, "29 interactions of 30"),
        (dict.fromkeys(CALM, (20, 9, 0)) | {0: (0, 100, 0)}, "no past window has 30"),
    ],
    ids=["short past", "small window", "small past windows"],
)
def test_ratio_shift_says_nothing_of_small_samples(hours: dict[int, tuple[int, int, int]], why: str) -> None:
    assert judge_shift(make_history(hours), HOUR, SETTINGS) is None, why


def ratioed(likes: int, comments: int) -> str:
    """The level of a post with these, all within one minute."""
    page = make_page({0: (likes, comments, 0)}, entity="post")
    minute = NOON_MS // MINUTE_MS
    page.rows[minute * SIZES_MAX] = pack((likes, comments, 0, 0, 0))
    (verdict,) = judge_ratioed(page, 0, NOON_MS + 2 * MINUTE_MS, SETTINGS)
    return verdict.level


def test_ratioed_means_more_comments_than_likes_and_enough_of_them() -> None:
    assert [ratioed(49, 50), ratioed(50, 50), ratioed(0, 49), ratioed(0, 50)] == ["over", "between", "under", "over"]


def test_ratioed_clears_well_below_its_threshold() -> None:
    """70 comments on 99 likes are between, on 101 likes it is over."""
    assert [ratioed(99, 70), ratioed(101, 70)] == ["between", "under"]


def test_ratioed_takes_all_time_as_of_each_closed_minute() -> None:
    """40 comments in the first minute, 20 in the second, 90 likes in the third, which is still open."""
    page = make_page({0: (90, 60, 0)}, entity="post")
    first = NOON_MS // MINUTE_MS
    for minute, counts in ((0, (10, 40, 0, 0, 0)), (1, (0, 20, 0, 0, 0)), (2, (80, 0, 0, 0, 0))):
        page.rows[(first + minute) * SIZES_MAX] = pack(counts)
    assert page.rows[ALL] == pack((90, 60, 0, 0, 0))
    verdicts = list(judge_ratioed(page, NOON_MS, NOON_MS + 3 * MINUTE_MS, SETTINGS))
    assert [(v.level, v.value) for v in verdicts] == [("under", 4.0), ("over", 6.0)]


def post_of_minutes(*minutes: tuple[int, int, int]) -> LivePage:
    """A post with so many likes and comments in each of these minutes since noon: minute, likes, comments."""
    page = make_page({0: (0, 0, 0)}, entity="post")
    counts = {NOON_MS // MINUTE_MS + minute: (likes, comments, 0, 0, 0) for minute, likes, comments in minutes}
    page.rows = {index * SIZES_MAX: pack(row) for index, row in counts.items()}
    page.rows[ALL] = sum(page.rows.values())
    page.last_ms = (max(counts) + 1) * MINUTE_MS - 1
    return page


def ratioed_between(page: LivePage, from_minute: int, until_minute: int) -> list[tuple[str, int]]:
    """The words of a look at minutes that close in this time: level, minute."""
    from_ms, until_ms = NOON_MS + from_minute * MINUTE_MS, NOON_MS + until_minute * MINUTE_MS
    words = judge_ratioed(page, from_ms, until_ms, SETTINGS)
    return [(word.level, (word.since_ms - NOON_MS) // MINUTE_MS) for word in words]


def test_comments_that_came_after_their_minute_had_closed_ratio_a_post() -> None:
    """Minute 0 closed at minute 2; a look at what closes in minute 5 speaks of it as well."""
    assert ratioed_between(post_of_minutes((0, 1, 60)), 5, 5) == [("over", 0)]


def test_what_came_late_is_judged_as_of_the_newest_closed_minute() -> None:
    """Sixty comments of minute 0 are there only now; minute 3 has closed, minute 4 is still open."""
    assert ratioed_between(post_of_minutes((0, 0, 60), (3, 1, 0), (4, 500, 0)), 5, 5) == [("over", 3)]


def test_comments_older_than_minutes_are_kept_ratio_a_post_at_its_last_event() -> None:
    """No row of a minute is left, all of it stands in those of hours and days."""
    page = post_of_minutes((0, 1, 60))
    del page.rows[NOON_MS // MINUTE_MS * SIZES_MAX]
    assert ratioed_between(page, 300, 300) == [("over", 0)]


def test_a_post_of_the_day_before_is_not_told_to_be_ratioed_now() -> None:
    """What is imported is history: a day later nothing is said any more."""
    page, day = post_of_minutes((0, 1, 60)), 24 * 60
    assert ratioed_between(page, day, day) == [("over", 0)]
    assert ratioed_between(page, day + 1, day + 1) == []


def test_silence_is_measured_against_the_longest_that_is_usual() -> None:
    """Every hour of two days something happened: after three hours without anything the account is silent."""
    history = make_history(CALM)
    levels = [getattr(judge_silence(history, HOUR - 1 + quiet, SETTINGS), "level", None) for quiet in range(4)]
    assert levels == ["under", "between", "between", "over"]


def test_an_account_that_sleeps_at_night_is_not_silent_in_the_morning() -> None:
    """Twelve hours of every day nobody does anything: usual are 13 windows, the limit is twice that."""
    days = {-hour: (5, 1, 0) for hour in range(1, 24 * 7) if hour % 24 < 12}
    history = make_history(days)
    over = [quiet for quiet in range(40) if judge_silence(history, HOUR - 1 + quiet, SETTINGS).level == "over"]  # type: ignore[union-attr]
    assert over[0] == 26


def test_a_silence_in_which_the_baseline_begins_counts_as_well() -> None:
    """The last week of the account began with 60 hours of silence: a weekend."""
    week = {-hour: (5, 1, 0) for hour in range(1, 24 * 7 - 60)} | {-500: (1, 0, 0)}
    history = make_history(week)
    assert judge_silence(history, HOUR + 99, SETTINGS).level == "between"  # type: ignore[union-attr]
    assert judge_silence(history, HOUR + 130, SETTINGS).level == "over"  # type: ignore[union-attr]


def test_an_account_of_which_little_was_ever_heard_is_never_silent() -> None:
    assert judge_silence(make_history({-hour: (1, 0, 0) for hour in range(1, 24)}), HOUR + 50, SETTINGS) is None


def test_a_queue_grows_by_number_and_by_times() -> None:
    """Usual are 4: 20 are enough comments and more than twice as many; usual 15 make 30 the limit."""
    history = make_history(CALM)

    def level(length: int, usual: int) -> str:
        verdict = judge_growth(history, HOUR, Waiting(length, NOON_MS), ((usual, 24),), SETTINGS)
        assert verdict is not None
        return verdict.level

    assert [level(20, 4), level(19, 4), level(13, 4)] == ["over", "between", "under"]
    assert [level(31, 15), level(30, 15), level(20, 15)] == ["over", "between", "under"]
    assert judge_growth(history, HOUR, Waiting(99, NOON_MS), ((0, 23),), SETTINGS) is None


def test_a_queue_that_swells_every_day_has_not_grown() -> None:
    """Two hours of each day forty comments wait: that is usual, though most of the time none does."""
    day = ((0, 22), (40, 2))
    verdict = judge_growth(make_history(CALM), HOUR, Waiting(45, NOON_MS), day * 7, SETTINGS)
    assert verdict is not None
    assert (verdict.level, verdict.baseline) == ("under", 40)


def test_lengths_are_kept_as_runs_and_no_more_than_the_baseline() -> None:
    runs: tuple[tuple[int, int], ...] = ()
    for length in (0, 0, 0, 5, 5, 0):
        runs = add_length(runs, length, 4)
    assert runs == ((0, 1), (5, 2), (0, 1))


ANSWERING = {-hour: (0, 10, 0) for hour in range(1, 49)}


def answering_history(answered: int) -> object:
    """Ten comments an hour, so many of them answered within 15 s."""
    page = make_page(ANSWERING)
    for code in [code for code in page.rows if code != ALL]:
        page.rows[code] = pack((0, 10, 0, 0, 0), (answered,))
    history = make_history(ANSWERING)
    history._page = page
    return history


def test_the_age_of_a_comment_matters_where_comments_are_usually_answered() -> None:
    """A day is the limit; at an account that answers seven of ten nothing is said."""
    now_ms = NOON_MS
    day = Waiting(3, now_ms - 86_400_000)
    verdict = judge_age(answering_history(8), day, now_ms, 0, SETTINGS)  # type: ignore[arg-type]
    assert verdict is not None
    assert (verdict.level, verdict.value, verdict.since_ms) == ("over", 1440.0, now_ms - 86_400_000)
    assert judge_age(answering_history(7), day, now_ms, 0, SETTINGS) is None  # type: ignore[arg-type]


def test_the_moment_at_which_a_comment_is_too_old_does_not_depend_on_who_looks_when() -> None:
    """Looked at an hour late, the word is the same."""
    looks = [
        judge_age(answering_history(9), Waiting(1, NOON_MS), NOON_MS + 86_400_000 + late, 0, SETTINGS)  # type: ignore[arg-type]
        for late in (0, HOUR_MS)
    ]
    assert {(v.time_ms, v.value, v.end_ms) for v in looks if v} == {
        (NOON_MS + 86_400_000, 1440.0, NOON_MS + 86_400_000)
    }


def test_thresholds_are_settings() -> None:
    """The same hour, with a greater difference asked for."""
    history = make_history(CALM | {0: (40, 60, 0)})
    verdict = judge_shift(history, HOUR, replace(SETTINGS, alert_shift_least=0.9))
    assert verdict is not None
    assert verdict.level == "under"
