"""The parts of an account's insights as tables for a terminal. What comes from outside is escaped."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table

from pipeline.cli.bars import bar, interval
from pipeline.cli.insight_gaps import (
    comparisons_gap,
    followers_gap,
    hours_gap,
    lifts_gap,
    rates_gap,
    silence_gap,
    starters_gap,
    words_gap,
)
from pipeline.cli.sparklines import ratio, thousands
from pipeline.cli.tables import moment, percent, shown
from pipeline.insights import Comparison, Insights, Rate, Silence, Starter, Word

_BAR = 24
#: A lift beyond this is drawn as an arrow: one wild interval must not press all others against the edge.
_LIFT_TOP = 4.0
_WINDOWS = {"all": "ever", "1d": "today", "7d": "in 7 days", "30d": "in 30 days"}
_POST_NAME = 40
#: Below shares of the silent that are bounds.
AT_MOST = "≤: who liked is unknown, so fewer may be silent"


def considered_line(found: Insights) -> str:
    """What was looked at, in a line."""
    seen = found.considered
    comments = f"{thousands(seen.comments)} comments of {seen.comments_days} days"
    return (
        f"[dim]{thousands(seen.posts)} of {thousands(seen.posts_known)} posts, {thousands(seen.labelled)} labelled; "
        f"{comments}{'' if seen.comments_complete else ' (there are more)'}; as of {moment(found.as_of_ms)}[/]"
    )


def rates_table(found: Insights) -> RenderableType:
    """Kaushik's rates, and per 1,000 followers."""
    if gap := rates_gap(found):
        return gap
    rates = found.rates
    table = _table("", "per post", "per 1,000 followers", "")
    for name, rate, of in (
        ("conversation", rates.conversation, "comments"),
        ("amplification", rates.amplification, "shares"),
        ("applause", rates.applause, "likes"),
    ):
        table.add_row(name, ratio(rate.per_post), _relative(rate), f"[dim]{of}[/]")
    return _noted(table, rates.note and rates.note.replace("; ", "\n"))


def silence_table(found: Insights) -> RenderableType:
    """The engaged against the followers: by time, then by kind of post. The engaged alone where there are none."""
    if gap := silence_gap(found):
        return gap
    if gap := followers_gap(found):
        table = _table("", "engaged")
        for one in found.silence:
            table.add_row(_silence_name(one), thousands(one.engaged))
        return _noted(table, gap)
    table = _table(f"of {thousands(found.followers or 0)} followers", "engaged", "silent", "+-", "followers each", "")
    table.columns[-1].justify = "left"
    for one in found.silence:
        table.add_row(
            _silence_name(one),
            thousands(one.engaged),
            silent_share(one),
            "-" if one.silent_error is None else f"{one.silent_error * 100:.2f} %",
            ratio(one.followers_per_engaged),
            f"[dim]{bar(one.silent_share, 1.0, _BAR) if one.engaged else one.note}[/]",
        )
    return _noted(table, AT_MOST if any(one.at_most for one in found.silence) else None)


def silent_share(one: Silence) -> str:
    """`98.9 %`; `≤ 98.9 %` where those who only liked are unknown."""
    return f"≤ {percent(one.silent_share)}" if one.at_most else percent(one.silent_share)


def comparisons_table(found: Insights) -> RenderableType:
    """Open questions first, then the labels: their posts against the others."""
    if gap := comparisons_gap(found):
        return gap
    table = _table("posts with", "posts", "comments each", "others", "each", "lift", f"0 to {_LIFT_TOP:.0f}, ┊ is 1")
    table.columns[-1].justify = "left"
    for one in (found.question, *found.labels):
        table.add_row(
            shown(name_comparison(one)),
            thousands(one.posts),
            ratio(one.comments_per_post),
            thousands(one.other_posts),
            ratio(one.other_comments_per_post),
            f"[bold]{ratio(one.lift)}[/]",
            _interval(one),
        )
    return _noted(table, lifts_gap(found))


def hours_table(found: Insights) -> RenderableType:
    """A bar an hour in which something was published."""
    if gap := hours_gap(found):
        return gap
    table = _table("", "posts", "comments each", "")
    table.columns[-1].justify = "left"
    top = max((hour.comments_per_post or 0.0 for hour in found.hours), default=0.0)
    for hour in found.hours:
        if hour.posts:
            table.add_row(
                f"{hour.hour:02d}",
                thousands(hour.posts),
                ratio(hour.comments_per_post),
                f"[cyan]{bar(hour.comments_per_post, top, _BAR)}[/]",
            )
    return table


def words_lines(found: Insights) -> str:
    """The words in two lines: by people, and those that go with conversation."""
    if gap := words_gap(found):
        return gap
    words = found.words
    common = ", ".join(f"{shown(word.word)} [dim]{word.talkers}[/]" for word in words.common)
    going = ", ".join(_going(word) for word in words.conversation)
    share = "" if words.talked_share is None else f" (of all comments {percent(words.talked_share)})"
    return (
        f"[dim]said by the most people:[/] {common}\n"
        f"[dim]on posts that are talked about{share}:[/] {going or words.note or 'no word stands out'}"
    )


def starters_table(found: Insights) -> RenderableType:
    """A row a post, best first."""
    if gap := starters_gap(found):
        return gap
    table = _table("post", "published", "share", "comments", "people", "likes", "shares", "")
    table.columns[0].max_width, table.columns[0].no_wrap = _POST_NAME, True
    table.columns[-1].justify = "left"
    for one in found.starters:
        table.add_row(
            shown(one.post),
            "-" if one.published_ms is None else _day(one.published_ms),
            percent(one.conversation_share),
            thousands(one.comments),
            thousands(one.talkers),
            "-" if "likes" in one.unknown else thousands(one.likes),
            "-" if "shares" in one.unknown else thousands(one.shares),
            f"[dim]{_labels(one)}[/]",
        )
    return table


def name_comparison(one: Comparison) -> str:
    """`an open question`, `#run`, `video`, `Monday`, `language en`; not yet escaped."""
    if one.label == "question":
        return "an open question"
    return {"hashtag": f"#{one.value}", "language": f"language {one.value}"}.get(one.label, one.value)


def _interval(one: Comparison) -> str:
    if one.lift is None or one.low is None:
        return f"[dim]{one.note or ''}[/]"
    is_sure = one.low > 1 or (one.high is not None and one.high < 1)
    drawn = interval(min(one.low, _LIFT_TOP), min(one.lift, _LIFT_TOP), one.high, _LIFT_TOP, _BAR)
    return f"[{'green' if is_sure else 'yellow'}]{drawn.ljust(_BAR)}[/] {ratio(one.low)} to {ratio(one.high)}"


def _silence_name(one: Silence) -> str:
    if one.of == "account":
        return _WINDOWS.get(one.value, one.value)
    kind = {"open": "open questions", "statement": "statements"}.get(one.value, f"{one.value} posts")
    return f"on {shown(kind)}"


def _labels(one: Starter) -> str:
    parts = ["open question" if one.question else "", one.media or "", *(f"#{shown(tag)}" for tag in one.hashtags[:3])]
    return " ".join(filter(None, parts))


def _going(word: Word) -> str:
    return f"{shown(word.word)} [dim]{percent(word.talked_share)} of {word.comments}[/]"


def _relative(rate: Rate) -> str:
    return ratio(rate.per_1000_followers)


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _noted(table: Table, note: str | None) -> RenderableType:
    """With a sentence below: not as its caption, which would be broken to the table's width."""
    return Group(table, f"[dim italic]{note}[/]") if note else table


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    for number, name in enumerate(names):
        table.add_column(name, justify="right" if number else "left")
    return table
