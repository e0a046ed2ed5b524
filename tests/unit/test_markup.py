"""HTML to text: what a reader sees, in time that no input can stretch."""

from __future__ import annotations

import resource

import pytest

from pipeline.sources.markup import LONGEST_HTML, plain_text, shown_in
from tests.yardstick import takes_less

#: For how long the longest markup may be read, in yards.
MOST_YARDS = 5


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>Our <b>new</b> post &amp; more</p>", "Our new post & more"),
        ("<p>one</p><p>two<br>three<br/>four</p>", "one\ntwo\nthree\nfour"),
        ('<a href="https://a.example"><span class="invisible">https://</span><span>a.example</span></a>', "https://a.example"),
        ("1 &lt; 2 and 3 < 4", "1 < 2 and 3 < 4"),
        ("seen<script>alert(1)</script><style>p{}</style>", "seen"),
        ("a&nbsp; b\n  c", "a b\nc"),
        ("<p></p>", None),
        ("", None),
        (None, None),
    ],
)  # fmt: skip
def test_text_is_what_a_reader_sees(markup: str | None, expected: str | None) -> None:
    """Tags vanish, paragraphs become lines, entities become letters, scripts are not text."""
    assert plain_text(markup) == expected


@pytest.mark.parametrize(
    ("markup", "media"),
    [
        ("<p>words</p>", None),
        ('<figure><IMG src="a"></figure>', "image"),
        ('<img src="a"><img src="b">', "album"),
        ('<img src="a"><video src="b"></video>', "video"),
        ("<audio></audio>", "audio"),
        ("<imgs>", None),
        (None, None),
    ],
)
def test_what_html_shows(markup: str | None, media: str | None) -> None:
    """Several pictures are an album, a video tells more than a picture."""
    assert shown_in(markup) == media


OPEN = "<p>" + "".join(f"<b {number:x}>" for number in range(500))
ATTRIBUTES = " ".join(map(chr, range(0xA1, 0x1000)))


@pytest.mark.parametrize(
    "markup",
    [
        OPEN + "<p>x" * LONGEST_HTML,
        OPEN.replace("b", "FONT") + "x<dd>" * LONGEST_HTML,
        f"<p><i {ATTRIBUTES}>" + "<p>x" * LONGEST_HTML,
        f"<p {ATTRIBUTES}>x",
        "".join(f"<html {number:x}>x" for number in range(2_000)),
        "<b><p>x</b>" * 2_000,
        "<ul><li>x" * 2_000,
        "<div>" * 1_000 + "x</p>" * 1_000,
        "<table>" + "<br>" * 1_400 + "x&" * LONGEST_HTML,
        "<svg><desc>x" * 2_000,
        "<template><td>x" * 2_000,
        "<select><optgroup><option>x" * 2_000,
        "x&amp;" * LONGEST_HTML,
        "&" * LONGEST_HTML,
    ],
    ids=lambda markup: ascii(markup[:9]),
)
def test_no_html_takes_more_than_a_few_milliseconds_and_megabytes(markup: str) -> None:
    """Formatting that was not closed began anew in every paragraph: 32 KB took seconds and 600 MB."""
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text = plain_text(markup)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_kb < 30_000
    assert text is None or len(text) <= LONGEST_HTML
    assert takes_less(lambda: plain_text(markup), MOST_YARDS)


def test_formatting_leaves_its_text_wherever_it_ends() -> None:
    """Well nested or not, closed or not."""
    nested = '<p>Our <strong>new <a href="https://a.example" title="1 > 0">post</a></strong></p><p><i>more</i></p>'
    assert plain_text(nested) == "Our new post\nmore"
    assert plain_text("<b>one<p>two</b>three</p><i/>four<B>five") == "one\ntwothree\nfourfive"


def test_html_is_read_up_to_its_1500th_tag() -> None:
    assert plain_text("x<br>" * 1_502) == "\n".join("x" * 1_501)


@pytest.mark.parametrize(
    "piece", ["<", "<div>", "<b><p>", "<!--", "&", "<a href=x>", "<script>", "<p ", "</p>", "<table>"]
)
def test_hostile_html_takes_no_time(piece: str) -> None:
    """The longest input of any kind; the text stays within the limit."""
    assert takes_less(lambda: plain_text(piece * LONGEST_HTML), MOST_YARDS)
    assert len(plain_text(piece * LONGEST_HTML) or "") <= LONGEST_HTML
