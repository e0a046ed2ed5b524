from collections.abc import Callable, Mapping

from pipeline.counting.labelled import Labelled
from pipeline.counting.object_set import ObjectSet
from pipeline.counting.page import PageParts, Polled
from pipeline.counting.row_table import RowTable
from pipeline.counting.threads import Threads
from pipeline.windows import Windows

NEVER_MS: int
ACTOR_BYTES: int

class Sizes:
    def __init__(self, windows: Windows) -> None: ...

class LivePage:
    entity: str
    platform: str
    id: str
    encoded_id: str
    slot: int
    key: str
    prefix: str
    reference: str
    account: str
    addresses: tuple[str, str, str, str] | None
    told: tuple[bytes, bytes] | None
    engaged_in: tuple[int, tuple[str | int, ...]]
    threads: Threads | None
    labelled: Labelled | None
    members: ObjectSet
    entries: int
    polled: dict[str, Polled]
    first_ms: int
    last_ms: int
    loaded: bool
    new: bool
    renewed: bool
    engaged_renewed: bool
    pruned_hour: int
    weight: int
    touched: bool
    answered: dict[int, int]
    polled_changed: list[str]
    owner: LivePage | None
    dirty: dict[int, None]
    closes_ms: int
    def __init__(self, entity: str, platform: str, entity_id: str, slot: int, key: str) -> None: ...
    def fill(self, parts: PageParts, blob: bytes | None, links: bytes | None, *, exists: bool) -> None: ...
    def engage(self, window: int, actor: str) -> None: ...
    def take_engaged(self) -> dict[int, bytes]: ...
    @property
    def rows(self) -> RowTable: ...
    @rows.setter
    def rows(self, rows: dict[int, int]) -> None: ...
    def count(self, finest: int, column: int, sign: int) -> None: ...
    def mark(self, code: int) -> None: ...
    def take_fields(
        self,
        names: Mapping[int, str],
        texts: Mapping[int, str],
        ratio_text: Callable[[int, int], str],
        answer_fields: Callable[[tuple[int, ...]], tuple[str, ...]],
        extra: list[str],
    ) -> tuple[bytes, list[str], bool]: ...

def sum_up(touched: list[LivePage], sizes: Sizes) -> None: ...
