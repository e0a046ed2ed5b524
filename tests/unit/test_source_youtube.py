"""YouTube beyond the corpus: uploads against edits, hostile XML, and which handshakes are confirmed."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from pipeline.errors import RefusedError, UnreadableError
from pipeline.settings import Secret
from pipeline.sources.delivery import Connection, Delivery, Lease
from pipeline.sources.outcomes import Counted, Unreadable
from pipeline.sources.registry import SOURCES
from tests.reading import Reader

CHANNEL = "UC-1"
TOPIC = f"https://www.youtube.com/xml/feeds/videos.xml?channel_id={CHANNEL}"
OURS = Connection("test", "youtube", "websub", accounts=frozenset({CHANNEL}))
PUBLISHED_MS = 1_784_887_200_000


def feed(*entries: str, head: str = "") -> bytes:
    spaces = (
        'xmlns="http://www.w3.org/2005/Atom" xmlns:yt="http://www.youtube.com/xml/schemas/2015" '
        'xmlns:at="http://purl.org/atompub/tombstones/1.0"'
    )
    return f'<?xml version="1.0"?>{head}<feed {spaces}>{"".join(entries)}</feed>'.encode()


def entry(video: str = "v1", updated: str = "2026-07-24T10:00:30Z", title: str = "A title") -> str:
    times = f"<published>2026-07-24T10:00:00Z</published><updated>{updated}</updated>"
    ids = f"<yt:videoId>{video}</yt:videoId><yt:channelId>{CHANNEL}</yt:channelId>"
    return f"<entry>{ids}<title>{title}</title>{times}</entry>"


@pytest.mark.parametrize(
    ("updated", "action", "time_ms"),
    [
        ("2026-07-24T10:00:30Z", "add", PUBLISHED_MS),
        ("2026-07-24T11:00:00Z", "add", PUBLISHED_MS),
        ("2026-07-24T11:00:01Z", "edit", PUBLISHED_MS + 3_601_000),
        ("", "add", PUBLISHED_MS),
    ],
)
def test_an_update_long_after_the_upload_is_an_edit(updated: str, action: str, time_ms: int) -> None:
    """Within the hour it is still the upload, at the time of publication."""
    found = Reader("youtube", CHANNEL).one(feed(entry(updated=updated)))
    assert (found.action, found.time_ms, found.own) == (action, time_ms, True)


def test_every_entry_of_a_feed_is_read_for_itself() -> None:
    """One that lacks its id is kept alone, as a feed that can be read again."""
    reader = Reader("youtube", CHANNEL)
    gone = '<at:deleted-entry ref="yt:video:v2" when="2026-07-24T10:00:00Z"/>'
    good, broken, removed = reader.outcomes(feed(entry(), "<entry><title>t</title></entry>", gone))
    assert isinstance(good, Counted)
    assert isinstance(removed, Counted)
    assert (removed.interaction.action, removed.interaction.post) == ("remove", "v2")
    assert isinstance(broken, Unreadable)
    (again,) = reader.outcomes(broken.item)
    assert isinstance(again, Unreadable)
    assert (again.reason, again.item) == ("missing_field", broken.item)


def test_a_channel_of_somebody_else_is_not_ours() -> None:
    """By the channel in the entry."""
    assert Reader("youtube", "UC-2").one(feed(entry())) == "not_ours"


BOMB = '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">{}]>'.format(
    "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "&a;" * 10}">' for n in range(9))
)


@pytest.mark.parametrize(
    "body",
    [
        feed(entry(title="&a8;"), head=BOMB),
        feed(entry(title="&x;"), head='<!DOCTYPE b [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        feed(head='<!DOCTYPE b SYSTEM "https://example.org/b.dtd">'),
        feed("<entry>" * 40 + "</entry>" * 40),
        feed("<a>" * 200_000 + "</a>" * 200_000),
        feed(entry())[:-3],
        b'<?xml version="1.0" encoding="no-such"?><feed/>',
        b"\xff\xfe<\x00",
        b"<rss/>",
        b"{}",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_hostile_xml_is_unreadable_at_once(body: bytes) -> None:
    """Entities are not expanded, nothing is fetched, nothing nests without end."""
    with pytest.raises(UnreadableError):
        Reader("youtube", CHANNEL).outcomes(body)


def ask(connection: Connection = OURS, **asked: str) -> tuple[bytes, Lease | None]:
    """The answer to a handshake."""
    request = {"hub.mode": "subscribe", "hub.topic": TOPIC, "hub.challenge": "abc"}
    request |= {f"hub.{name}": value for name, value in asked.items()}
    answer = SOURCES["youtube"].answer(Delivery(b"", {}, method="GET", query=urlencode(request)), connection)
    return answer.body, answer.lease


def test_a_subscription_of_ours_is_confirmed_with_its_lease() -> None:
    """The challenge comes back; how long it stands is known, and never longer than a hub gives."""
    assert ask(lease_seconds="432000") == (b"abc", Lease(CHANNEL, 432_000))
    assert ask(lease_seconds="9" * 12) == (b"abc", Lease(CHANNEL, 30 * 86_400))
    assert ask(lease_seconds="soon") == (b"abc", None)
    assert ask(topic=TOPIC.replace("/xml", "")) == (b"abc", None)
    assert ask(mode="denied") == (b"", None)


def test_nobody_else_can_end_a_subscription_of_ours() -> None:
    """The end of one is confirmed only for a channel that the connection no longer names."""
    with pytest.raises(RefusedError, match="unknown_topic"):
        ask(mode="unsubscribe")
    assert ask(replace(OURS, accounts=frozenset({"UC-2"})), mode="unsubscribe") == (b"abc", None)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"topic": TOPIC + "2"}, "unknown_topic"),
        ({"topic": TOPIC + "&channel_id=UC-2"}, "unknown_topic"),
        ({"topic": f"https://evil.example/xml/feeds/videos.xml?channel_id={CHANNEL}"}, "unknown_topic"),
        ({"topic": "https://["}, "unknown_topic"),
        ({"mode": "publish"}, "wrong_mode"),
        ({"challenge": ""}, "missing_challenge"),
        ({"challenge": "a" * 513}, "malformed_challenge"),
    ],
)
def test_a_handshake_about_anything_else_is_refused(asked: dict[str, str], reason: str) -> None:
    """And the challenge is not echoed."""
    with pytest.raises(RefusedError, match=reason):
        ask(**asked)


def test_a_verify_token_is_asked_for_where_there_is_one() -> None:
    """Google's hub passes it on."""
    guarded = replace(OURS, verify_token=Secret("hush"))
    assert ask(guarded, verify_token="hush")[0] == b"abc"
    with pytest.raises(RefusedError, match="wrong_token"):
        ask(guarded)
