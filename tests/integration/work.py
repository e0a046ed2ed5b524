"""What tests of running workers share: interactions into the topic, the proof, and what was published of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.clock import wall_clock
from pipeline.faults.reach import farthest, reaches_now
from pipeline.feeding.sender import open_sender
from pipeline.proving.verify import Report, verify
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from pipeline.subscribe import subscribe
from schemas.engagement import COLUMNS, Engagement
from schemas.interaction import Interaction
from tests.factories import make_interaction
from tests.redises import open_blocking
from tests.waiting import DEADLINE_S


async def send(settings: Settings, interactions: Sequence[Interaction]) -> None:
    """Interactions into the topic, acknowledged."""
    async with open_sender(settings) as sender:
        for one in interactions:
            await sender.send(one)
        await sender.flush()


def some_interactions(number: int, first: int = 0, accounts: int = 4) -> list[Interaction]:
    """Likes with every fifth a comment and every ninth taken back, on five posts an account, ending now."""
    now_ms = wall_clock()
    return [
        make_interaction(
            account=f"a{i % accounts}",
            post=f"a{i % accounts}_{i % (5 * accounts)}",
            kind="comment" if i % 5 == 0 else "like",
            action="remove" if i % 9 == 0 else "add",
            actor=f"u{i - 9 if i % 9 == 0 else i}",
            time_ms=now_ms - 10 * (number - i % number),
        )
        for i in range(first, first + number)
    ]


async def proven(settings: Settings, interactions: int, wait_s: float = DEADLINE_S) -> Report:
    """The report of a proof in which everything was applied and right."""
    report = await verify(settings, wait_s=wait_s)
    assert report.holds, report
    assert (report.interactions, report.not_applied) == (interactions, 0)
    return report


async def farthest_now(settings: Settings) -> dict[int, int]:
    """How far each partition is counted now, by its farthest slot."""
    return farthest(await reaches_now(settings))


def page_of(settings: Settings, account: str, post: str) -> dict[str, str]:
    """A post's page as redis-cli would show it."""
    with open_blocking(settings, decode=True) as client:
        key = Keys(settings.key_prefix).post(slot_of("facebook", account), "facebook", post)
        page: dict[str, str] = client.hgetall(key)
        return page


def newest_updates(
    settings: Settings, is_enough: Callable[[list[Engagement]], bool], idle_s: float = DEADLINE_S
) -> list[Engagement]:
    """The newest revision of every row that was published, once they are enough or nothing more comes."""
    newest: dict[tuple[str, str, str, int | None], Engagement] = {}
    with subscribe(
        settings.kafka_servers, topic_prefix=settings.topic_prefix, start="beginning", idle_s=idle_s
    ) as updates:
        for update in updates:
            newest[update.entity, update.id, update.window, update.start_ms] = update
            if is_enough(list(newest.values())):
                break
    return list(newest.values())


def shown(settings: Settings, page: dict[str, str], row: Engagement) -> str | None:
    """What the page in Redis says of a published row."""
    if row.start_ms is None:
        return ",".join(page[column] for column in COLUMNS)
    number = [size.name for size in settings.windows.sizes].index(row.window)
    return page.get(settings.windows.field(settings.windows.codes(row.start_ms)[number]))


def counts_of(row: Engagement) -> str:
    """A published row's counts, written as Redis writes them."""
    return ",".join(str(getattr(row, column)) for column in COLUMNS)
