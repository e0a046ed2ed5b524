"""What `twoway unanswered` says of a queue, and what has changed between two looks."""

from __future__ import annotations

from io import StringIO

import pytest
from msgspec.structs import replace
from rich.console import Console

from pipeline.cli.unanswered import Look, Seen, queue_table, sentence
from pipeline.reading import UnansweredQueue, WaitingComment
from pipeline.reading.replying import replying


def queue(*names: str) -> UnansweredQueue:
    """A queue in which these comments wait, the first for two hours."""
    comments = [
        WaitingComment(post="p", mark=16 * name, id=name, actor=None, parent=None, time_ms=1, waits_ms=0, text=None)
        for name in names
    ]
    return UnansweredQueue(
        platform="x", account="a", waiting=len(names), oldest_ms=1, oldest_waits_ms=7_200_000, comments=comments,
        next=None, kept_days=30, now_ms=7_200_001,
    )  # fmt: skip


def test_what_left_the_list_is_over() -> None:
    """Between two looks; the first look finds everything new."""
    seen = Seen()
    assert [one.id for one in seen.take(queue("a", "b"))[0]] == ["a", "b"]
    new, gone = seen.take(queue("b", "c"))
    assert ([one.id for one in new], [one.id for one in gone]) == (["c"], ["a"])


@pytest.mark.parametrize("width", [60, 80, 120])
def test_only_the_text_gives_way_to_a_narrow_terminal(width: int) -> None:
    """How long, where and who are whole."""
    (comment,) = queue("a").comments
    long = replace(
        comment, post="1234567890_1234567890", actor="0123456789abcdef", waits_ms=7_200_000, text="very " * 56
    )
    output = StringIO()
    Console(file=output, width=width, emoji=False).print(queue_table([long]))
    row = output.getvalue().splitlines()[1]
    assert row.split()[:5] == ["2", "h", "1234567890_1234567890", "01234567…", "very"]
    assert row.rstrip().endswith("…")


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (Look(queue(), None), "No comment waits for a reply."),
        (Look(queue("a"), replying(0, ())), "1 comment waits for a reply, for 2 h. Today: no comments."),
        (
            Look(queue("a", "b"), replying(3, ())),
            "2 comments wait for a reply, the oldest for 2 h. Today: 0 of 3 comments answered (0.0 %).",
        ),
        (
            Look(queue("a", "b"), replying(1, (0, 0, 0, 0, 1))),
            "2 comments wait for a reply, the oldest for 2 h. "
            "Today: 1 of 1 comment answered (100.0 %), half of them within 5 m, 90 % within 5 m.",
        ),
    ],
)
def test_the_sentence_tells_who_waits_and_how_today_is_answered(look: Look, said: str) -> None:
    """Without comments there is no rate, without answers no time."""
    assert sentence(look) == said
