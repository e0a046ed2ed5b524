"""The simulated platforms: their webhooks, read and counted, give exactly what the simulator knows to stand."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from random import Random

import pytest

from pipeline.labels import label_post
from pipeline.local.simulator.brands import BRANDS, Brand, post_shapes
from pipeline.local.simulator.happenings import TOLD, Happening
from pipeline.local.simulator.polls import CONNECTION, Poller
from pipeline.local.simulator.truth import Truth
from pipeline.local.simulator.world import World
from pipeline.proving.expected import ExpectedPage
from pipeline.windows import ALL
from schemas.interaction import Action
from schemas.platforms import DELIVERED
from tests.factories import NOON_MS
from tests.simulated import SECRETS, Played, Reading

BY_NAME = {brand.name: brand for brand in BRANDS}


@cache
def played(seed: int = 1) -> Played:
    """40 s of a world."""
    return Played(seed, steps=160)


def counted(page: ExpectedPage, brand: Brand) -> dict[str, int]:
    """An account's page in the words of the simulator's truth: what no webhook tells is polled."""
    numbers = dict(zip(("likes", "comments", "shares", "replies", "posts"), page.rows[ALL], strict=True))
    for number, kind in (("likes", "like"), ("shares", "share")):
        if kind not in TOLD[brand.platform]:
            numbers[number] = page.polled[number][0]
    answered = sum(page.times.get(ALL, ()))
    return numbers | {
        "answered": answered,
        "unanswered": len(page.waiting),
        "followers": page.polled["followers"][0],
    }


def is_meant_to_ask(post: Happening) -> bool:
    """All open questions of the simulator, and nothing else that it publishes, have one of these words."""
    return any(word in str(post.text) for word in ("What ", "How ", "Which ", "what "))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_webhooks_tell_exactly_what_stands(seed: int) -> None:
    """Batches, repeats, delays, another order, removals, threads and polls: the numbers are those of the world."""
    world, reading = played(seed).world, Reading(played(seed).sent)
    accounts = {(name.platform, name.id): page for name, page in reading.oracle.pages() if name.entity == "account"}
    assert reading.ignored == Counter()
    assert {b.name: counted(accounts[b.platform, b.account], b) for b in BRANDS} == {
        brand.name: world.truth(brand) for brand in BRANDS
    }


def test_everything_that_platforms_do_occurs() -> None:
    """Or the demo would show less than it claims."""
    sent = played().sent
    bodies = [(delivery.connection, json.loads(delivery.content)) for delivery in sent]
    verbs = {
        (change["value"]["item"], change["value"]["verb"])
        for connection, body in bodies
        if connection == "facebook"
        for entry in body["entry"]
        for change in entry["changes"]
    }
    x_events = {key for connection, body in bodies if connection == "x" for key in body if key.endswith("_events")}
    own = {body["type"] for connection, body in bodies if connection == CONNECTION}
    assert {("reaction", verb) for verb in ("add", "edit", "remove")} < verbs
    assert {("comment", verb) for verb in ("add", "edited", "remove")} < verbs
    assert {("photo", "add"), ("status", "add")} < verbs
    assert x_events == {"favorite_events", "tweet_create_events", "tweet_delete_events"}
    assert own == {"interaction.post.added", "interaction.totals.added"}
    assert {connection for connection, _ in bodies} == {"facebook", "x", "instagram", CONNECTION}
    assert any(delivery.is_repeat for delivery in sent)
    assert any(delivery.interactions > 20 for delivery in sent)


def test_platforms_tell_what_their_sources_say_they_deliver() -> None:
    """The simulator must not be kinder than the real ones."""
    told = {platform: {f"{kind}s" for kind in kinds - {"post"}} for platform, kinds in TOLD.items()}
    assert told == {platform: set(DELIVERED[platform]) for platform in TOLD}


def test_replies_come_before_their_comments_and_are_taken_back() -> None:
    """Both change who waits, so both must be there to be counted rightly."""
    seen, early = set(), 0
    for one in Reading(played().sent).interactions:
        if one.own and one.parent is not None and one.action == "add":
            early += one.parent not in seen
        seen.add(one.id)
    taken_back = [h for h in played().happenings if h.own and h.kind == "comment" and h.action == "remove"]
    assert early > 5
    assert {h.brand.platform for h in taken_back} == {"facebook", "x"}


def test_threads_are_answered_further_down() -> None:
    """A comment counts as answered when the brand replies to somebody who replied to it."""
    happenings = played().happenings
    parents = {h.id: h.parent for h in happenings if h.kind == "comment" and not h.own}
    below = [parents.get(h.parent) for h in happenings if h.own and h.parent is not None]
    assert sum(parent is not None for parent in below) > 20


def test_one_brand_never_answers_one_answers_all_and_the_others_are_in_between() -> None:
    """What the reply rate and the queue are there to tell apart."""
    world, rates = World(1), {}
    for step in range(100):
        world.pass_time(NOON_MS + step * 1_000, NOON_MS + (step + 1) * 1_000, 200)
    for brand in BRANDS:
        truth = world.truth(brand)
        rates[brand.name] = truth["answered"] / truth["comments"]
    assert rates["Atlas Rail"] == 0
    assert rates["Northwind Cycles"] > 0.8
    assert all(0 < rate < 0.8 for name, rate in rates.items() if name not in ("Atlas Rail", "Northwind Cycles"))


def test_posts_are_labelled_as_they_were_meant() -> None:
    """An open question is one by the rule of the labels, and a statement, or a closed question, is none."""
    posts = [one for one in Reading(played().sent).interactions if one.kind == "post"]
    asks = {h.id: is_meant_to_ask(h) for h in played().happenings if h.kind == "post"}
    assert len(posts) >= len(BRANDS) * 40
    assert all(label_post(post).question is asks[post.id] for post in posts)
    assert {label_post(post).media for post in posts} == {None, "image", "album", "video", "link"}
    assert any(label_post(post).hashtags for post in posts)


def test_open_questions_get_more_comments() -> None:
    """Three times as many a post; of Atlas Rail, which asks nothing, nothing can be said."""
    posts: dict[Brand, Counter[bool]] = {brand: Counter() for brand in BRANDS}
    comments: dict[Brand, Counter[bool]] = {brand: Counter() for brand in BRANDS}
    asks = {h.id: is_meant_to_ask(h) for h in played().happenings if h.kind == "post"}
    for happening in played().happenings:
        if happening.kind == "post":
            posts[happening.brand][asks[happening.post]] += 1
        elif happening.kind == "comment" and not happening.own and happening.action == "add":
            comments[happening.brand][asks[happening.post]] += 1
    for brand in BRANDS:
        if brand.name == "Atlas Rail":
            assert not posts[brand][True]
        else:
            lift = comments[brand][True] / posts[brand][True] * posts[brand][False] / comments[brand][False]
            assert 1.5 < lift < 6


def test_the_same_people_come_again() -> None:
    """So the number of people is not the number of things done, and the silent share means something."""
    for brand in BRANDS:
        did = [h.actor for h in played().happenings if h.brand == brand and not h.own and h.action == "add"]
        assert len(set(did)) < 0.85 * len(did)
        assert len(set(did)) < brand.followers / 10


def test_a_poll_tells_only_what_has_changed() -> None:
    """A second one at once is silent, and one after a like tells of its post."""
    world = World(1)
    poller = Poller(world, SECRETS[CONNECTION], Random(1))
    world.pass_time(NOON_MS, NOON_MS + 1_000, 200)
    assert poller.poll(NOON_MS + 1_000)
    assert poller.poll(NOON_MS + 2_000) == []
    (like, *_) = (h for h in world.pass_time(NOON_MS + 2_000, NOON_MS + 2_100, 500) if h.kind == "like")
    told = [json.loads(delivery.content)["data"] for delivery in poller.poll(NOON_MS + 3_000)]
    assert like.post in {data.get("post") for data in told}


def test_same_seed_gives_the_same_webhooks() -> None:
    """So what goes wrong once can be looked at again."""
    assert Played(7, steps=20).sent == Played(7, steps=20).sent


def test_brands_differ_in_character() -> None:
    """The ratio tells those that people talk to from those that are only liked."""
    ratios = {}
    for brand in BRANDS:
        truth = played().world.truth(brand)
        ratios[brand.name] = truth["comments"] / truth["likes"]
    assert ratios["Atlas Rail"] > ratios["Harbour Coffee"] > ratios["Lumen Cosmetics"]


def test_post_shapes_are_real_totals() -> None:
    """Sixty rows of the published data set; most posts have many likes and few comments."""
    shapes = post_shapes()
    assert len(shapes) == 60
    assert sum(shape.likes > shape.comments for shape in shapes) > 50


def said(comment: str, parent: str | None = None, action: Action = "add", *, own: bool = False) -> Happening:
    return Happening(BRANDS[0], "comment", action, "p", comment, "ann", NOON_MS, own=own, parent=parent)


def test_truth_knows_what_is_answered() -> None:
    """c1 through c2 further down the thread; c3's only reply was taken back; c4 was removed, its reply stands."""
    truth = Truth()
    for happening in (
        said("c1"), said("c2", "c1"), said("r2", "c2", own=True), said("c3"), said("r3", "c3", own=True),
        said("r3", "c3", "remove", own=True), said("c4"), said("r4", "c4", own=True), said("c4", None, "remove"),
    ):  # fmt: skip
        truth.take(happening)
    numbers = truth.numbers()
    assert (numbers["comments"], numbers["replies"]) == (3, 2)
    assert (numbers["answered"], numbers["unanswered"]) == (2, 1)
    assert truth.stands("c3")
    assert not truth.stands("c4")
