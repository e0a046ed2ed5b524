"""Alerts in Redis: the states of the rules, the outbox, the watch; read here, written by the slot's script alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
from redis.asyncio import Redis

from pipeline.alerting.queue import Runs, Waiting
from pipeline.alerting.state import State, decode_state
from pipeline.counting.live import LivePage
from pipeline.store.keys import Keys
from pipeline.store.round_trip import round_trip
from schemas.alert import Rule, decode_alert

decode_lengths = msgspec.json.Decoder(tuple[tuple[int, int], ...]).decode
encode_lengths = msgspec.json.Encoder().encode


@dataclass
class SlotAlerts:
    """A slot's states and its queues' lengths by page reference, its alerts that Kafka may not have yet, and the
    watermark up to which it was judged before this owner came."""

    states: dict[str, dict[Rule, State]] = field(default_factory=dict)
    lengths: dict[str, Runs] = field(default_factory=dict)
    outbox: dict[str, bytes] = field(default_factory=dict)
    judged_ms: int = 0


def state_field(rule: Rule, reference: str) -> str:
    """A state's field: `silent|account:facebook:1001`. No rule's name holds a bar."""
    return f"{rule}|{reference}"


def in_order(outbox: dict[str, bytes]) -> dict[str, bytes]:
    """An outbox in the order in which its alerts were said: Redis gives the fields of a larger hash in any."""
    said = {name: decode_alert(value) for name, value in outbox.items()}
    return dict(sorted(outbox.items(), key=lambda one: (said[one[0]].time_ms, said[one[0]].state == "cleared")))


async def read_alerts(redis: Redis, keys: Keys, slots: Iterable[int]) -> dict[int, SlotAlerts]:
    """All of these slots. Read after the marks: who writes meanwhile fences our next script."""
    slots = list(slots)
    pipe = redis.pipeline(transaction=False)
    for slot in slots:
        pipe.hgetall(keys.alerts[slot])
        pipe.hgetall(keys.lengths[slot])
        pipe.hgetall(keys.alerting[slot])
    answers = iter(await round_trip(pipe))
    found = {}
    for slot in slots:
        states, lengths, outbox = (next(answers) for _ in range(3))
        alerts = found[slot] = SlotAlerts()
        alerts.outbox = in_order({name.decode(): value for name, value in outbox.items()})
        alerts.lengths = {name.decode(): decode_lengths(value) for name, value in lengths.items()}
        for name, value in states.items():
            rule, _, reference = name.decode().partition("|")
            alerts.states.setdefault(reference, {})[rule] = decode_state(value)
    return found


async def read_watch(
    redis: Redis, keys: Keys, slots: Iterable[int], until_ms: int, most: int
) -> dict[int, tuple[list[tuple[str, int]], int | None]]:
    """Of each slot the references due up to a watermark, `most` at the most, with their times; and the first time that
    is not among them, None where there is none."""
    slots = list(slots)
    pipe = redis.pipeline(transaction=False)
    for slot in slots:
        pipe.zrange(keys.watch[slot], 0, most, withscores=True)
    found = {}
    for slot, answer in zip(slots, await round_trip(pipe), strict=True):
        due = [(name.decode(), int(score)) for name, score in answer[:most] if score <= until_ms]
        found[slot] = due, int(answer[len(due)][1]) if len(due) < len(answer) else None
    return found


async def read_waiting(redis: Redis, keys: Keys, accounts: Iterable[LivePage]) -> dict[str, Waiting]:
    """The queues of these accounts, by page reference."""
    accounts = list(accounts)
    pipe = redis.pipeline(transaction=False)
    for page in accounts:
        key = keys.unanswered(page.slot, page.platform, page.id)
        pipe.zcard(key)
        pipe.zrange(key, 0, 0, withscores=True)
    answers = iter(await round_trip(pipe)) if accounts else iter(())
    found = {}
    for page in accounts:
        length, oldest = next(answers), next(answers)
        found[page.reference] = Waiting(length, int(oldest[0][1]) if oldest else None)
    return found
