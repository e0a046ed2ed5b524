"""How an account or a post is named on the command line: `PLATFORM:ID`, or `PLATFORM ID`."""

from __future__ import annotations

from pipeline.errors import QueryError
from pipeline.reading.rankings import check_platform


def parse_name(first: str, second: str | None = None) -> tuple[str, str]:
    """Platform and id; an id may hold colons, a platform none. Raises QueryError."""
    platform, colon, entity_id = first.partition(":") if second is None else (first, ":", second)
    if not colon or not entity_id:
        raise QueryError(f"name is {first[:100]!r}; expected PLATFORM:ID or PLATFORM ID, such as facebook:1234")
    return check_platform(platform), entity_id
