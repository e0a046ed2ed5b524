"""Reading: `Reader` (asyncio) and `Client` (notebooks, scripts) answer questions about posts and accounts."""

from pipeline.reading.alerts import Alerts
from pipeline.reading.answers import Denominators, Numbers, PolledTotal, Ranking, Series, SeriesRow
from pipeline.reading.client import Client
from pipeline.reading.origins import Origin
from pipeline.reading.reader import Reader
from pipeline.reading.replying import Replying
from pipeline.reading.unanswered import UnansweredQueue, WaitingComment

__all__ = [
    "Alerts",
    "Client",
    "Denominators",
    "Numbers",
    "Origin",
    "PolledTotal",
    "Ranking",
    "Reader",
    "Replying",
    "Series",
    "SeriesRow",
    "UnansweredQueue",
    "WaitingComment",
]
