"""One alert a cause: hysteresis, cool-down, expiry, and ids that follow from the cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.alerting.judge import Judge, Look
from pipeline.alerting.queue import NO_QUEUE, Queue, Runs, Waiting
from pipeline.alerting.sentences import duration
from pipeline.alerting.state import HOLD_MS, RECENT_MS, About, State, decode_state, encode_state, step
from pipeline.alerting.verdict import Level, Verdict
from pipeline.counting.live import LivePage
from pipeline.counting.rows import pack
from pipeline.windows import ALL, SIZES_MAX
from schemas.alert import Alert, Rule, alert_id, cause_of
from tests.alerting import HOUR, HOUR_MS, SETTINGS, closes_ms, make_page

ABOUT = About("ratio_shift", "account", "facebook", "a1", "a1")
CALM = {-hour: (80, 20, 0) for hour in range(1, 49)}
LOUD = (40, 60, 0)
NOBODY = NO_QUEUE


def word(level: Level, hour: int) -> Verdict:
    """A rule's word on an hour."""
    start_ms = (HOUR + hour) * HOUR_MS
    end_ms = start_ms + HOUR_MS
    return Verdict(level, start_ms, "1h", start_ms, end_ms, closes_ms(hour), end_ms, 0.5, 0.2, 0.4, 100)


def play(*levels: Level, cool_down_ms: int = 0) -> list[tuple[int, str]]:
    """The transitions of these words on hours 0, 1, 2, ...: hour, state."""
    state, out = State(), list[tuple[int, str]]()
    for hour, level in enumerate(levels):
        state, alert = step(ABOUT, state, word(level, hour), cool_down_ms)
        if alert is not None:
            out.append((hour, alert.state))
    return out


def judge(hours: dict[int, tuple[int, int, int]], until: int, states: dict[str, State] | None = None) -> Look:
    """One look at an account by the first rule, from the first hour after its past on."""
    judge = Judge(replace(SETTINGS, alert_rules=("ratio_shift",)))
    return judge.look(make_page(hours), states or {}, NOBODY, closes_ms(0), closes_ms(until))  # type: ignore[arg-type]


def test_one_alert_a_cause_however_long_it_lasts() -> None:
    assert play("under", "over", "over", "over", "under") == [(1, "fired"), (4, "cleared")]


def test_between_the_thresholds_nothing_changes() -> None:
    """Neither does an alert begin there, nor does one end."""
    assert play("between", "over", "between", "over", "between", "under", "between") == [(1, "fired"), (5, "cleared")]


def test_after_an_alert_cleared_none_fires_for_the_cool_down() -> None:
    """Two hours of it; what is still over then fires then."""
    levels: tuple[Level, ...] = ("over", "under", "over", "over", "over")
    assert play(*levels, cool_down_ms=2 * HOUR_MS) == [(0, "fired"), (1, "cleared"), (3, "fired")]


def test_the_same_word_twice_changes_nothing() -> None:
    """A look that is repeated after a crash."""
    fired, alert = step(ABOUT, State(), word("over", 0), 0)
    assert alert is not None
    assert step(ABOUT, fired, word("over", 0), 0) == (fired, None)
    cleared, _ = step(ABOUT, fired, word("under", 1), 0)
    assert step(ABOUT, cleared, word("over", 0), 0) == (cleared, None)


def test_numbers_that_came_late_take_back_what_stands_and_raise_nothing_twice() -> None:
    """The word on the same hour is another one now; it clears, and the same cause does not begin again."""
    fired, _ = step(ABOUT, State(), word("over", 0), 0)
    assert step(ABOUT, fired, word("between", 0), 0) == (fired, None)
    cleared, alert = step(ABOUT, fired, word("under", 0), 0)
    assert alert is not None
    assert alert.state == "cleared"
    assert step(ABOUT, cleared, word("over", 0), 0) == (cleared, None)


def test_an_alerts_id_follows_from_its_cause() -> None:
    """Rule, post or account, and the beginning: whoever computes it, wherever, gets the same."""
    fired, first = step(ABOUT, State(), word("over", 0), 0)
    _, last = step(ABOUT, fired, word("under", 3), 0)
    assert first is not None and last is not None
    cause = cause_of("ratio_shift", "account", "facebook", "a1", HOUR * HOUR_MS)
    assert (first.id, last.id) == (alert_id(cause, "fired"), alert_id(cause, "cleared"))
    assert first.cause == last.cause == cause
    assert cause != cause_of("ratio_shift", "post", "facebook", "a1", HOUR * HOUR_MS)


def test_a_state_survives_its_json() -> None:
    fired, _ = step(ABOUT, State(), word("over", 0), 0)
    assert decode_state(encode_state(fired)) == fired


def test_looking_at_several_closed_windows_at_once_is_looking_at_each_in_turn() -> None:
    """A worker that was away for five hours gives the alerts that it would have given."""
    hours = CALM | {0: (80, 20, 0), 1: LOUD, 2: (80, 20, 0), 3: LOUD, 4: LOUD}
    at_once = judge(hours, 4).alerts
    states: dict[str, State] = {}
    in_turn: list[Alert] = []
    judging = Judge(replace(SETTINGS, alert_rules=("ratio_shift",)))
    for hour in range(5):
        look = judging.look(make_page(hours), states, NOBODY, closes_ms(hour), closes_ms(hour))  # type: ignore[arg-type]
        states |= {rule: state for rule, state in look.states.items() if state is not None}
        in_turn += look.alerts
    assert at_once == in_turn
    assert [(alert.state, alert.value) for alert in at_once] == [("fired", 0.6), ("cleared", 0.2)]


def test_a_standing_alert_of_which_nothing_is_heard_clears_after_a_day() -> None:
    """Not at the next look, whenever that is, but at the end of the day."""
    fired = judge(CALM | {0: LOUD}, 0).states
    look = judge(CALM | {0: LOUD}, 40, fired)  # type: ignore[arg-type]
    assert [(alert.state, alert.time_ms) for alert in look.alerts] == [("cleared", (HOUR + 1) * HOUR_MS + HOLD_MS)]
    assert look.alerts[0].explanation == "Over: for a day too little has happened at this account to say anything."


def replying_page(hours: int, stopped: int, answered: int) -> LivePage:
    """An account with ten comments an hour from a week before hour 0 on, which answered so many until it stopped."""
    page = make_page(dict.fromkeys(range(-168, hours), (30, 10, 0)))
    for code in [code for code in page.rows if code != ALL]:
        hour = code // SIZES_MAX - HOUR
        page.rows[code] = pack((30, 10, 0, 0, 0), (answered if hour < stopped else 0,))
    return page


def told_by_the_hour(
    rule: Rule, hours: int, page: Callable[[int], LivePage], queue: Callable[[int], Queue]
) -> list[str]:
    """What is told where an account is looked at hour by hour from hour 0 on: `24 fired`."""
    judging, states, told = Judge(replace(SETTINGS, alert_rules=(rule,))), dict[Rule, State](), list[str]()
    for hour in range(hours):
        look = judging.look(page(hour + 1), states, queue(hour), closes_ms(hour), closes_ms(hour))
        states |= {name: state for name, state in look.states.items() if state is not None}
        told += [f"{hour} {alert.state}" for alert in look.alerts]
    return told


@pytest.mark.parametrize("answered", [10, 9, 8])
def test_an_account_that_stops_answering_is_told_of_until_it_answers(answered: int) -> None:
    """The comments that nobody answers drag its rate below 0.8: that neither mutes the alert nor ends it."""
    noon_ms = HOUR * HOUR_MS

    def queue(hour: int) -> Queue:
        return Queue(Waiting(10 * hour, noon_ms) if hour < 120 else Waiting(0, None))

    told = told_by_the_hour("queue_age", 130, lambda hours: replying_page(hours, 0, answered), queue)
    assert told == ["23 fired", "120 cleared"]


def test_an_account_that_never_answered_most_of_its_comments_is_not_told_of() -> None:
    queue = Queue(Waiting(30, HOUR * HOUR_MS - 3 * HOUR_MS))
    assert told_by_the_hour("queue_age", 60, lambda hours: replying_page(hours, 0, 7), lambda _: queue) == []


def test_a_silence_lasts_until_the_audience_is_heard_however_much_the_brand_posts() -> None:
    """Two weeks in which the brand posts hourly: hours in which the audience was heard are not kept any more."""

    def page(hours: int) -> LivePage:
        kept = range(hours - 192, hours)
        page = make_page({hour: (30, 10, 0) if hour < 0 or hour >= 340 else (0, 0, 0) for hour in kept})
        for code in [code for code in page.rows if code != ALL and not page.rows[code]]:
            page.rows[code] = pack((0, 0, 0, 0, 1))
        return page

    assert told_by_the_hour("silent", 345, page, lambda _: NOBODY) == ["2 fired", "340 cleared"]


def test_a_cleared_alert_is_forgotten_after_a_week() -> None:
    """And the account goes on being looked at, hour by hour."""
    look = judge(CALM | {0: LOUD, 1: (80, 20, 0)}, 1)
    forgotten = judge(CALM | {200: (80, 20, 0)}, 1 + RECENT_MS // HOUR_MS, look.states)  # type: ignore[arg-type]
    assert forgotten.states == {"ratio_shift": None}
    assert forgotten.next_ms == closes_ms(2 + RECENT_MS // HOUR_MS)


def test_a_rule_that_is_switched_off_forgets_what_stood() -> None:
    fired = judge(CALM | {0: LOUD}, 0).states
    silent_only = Judge(replace(SETTINGS, alert_rules=("silent",)))
    page = make_page(CALM | {0: LOUD})
    assert silent_only.look(page, fired, NOBODY, closes_ms(1), closes_ms(1)).states == {"ratio_shift": None}  # type: ignore[arg-type]


def test_ratios_of_platforms_that_do_not_send_likes_are_not_judged() -> None:
    """Of Instagram only comments come as events: their share among nothing else is no news."""
    page = make_page(CALM | {0: LOUD}, platform="instagram")
    judge = Judge(replace(SETTINGS, alert_rules=("ratio_shift",)))
    assert judge.look(page, {}, NOBODY, closes_ms(0), closes_ms(0)).alerts == []


def test_a_page_that_is_gone_is_forgotten_with_what_stood() -> None:
    """Ninety days without an event: Redis has let go of it."""
    judge, page = Judge(SETTINGS), LivePage("account", "facebook", "a1", 0, "")
    look = judge.look(page, {"silent": State()}, NOBODY, closes_ms(0), closes_ms(0))
    assert (look.states, look.next_ms) == ({"silent": None}, None)


def test_a_post_is_watched_only_while_something_can_come_of_it() -> None:
    """Its hour closes once; when nothing more happens there is nothing to look at."""
    judge, page = Judge(SETTINGS), make_page(CALM, entity="post")
    assert judge.look(page, {}, NOBODY, closes_ms(-2), closes_ms(-2)).next_ms is not None
    assert judge.look(page, {}, NOBODY, closes_ms(-1), closes_ms(-1)).next_ms is None


def test_a_queue_that_is_noticed_to_have_grown_says_so_once() -> None:
    """Two days nothing waits, then thirty comments."""
    judge = Judge(replace(SETTINGS, alert_rules=("queue_growth",)))
    page, states, alerts = make_page(CALM | {60: LOUD}), {}, []  # type: ignore[var-annotated]
    lengths: Runs = ()
    for hour in range(40):
        queue = Queue(Waiting(30 if hour >= 30 else 0, None), lengths)
        look = judge.look(page, states, queue, closes_ms(hour), closes_ms(hour))
        states |= look.states
        lengths = look.lengths or lengths
        alerts += look.alerts
    assert [(alert.state, alert.value, alert.baseline) for alert in alerts] == [("fired", 30, 0)]
    assert alerts[0].explanation == "30 comments wait for a reply, usual are 0."


def test_durations_read_as_people_say_them() -> None:
    assert [duration(minutes) for minutes in (45, 180, 150, 3060)] == ["45 min", "3 h", "2 h 30 min", "2 d 3 h"]
