# cython: language_level=3, boundscheck=False, wraparound=False
"""A page as the worker holds it, compiled: the set behind a post, the rows of a post or an account, and what changed.

What is touched for every event (the set, counts by finest window, who was engaged) lies in plain memory that
`plain.pyx` writes to without Python's objects; everything else are attributes as of any class.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from xxhash import xxh3_64_intdigest

from pipeline.counting.members import ENTRY_BYTES
from pipeline.counting.object_set cimport ObjectSet
from pipeline.counting.rows import ONE
from pipeline.counting.threads import Threads
from pipeline.store.keys import reference
from pipeline.windows import ALL

#: Later than any event.
NEVER_MS = 1 << 62
#: An engaged actor: the 8 bytes of the hash that stands for him in Redis, as msgpack writes a string of 8.
ACTOR_BYTES = 9
#: Windows that are looked through one by one before they go into a dictionary: a replay may bring one an event.
cdef int CHANGES_MOST = 64
cdef char EIGHT_BYTES = <char>0xA8
cdef tuple COLUMN_ONE = ONE


cdef class LivePage:
    """A post's or an account's page in memory: absolute numbers, and what changed of them since the last slice.

    `key`: where the shelf keeps it; `prefix`: what its posts' keys begin with; `reference`: its name in Redis without
    prefix and slot; `addresses`: the Redis keys of page, members, posts and engaged actors, made at the first change;
    `engaged_in`: the sets of its account's engaged actors in Redis, of the window number that was last written.
    `members`, `threads` (who replied to whom, None as long as nobody did) and `labelled` are of posts only; `entries`:
    how many members Redis holds; `rows`: window code -> packed row; `new`: nothing of it was in Redis when it was
    loaded; `renewed` and `engaged_renewed`: the lifetime in Redis of it, and of who was engaged, was renewed since; `weight`: members and rows when it was last weighed.

    Since the last slice: `touched`, `delta` (finest window -> packed change), `changed` (window codes), `owner` (a
    touched post's account), `polled_changed`; `written` is what the last slice left. Since the last publication:
    `dirty` (window codes); `closes_ms`: the next closing time as last written to `open`, 0 where that is not known.
    """

    def __init__(self, str entity, str platform, str entity_id, int slot, str key):
        self.entity = entity
        self.platform = platform
        self.id = entity_id
        self.slot = slot
        self.key = key
        # The bar keeps a post of platform "9" apart from an account of a platform that is called like a slot.
        self.prefix = f"{slot}|{platform}:"
        self.reference = reference(entity, platform, entity_id)
        self.account = entity_id if entity == "account" else ""
        self.engaged_in = (-1, ())
        self.members = ObjectSet()
        self.rows = {ALL: 0}
        self.polled, self.delta, self.changed, self.dirty, self._engaged = {}, {}, {}, {}, {}
        self.polled_changed = []
        self.first_ms = NEVER_MS
        self.new = True
        self.written = (NEVER_MS, 0, 0)

    def __dealloc__(self):
        free(self._changes)
        free(self._actors)

    def fill(self, parts, blob, links, *, exists):
        """Take over what Redis holds of it."""
        self.rows = parts.rows
        self.polled = parts.polled
        self.first_ms = NEVER_MS if parts.first_ms is None else parts.first_ms
        self.last_ms = parts.last_ms
        self.account = parts.account or self.account
        self.members = ObjectSet.load(blob) if blob else ObjectSet()
        self.entries = len(blob) // ENTRY_BYTES if blob else 0
        self.threads = Threads.load(links, self.members) if links else None
        self.labelled = parts.labelled
        self.new = not exists
        self.loaded = True
        self.written = (self.first_ms, self.last_ms, self.rows[ALL])

    def engage(self, int64_t window, str actor):
        """This actor was engaged in the window of this number, of the finest size of engaged actors."""
        self.engage_hashed(window, xxh3_64_intdigest(actor.encode()))

    def take_engaged(self):
        """Who was engaged since the last call: window number -> actors, `ACTOR_BYTES` each."""
        engaged = self._engaged
        if engaged:
            self._engaged = {}
        if self._actors_size:
            here = PyBytes_FromStringAndSize(self._actors, self._actors_size)
            engaged[self._actors_in] = here + bytes(engaged.get(self._actors_in, b""))
            free(self._actors)
            self._actors = NULL
            self._actors_size = self._actors_room = 0
        return engaged

    def gather(self):
        """Put what was counted since the last call into `delta`."""
        cdef int number, column
        cdef Change* change
        for number in range(self._changes_count):
            change = &self._changes[number]
            packed = change.counts[0]
            for column in range(1, CLASSES):
                if change.counts[column]:
                    packed += change.counts[column] * COLUMN_ONE[column]
            self.delta[change.finest] = self.delta.get(change.finest, 0) + packed
        free(self._changes)
        self._changes = NULL
        self._changes_count = self._changes_room = 0

    cdef int count_object(self, int64_t finest, int column, int sign) except -1:
        """One object of this column more or less in a finest window."""
        cdef int number
        cdef Change* changes
        # Newest first: most events lie in the window of the one before.
        for number in range(self._changes_count - 1, -1, -1):
            if self._changes[number].finest == finest:
                self._changes[number].counts[column] += sign
                return 0
        if self._changes_count == CHANGES_MOST:
            self.gather()
        if self._changes_count == self._changes_room:
            self._changes_room = 2 * self._changes_room or 4
            changes = <Change*>realloc(self._changes, self._changes_room * sizeof(Change))
            if changes == NULL:
                raise MemoryError
            self._changes = changes
        memset(&self._changes[self._changes_count], 0, sizeof(Change))
        self._changes[self._changes_count].finest = finest
        self._changes[self._changes_count].counts[column] = sign
        self._changes_count += 1
        return 0

    cdef int engage_hashed(self, int64_t window, uint64_t actor) except -1:
        """Most actors of a slice are of one window, which the first one decides; the others lie in a dictionary."""
        cdef char* actors
        if not self._actors_size:
            self._actors_in = window
        elif window != self._actors_in:
            return self._engage_elsewhere(window, actor)
        if self._actors_size + ACTOR_BYTES > self._actors_room:
            self._actors_room = 2 * self._actors_room or 8 * ACTOR_BYTES
            actors = <char*>realloc(self._actors, self._actors_room)
            if actors == NULL:
                raise MemoryError
            self._actors = actors
        self._actors[self._actors_size] = EIGHT_BYTES
        memcpy(self._actors + self._actors_size + 1, &actor, sizeof(actor))
        self._actors_size += ACTOR_BYTES
        return 0

    cdef int _engage_elsewhere(self, int64_t window, uint64_t actor) except -1:
        cdef bytearray there = self._engaged.get(window)
        if there is None:
            there = self._engaged[window] = bytearray()
        there += b"\xa8" + PyBytes_FromStringAndSize(<char*>&actor, sizeof(actor))
        return 0
