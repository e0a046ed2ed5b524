"""What the demo ends with for each account: does it answer, who waits, who stays silent, what makes people talk."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from pipeline.cli.sparklines import ratio, replied_within, thousands
from pipeline.cli.tables import percent
from pipeline.insights import Comparison, Insights
from pipeline.local.scoreboard import silence_of, span
from pipeline.local.simulator.brands import Brand
from pipeline.logs import printable
from pipeline.reading import Numbers, Reader, UnansweredQueue

OLDEST_SHOWN = 3
WORDS_SHOWN = 6
#: A line is cut here, whatever somebody wrote.
WIDTH = 100
_HEAD = 11


@dataclass(frozen=True)
class Finding:
    """An account, as it is read by anybody."""

    brand: Brand
    numbers: Numbers
    queue: UnansweredQueue
    insights: Insights


async def read_finding(reader: Reader, brand: Brand) -> Finding:
    """Raises NotFoundError where nothing of the brand was counted."""
    place = (brand.platform, brand.account)
    return Finding(
        brand,
        await reader.account(*place),
        await reader.unanswered(*place, limit=OLDEST_SHOWN),
        await reader.insights(*place),
    )


def as_text(finding: Finding, width: int = WIDTH) -> Text:
    """A heading and six to nine lines, none longer than `width`."""
    brand = finding.brand
    lines = [Text.assemble((brand.name, "bold"), (f"  {brand.platform} {brand.account}", "dim"))]
    lines.append(_line("answers", _answers(finding.numbers)))
    lines += _waiting(finding.queue)
    lines.append(_line("silent", _silent(finding.insights)))
    lines.append(_line("questions", _questions(finding.insights.question)))
    lines.append(_line("words", _words(finding.insights)))
    for line in lines:
        line.truncate(min(width, WIDTH), overflow="ellipsis")
    return Text("\n").join(lines)


def _line(name: str, said: str) -> Text:
    return Text.assemble((f"  {name:<{_HEAD}}", "dim"), printable(said))


def _answers(numbers: Numbers) -> str:
    if not numbers.answered:
        return f"none of {thousands(numbers.comments)} comments"
    return (
        f"{percent(numbers.reply_rate)} of {thousands(numbers.comments)} comments, half of them "
        f"{replied_within(numbers.reply_median_ms)}, nine in ten {replied_within(numbers.reply_p90_ms)}"
    )


def _waiting(queue: UnansweredQueue) -> list[Text]:
    if not queue.waiting:
        return [_line("waiting", "nobody")]
    lines = [_line("waiting", f"{thousands(queue.waiting)} comments, the oldest for {span(queue.oldest_waits_ms)}")]
    for comment in queue.comments:
        text = "(no text)" if comment.text is None else comment.text
        lines.append(Text.assemble(f"  {'':<{_HEAD}}", (f"{span(comment.waits_ms):>5}  ", "yellow"), printable(text)))
    return lines


def _silent(insights: Insights) -> str:
    silence = silence_of(insights)
    if silence is None or silence.silent_share is None:
        return (silence.note if silence else None) or "unknown"
    each = "" if silence.followers_per_engaged is None else f", one of {silence.followers_per_engaged:,.0f}"
    people = thousands(silence.engaged)
    bound, unknown = ("at most ", ", besides unknown likers") if silence.at_most else ("", "")
    return (
        f"{bound}{percent(silence.silent_share)} of {insights.followers or 0:,} followers; {people} people did "
        f"something{unknown or each}"
    )


def _questions(question: Comparison) -> str:
    posts = f"{question.posts} against {question.other_posts} posts"
    if question.lift is None or question.low is None:
        return f"{question.note}: {posts}"
    interval = f"at least {ratio(question.low)}"
    if question.high is not None:
        interval = f"{ratio(question.low)} to {ratio(question.high)}"
    return f"{ratio(question.lift)} times the comments of statements (95 %: {interval}; {posts})"


def _words(insights: Insights) -> str:
    going = insights.words.conversation
    words = ", ".join(word.word for word in (going or insights.words.common)[:WORDS_SHOWN])
    return f"{words or '-'} ({'more often where people talk' if going else 'said by the most people'})"
