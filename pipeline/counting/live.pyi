from pipeline.counting.labelled import Labelled
from pipeline.counting.object_set import ObjectSet
from pipeline.counting.page import PageParts, Polled
from pipeline.counting.threads import Threads

NEVER_MS: int
ACTOR_BYTES: int

class LivePage:
    entity: str
    platform: str
    id: str
    slot: int
    key: str
    prefix: str
    reference: str
    account: str
    addresses: tuple[str, str, str, str] | None
    engaged_in: tuple[int, tuple[str | int, ...]]
    threads: Threads | None
    labelled: Labelled | None
    members: ObjectSet
    entries: int
    rows: dict[int, int]
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
    delta: dict[int, int]
    polled_changed: list[str]
    changed: dict[int, None]
    written: tuple[int, int, int]
    owner: LivePage | None
    dirty: dict[int, None]
    closes_ms: int
    def __init__(self, entity: str, platform: str, entity_id: str, slot: int, key: str) -> None: ...
    def fill(self, parts: PageParts, blob: bytes | None, links: bytes | None, *, exists: bool) -> None: ...
    def engage(self, window: int, actor: str) -> None: ...
    def take_engaged(self) -> dict[int, bytes]: ...
    def gather(self) -> None: ...
