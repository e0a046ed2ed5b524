"""The parts of the listeners that need no server: waits, what is sifted out, addresses and cursors."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import SettingsError
from pipeline.gateway.connections import Connections
from pipeline.listening.backoff import Backoff
from pipeline.listening.bluesky import BlueskyListener
from pipeline.listening.filter import Filter
from pipeline.listening.jetstream import OLDEST_US, PATH_2, Position, endpoint_of, head_of, position_of
from pipeline.listening.mastodon import MastodonListener
from pipeline.listening.mastodon_api import check_url
from pipeline.listening.mastodon_frames import Sifter, frame_of
from pipeline.listening.seen import Seen
from pipeline.listening.server import Wanted, choose
from pipeline.settings import Secret
from pipeline.sources.delivery import Connection
from tests.contract.corpus import PAYLOADS
from tests.networks import BRAND

SOMEBODY = "did:plc:somebodyelse222222222222"
V1, V2 = endpoint_of("wss://jet.example"), endpoint_of(f"wss://jet.example{PATH_2}")


def raw(name: str, **changes: Any) -> bytes:
    """A frame of the corpus about somebody else, compact as a server writes it."""
    frame = json.loads((PAYLOADS / f"{name}.json").read_text().replace(BRAND, SOMEBODY)) | changes
    return json.dumps(frame, separators=(",", ":")).encode()


CONNECTION = '[connections.{name}]\nplatform = "{platform}"\naccounts = ["did:plc:x"]\nsecrets = ["abc"]\n'


@pytest.mark.parametrize(
    ("there", "wanted", "said"),
    [
        (
            {"pages": "facebook"},
            Wanted("bluesky"),
            "has no connection of bluesky; expected a table such as [connections.bluesky] with "
            'platform = "bluesky" (docs/platforms/bluesky.md)',
        ),
        (
            {"b1": "bluesky", "b2": "bluesky"},
            Wanted("bluesky"),
            "has 2 connections of bluesky; expected one of them in --connection: b1, b2 (docs/listening.md)",
        ),
        ({"b1": "bluesky"}, Wanted("bluesky", "b3"), "expected one of: b1"),
    ],
)
def test_without_the_one_connection_the_file_and_the_page_are_named(
    tmp_path: Path, there: dict[str, str], wanted: Wanted, said: str
) -> None:
    """And what is expected in the file, or of the command."""
    file = tmp_path / "connections.toml"
    file.write_text("".join(CONNECTION.format(name=name, platform=there[name]) for name in there))
    with pytest.raises(SettingsError) as raised:
        choose(Connections(file), wanted)
    assert f"TWOWAY_CONNECTIONS_FILE, '{file}'" in str(raised.value)
    assert str(raised.value).endswith(said)


def test_the_ceiling_of_a_wait_doubles_up_to_the_most_and_starts_anew_after_a_success() -> None:
    """Half a second, one, two, ..., a minute; the wait is drawn below it."""
    backoff = Backoff(draw=lambda: 1.0)
    assert [backoff.next_s() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    backoff.succeed()
    assert backoff.is_fresh
    assert backoff.next_s() == 0.5


def test_a_wait_is_drawn_evenly_from_nothing_to_the_ceiling_but_never_below_what_the_server_asks() -> None:
    """Full jitter."""
    drawn = iter([0.0, 0.25, 0.5, 0.0])
    backoff = Backoff(draw=lambda: next(drawn))
    assert [backoff.next_s(), backoff.next_s(), backoff.next_s(), backoff.next_s(30.0)] == [0.0, 0.25, 1.0, 30.0]


@pytest.mark.parametrize("accounts", [1, 2, 4, 5, 300])
def test_a_frame_is_kept_when_one_of_the_accounts_stands_in_it(accounts: int) -> None:
    """However many accounts there are: they are looked for in two ways."""
    others = [f"did:plc:brand{number:022d}" for number in range(accounts - 1)]
    sifter = Filter([*others, SOMEBODY])
    mine, foreign = raw("bluesky-quote-create"), raw("bluesky-quote-create").replace(SOMEBODY.encode(), b"did:plc:x")
    assert [kept.raw for kept in sifter.sift([foreign, mine, foreign]).kept] == [mine]


def test_removals_are_kept_with_the_address_that_must_be_known() -> None:
    """Of both versions; the word alone, somewhere in a text, is none."""
    first = raw("bluesky-like-delete")
    second = raw("bluesky-v2-like-create").replace(b'"create"', b'"delete"')
    text = raw("bluesky-post-create", note="delete")
    kept = Filter([BRAND]).sift([first, second, text]).kept
    assert [frame.removes for frame in kept] == [
        "at://did:plc:fanone222222222222222222/app.bsky.feed.like/3mmoojp7etg2g",
        "at://did:plc:fanone222222222222222222/app.bsky.feed.like/3l3qo2vuowo2b",
    ]


def test_of_the_states_of_accounts_only_a_deletion_is_kept() -> None:
    """Whoever it was: their texts are to go."""
    states = [{"active": False, "status": status} for status in ("deleted", "suspended")] + [{"active": True}]
    frames = [raw("bluesky-identity", kind="account", account=state) for state in states]
    assert [frame.raw for frame in Filter([BRAND]).sift(frames).kept] == frames[:1]


def test_what_the_server_says_about_the_stream_is_heard() -> None:
    """The last word of an error, and the notice that a time was too old."""
    error = b'{"$type":"error","error":"ConsumerTooSlow","message":"far behind"}'
    name = "network.bsky.jetstream.subscribeEvents#info"
    info = b'{"$type":"message","payload":{"$type":"%s","name":"OutdatedCursor","message":"at 7"}}' % name.encode()
    said = Filter([BRAND]).sift([error, raw("bluesky-like-create"), info, b"{broken"]).said
    assert [(head.said, head.detail) for head in said] == [
        ("ConsumerTooSlow", "far behind"),
        ("OutdatedCursor", "at 7"),
    ]


@pytest.mark.parametrize("name", ["bluesky-like-create", "bluesky-v2-like-create", "bluesky-identity"])
def test_every_frame_says_its_time(name: str) -> None:
    """In microseconds, whatever version; version 2 its number too."""
    head = head_of(raw(name))
    assert head is not None
    times = {
        "bluesky-like-create": (1_779_719_009_132_431, None),
        "bluesky-v2-like-create": (1_725_911_162_329_308, 12345),
        "bluesky-identity": (1_783_175_888_384_849, None),
    }
    assert (head.time_us, head.seq) == times[name]


def test_version_2_goes_on_at_its_number_and_version_1_a_little_earlier() -> None:
    """The cursor is inclusive; times may be out of order by a little."""
    position = Position("jet.example", 1_779_719_009_132_431, 77)
    assert V2.cursor(position) == 77
    assert V1.cursor(position) == 1_779_719_004_132_431
    assert V1.cursor(None) is None


def test_a_number_means_nothing_on_another_server() -> None:
    """There the time decides, with a minute for how far one server may be behind the other."""
    elsewhere = Position("other.example", 1_779_719_009_132_431, 77)
    assert [V1.cursor(elsewhere), V2.cursor(elsewhere)] == [1_779_718_949_132_431] * 2


def test_a_cursor_outlives_redis_and_nonsense_is_none() -> None:
    """What is written is read again."""
    position = Position("jet.example", 1_779_719_009_132_431, 77)
    assert position_of(position.fields()) == position
    assert position_of(position._replace(seq=None).fields()) == position._replace(seq=None)
    assert position_of({"time_us": "soon"}) is None
    assert position_of({}) is None


def test_each_version_is_asked_with_its_own_words() -> None:
    """Version 2 refuses those of version 1."""
    asked = V1.address(OLDEST_US)
    assert asked.startswith(
        "wss://jet.example/subscribe?maxMessageSizeBytes=262144&wantedCollections=app.bsky.feed.like&"
    )
    assert asked.endswith("&cursor=1000000000000000")
    assert "kinds=commit&kinds=account&collections=app.bsky.feed.like&" in V2.address(None)
    assert "cursor" not in V2.address(None)


@pytest.mark.parametrize(
    "url", ["https://jet.example", "jet.example", "wss://", "wss://a:b@jet.example/other", "wss://[x"]
)
def test_an_address_that_is_no_jetstream_is_refused(url: str) -> None:
    """Without showing what could be a password."""
    with pytest.raises(SettingsError) as refused:
        endpoint_of(url)
    assert "a:b" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://mastodon.example", "", "wss://mastodon.example", "https://a:b@mastodon.example"]
)
def test_a_token_is_sent_nowhere_but_to_an_https_server(url: str) -> None:
    """Plain http only to this machine."""
    with pytest.raises(SettingsError) as refused:
        check_url(url)
    assert "a:b" not in str(refused.value)
    assert check_url("http://127.0.0.1:3000/") == "http://127.0.0.1:3000"
    assert check_url("https://mastodon.example/@brand") == "https://mastodon.example"


def test_of_a_home_timeline_only_what_names_the_account_is_kept() -> None:
    """Statuses of everybody whom the brand follows come as well; notifications and removals always concern it."""
    favourite = (PAYLOADS / "mastodon-streaming-notification-favourite.json").read_bytes()
    removal = (PAYLOADS / "mastodon-streaming-delete.json").read_bytes()
    foreign = frame_of("status", '{"id":"9","account":{"id":"147159"}}')
    own = frame_of("status", '{"id":"8","account":{"id":"14715"}}')
    kept, new, refusal = Sifter("14715").sift([foreign, favourite, removal, own, b'{"error":"Unknown stream type"}'])
    assert [(frame.removes, frame.item) for frame in kept] == [
        (None, ("notification", "34975535")),
        ("103186126728896492", None),
        (None, ("status", "8")),
    ]
    assert new == {"34975535", "103186046267791694", "8"}
    assert refusal == "Unknown stream type"


def test_what_was_handed_over_long_ago_is_forgotten() -> None:
    """Memory is bounded; what is forgotten is only handed over once more."""
    seen = Seen(most=2)
    seen.add([("status", "1"), ("status", "2"), ("notification", "1")])
    assert [seen.has(("status", "1")), seen.has(("status", "2")), seen.has(("notification", "1"))] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("listener", "usable", "unusable"),
    [
        (BlueskyListener, {"accounts": frozenset({BRAND})}, {"accounts": frozenset({"brand.bsky.social"})}),
        (BlueskyListener, {"accounts": frozenset({BRAND})}, {"accounts": frozenset()}),
        (MastodonListener, {"accounts": frozenset({"1"})}, {"accounts": frozenset({"1", "2"})}),
        (MastodonListener, {"accounts": frozenset({"1"})}, {"secrets": ()}),
    ],
)
async def test_an_edit_that_cannot_be_listened_to_leaves_everything_as_before(
    caplog: pytest.LogCaptureFixture, listener: Any, usable: dict[str, Any], unusable: dict[str, Any]
) -> None:
    """What is handed over is read for the accounts that are listened to; it is said once, and the next edit holds."""
    url = "wss://one.example" if listener is BlueskyListener else "https://one.example"
    fields = {"url": url, "secrets": (Secret("token"),), **usable}
    before, refused, after = (
        Connection("brand", "any", "bearer", **fields | changes)
        for changes in ({}, unusable, {"brand_actors": frozenset({"2"})})
    )
    in_file = [before]
    listening = listener(lambda: in_file[0], "", None, None, lambda: 0)
    in_force = []
    for in_file[0] in (before, refused, refused, after):
        using = listening._in_force()
        in_force.append(await using if inspect.isawaitable(using) else using)
    assert [using.connection for using in in_force] == [before, before, before, after]
    assert in_force[0] is in_force[2]
    assert [record.message.endswith("; listening goes on as before") for record in caplog.records] == [True]
