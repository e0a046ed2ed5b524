"""Holds a page's hash in Redis against the oracle's page.

Every window's row, the row of all time, each other field, each waiting comment and each number of engaged actors is
one row of the report. A row past its retention may still be there: then it must be right; or be gone. A row whose
counts are all 0 may be absent. Fields that the layout does not name are passed over. Engaged actors are estimates
(HyperLogLog, standard error 0.81 %): within six of these they are right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from pipeline.counting.members import hash_id
from pipeline.labels.post import encode_labels, label_post
from pipeline.proving.expected import Counts, ExpectedPage, PageName
from pipeline.proving.snapshot import ENGAGED, WAITS
from pipeline.store.keys import encode_id
from pipeline.store.texts import mark_of, member_of
from pipeline.windows import ALL, ALL_NAME, Windows
from schemas.engagement import COLUMNS, REPLY_BUCKETS

ABSENT = "absent"
ZEROS = ",".join("0" for _ in COLUMNS)
DAY_MS = 86_400_000
#: Six standard errors of Redis' HyperLogLog; of small numbers six, one for each collision in 16,384 registers.
HLL_SHARE, HLL_LEAST = 6 * 0.0081, 6


@dataclass(frozen=True)
class Difference:
    """One row that is not as it must be."""

    page: PageName
    row: str
    expected: str
    found: str


def compare_page(
    name: PageName,
    expected: ExpectedPage,
    found: Mapping[str, str],
    windows: Windows,
    *,
    engaged: Windows | None = None,
    text_ttl_days: int = 30,
    hll_least: int = HLL_LEAST,
) -> tuple[int, list[Difference]]:
    """Rows compared, and those that differ. `found`: a page's hash and what `snapshot.py` puts beside it. `engaged`:
    the windows of engaged actors; `hll_least`: how far off a small number of them may be."""
    compared, differences = 0, []
    for row, must, has in (
        *_count_rows(expected, found, windows),
        *_facts(expected, found),
        *_labels(expected, found),
        *_waiting(expected, found, (text_ttl_days + 1) * DAY_MS),
        *_engaged(expected, found, engaged or windows, hll_least),
    ):
        compared += 1
        if must != has:
            differences.append(Difference(name, row, must, has))
    return compared, differences


def unknown_page(name: PageName, found: Mapping[str, str]) -> Difference:
    """A page in Redis of which the topic holds no event."""
    counts = ",".join(found.get(column, "0") for column in COLUMNS)
    return Difference(name, "page", ABSENT, counts)


def _count_rows(expected: ExpectedPage, found: Mapping[str, str], windows: Windows) -> Iterator[tuple[str, str, str]]:
    yield ALL_NAME, _text(expected, ALL), row_of_all_time(found)
    seen: set[str] = set()
    for code in expected.rows:
        if code == ALL:
            continue
        field = windows.field(code)
        seen.add(field)
        if field in found or windows.is_kept(code, expected.last_ms):
            yield field, _text(expected, code), canonical_row(found.get(field, ZEROS))
    for field, text in found.items():
        if field not in seen and _names_window(field, windows):
            yield field, ZEROS, canonical_row(text)


def _facts(expected: ExpectedPage, found: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    yield "first_ms", str(expected.first_ms), found.get("first_ms", ABSENT)
    yield "last_ms", str(expected.last_ms), found.get("last_ms", ABSENT)
    if expected.account is not None:
        yield "account", expected.account, found.get("account", ABSENT)
    yield "comment_to_like", _ratio(expected.rows[ALL]), _canonical_ratio(found.get("comment_to_like", "null"))
    numbers = {f"polled:{number}": f"{value},{time_ms}" for number, (value, time_ms) in expected.polled.items()}
    for field, must in numbers.items():
        yield field, must, found.get(field, ABSENT)
    for field, has in found.items():
        if field.startswith("polled:") and field not in numbers:
            yield field, ABSENT, has


def _names_window(field: str, windows: Windows) -> bool:
    """Whether the field looks like a window's row; one whose start cannot be read is a row that must not be."""
    try:
        return windows.code(field) is not None
    except ValueError:
        return True


def _labels(expected: ExpectedPage, found: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    published = expected.published
    if published is None:
        yield "labels", ABSENT, found.get("labels", ABSENT)
        return
    yield "published_ms", str(published.first_ms), found.get("published_ms", ABSENT)
    yield "labelled_ms", str(published.newest_ms), found.get("labelled_ms", ABSENT)
    moment = datetime.fromtimestamp(published.first_ms / 1000, UTC)
    hour, weekday = moment.hour, moment.weekday()
    possible = {encode_labels(replace(label_post(one), hour=hour, weekday=weekday)) for one in published.newest}
    yield "labels", max(possible).decode(), found.get("labels", ABSENT)


def _waiting(expected: ExpectedPage, found: Mapping[str, str], kept_ms: int) -> Iterator[tuple[str, str, str]]:
    """The queue: what waited longer than texts are kept may be gone."""
    waiting = {
        WAITS + member_of(mark_of(hash_id(comment)), encode_id(post)): time_ms
        for (post, comment), time_ms in expected.waiting.items()
    }
    for field, time_ms in waiting.items():
        if field in found or time_ms > expected.last_ms - kept_ms:
            yield field, str(time_ms), found.get(field, ABSENT)
    for field, has in found.items():
        if field.startswith(WAITS) and field not in waiting:
            yield field, ABSENT, has


def _engaged(
    expected: ExpectedPage, found: Mapping[str, str], windows: Windows, least: int
) -> Iterator[tuple[str, str, str]]:
    """Distinct actors of the windows that are kept and that were asked for."""
    for field, has in found.items():
        code = field.removeprefix(ENGAGED)
        if code == field or not windows.is_kept(int(code), expected.last_ms):
            continue
        must = expected.engaged.get(int(code), 0)
        near = abs(int(has) - must) <= max(least, HLL_SHARE * must)
        yield field, has if near else str(must), has


def _text(expected: ExpectedPage, code: int) -> str:
    """A row as Redis must show it."""
    counts, times = expected.rows[code], expected.times.get(code, ())
    return canonical_row(",".join(map(str, (*counts, sum(times), *times))))


def row_of_all_time(found: Mapping[str, str]) -> str:
    """A page's plain fields as a row."""
    counts = [found.get(column, "0") for column in COLUMNS]
    if "reply_times" in found:
        counts += found.get("answered", "0"), found["reply_times"]
    return canonical_row(",".join(counts))


def canonical_row(text: str) -> str:
    """All columns, and the answers only where there are any; what later versions append is passed over."""
    parts = text.split(",")[: len(COLUMNS) + 1 + REPLY_BUCKETS]
    counts, answers = parts[: len(COLUMNS)], parts[len(COLUMNS) :]
    while answers and answers[-1] == "0":
        answers.pop()
    return ",".join([*counts, *["0"] * (len(COLUMNS) - len(counts)), *answers])


def _ratio(counts: Counts) -> str:
    likes, comments, *_ = counts
    return repr(round(comments / likes, 6)) if likes else "null"


def _canonical_ratio(text: str) -> str:
    """A ratio's text in Python's shortest form (1e-6 and 1e-06 are the same number); other text as it stands."""
    try:
        return repr(float(text))
    except ValueError:
        return text
