from collections.abc import Callable, Iterable, Mapping

from pipeline.counting.row_table import RowTable
from pipeline.publishing.record_batch import Batches

class RowRecords:
    def __init__(
        self,
        unanswered: bytes,
        texts: Mapping[int, bytes],
        windows: dict[int, tuple[bytes, bytes]],
        window_parts: Callable[[int], tuple[bytes, bytes]],
    ) -> None: ...
    def of_page(
        self,
        rows: RowTable,
        codes: Iterable[int],
        closed: set[int],
        key: bytes,
        head: bytes,
        still_open: bytes,
        final: bytes,
        out: Batches,
    ) -> None: ...
