"""Totals of a platform without like events, from a file through a real worker to every way of reading."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import orjson
import pytest

from pipeline.api.server import serving
from pipeline.clock import wall_clock
from pipeline.local.children import Child
from pipeline.proving.verify import verify
from pipeline.reading import Client
from pipeline.settings import Settings
from schemas.interaction import Interaction, encode_interaction
from tests.commands import TWOWAY, environment, run_program, twoway_json
from tests.factories import make_interaction
from tests.integration.work import newest_updates
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.servers


def lines(now_ms: int) -> list[Interaction]:
    """Two comments that Instagram sent, and what it said when it was asked: twice of post p1, once of p2."""
    post = {"platform": "instagram", "kind": "totals", "actor": None}
    return [
        make_interaction(platform="instagram", kind="comment", actor="u1", time_ms=now_ms - 9_000),
        make_interaction(platform="instagram", kind="comment", actor="u2", time_ms=now_ms - 8_000),
        make_interaction(**post, likes=40, comments=2, time_ms=now_ms - 7_000),
        make_interaction(**post, likes=50, comments=3, shares=5, time_ms=now_ms - 6_000),
        make_interaction(**post, post="p2", likes=10, time_ms=now_ms - 5_000),
        make_interaction(**post, post=None, followers=900, time_ms=now_ms - 4_000),
    ]


async def test_likes_come_from_totals_with_their_time_and_drift(
    settings: Settings, start_child: Callable[..., Child]
) -> None:
    """50 likes polled and 2 comments counted on the post; the account has the sum of its posts' totals."""
    now_ms = wall_clock()
    start_child("worker", [*TWOWAY, "worker"], environment(settings))
    fed = b"\n".join(map(encode_interaction, lines(now_ms)))
    assert twoway_json(settings, "feed", "-", "--pseudonymised", stdin=fed)[1]["sent"] == 6
    assert (await verify(settings, wait_s=DEADLINE_S)).holds
    _, post = twoway_json(settings, "post", "instagram:p1")
    assert (post["likes"], post["comments"], post["shares"], post["comment_to_like"]) == (50, 2, 5, 0.04)
    likes, comments = post["origins"]["likes"], post["origins"]["comments"]
    assert (likes["source"], likes["as_of_ms"], likes["drift"]) == ("totals", now_ms - 6_000, None)
    assert (comments["source"], comments["drift"], comments["drift_share"]) == ("events", -1, -1 / 3)
    _, account = twoway_json(settings, "account", "instagram:a1")
    assert (account["likes"], account["comments"], account["comment_to_like"]) == (60, 2, 2 / 60)
    assert account["origins"]["likes"]["as_of_ms"] == now_ms - 5_000
    _, insights = twoway_json(settings, "insights", "instagram:a1")
    assert {(one["at_most"], one["value"]) for one in insights["silence"][:2]} == {(True, "all"), (True, "1d")}
    async with serving(settings) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as api:
        assert (await api.get("/v1/posts/instagram/p1")).json() == post
        top = (await api.get("/v1/top?entity=post&sort=likes")).json()
        assert [item["likes"] for item in top["items"]] == [50, 10]
    with Client(settings) as numbers:
        assert numbers.post("instagram", "p1").origins["likes"].value == 50
    shown = _command(settings, "post", "instagram:p1")
    assert re.search(r"^comments, polled 3 \d.* ago, drift -1 \(-33.3 %\)$", shown, re.MULTILINE)
    assert re.search(r"^likes 50 polled \d.* ago$", shown, re.MULTILINE)


async def test_rows_windows_and_published_records_stay_counted(
    settings: Settings, start_child: Callable[..., Child]
) -> None:
    """A total belongs to no window: nobody knows when those likes were given."""
    start_child("worker", [*TWOWAY, "worker"], environment(settings))
    fed = b"\n".join(map(encode_interaction, lines(wall_clock())))
    twoway_json(settings, "feed", "-", "--pseudonymised", stdin=fed)
    assert (await verify(settings, wait_s=DEADLINE_S)).holds
    rows = _command(settings, "post", "instagram:p1", "--series", "1d", "--limit", "1", "--json")
    assert [(row["likes"], row["comments"]) for row in map(orjson.loads, rows.splitlines())] == [(0, 2)]
    table = _command(settings, "post", "instagram:p1", "--series", "1d", "--limit", "1")
    assert re.search(r"^\S+ - 2 - - 0 0.0 % - open$", table, re.MULTILINE)
    updates = newest_updates(
        settings, lambda found: sum(one.comments == 2 for one in found if one.window == "all") == 2
    )
    assert {one.likes for one in updates} == {0}
    with Client(settings) as numbers:
        series = numbers.series("post", "instagram", "p1", "1d", limit=1)
    assert series.unknown == ["likes", "shares"]
    assert {series.source} == {one.source for one in updates if one.entity == "post" and one.id == "p1"} == {"both"}
    explained = twoway_json(settings, "explain", "post:instagram:p1")[1]
    assert {one["verdict"] for one in explained["columns"]} == {"agrees"}


def _command(settings: Settings, *arguments: str) -> str:
    done = run_program([*TWOWAY, *arguments], env=environment(settings), check=True)
    return "\n".join(" ".join(line.split()) for line in done.stdout.splitlines())
