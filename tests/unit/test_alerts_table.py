"""`twoway alerts` in a terminal: whose alert it is can always be read, and why in few words."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from pipeline.alerting.sentences import expired_sentence, sentence
from pipeline.cli.alerts import alerts_table
from pipeline.reading import Alerts
from schemas.alert import Alert, AlertState
from tests.factories import NOON_MS, make_alert

ACCOUNT = "17841400000000306"


def alert(post: str, state: AlertState = "fired", explanation: str | None = None) -> Alert:
    return make_alert(
        rule="ratioed", state=state, platform="instagram", account=ACCOUNT, post=post, value=12.4, threshold=1.0,
        sample=134, explanation=explanation or sentence("ratioed", "post", state, 12.4, None, 1.0, 134),
    )  # fmt: skip


def shown(width: int, *alerts: Alert) -> list[str]:
    found = Alerts(alerts=list(alerts), standing=len(alerts), known=len(alerts), now_ms=NOON_MS)
    console = Console(file=StringIO(), width=width, emoji=False, color_system=None)
    console.print(alerts_table(found))
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 100, 180])
def test_no_id_is_cut_and_none_of_usual_length_is_broken(width: int) -> None:
    """Posts of an account differ in their last digits."""
    posts = [f"17900000000000000{number}" for number in range(10, 14)]
    lines = shown(width, *map(alert, posts))
    assert all(any(post in line.split() for line in lines) for post in posts)
    assert "…" not in "".join(lines)
    assert max(map(len, lines)) <= width


def test_an_id_that_is_longer_than_the_terminal_is_broken_and_stays_whole() -> None:
    """An id may have 1,024 characters."""
    post = "".join(f"{number:04d}" for number in range(200))
    places = "".join(line[23:].split("  ")[0].strip() for line in shown(80, alert(post))[1:])
    assert post in places


def test_why_says_the_numbers_and_not_the_rule_again() -> None:
    """In a pipe each alert is one line."""
    header, first, second, third = shown(
        180, alert("p1"), alert("p1", "cleared"), alert("p1", "cleared", expired_sentence("post"))
    )
    assert header.split() == ["age", "rule", "of", "why"]
    assert first.endswith("instagram:17841400000000306 post p1  12.4 comments a like, of 134 comments and likes")
    assert second.endswith("post p1  12.4 comments a like, of 134 comments and likes")
    assert third.endswith("post p1  for a day too little has happened at this post to say anything")


@pytest.mark.parametrize(("value", "told"), [(12.4, "12.4"), (3.5, "3.5"), (2.0, "2"), (1.256, "1.26"), (120.0, "120")])
def test_a_ratio_is_told_without_idle_zeros(value: float, told: str) -> None:
    assert sentence("ratioed", "post", "fired", value, None, 1.0, 134).startswith(f"{told} comments a like, of 134")
