"""What comes late or is taken back is judged as well: whatever crashes on the way, a standing alert says what holds.

The table, the rules, the script, Redis and Kafka are the real ones; only the log is the test's.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.alerting.state import decode_state
from pipeline.settings import Settings
from schemas.alert import decode_alert
from schemas.interaction import Interaction
from tests.driver import PARTITION, accounts_of
from tests.factories import NOON_MS, make_interaction
from tests.property.test_alerts import MINUTE_MS, DyingOutlet, MortalDriver, Tail, settle, small, states
from tests.property.test_table import Redo, play
from tests.redises import open_redis

(BRAND,) = accounts_of(PARTITION, 1)
POST = f"{BRAND}_1"
#: Comments that a post needs, as `small` sets it.
LEAST = 6


def one(kind: str, number: int, minute: int, action: str = "add") -> Interaction:
    """An object by its number; what is removed is so at the same moment, which is enough."""
    return make_interaction(
        account=BRAND, post=POST, kind=kind, action=action, id=f"{kind}{number}", time_ms=NOON_MS - minute * MINUTE_MS
    )


@st.composite
def batches(draw: st.DrawFn) -> list[Interaction]:
    """Likes and comments of any minute of the last fifty, some of them taken back, in any order."""
    log = []
    for kind, number in [("like", n) for n in range(draw(st.integers(0, 25)))] + [
        ("comment", n) for n in range(draw(st.integers(0, 25)))
    ]:
        minute = draw(st.sampled_from([0, 1, 2, 5, 30, 50]))
        log.append(one(kind, number, minute))
        if draw(st.integers(0, 4)) == 0:
            log.append(one(kind, number, minute, "remove"))
    return draw(st.permutations(log))


#: Some records, often a publication, and what happens then.
STEPS = st.lists(
    st.tuples(
        st.integers(1, 25), st.booleans(), st.sampled_from(["", "", "crash", "zombie", "save", "go back", "empty"])
    ),
    max_size=8,
).map(lambda some: [s for n, said, what in some for s in (("take", n), ("publish" if said else "", 0), (what, 0))])
DEATHS = st.lists(st.sampled_from(["", "before", "after"]), max_size=4)
LATE = [one("comment", number, 30) for number in range(8)]


def level(log: list[Interaction]) -> str:
    """What holds of the post when all is there."""
    standing = {interaction.id: interaction.kind for interaction in log}
    for interaction in log:
        if interaction.action == "remove":
            standing.pop(interaction.id, None)
    count = Counter(standing.values())
    if count["comment"] < LEAST or count["comment"] < 0.7 * count["like"]:
        return "under"
    return "over" if count["comment"] > count["like"] else "between"


async def storm(settings: Settings, log: list[Interaction], steps: list[tuple[str, int]], deaths: list[str]) -> str:
    """Count with crashes on the way; gives the state of the post in the end: fired, cleared, or nothing."""
    redis, outlet = open_redis(settings), DyingOutlet(settings, deaths)
    driver = MortalDriver(settings, redis, outlet)
    try:
        await driver.open()
        await driver.publish()  # it has stood here for a while: everything that closed is judged
        driver.write(*log)
        await play(driver, Redo(redis, settings.key_prefix), steps)
        outlet.deaths.clear()
        await settle(driver)
        last = [decode_state(value).last for name, value in (await states(driver)).items() if POST in name]
        return last[0].state if last and last[0] is not None else ""
    finally:
        await outlet.stop()
        await driver.decoding.aclose()
        await redis.aclose()


@given(log=batches(), steps=STEPS, deaths=DEATHS)
@example(log=LATE, steps=[("take", 8), ("crash", 0)], deaths=[])
@example(log=LATE, steps=[("take", 8), ("publish", 0), ("crash", 0)], deaths=["before"])
@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_post_stands_as_ratioed_where_it_is_and_not_where_it_is_not(
    settings: Settings, log: list[Interaction], steps: list[tuple[str, int]], deaths: list[str]
) -> None:
    """In any order of arrival, with removals; each cause begins before it ends, and is told once by its id."""
    tail = Tail(settings)
    try:
        state = asyncio.run(storm(small(settings, "ratioed"), log, steps, deaths))
        told = {decode_alert(value).id: decode_alert(value) for _, value in tail.read()}
        assert all(alert.cause + "-fired" in told for alert in told.values())
        holds = level(log)
        if holds == "under":
            assert state != "fired"
        elif holds == "over":
            assert state in ("fired", "cleared")  # within the cool-down of an alert that cleared
            assert state == "fired" or any(alert.state == "cleared" for alert in told.values())
    finally:
        tail.close()
