"""What can be asked over HTTP: paths, parameters and answers. Routes and the OpenAPI document are made from this."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from pipeline.api.held import Held
from pipeline.api.parameters import Parameter
from pipeline.api.turns import Turns
from pipeline.insights import Insights
from pipeline.reading import Numbers, Ranking, Reader, Series, UnansweredQueue
from pipeline.reading.alerts import ALERTS_MAX, WHICH, Alerts
from pipeline.reading.insights import POSTS_MOST
from pipeline.reading.rankings import LIMIT_MAX, SORTS
from pipeline.reading.series import SERIES_MAX
from pipeline.reading.unanswered import WAITING_MAX
from pipeline.windows import Windows
from schemas.engagement import Entity
from schemas.interaction import LAST_TIME_MS

#: Given a reader of what may be read, the path's values in order and the query's by name, the answer. No question has a
#: reader of its own, so none can go round a token.
Ask = Callable[..., Awaitable[Any]]
#: A ranking over all accounts is at most this old: many dashboards cost as much as one.
TOP_HELD_S = 1.0
#: Insights change slowly and cost seconds for the largest accounts.
INSIGHTS_HELD_S = 60.0
#: Insights of one token that are worked out or wait for it: a dashboard of as many accounts, opened at once.
INSIGHTS_ASKED_MAX = 16


@dataclass(frozen=True)
class Operation:
    """A question: where it is asked, what it takes, the type of its answer, what answers it, and whether a token may
    ask only so many at a time."""

    path: str
    name: str
    summary: str
    answer: type[msgspec.Struct]
    parameters: tuple[Parameter, ...]
    ask: Ask
    in_shares: bool = False


def operations(windows: Windows) -> tuple[Operation, ...]:
    """Every question; suffixed paths stand before the paths that would swallow them."""
    sizes = tuple(size.name for size in windows.sizes)
    return (*_of_an_account(sizes), *_of_a_post(sizes), *_over_all(sizes))


def _of_an_account(sizes: tuple[str, ...]) -> tuple[Operation, ...]:
    account = "/v1/accounts/{platform}/{id}"
    return (
        Operation(
            f"{account}/posts", "listPosts", "The posts of an account, best first", Ranking, _LISTED, Reader.posts
        ),
        Operation(
            f"{account}/series",
            "getAccountSeries",
            "The last windows of an account, oldest first",
            Series,
            _series(sizes),
            partial(_series_of, "account"),
        ),
        Operation(
            f"{account}/insights",
            "getAccountInsights",
            "What makes an account's audience talk, and how much of it stays silent; at most a minute old",
            Insights,
            (_LOOKED_AT,),
            _insights(),
            in_shares=True,
        ),
        Operation(
            f"{account}/unanswered",
            "listUnanswered",
            "The audience's comments that still wait for the account's reply, oldest first",
            UnansweredQueue,
            _WAITING,
            Reader.unanswered,
        ),
        Operation(account, "getAccount", "The numbers of an account for all time", Numbers, (), Reader.account),
    )


def _of_a_post(sizes: tuple[str, ...]) -> tuple[Operation, ...]:
    post = "/v1/posts/{platform}/{id}"
    owner = Parameter("account", "the post's account; without it, the directory names it")
    return (
        Operation(
            f"{post}/series",
            "getPostSeries",
            "The last windows of a post, oldest first",
            Series,
            (*_series(sizes), owner),
            partial(_series_of, "post"),
        ),
        Operation(post, "getPost", "The numbers of a post for all time", Numbers, (owner,), Reader.post),
    )


def _over_all(sizes: tuple[str, ...]) -> tuple[Operation, ...]:
    return (
        Operation(
            "/v1/alerts",
            "listAlerts",
            "Alerts that stand or cleared within a week, newest first",
            Alerts,
            _ALERTS,
            Reader.alerts,
        ),
        Operation("/v1/top", "getTop", _TOP, Ranking, _top_parameters(sizes), _top()),
    )


def _sort(default: str) -> Parameter:
    return Parameter(
        "sort",
        "the order; `conversation` and `reply_rate` go by Wilson bounds, `ratio` is comments / likes",
        default,
        SORTS,
    )


def _limit(default: int) -> Parameter:
    return Parameter("limit", "how many are given", default, low=1, high=LIMIT_MAX)


def _top_parameters(sizes: tuple[str, ...]) -> tuple[Parameter, ...]:
    return (
        Parameter("entity", "what is ranked", "account", ("account", "post")),
        _sort("conversation"),
        _limit(20),
        Parameter("platform", "only of this platform"),
        Parameter("series", "give with each item its last windows of this size", None, sizes),
        Parameter("series_limit", "how many windows", 30, low=1, high=240),
    )


def _series(sizes: tuple[str, ...]) -> tuple[Parameter, ...]:
    return (
        Parameter("window", "the window size", sizes[0], sizes),
        Parameter("limit", "how many windows", 60, low=1, high=SERIES_MAX),
        Parameter("until_ms", "Unix ms; the last window is the one that holds it (now)", low=0, high=LAST_TIME_MS),
    )


_LISTED = (_sort("recent"), _limit(20))
_LOOKED_AT = Parameter(
    "posts", "how many of the most recently active posts are looked at", POSTS_MOST, low=1, high=POSTS_MOST
)
_WAITING = (
    Parameter("limit", "how many are given", 50, low=1, high=WAITING_MAX),
    Parameter(
        "after",
        "`next` of the answer before: those that follow; without it, from the oldest on",
        pattern="^[0-9]{1,14}:[0-9a-f]{16}:[!-~]{1,3072}$",
    ),
)
_ALERTS = (
    Parameter("platform", "only of this platform"),
    Parameter("account", "only of this account of the platform and its posts"),
    Parameter("state", "`standing`: fired and not cleared since", "all", WHICH),
    Parameter("limit", "how many are given", 100, low=1, high=ALERTS_MAX),
)
_TOP = "Accounts or posts over everything that is counted, best first; at most a second old"


async def _series_of(entity: Entity, reader: Reader, platform: str, entity_id: str, **values: Any) -> Series:
    return await reader.series(entity, platform, entity_id, **values)


def _top() -> Ask:
    held: Held[Ranking] = Held(TOP_HELD_S)

    async def ask(reader: Reader, **question: Any) -> Ranking:
        # What one may read is part of the question: nobody is given what was answered to somebody else.
        return await held.get((reader.grant, *question.values()), lambda: _rank(reader, **question))

    return ask


def _insights() -> Ask:
    held: Held[Insights] = Held(INSIGHTS_HELD_S)
    turns = Turns(INSIGHTS_ASKED_MAX)  # several at once would take the processor from every other question

    async def ask(reader: Reader, platform: str, account: str, posts: int) -> Insights:
        question = (platform, account, posts)
        return await held.get(
            (reader.grant, *question), lambda: turns.begin(reader.grant, lambda: reader.insights(*question))
        )

    return ask


async def _rank(
    reader: Reader, entity: str, sort: str, limit: int, platform: str | None, series: str | None, series_limit: int
) -> Ranking:
    ranked = await (reader.accounts if entity == "account" else reader.top_posts)(sort, limit, platform)
    if series is None:
        return ranked
    return msgspec.structs.replace(ranked, series=await reader.series_of(ranked.items, series, series_limit))
