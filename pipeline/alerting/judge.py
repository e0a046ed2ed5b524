"""The judge: one look at a post or an account. All closed windows since the look before, each rule, in order of time.

A look covers the windows that close in [from_ms, until_ms]; both are times of the watermark. What it gives depends on
the page's rows, the queue, the states before and these two times alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.alerting.history import History
from pipeline.alerting.queue import MINUTE_MS, Queue, Runs, Waiting, add_length, judge_age, judge_growth
from pipeline.alerting.ratioed import judge_ratioed
from pipeline.alerting.shift import judge_shift
from pipeline.alerting.silence import judge_silence
from pipeline.alerting.state import About, State, expire, step
from pipeline.alerting.verdict import Verdict
from pipeline.counting.live import LivePage
from pipeline.counting.rows import unpack
from pipeline.settings import Settings
from pipeline.windows import ALL
from schemas.alert import Alert, Rule
from schemas.engagement import Entity
from schemas.platforms import is_polled

#: Rule -> its state at one post or account.
States = Mapping[Rule, State]
NOTHING = State()


@dataclass
class Look:
    """What a look gave: the states that changed (None: to be forgotten), the lengths of the queue at past closes where
    there is a new one, the alerts in order, and the watermark at which to look again; None where there is nothing to
    wait for."""

    states: dict[Rule, State | None] = field(default_factory=dict)
    lengths: Runs | None = None
    alerts: list[Alert] = field(default_factory=list)
    next_ms: int | None = None


class Judge:
    """Looks at pages by the rules in force."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.rules = frozenset(settings.alert_rules)
        self.cool_down_ms = settings.alert_cool_down_s * 1000
        self.grace_ms = settings.grace_s * 1000
        self.finest_ms = settings.windows.finest_ms
        self.page_ttl_ms = settings.page_ttl_days * 86_400_000
        sizes = {size.name: size for size in settings.windows.sizes}
        self.length_ms = sizes[settings.alert_window].length_ms if settings.alert_window in sizes else 0
        self.kept_ms = sizes[settings.alert_window].kept_ms if self.length_ms else 0
        #: Interactions of a post, and comments of it, before a rule can say anything.
        self.least_sample = min(settings.alert_least_sample, settings.alert_ratioed_comments)
        self.least_comments = settings.alert_ratioed_comments

    def look(self, page: LivePage, states: States, queue: Queue, from_ms: int, until_ms: int) -> Look:
        """Look at a page. What stood of rules that are not in force, or of a page that is gone, is forgotten."""
        look = Look()
        if not page.last_ms or until_ms - page.last_ms > self.page_ttl_ms:
            look.states = dict.fromkeys(states)
            return look
        now = {rule: state for rule, state in states.items() if rule in self.rules}
        look.states = {rule: None for rule in states if rule not in self.rules}
        history = History(page, self.settings)
        closed = self._closed(page, from_ms, until_ms)
        if page.entity == "post":
            self._look_at_post(look, page, now, history, closed, from_ms, until_ms)
        else:
            self._look_at_account(look, page, now, history, closed, queue, until_ms)
        for rule, state in now.items():
            cleared, alert = expire(_about(rule, page), state, until_ms)
            self._note(look, now, rule, cleared, alert)
        self._forget(look, now, until_ms)
        look.next_ms = self._next(page, now, queue.waiting, until_ms)
        return look

    def first_look_ms(self, page: LivePage, states: States, after_ms: int) -> int:
        """The watermark of the first look at a page: what closed up to `after_ms` is past, before the page there was
        nothing."""
        length_ms = self.finest_ms if self.is_talked_of(page, states) else self.length_ms
        return self._close_after(length_ms, max(page.first_ms + self.grace_ms, after_ms))

    def is_talked_of(self, page: LivePage, states: States) -> bool:
        """Whether a post has comments enough to be ratioed, or stands as that: then it is looked at when the next
        finest window closes, whenever something changed."""
        if page.entity != "post" or "ratioed" not in self.rules:
            return False
        return unpack(page.rows[ALL])[1] >= self.least_comments or states.get("ratioed", NOTHING).is_standing

    def is_heard_of(self, page: LivePage) -> bool:
        """Whether a post has enough in it for any rule to say anything."""
        likes, comments, shares, *_ = unpack(page.rows[ALL])
        return likes + comments + shares >= self.least_sample

    def _closed(self, page: LivePage, from_ms: int, until_ms: int) -> range:
        """The numbers of the windows that close in [from_ms, until_ms] and are not past their retention."""
        first = -((self.grace_ms - from_ms) // self.length_ms) - 1
        oldest = (page.last_ms - self.kept_ms) // self.length_ms
        return range(max(first, oldest), (until_ms - self.grace_ms) // self.length_ms)

    def _look_at_post(
        self, look: Look, page: LivePage, now: dict[Rule, State], history: History, closed: range,
        from_ms: int, until_ms: int,
    ) -> None:  # fmt: skip
        if not _is_two_sided(page):
            return
        if "ratio_shift" in self.rules:
            self._judge(look, page, now, "ratio_shift", (judge_shift(history, i, self.settings) for i in closed))
        if "ratioed" in self.rules:
            self._judge(
                look,
                page,
                now,
                "ratioed",
                judge_ratioed(page, from_ms, until_ms, self.settings, known="ratioed" in now),
            )

    def _look_at_account(
        self, look: Look, page: LivePage, now: dict[Rule, State], history: History, closed: range,
        queue: Queue, until_ms: int,
    ) -> None:  # fmt: skip
        settings, waiting = self.settings, queue.waiting
        if "ratio_shift" in self.rules and _is_two_sided(page):
            self._judge(look, page, now, "ratio_shift", (judge_shift(history, i, settings) for i in closed))
        if "silent" in self.rules:
            self._judge(look, page, now, "silent", (judge_silence(history, i, settings) for i in closed))
        if "queue_growth" in self.rules and closed:
            word = judge_growth(history, closed[-1], waiting, queue.lengths, settings)
            self._judge(look, page, now, "queue_growth", [word])
            # As long as the alert stands its lengths do not become what is usual: or it would end by lasting.
            if not now.get("queue_growth", NOTHING).is_standing:
                look.lengths = add_length(queue.lengths, waiting.length, settings.alert_baseline_windows)
        if "queue_age" in self.rules:
            age = now.get("queue_age", NOTHING)
            cool_ms = age.cool_ms(self.cool_down_ms)
            word = judge_age(history, waiting, until_ms, cool_ms, settings, standing=age.is_standing)
            self._judge(look, page, now, "queue_age", [word])

    def _judge(
        self, look: Look, page: LivePage, now: dict[Rule, State], rule: Rule, words: Iterable[Verdict | None]
    ) -> None:
        about = _about(rule, page)
        for word in words:
            if word is None:
                continue
            state, alert = expire(about, now.get(rule, NOTHING), word.time_ms)
            self._note(look, now, rule, state, alert)
            state, alert = step(about, state, word, self.cool_down_ms)
            self._note(look, now, rule, state, alert)

    @staticmethod
    def _note(look: Look, now: dict[Rule, State], rule: Rule, state: State, alert: Alert | None) -> None:
        if state is not NOTHING and now.get(rule) is not state:
            now[rule] = look.states[rule] = state
        if alert is not None:
            look.alerts.append(alert)

    def _forget(self, look: Look, now: dict[Rule, State], until_ms: int) -> None:
        for rule, state in list(now.items()):
            forgotten_ms = state.forgotten_ms(self.cool_down_ms)
            if forgotten_ms is not None and forgotten_ms <= until_ms:
                del now[rule]
                look.states[rule] = None

    def _next(self, page: LivePage, now: States, waiting: Waiting, until_ms: int) -> int | None:
        """When to look again: at the next close that can say anything, or when something runs out."""
        next_ms = self._close_after(self.length_ms, until_ms)
        times = []
        if page.entity == "account":
            times.append(next_ms)
            if waiting.oldest_ms is not None and "queue_age" in self.rules:
                age = now.get("queue_age", NOTHING)
                times.append(max(waiting.oldest_ms + self.settings.alert_queue_minutes * MINUTE_MS,
                                 age.cool_ms(self.cool_down_ms)))  # fmt: skip
        else:
            if page.last_ms >= next_ms - self.grace_ms - self.length_ms and self.is_heard_of(page):
                times.append(next_ms)
            fine_ms = self._close_after(self.finest_ms, until_ms)
            if page.last_ms >= fine_ms - self.grace_ms - self.finest_ms and self.is_talked_of(page, now):
                times.append(fine_ms)
        for state in now.values():
            times += [t for t in (state.expires_ms, state.forgotten_ms(self.cool_down_ms)) if t is not None]
        return min((time_ms for time_ms in times if time_ms > until_ms), default=None)

    def _close_after(self, length_ms: int, after_ms: int) -> int:
        """The first close of a window of this length after a watermark."""
        return ((after_ms - self.grace_ms) // length_ms + 1) * length_ms + self.grace_ms


def _about(rule: Rule, page: LivePage) -> About:
    entity: Entity = "account" if page.entity == "account" else "post"
    return About(rule, entity, page.platform, page.account, page.id)


def _is_two_sided(page: LivePage) -> bool:
    """Whether likes and comments both come as events: a ratio of one side to nothing says nothing."""
    likes, comments, *_ = unpack(page.rows[ALL])
    return not is_polled(page.platform, "likes", likes) and not is_polled(page.platform, "comments", comments)
