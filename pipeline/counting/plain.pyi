from collections.abc import Callable, Sequence

from pipeline.counting.fold import Placed
from pipeline.counting.live import LivePage
from pipeline.table.batch import Record

class Plain:
    last_ms: int
    def __len__(self) -> int: ...
    def read(
        self,
        records: Sequence[Record],
        pages: dict[str, LivePage],
        other: Callable[[Record], None],
        first_offset: int,
        future_limit_ms: int,
    ) -> None: ...
    def merge(
        self,
        touched: list[LivePage],
        placed: Sequence[Placed],
        places: Sequence[int],
        take: Callable[[int, Placed], None],
        again: Callable[[int], Placed],
        finest_ms: int,
        kept_ms: int,
        engaged_ms: int,
    ) -> tuple[int, int, list[int]]: ...
