"""Alerts of one partition: who is looked at when, what the rules say, and the outbox.

`watch` in Redis says of each account, and of each post with enough in it, at which watermark it is to be looked at
again; whatever closed before that has been judged. Nothing of it touches the fold: pages are noted and looked at when
rows are published, and what comes of it is written by the script that writes `open`.

1. Look: states, alerts and next times, as of the slots' versions. A crash here changes nothing.
2. One script a slot writes states, watch and outbox. A crash here: the outbox has the alert, the next owner sends it.
3. Send what is in the outbox, wait for the acknowledgement. A crash here: it is sent again, the same bytes.
4. Another script takes it out of the outbox.

A partition that is catching up is not looked at: what it would say is hours old, and half of it is still to come.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from redis.asyncio import Redis

from pipeline import metrics
from pipeline.alerting.judge import Judge, Look, States
from pipeline.alerting.queue import MINUTE_MS, NO_QUEUE, Queue
from pipeline.alerting.state import encode_state
from pipeline.counting.live import NEVER_MS, LivePage
from pipeline.publishing.queue import Waiting as Queued
from pipeline.settings import Settings
from pipeline.store.alerts import SlotAlerts, encode_lengths, read_alerts, read_waiting, read_watch, state_field
from pipeline.store.keys import Keys, reference
from pipeline.store.script import SlotChange
from pipeline.store.shelf import Shelf
from pipeline.table.pages import page_of
from schemas.alert import encode_alert

#: References of a slot that are looked at in one publication; what is left is due again a second later.
LOOKS_AT_ONCE = 20
NO_STATES: States = {}
#: Gives the change of a slot, the same one each time.
ChangeOf = Callable[[int], SlotChange]


@dataclass
class Round:
    """What a look at a partition gave, to be written: by slot, reference and look; references newly noted with the
    watermark of their first look; the next due time of the slots that were asked."""

    watermark_ms: int
    looks: dict[int, dict[str, Look]] = field(default_factory=dict)
    noted: dict[int, dict[str, int]] = field(default_factory=dict)
    due_ms: dict[int, int | None] = field(default_factory=dict)


class Watching:
    """The alerts of one partition's slots."""

    def __init__(self, settings: Settings, redis: Redis, keys: Keys, shelf: Shelf) -> None:
        self.judge = Judge(settings)
        self.redis = redis
        self.keys = keys
        self.shelf = shelf
        self.age_limit_ms = settings.alert_queue_minutes * MINUTE_MS if "queue_age" in self.judge.rules else None
        self.slots: dict[int, SlotAlerts] = {}
        #: Slot -> no reference of it is due before; None where none is.
        self._due_ms: dict[int, int | None] = {}
        #: Reference -> not due later than this, of those that this owner has noted or looked at.
        self._watched: dict[str, int] = {}
        self._judged_ms = 0

    async def open(self, judged_ms: dict[int, int]) -> None:
        """Read what is in force; call it after the marks were read. `judged_ms`: of each slot the watermark of its last
        publication, before this owner came."""
        self.slots = await read_alerts(self.redis, self.keys, judged_ms)
        for slot, alerts in self.slots.items():
            alerts.judged_ms = judged_ms[slot]
        self._due_ms = dict.fromkeys(self.slots, 0)

    @property
    def outbox(self) -> dict[str, bytes]:
        """Alerts that are written and may not be in Kafka yet."""
        return {name: value for slot in self.slots.values() for name, value in slot.outbox.items()}

    async def look(
        self, dirty: Iterable[LivePage], queued: Iterable[Queued], watermark_ms: int, *, catching_up: bool
    ) -> Round:
        """Note what changed and, unless the partition is catching up, look at who is due. Changes nothing here yet."""
        watermark_ms = max(watermark_ms, self._judged_ms)
        out = Round(watermark_ms)
        if not self.judge.rules:
            return out
        self._note(out, dirty)
        if self.age_limit_ms is not None:
            self._note_queued(out, queued, self.age_limit_ms)
        if not catching_up:
            await self._look(out)
        return out

    def write(self, round_: Round, change_of: ChangeOf) -> None:
        """Put a round into the changes of its slots."""
        for slot, noted in round_.noted.items():
            earlier = change_of(slot).earlier[self.keys.watch[slot]]
            for name, due_ms in noted.items():
                earlier += (str(due_ms), name)
        for slot, looks in round_.looks.items():
            change = change_of(slot)
            for name, look in looks.items():
                self._write_look(change, slot, name, look)

    def done(self, round_: Round) -> None:
        """The round is written: from now on it is what is in force."""
        self._judged_ms = round_.watermark_ms
        self._due_ms.update(round_.due_ms)
        for slot, noted in round_.noted.items():
            for name, due_ms in noted.items():
                self._watch(slot, name, min(due_ms, self._watched.get(name, NEVER_MS)))
        for slot, looks in round_.looks.items():
            for name, look in looks.items():
                self._remember(self.slots[slot], name, look)
                if look.next_ms is None:
                    self._watched.pop(name, None)
                else:
                    self._watch(slot, name, look.next_ms)

    def write_sent(self, sent: Collection[str], change_of: ChangeOf) -> None:
        """Take these alerts out of their outboxes."""
        for slot, alerts in self.slots.items():
            if gone := [name for name in alerts.outbox if name in sent]:
                change_of(slot).removals[self.keys.alerting[slot]] += gone

    def sent(self, sent: Collection[str]) -> None:
        """They are out of their outboxes."""
        for alerts in self.slots.values():
            for name in [name for name in alerts.outbox if name in sent]:
                del alerts.outbox[name]

    def _note(self, out: Round, dirty: Iterable[LivePage]) -> None:
        """See to it that pages are looked at when the first window closes that may say something.

        Of a post that is talked of any change counts, however late: it is looked at when the next finest window closes.
        This runs for every page that is published. A post has at least as many objects as its audience made: most are
        passed over by their number alone.
        """
        watched, judge = self._watched, self.judge
        least, talked, soon_ms = judge.least_sample, judge.least_comments, self._judged_ms + judge.finest_ms
        for page in dirty:
            is_post, due_ms = page.entity == "post", watched.get(page.reference)
            if due_ms is None:
                if (len(page.members) < least or not judge.is_heard_of(page)) if is_post else not page.last_ms:
                    continue
            elif due_ms <= soon_ms or not is_post or len(page.members) < talked:
                continue
            alerts = self.slots[page.slot]
            states = alerts.states.get(page.reference, NO_STATES)
            if due_ms is not None and not judge.is_talked_of(page, states):
                continue
            first_ms = judge.first_look_ms(page, states, max(self._judged_ms, alerts.judged_ms))
            if due_ms is None or first_ms < due_ms:
                out.noted.setdefault(page.slot, {})[page.reference] = first_ms

    def _note_queued(self, out: Round, queued: Iterable[Queued], limit_ms: int) -> None:
        """See to it that an account is looked at when its newly waiting comments have waited for too long."""
        oldest: dict[tuple[int, str, str], int] = {}
        for one in queued:
            if one.waits_ms is not None:
                account = (one.slot, one.platform, one.account)
                oldest[account] = min(one.waits_ms, oldest.get(account, NEVER_MS))
        for (slot, platform, account_id), waits_ms in oldest.items():
            name, due_ms = reference("account", platform, account_id), max(waits_ms + limit_ms, out.watermark_ms + 1)
            noted = out.noted.get(slot, {})
            if due_ms < min(self._watched.get(name, NEVER_MS), noted.get(name, NEVER_MS)):
                out.noted.setdefault(slot, {})[name] = due_ms

    async def _look(self, out: Round) -> None:
        until_ms = out.watermark_ms
        slots = [slot for slot, due_ms in self._due_ms.items() if due_ms is not None and due_ms <= until_ms]
        if not slots:
            return
        found = await read_watch(self.redis, self.keys, slots, until_ms, LOOKS_AT_ONCE)
        pages = {(slot, name): page_of(self.shelf, slot, name) for slot, (due, _) in found.items() for name, _ in due}
        if missing := [page for page in pages.values() if not page.loaded]:
            await self.shelf.load(self.redis, missing)
        accounts = [page for page in pages.values() if page.entity == "account"]
        waiting = await read_waiting(self.redis, self.keys, accounts)
        for slot, (due, later_ms) in found.items():
            looks = out.looks[slot] = {}
            for name, from_ms in due:
                page, alerts = pages[slot, name], self.slots[slot]
                queue = Queue(waiting[name], alerts.lengths.get(name, ())) if name in waiting else NO_QUEUE
                looks[name] = self.judge.look(page, alerts.states.get(name, {}), queue, from_ms, until_ms)
            times = [later_ms, *(look.next_ms for look in looks.values())]
            next_ms = min((time_ms for time_ms in times if time_ms is not None), default=None)
            out.due_ms[slot] = next_ms

    def _write_look(self, change: SlotChange, slot: int, name: str, look: Look) -> None:
        keys = self.keys
        kept = [(rule, state) for rule, state in look.states.items() if state is not None]
        if kept:
            fields = [part for rule, state in kept for part in (state_field(rule, name), encode_state(state).decode())]
            change.sets += (keys.alerts[slot], fields)
        if gone := [state_field(rule, name) for rule, state in look.states.items() if state is None]:
            change.removals[keys.alerts[slot]] += gone
        if look.lengths is not None:
            change.sets += (keys.lengths[slot], (name, encode_lengths(look.lengths).decode()))
        if look.alerts:
            fields = [part for alert in look.alerts for part in (alert.id, encode_alert(alert).decode())]
            change.sets += (keys.alerting[slot], fields)
        if look.next_ms is None:
            change.unscores[keys.watch[slot]].append(name)
            change.removals[keys.lengths[slot]].append(name)
        else:
            change.scores[keys.watch[slot]] += (str(look.next_ms), name)

    def _watch(self, slot: int, name: str, due_ms: int) -> None:
        self._watched[name] = due_ms
        before_ms = self._due_ms[slot]
        self._due_ms[slot] = due_ms if before_ms is None else min(due_ms, before_ms)

    @staticmethod
    def _remember(alerts: SlotAlerts, name: str, look: Look) -> None:
        states = alerts.states.setdefault(name, {})
        for rule, state in look.states.items():
            if state is None:
                states.pop(rule, None)
            else:
                states[rule] = state
        if not states:
            del alerts.states[name]
        if look.lengths is not None:
            alerts.lengths[name] = look.lengths
        elif look.next_ms is None:
            alerts.lengths.pop(name, None)
        for alert in look.alerts:
            metrics.ALERTS.labels(alert.rule, alert.state).inc()
            alerts.outbox[alert.id] = encode_alert(alert)
