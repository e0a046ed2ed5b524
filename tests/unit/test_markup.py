"""HTML to text: what a reader sees, in time that no input can stretch."""

from __future__ import annotations

import time

import pytest

from pipeline.sources.markup import LONGEST_HTML, plain_text, shown_in


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


@pytest.mark.parametrize(
    "piece", ["<", "<div>", "<b><p>", "<!--", "&", "<a href=x>", "<script>", "<p ", "</p>", "<table>"]
)
def test_hostile_html_takes_no_time(piece: str) -> None:
    """The longest input of any kind: far below a second, and the text stays within the limit."""
    started = time.process_time()
    text = plain_text(piece * LONGEST_HTML)
    assert time.process_time() - started < 1
    assert len(text or "") <= LONGEST_HTML
