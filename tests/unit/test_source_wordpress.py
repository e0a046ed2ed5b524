"""WordPress.com beyond the corpus: guests, threads, times, what is hidden, and the secret in the address."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import RefusedError, UnreadableError
from pipeline.settings import Secret
from pipeline.sources.delivery import Delivery
from pipeline.sources.outcomes import Unreadable
from pipeline.sources.registry import SOURCES
from pipeline.sources.signatures import verify
from pipeline.sources.wordpress import MOST_FIELDS, PIECE
from tests.reading import Reader

SITE = "example.wordpress.com"


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


def comment(**fields: str) -> bytes:
    return form(hook="comment_post", **{"comment_ID": "15", "comment_post_ID": "42"} | fields)


def site() -> Reader:
    return Reader("wordpress", SITE, brand=["1"])


@pytest.mark.parametrize(
    ("fields", "actor", "own"),
    [
        ({"user_id": "7", "comment_author": "Ann"}, "7", False),
        ({"user_id": "1"}, "1", True),
        ({"user_id": "0", "comment_author_email": "Ann@A.example "}, "email:ann@a.example", False),
        ({"user_id": "0", "comment_author": "1"}, "name:1", False),
        ({"user_id": "0", "comment_author": "A\ufffd"}, None, False),
        ({}, None, False),
    ],
)
def test_a_guest_is_never_taken_for_a_user(fields: dict[str, str], actor: str | None, own: bool) -> None:
    """Whatever he calls himself."""
    found = site().one(comment(**fields))
    assert (found.actor, found.own) == (actor, own)


def test_a_reply_names_the_comment_that_it_answers() -> None:
    """A parent of 0 is none."""
    assert site().one(comment(comment_parent="3")).parent == f"{SITE}/?p=42#comment-3"
    assert site().one(comment(comment_parent="0")).parent is None


def test_only_a_time_in_utc_is_a_time() -> None:
    """Local time without its zone may be hours off."""
    assert site().one(comment(comment_date_gmt="2026-07-24 10:00:00")).time_ms == 1_784_887_200_000
    assert site().one(comment(comment_date="2026-07-24 10:00:00")).time_from == "received"
    assert site().one(comment(comment_date_gmt="0000-00-00 00:00:00")).time_from == "received"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (comment(comment_approved="spam"), "moderation"),
        (comment(comment_approved="trash"), "moderation"),
        (comment(comment_type="pingback"), "mention"),
        (form(hook="publish_podcast", ID="1"), "unsupported_item"),
    ],
)
def test_what_counts_for_nothing_says_why(body: bytes, reason: str) -> None:
    """A comment that waits for approval counts: nothing would tell of the approval."""
    assert site().one(body) == reason
    assert site().one(comment(comment_approved="0")).kind == "comment"


def test_a_post_has_title_text_picture_and_address() -> None:
    """HTML becomes text."""
    content = "<p>x</p><img src='a'>"
    fields = {"post_title": "A &amp; B", "post_content": content, "guid": "https://a.example/?p=42"}
    found = site().one(form(hook="publish_post", ID="42", **fields))
    assert (found.text, found.media, found.url, found.own) == ("A & B\nx", "image", "https://a.example/?p=42", True)


def test_what_lacks_a_number_is_kept_as_a_form_that_can_be_read_again() -> None:
    """With every field, decoded and encoded anew."""
    (broken,) = site().outcomes(form(hook="comment_post", comment_ID="15", comment_content="a&b=é"))
    assert isinstance(broken, Unreadable)
    assert site().one(broken.item + b"&comment_post_ID=42").text == "a&b=é"


@pytest.mark.parametrize("body", [b"", b"{}", b"ID=1", b"\xff=1", b"hook=comment_post" + b"&a=1" * 500])
def test_what_is_no_form_is_unreadable(body: bytes) -> None:
    """No `hook`, no UTF-8, too many fields."""
    with pytest.raises(UnreadableError):
        site().outcomes(body)


@pytest.mark.parametrize(
    ("tail", "reason"), [("", "missing_token"), ("wrong", "wrong_token"), ("0123456789abcdeF/", "wrong_token")]
)
def test_the_secret_is_the_end_of_the_address(tail: str, reason: str) -> None:
    """Any of the connection's secrets, and nothing besides."""
    secrets = (Secret("newest-secret-of-this"), Secret("0123456789abcdeF"))
    verify("path", Delivery(b"", {}, tail="0123456789abcdeF"), secrets, 0)
    with pytest.raises(RefusedError, match=reason):
        verify("path", Delivery(b"", {}, tail=tail), secrets, 0)


def test_a_secret_that_could_be_guessed_or_escaped_is_refused() -> None:
    """It stands in an address."""
    check = SOURCES["wordpress"].check_secret
    assert check(Secret("0123456789abcdef")) is None
    assert check(Secret("short")) is not None
    assert check(Secret("0123456789 abcdef")) is not None
    assert check(Secret("0123456789/abcdef")) is not None


@settings(max_examples=300)
@given(st.lists(st.sampled_from(["a", "%", "%3", "%C3%A9", "%c3", "=", "&", "+", "é", "%zz", "b%41"]), max_size=30))
def test_a_form_is_read_as_the_library_reads_it(parts: list[str]) -> None:
    """Of a field that stands twice the first counts; escapes that are none stay, halves of letters are replaced."""
    body = f"hook=publish_post&{''.join(parts)}"
    expected = parse_qsl(body, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    assert SOURCES["wordpress"].parse(Delivery(body.encode(), {})) == dict(reversed(expected))


@pytest.mark.parametrize("before", range(PIECE - 8, PIECE + 2))
def test_a_long_field_is_the_same_wherever_it_is_taken_apart(before: int) -> None:
    """No escape is cut, and no letter of two bytes."""
    value = "a" * before + "éb" * PIECE + "%"
    body = f"hook=publish_post&post_content={'a' * before}{'%C3%A9b' * PIECE}%"
    assert SOURCES["wordpress"].parse(Delivery(body.encode(), {}))["post_content"] == value
