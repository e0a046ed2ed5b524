"""`twoway explain` as somebody types it, over what a real worker counted on a real Kafka and a real Redis."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.clock import wall_clock
from pipeline.explaining.explain import Question, explain
from pipeline.local.children import Child
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from schemas.interaction import Interaction, encode_interaction
from schemas.rejected import Rejected, encode_rejected
from schemas.topics import INTERACTIONS, REJECTED
from tests.commands import TWOWAY, environment, run_program, twoway_json
from tests.conftest import PARTITIONS
from tests.factories import make_interaction
from tests.integration.work import proven, send, some_interactions
from tests.redises import open_blocking
from tests.topics import drop_beginning, write_topic

pytestmark = pytest.mark.servers

StartChild = Callable[..., Child]
PAGE = (Path(__file__).parents[2] / "docs" / "explain.md").read_text()
HOME = slot_of("facebook", "a1") % PARTITIONS


def log(now_ms: int) -> list[Interaction]:
    """Three likes of which one is repeated and one taken back, a comment, the brand's answer, an older like."""
    return [
        make_interaction(actor="u1", time_ms=now_ms),
        make_interaction(actor="u2", time_ms=now_ms),
        make_interaction(actor="u1", time_ms=now_ms),
        make_interaction(kind="comment", id="c1", time_ms=now_ms),
        make_interaction(kind="comment", id="r1", parent="c1", own=True, actor="a1", time_ms=now_ms + 1),
        make_interaction(actor="u2", action="remove", time_ms=now_ms + 1),
        make_interaction(actor="u3", time_ms=now_ms - 2 * 86_400_000),
    ]


async def counted(settings: Settings, start_child: StartChild, interactions: list[Interaction]) -> Child:
    """Sent, and counted by a worker that runs on."""
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings))
    await send(settings, interactions)
    await proven(settings, len(interactions))
    return worker


def sums(answer: dict[str, Any]) -> dict[str, tuple[int, int | None, str]]:
    """Column -> by the topic, in Redis, verdict; columns of nothing left out."""
    found = {one["column"]: (one["topic"], one["redis"], one["verdict"]) for one in answer["columns"]}
    return {column: one for column, one in found.items() if one[:2] != (0, 0)}


async def test_each_interaction_of_a_number_is_named_and_the_sums_agree(
    settings: Settings, start_child: StartChild
) -> None:
    """For all time of the post; the account's row is the same."""
    await counted(settings, start_child, log(wall_clock()))
    for page in ("post:facebook:p1", "facebook:a1"):
        code, answer = twoway_json(settings, "explain", page)
        assert (code, sums(answer)) == (
            0,
            dict.fromkeys(("comments", "replies", "answered"), (1, 1, "agrees")) | {"likes": (2, 2, "agrees")},
        )
        assert answer["counts"] == {
            "standing": {"likes": 2, "comments": 1, "replies": 1},
            "repeated": {"likes": 1},
            "removed": {"likes": 1},
            "removal": {"likes": 1},
        }
        assert answer["late"] == 1
    likes = {one["offset"]: one for one in answer["interactions"] if one["column"] == "likes"}
    assert {likes[offset]["outcome"] for offset in (0, 6)} == {"standing"}
    assert (likes[0]["actor"], likes[0]["partition"], likes[6]["late"]) == ("u1", HOME, True)
    assert (likes[1]["outcome"], likes[1]["decided_by"]["offset"]) == ("removed", 5)
    (comment,) = [one for one in answer["interactions"] if one["column"] == "comments"]
    assert (comment["outcome"], comment["answered_by"]["offset"]) == ("standing", 4)
    assert (comment["reply_ms"], comment["reply_within_s"]) == (1, 15)
    assert answer["reply_times"] == {"topic": [1], "redis": [1], "verdict": "agrees"}
    assert answer["engaged"] == {"topic": 3, "redis": 3, "verdict": "agrees"}


async def test_polled_totals_are_explained_by_their_newest_record(settings: Settings, start_child: StartChild) -> None:
    """Instagram tells no likes: the newest of two polls is shown; the account's is the sum, its followers its own."""
    now_ms = wall_clock()
    fields = {"platform": "instagram", "kind": "totals", "actor": None}
    polls = [
        make_interaction(**fields, post="p1", likes=30, time_ms=now_ms - 2),
        make_interaction(**fields, post="p1", likes=40, time_ms=now_ms - 1),
        make_interaction(**fields, post="p2", likes=2, time_ms=now_ms - 3),
        make_interaction(**fields, post=None, followers=900, time_ms=now_ms),
    ]
    await counted(settings, start_child, polls)
    _, post = twoway_json(settings, "explain", "post:instagram:p1")
    (likes,) = post["polled"]
    assert (likes["number"], likes["topic"], likes["redis"], likes["verdict"]) == ("likes", 40, 40, "agrees")
    assert (likes["offset"], likes["topic_as_of_ms"], likes["is_shown"]) == (1, now_ms - 1, True)
    _, account = twoway_json(settings, "explain", "account:instagram:a1")
    assert [(one["number"], one["topic"], one["posts"], one["offset"]) for one in account["polled"]] == [
        ("likes", 42, 2, None),
        ("followers", 900, 0, 3),
    ]
    shown = _command(settings, "explain", "account:instagram:a1").stdout
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    (line,) = [line for line in lines if line.startswith("likes, polled 42 at ")]
    assert line.endswith("by 2 posts 42 agrees; shown, source totals")


async def test_a_window_holds_what_happened_in_it(settings: Settings, start_child: StartChild) -> None:
    """The like of two days ago is in another day; its minute is not kept any more."""
    now_ms = wall_clock()
    await counted(settings, start_child, log(now_ms))
    minute, _, day = map(settings.windows.field, settings.windows.codes(now_ms)[:-1])
    old_minute, _, old_day = map(settings.windows.field, settings.windows.codes(now_ms - 2 * 86_400_000)[:-1])
    rows = {}
    for window in (minute, day, old_minute, old_day):
        _, answer = twoway_json(settings, "explain", "post", "facebook:p1", "--window", window, "--limit", "1")
        rows[window] = sums(answer).get("likes")
    assert rows[minute] == rows[day] == rows[old_day] == (1, 1, "agrees")
    assert rows[old_minute] == (1, None, "the row is not kept any more")


async def test_what_was_rejected_of_the_page_is_listed(settings: Settings, start_child: StartChild) -> None:
    """By the worker, whatever else of the record was wrong; another page's is not."""
    now_ms = wall_clock()
    broken = encode_interaction(make_interaction(time_ms=now_ms)).replace(b'"like"', b'"shrug"')
    other = broken.replace(b'"p1"', b'"p2"')
    future = encode_interaction(make_interaction(time_ms=now_ms + 86_400_000))
    write_topic(settings, INTERACTIONS, HOME, [broken, other, future])
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings))
    await send(settings, [make_interaction(time_ms=now_ms)])
    await proven(settings, 4)
    answer = await explain(settings, Question("post", "facebook", "p1"))
    assert answer.rejected == {"schema": 1, "time_in_future": 1}, worker.tail()
    assert [one.event_ms for one in answer.rejected_records] == [now_ms + 86_400_000, now_ms]
    assert answer.counts == {"standing": {"likes": 1}}


async def test_what_came_since_the_workers_stopped_waits(settings: Settings, start_child: StartChild) -> None:
    worker = await counted(settings, start_child, log(wall_clock()))
    worker.stop()
    await send(settings, [make_interaction(actor="u9", time_ms=wall_clock())])
    _, answer = twoway_json(settings, "explain", "post:facebook:p1")
    assert (sums(answer)["likes"], answer["counts"]["waiting"]) == ((2, 2, "agrees"), {"likes": 1})


async def test_a_number_that_the_topic_does_not_give_is_said_with_its_reason(
    settings: Settings, start_child: StartChild
) -> None:
    """A topic that lost its beginning, and a Redis that somebody wrote into."""
    worker = await counted(settings, start_child, log(wall_clock()))
    worker.stop()
    with open_blocking(settings) as client:
        client.hset(Keys(settings.key_prefix).post(slot_of("facebook", "a1"), "facebook", "p1"), "comments", 5)
    _, answer = twoway_json(settings, "explain", "post:facebook:p1")
    assert sums(answer)["comments"] == (1, 5, "differs: `twoway verify` compares every row")
    drop_beginning(settings, INTERACTIONS)
    _, answer = twoway_json(settings, "explain", "account:facebook:a1")
    assert sums(answer)["likes"] == (0, 2, "differs: the topic no longer holds what was counted first")
    assert answer["begins"] == {str(HOME): 7}


async def test_only_the_accounts_partition_is_read(settings: Settings, start_child: StartChild) -> None:
    """Twice for all time, to its end; a window whose records are new is looked for behind the older ones."""
    interactions = some_interactions(400, accounts=40)
    await counted(settings, start_child, interactions)
    account = interactions[0].account
    home = slot_of("facebook", account) % PARTITIONS
    there = sum(slot_of("facebook", one.account) % PARTITIONS == home for one in interactions)
    seen: list[tuple[int, int]] = []
    question = Question("account", "facebook", account, limit=2)
    answer = await explain(settings, question, lambda read, total: seen.append((read, total)))
    assert answer.read == 2 * there
    assert seen[-1] == (2 * there, 2 * there)
    assert all(one.verdict == "agrees" for one in answer.columns)


async def test_the_tables_say_the_same_and_show_no_escapes(settings: Settings, start_child: StartChild) -> None:
    """Ids come from outside."""
    evil = "p\x1b[2J[red]:x:"
    raw = Rejected(
        stage="count",
        reason="schema",
        time_ms=wall_clock(),
        source="t[0]@1\x1b",
        bytes=encode_interaction(make_interaction(post=evil)),
    )
    write_topic(settings, REJECTED, 0, [encode_rejected(raw)])
    likes = [make_interaction(post=evil, actor=f"u{number}", time_ms=wall_clock()) for number in range(3)]
    own = make_interaction(post=evil, actor="a1", own=True, time_ms=wall_clock())
    asked_ms = wall_clock() - 90_000
    comments = [make_interaction(post=evil, kind="comment", id=f"c{n}", time_ms=asked_ms) for n in range(2)]
    reply = make_interaction(
        post=evil, kind="comment", id="r1", parent="c1", own=True, actor="a1", time_ms=asked_ms + 75_000
    )
    await counted(settings, start_child, [*likes, own, *comments, reply])
    shown = _command(settings, "explain", "post", "facebook", evil, "--limit", "2")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "\x1b" not in shown.stdout
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines[0] == r"post facebook p\x1b[2J[red]:x: for all time"
    assert "standing 3 2 0 1 0 1 1 stands, so it counts here" in lines
    assert "in Redis 3 2 0 1 0 1 agrees" in lines
    (answered,) = [line for line in lines if line.startswith("comments standing, answered ")]
    (waiting,) = [line for line in lines if line.startswith("comments standing, waits ")]
    assert answered.endswith("@6 after 1.2 m, within 2 m")
    assert "first replies 1 within 2 m 1 within 2 m agrees" in lines
    assert "distinct actors 3 3, estimated agrees" in lines
    assert " c0 " in waiting
    assert sum(line.startswith("likes standing ") for line in lines) == 2
    assert "rejected, so they count nowhere: schema 1" in lines
    assert lines[-1] == "the newest of each outcome and column; --limit shows more"


async def test_what_cannot_be_explained_is_one_line(settings: Settings, start_child: StartChild) -> None:
    """An unknown page, a post of another account, a window that is none."""
    await counted(settings, start_child, log(wall_clock()))
    for arguments, message in (
        (("post:facebook:none",), "no post 'none' on facebook"),
        (("account:facebook:a2",), "near it are 'a1'"),
        (("post:facebook:p1", "--window", "1h"), "window is '1h'; expected all, or a size"),
    ):
        failed = _command(settings, "explain", *arguments)
        assert (failed.returncode, failed.stdout) == (1, "")
        assert message in failed.stderr


async def test_every_command_of_the_page_answers(settings: Settings, start_child: StartChild) -> None:
    """docs/explain.md."""
    commands = re.findall(r"^twoway (.*)$", PAGE, re.MULTILINE)
    assert len(commands) >= 4
    like = make_interaction(account="1001", post="1001_1", time_ms=wall_clock())
    await counted(settings, start_child, [like])
    for command in commands:
        answered = _command(settings, *command.split())
        assert answered.returncode == 0, (command, answered.stderr)
        assert "1001" in answered.stdout


#: The example of the page, in the order in which it was sent.
EXAMPLE = b"""\
platform,account,post,kind,action,id,actor,own,parent,time_ms
facebook,1001,1001_1,like,add,,77,,,1795425847000
facebook,1001,1001_1,like,add,,78,,,1795425843000
facebook,1001,1001_1,like,add,,77,,,1795425847000
facebook,1001,1001_1,comment,add,1001_1_77,77,,,1795425911000
facebook,1001,1001_1,comment,add,1001_1_78,1001,yes,1001_1_77,1795425990000
facebook,1001,1001_1,like,remove,,78,,,1795425849000
facebook,1001,1001_1,like,add,,79,,,1795425842000
facebook,1001,1001_1,comment,add,1001_1_79,79,,,1795426262000
"""


async def test_the_example_of_the_page_is_what_the_program_says(settings: Settings, start_child: StartChild) -> None:
    """Word for word, pseudonyms and all."""
    start_child("worker", [*TWOWAY, "worker"], environment(settings))
    assert twoway_json(settings, "feed", "-", stdin=EXAMPLE)[0] == 0
    await proven(settings, 8)
    said = _command(settings, "explain", "post:facebook:1001_1", COLUMNS="200").stdout
    (example,) = re.findall(r"^```text\n(post facebook .*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    slot = slot_of("facebook", "1001")
    assert said.replace(f" {slot % PARTITIONS}@", f" {slot % Settings().partitions}@") == example


def _command(settings: Settings, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return run_program([*TWOWAY, *arguments], env=environment(settings, **more))
