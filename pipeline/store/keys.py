"""Every Redis key of ours: its pattern, type and lifetime. No key is put together anywhere else.

Ids come from outside. In a key they are percent-encoded where they hold anything but plain printable ASCII, or one of
`% { } " \\ |`: whatever an id holds, it cannot close or open a hash tag, break a line or reach a terminal as an escape.
The platform is a slug without colons, so `<platform>:<id>` splits in one way only.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from pipeline.slots import SLOTS, slot_of

#: Printable ASCII that stands for itself in a key, besides letters and digits.
_PLAIN = "!#$&'()*+,-./:;<=>?@[]^_`~"
#: Nearly every id is plain, and to know that takes a twentieth of the time of `quote`.
_is_plain = re.compile(rf"[A-Za-z0-9{re.escape(_PLAIN)}]*").fullmatch
LAYOUT_VERSION = "3"


def encode_id(text: str) -> str:
    """An id as it stands in a key."""
    return text if _is_plain(text) else quote(text, safe=_PLAIN)


def decode_id(text: str) -> str:
    """The id that an `encode_id` stands for."""
    return unquote(text)


class Keys:
    """Builds the keys of one installation.

    | key | type | lifetime | holds |
    |---|---|---|---|
    | `tw:{s}:post:<platform>:<post>` | hash | page_ttl_days after the last event | a post's page |
    | `tw:{s}:account:<platform>:<account>` | hash | the same | an account's page |
    | `tw:{s}:members:<platform>:<post>` | string | the same | 16 bytes an object: hash, state |
    | `tw:{s}:threads:<platform>:<post>` | string | the same | 16 bytes a reply: hash, hash of its parent |
    | `tw:{s}:posts:<platform>:<account>` | sorted set | the same | encoded post ids by last event, ms |
    | `tw:{s}:unanswered:<platform>:<account>` | sorted set | the same | waiting comments by time, ms |
    | `tw:{s}:texts:<platform>:<account>|<day>` | hash | text_ttl_days | hash -> a comment's text |
    | `tw:{s}:engaged:<platform>:<account>|<window>` | HyperLogLog | engaged_windows | distinct actors |
    | `tw:{s}:engaged-post:<platform>:<post>` | HyperLogLog | page_ttl_days | distinct actors of a post |
    | `tw:{s}:erased` | set | for good | `<platform>:<actor>` whose texts are not to be kept |
    | `tw:{s}:applied` | hash | for good | checkpoint: offsets a source partition, version, layout, sizes, watermark |
    | `tw:{s}:open` | sorted set | until its windows are closed | page references by next closing time, ms |
    | `tw:{s}:watch` | sorted set | as long as alerts may come of it | page references by the next look, ms |
    | `tw:{s}:alerts` | hash | an entry 7 days after it cleared | `<rule>|<page reference>` -> state, JSON |
    | `tw:{s}:lengths` | hash | the page's | account reference -> lengths of its queue at past closes, JSON |
    | `tw:{s}:alerting` | hash | until Kafka has them | alert id -> alert, JSON |
    | `tw:told:<alert id>` | string | 30 days | an alert that `twoway notify` has delivered |
    | `tw:erasures` | hash | for good | partition of `interactions.erased` -> offset, done; key -> to be told |
    | `tw:{s}:erasures` | hash | for good | the same, in a cluster: what is done in this slot |
    | `tw:erasing:<erasure>` | string | a day | how many writes an erasure has done; in a cluster `tw:{s}:erasing:...` |
    | `tw:account:<platform>:<account>` | hash | page_ttl_days | directory: slot, platform, account, first_seen_ms |
    | `tw:post:<platform>:<post>` | string | page_ttl_days | directory: the account of a post |
    | `tw:seen:<platform>:<id>` | hash | directory_ttl_days | the gateway's memory: id -> account, post, kind, actor |
    | `tw:cursor:<platform>:<connection>` | hash | directory_ttl_days | how far a listener's stream is in Kafka |
    """

    def __init__(self, prefix: str = "tw") -> None:
        self.prefix = prefix
        self.applied = tuple(f"{prefix}:{{{slot}}}:applied" for slot in range(SLOTS))
        self.open = tuple(f"{prefix}:{{{slot}}}:open" for slot in range(SLOTS))
        self.erasures = f"{prefix}:erasures"
        self.slot_erasures = tuple(f"{prefix}:{{{slot}}}:erasures" for slot in range(SLOTS))
        self.watch = tuple(f"{prefix}:{{{slot}}}:watch" for slot in range(SLOTS))
        self.alerts = tuple(f"{prefix}:{{{slot}}}:alerts" for slot in range(SLOTS))
        self.lengths = tuple(f"{prefix}:{{{slot}}}:lengths" for slot in range(SLOTS))
        self.alerting = tuple(f"{prefix}:{{{slot}}}:alerting" for slot in range(SLOTS))
        self.erased = tuple(f"{prefix}:{{{slot}}}:erased" for slot in range(SLOTS))
        #: Keys that are never written. A cluster refuses a script with a missing key while the hash slot moves to
        #: another node, and only such a script: others would find some of their keys on neither side, halfway through.
        self.missing = tuple(f"{prefix}:{{{slot}}}:missing" for slot in range(SLOTS))

    def erasing(self, name: str) -> str:
        """How many writes an erasure has done."""
        return f"{self.prefix}:erasing:{name}"

    def slot_erasing(self, name: str) -> tuple[str, ...]:
        """The same, in each slot of a cluster."""
        return tuple(f"{self.prefix}:{{{slot}}}:erasing:{name}" for slot in range(SLOTS))

    def page(self, slot: int, reference: str) -> str:
        """The page of a reference `post:<platform>:<encoded id>` or `account:<platform>:<encoded id>`."""
        return f"{self.prefix}:{{{slot}}}:{reference}"

    def post(self, slot: int, platform: str, post: str) -> str:
        return self.page(slot, reference("post", platform, post))

    def account(self, slot: int, platform: str, account: str) -> str:
        return self.page(slot, reference("account", platform, account))

    def beside(self, slot: int, kind: str, reference: str) -> str:
        """The key of a kind that belongs to the page of a reference: `members`, `engaged-post`, ... The same as the
        methods of these names, in a quarter of the time: the worker makes them for every page that it loads."""
        return f"{self.prefix}:{{{slot}}}:{kind}:{reference.partition(':')[2]}"

    def members(self, slot: int, platform: str, post: str) -> str:
        return f"{self.prefix}:{{{slot}}}:members:{platform}:{encode_id(post)}"

    def posts(self, slot: int, platform: str, account: str) -> str:
        return f"{self.prefix}:{{{slot}}}:posts:{platform}:{encode_id(account)}"

    def threads(self, slot: int, platform: str, post: str) -> str:
        return f"{self.prefix}:{{{slot}}}:threads:{platform}:{encode_id(post)}"

    def unanswered(self, slot: int, platform: str, account: str) -> str:
        return f"{self.prefix}:{{{slot}}}:unanswered:{platform}:{encode_id(account)}"

    def texts(self, slot: int, platform: str, account: str, day: str) -> str:
        """Texts of the comments that were written on a day, `2026-11-23`. An encoded id holds no bar."""
        return f"{self.prefix}:{{{slot}}}:texts:{platform}:{encode_id(account)}|{day}"

    def engaged(self, slot: int, platform: str, account: str, window: str) -> str:
        """The distinct actors of a window, `1d:2026-11-23` or `all`."""
        return f"{self.prefix}:{{{slot}}}:engaged:{platform}:{encode_id(account)}|{window}"

    def engaged_post(self, slot: int, platform: str, post: str) -> str:
        """The distinct actors of a post, of all time."""
        return f"{self.prefix}:{{{slot}}}:engaged-post:{platform}:{encode_id(post)}"

    def account_entry(self, platform: str, account: str) -> str:
        """The directory entry of an account: no hash tag, so a reader starts here."""
        return f"{self.prefix}:account:{platform}:{encode_id(account)}"

    def post_entry(self, platform: str, post: str) -> str:
        """The directory entry of a post, for readers who know only the post."""
        return f"{self.prefix}:post:{platform}:{encode_id(post)}"

    def seen(self, platform: str, object_id: str) -> str:
        """The gateway's memory of an id."""
        return f"{self.prefix}:seen:{platform}:{encode_id(object_id)}"

    def cursor(self, platform: str, connection: str) -> str:
        """How far the stream of a listener is certain to be in Kafka."""
        return f"{self.prefix}:cursor:{platform}:{encode_id(connection)}"

    def told(self, alert_id: str) -> str:
        """The mark of a delivered alert."""
        return f"{self.prefix}:told:{encode_id(alert_id)}"

    def slot(self, platform: str, account: str) -> int:
        return slot_of(platform, account)


def reference(entity: str, platform: str, entity_id: str) -> str:
    """The name of a page without prefix and slot, as it stands in the `open` set."""
    return f"{entity}:{platform}:{encode_id(entity_id)}"


def split_reference(text: str) -> tuple[str, str, str]:
    """`post:facebook:1_2` -> entity, platform, decoded id."""
    entity, platform, encoded = text.split(":", 2)
    return entity, platform, decode_id(encoded)
