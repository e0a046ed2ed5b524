"""Takes a file of interactions into the topic, and says what it refused and why.

Actors become pseudonyms by the gateway's own hash, also in the ids of likes: the same person's like from a file and
from a webhook is one like.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from pipeline.clock import Clock, wall_clock
from pipeline.feeding.lines import Format, Line
from pipeline.feeding.portions import read_portions
from pipeline.feeding.refusals import TIME_TOO_OLD, day_of
from pipeline.feeding.sender import Sender, open_sender
from pipeline.settings import Settings
from pipeline.sources.context import Pseudonym
from schemas.interaction import LONGEST_ID, Interaction, decode_interaction, encode_interaction
from schemas.rejected import Rejected

REFUSALS_SHOWN = 20
#: Names of unknown fields that are remembered: a file may have another one in each line.
UNKNOWN_KEPT = 50
#: A record in base64 stays below Kafka's largest message, 1 MiB.
KEPT_BYTES_MAX = 500_000
#: Header of a kept line whose actor is still as the platform has it.
RAW_ACTORS = {"x-actors": "raw"}
#: 2000-01-01: no platform is older, and seconds in place of milliseconds lie in January 1970.
OLDEST_MS = 946_684_800_000
#: The one thing that a pseudonym can break: `<post>/<pseudonym>`, where the actor was shorter.
TOO_LONG = (
    f"`post` is too long for the like's `id`, `post`/pseudonym; expected an `id` of 1 to {LONGEST_ID:,} characters"
)
ONLY_ADDED = "expected add: totals are absolute, the newest stand"


@dataclass
class FeedReport:
    """`refusals` holds the first refused lines, `refused` the number of all by reason, `kept` how many of them lie in
    `interactions.rejected`, `unknown` the fields that no interaction has (the first UNKNOWN_KEPT names)."""

    sent: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    refusals: list[Line] = field(default_factory=list)
    kept: int = 0
    unknown: set[str] = field(default_factory=set)

    @property
    def all_sent(self) -> bool:
        return not self.refused


@dataclass(frozen=True)
class FeedOptions:
    """How to read the file. `stop`: at the first line refused. `keep`: send refused lines to `interactions.rejected`.
    `pseudonym` None: the actors already are pseudonyms. `old_times`: what happened before OLDEST_MS is no mistake."""

    name: str = "-"
    form: Format = "auto"
    pseudonym: Pseudonym | None = None
    stop: bool = False
    keep: bool = False
    shown: int = REFUSALS_SHOWN
    old_times: bool = False


async def feed(
    settings: Settings,
    lines: Iterable[bytes],
    options: FeedOptions,
    progress: Callable[[int], None] | None = None,
    clock: Clock = wall_clock,
) -> FeedReport:
    """Send every line that is an interaction, of a stream at once. `progress` is called with the number of lines read
    now and then."""
    report = FeedReport()
    async with open_sender(settings) as sender:
        async for portion in read_portions(lines, options.form):
            if not portion:  # whoever writes them may take hours to the next
                await sender.flush()
            latest_ms = clock() + settings.future_limit_s * 1000
            for line in portion:
                await _take(line, report, options, sender, clock, latest_ms)
                if options.stop and report.refused:
                    return report
            if progress and portion:
                progress(portion[-1].number)
    return report


async def _take(
    line: Line, report: FeedReport, options: FeedOptions, sender: Sender, clock: Clock, latest_ms: int
) -> None:
    if line.unknown and len(report.unknown) < UNKNOWN_KEPT:
        report.unknown.update(line.unknown[:UNKNOWN_KEPT])
    timely = line if options.old_times else refuse_old(line, latest_ms)
    checked = check_line(timely, latest_ms, options.pseudonym)
    if checked.interaction is None:
        await _refuse(checked, report, options, sender, clock)
    else:
        await sender.send(checked.interaction)
        report.sent += 1


def refuse_old(line: Line, latest_ms: int) -> Line:
    """The line; or refused where its time lies so long ago that it most likely is no time in milliseconds."""
    if line.interaction is None or line.interaction.time_ms >= OLDEST_MS:
        return line
    time_ms = line.interaction.time_ms
    is_seconds = OLDEST_MS <= time_ms * 1000 <= latest_ms
    expected = "milliseconds since 1970 (seconds?)" if is_seconds else f"{day_of(OLDEST_MS)} or later"
    detail = f"`time_ms` is {time_ms}, which is {day_of(time_ms)}; expected {expected}, or --old-times"
    return Line(line.number, line.raw, reason=TIME_TOO_OLD, detail=detail)


def check_line(line: Line, latest_ms: int, pseudonym: Pseudonym | None) -> Line:
    """The line with its interaction as it is sent; or refused where a worker would reject it."""
    if line.interaction is None:
        return line
    if line.interaction.time_ms > latest_ms:
        time_ms = line.interaction.time_ms
        detail = (
            f"`time_ms` is {time_ms}, which is {day_of(time_ms)}; "
            f"expected {latest_ms} at the most, TWOWAY_FUTURE_LIMIT_S from now"
        )
        return Line(line.number, line.raw, reason="time_in_future", detail=detail)
    if line.interaction.kind == "totals" and line.interaction.action != "add":
        return Line(
            line.number, line.raw, reason="schema", detail=f"`action` is {line.interaction.action!r}; {ONLY_ADDED}"
        )
    if pseudonym is None:
        return line
    try:
        return Line(line.number, line.raw, pseudonymise(line.interaction, pseudonym))
    except msgspec.ValidationError:
        return Line(line.number, line.raw, reason="schema", detail=TOO_LONG)


def pseudonymise(interaction: Interaction, pseudonym: Pseudonym) -> Interaction:
    """The interaction without the platform's name of its actor, also in a like's id.

    Raises msgspec.ValidationError where that makes the id too long.
    """
    if interaction.actor is None:
        return interaction
    shown = pseudonym(interaction.platform, interaction.actor)
    object_id = f"{interaction.post}/{shown}" if interaction.kind == "like" else interaction.id
    return decode_interaction(encode_interaction(msgspec.structs.replace(interaction, actor=shown, id=object_id)))


async def _refuse(line: Line, report: FeedReport, options: FeedOptions, sender: Sender, clock: Clock) -> None:
    report.refused[line.reason] += 1
    if len(report.refusals) < options.shown:
        report.refusals.append(line)
    if options.keep and 0 < len(line.raw) <= KEPT_BYTES_MAX:
        rejected = Rejected(
            stage="feed",
            reason=line.reason,
            detail=line.detail[:1000],
            time_ms=clock(),
            source=f"{options.name}:{line.number}"[-512:],
            bytes=line.raw,
            headers=RAW_ACTORS if options.pseudonym else {},
        )
        await sender.reject(rejected)
        report.kept += 1
