"""Records as aiokafka's parser (in C) gives them, without the ConsumerRecord that it makes of each in Python.

A tenth of the worker's time went into those objects, of which we read offset, timestamp and value: the parser's own
records have the three. One method of aiokafka is replaced; where a release does not have it any more, the worker says
so at its start.
"""

from __future__ import annotations

from typing import Any

from aiokafka.consumer import fetcher

from pipeline.errors import StateError


def use_parsers_records() -> None:
    """Hand on the parser's records in this process. Raises StateError for an aiokafka that is built differently."""
    if not hasattr(fetcher.PartitionRecords, "_consumer_record"):
        raise StateError(
            "aiokafka has no PartitionRecords._consumer_record; expected a release that requirements.lock names"
        )
    fetcher.PartitionRecords._consumer_record = _as_it_is


def _as_it_is(_self: Any, _tp: Any, record: Any) -> Any:
    return record
