"""An alert in one English sentence, made of its numbers alone: no text and no id from outside gets into it."""

from __future__ import annotations

from schemas.alert import AlertState, Rule
from schemas.engagement import Entity

HOUR_MIN = 60
DAY_MIN = 24 * HOUR_MIN


def sentence(
    rule: Rule, entity: Entity, state: AlertState, value: float, baseline: float | None, threshold: float, sample: int
) -> str:
    """Such as `48 % of 312 interactions were comments, usual are 19 %: more talk than this account is used to.`"""
    if state == "cleared":
        return "Over: " + _CLEARED[rule].format(**_words(entity, value, baseline, threshold, sample))
    more = "more" if baseline is not None and value >= baseline else "less"
    return _FIRED[rule].format(more=more, **_words(entity, value, baseline, threshold, sample))


def expired_sentence(entity: Entity) -> str:
    """What is said of an alert that nobody can say anything of any more."""
    return f"Over: for a day too little has happened at this {entity} to say anything."


_FIRED: dict[Rule, str] = {
    "ratio_shift": "{percent} of {sample} interactions were comments, usual are {usual_percent}: {more} talk than this "
    "{entity} is used to.",
    "ratioed": "{ratio} comments a like, of {sample} comments and likes: this post is talked of more than liked.",
    "queue_growth": "{value:,.0f} comments wait for a reply, usual are {usual:,.0f}.",
    "queue_age": "A comment has waited for its reply for {time}, longer than {time_limit}; {sample} wait altogether.",
    "silent": "The audience has done nothing for {time}; the longest silence that is usual is {time_usual}.",
}
_CLEARED: dict[Rule, str] = {
    "ratio_shift": "{percent} of {sample} interactions were comments, usual are {usual_percent}.",
    "ratioed": "{ratio} comments a like, of {sample} comments and likes.",
    "queue_growth": "{value:,.0f} comments wait for a reply, usual are {usual:,.0f}.",
    "queue_age": "no comment waits for too long, {sample} wait altogether.",
    "silent": "the audience is heard again.",
}


def _words(entity: Entity, value: float, baseline: float | None, threshold: float, sample: int) -> dict[str, object]:
    usual = baseline or 0.0
    return {
        "entity": entity,
        "value": value,
        "ratio": f"{value:.2f}".rstrip("0").removesuffix("."),
        "usual": usual,
        "threshold": threshold,
        "sample": sample,
        "percent": f"{value * 100:.0f} %",
        "usual_percent": f"{usual * 100:.0f} %",
        "time": duration(value),
        "time_usual": duration(usual),
        "time_limit": duration(threshold),
    }


def duration(minutes: float) -> str:
    """`45 min`, `3 h`, `2 h 30 min`, `2 d 3 h`."""
    whole = round(minutes)
    if whole < HOUR_MIN:
        return f"{whole} min"
    if whole < DAY_MIN:
        return _two(whole // HOUR_MIN, "h", whole % HOUR_MIN, "min")
    return _two(whole // DAY_MIN, "d", whole % DAY_MIN // HOUR_MIN, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"
