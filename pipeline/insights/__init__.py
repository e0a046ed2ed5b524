"""What makes people talk, and who stays silent: pure functions of the posts of an account and what was said there."""

from pipeline.insights.analysis import analyse
from pipeline.insights.answers import (
    Comparison,
    Considered,
    Hour,
    Insights,
    Method,
    Rate,
    Rates,
    Silence,
    Starter,
    Word,
    Words,
)
from pipeline.insights.facts import AccountFacts, PostFacts, Said

__all__ = [
    "AccountFacts",
    "Comparison",
    "Considered",
    "Hour",
    "Insights",
    "Method",
    "PostFacts",
    "Rate",
    "Rates",
    "Said",
    "Silence",
    "Starter",
    "Word",
    "Words",
    "analyse",
]
