# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A page as the worker holds it, compiled: the set behind a post, the rows of a post or an account, and what changed.

What is touched for every event (the set, counts by finest window, who was engaged) and for every page of a slice (its
rows, and their fields in Redis) lies in plain memory; everything else are attributes as of any class.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, strlen

from xxhash import xxh3_64_intdigest

from pipeline.counting.members import ENTRY_BYTES
from pipeline.counting.object_set cimport ObjectSet
from pipeline.counting.row_table cimport COLUMNS, Row, RowTable
from pipeline.counting.rows import reply_times
from pipeline.counting.threads import Threads
from pipeline.store.keys import encode_id, reference
from pipeline.windows import ALL, SIZES_MAX
from schemas.engagement import COLUMNS as COLUMN_NAMES

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

#: Later than any event.
NEVER_MS = 1 << 62
#: An engaged actor: the 8 bytes of the hash that stands for him in Redis, as msgpack writes a string of 8.
ACTOR_BYTES = 9
cdef Py_ssize_t A_BYTES = ACTOR_BYTES
cdef char EIGHT_BYTES = <char>0xA8
cdef int64_t ALL_TIME = ALL
cdef int64_t CODE_STEP = SIZES_MAX
cdef int64_t HOUR_MS = 3_600_000
cdef int64_t NEVER = NEVER_MS
#: Digits of the longest number, and of a row of them with its commas.
cdef enum:
    NUMBER_ROOM = 24
    ROW_ROOM = COLUMNS * NUMBER_ROOM
cdef list NAMES = [name.encode() for name in COLUMN_NAMES]


cdef class Sizes:
    """The window sizes in force, finest first."""

    def __init__(self, windows):
        cdef int number
        self.count = len(windows.sizes)
        for number in range(self.count):
            self.lengths_ms[number] = windows.sizes[number].length_ms
            self.kept_ms[number] = windows.sizes[number].kept_ms


cdef class LivePage:
    """A post's or an account's page in memory: absolute numbers, and what changed of them since the last slice.

    `key`: where the shelf keeps it; `prefix`: what its posts' keys begin with; `encoded_id`: as it stands in keys;
    `reference`: its name in Redis without prefix and slot; `addresses`: the Redis keys of page, members, posts and
    engaged actors, made at the first change; `told`: what all records of it begin with; `engaged_in`: the sets of its
    account's engaged actors in Redis, of the window number that was last written.
    `members`, `threads` (who replied to whom, None as long as nobody did) and `labelled` are of posts only; `entries`:
    how many members Redis holds; `rows`: window code -> packed row; `new`: nothing of it was in Redis when it was
    loaded; `renewed` and `engaged_renewed`: the lifetime in Redis of it, and of who was engaged, was renewed since;
    `weight`: members and rows when it was last weighed.

    Since the last slice: `touched`, `answered` (finest window -> change of its answered comments, packed), `owner` (a
    touched post's account), `polled_changed`. Since the last publication: `dirty` (window codes); `closes_ms`: the next
    closing time as last written to `open`, 0 where that is not known.
    """

    def __init__(self, str entity, str platform, str entity_id, int slot, str key):
        self.entity = entity
        self.platform = platform
        self.id = entity_id
        self.slot = slot
        self.key = key
        # The bar keeps a post of platform "9" apart from an account of a platform that is called like a slot.
        self.prefix = f"{slot}|{platform}:"
        self.encoded_id = encode_id(entity_id)
        self.reference = reference(entity, platform, entity_id)
        self.account = entity_id if entity == "account" else ""
        self.engaged_in = (-1, ())
        self.members = ObjectSet()
        self.rows = {ALL: 0}
        self.polled, self.answered, self.dirty, self._engaged = {}, {}, {}, {}
        self.polled_changed = []
        self.first_ms = self._written_first_ms = NEVER
        self._written_answers = 0
        self.new = True

    def __dealloc__(self):
        free(self._actors)

    @property
    def rows(self):
        """Window code -> packed row."""
        return self._rows

    @rows.setter
    def rows(self, dict rows):
        self._rows = RowTable.of(rows)

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
        self._remember()

    def engage(self, int64_t window, str actor):
        """This actor was engaged in the window of this number, of the finest size of engaged actors."""
        self.engage_hashed(window, xxh3_64_intdigest(actor.encode()))

    def take_engaged(self):
        """Who was engaged since the last call: window number -> actors, `ACTOR_BYTES` each."""
        cdef dict engaged = self._engaged
        if engaged or self._actors_size:
            self._engaged = {}
        if self._actors_size:
            here = PyBytes_FromStringAndSize(self._actors, self._actors_size)
            engaged[self._actors_in] = here + bytes(engaged.get(self._actors_in, b""))
            free(self._actors)
            self._actors = NULL
            self._actors_size = self._actors_room = 0
        return engaged

    def count(self, int64_t finest, int column, int sign):
        """One object of this column more or less in a finest window."""
        if column < COLUMNS:
            self.count_object(finest, column, sign)

    def mark(self, int64_t code):
        """This row is to be published, though its counts may be as before."""
        cdef Row* row = self._rows.row_of(code)
        if not row.changed:
            row.changed = True
            self._rows.note(code)

    def take_fields(self, names, texts, ratio_text, answer_fields, list extra):
        """What changed since the last call, as Redis is to be told: a msgpack array of field, value, ... (b"" without
        any), the fields that are gone, and whether the newest event is another one. Its changed rows are `dirty` then.

        `names` and `texts` give a row's field and the text of a packed one, `ratio_text` and `answer_fields` what stands
        beside the counts of all time; `extra` are fields and values besides."""
        cdef Fields fields = Fields()
        cdef RowTable rows = self._rows
        cdef Row* row
        cdef Py_ssize_t number
        cdef int64_t code
        # A new page has one, also where it is of 1970's first millisecond.
        cdef bint moved = self.new or self.last_ms != self._written_last_ms
        gone = []
        for number in range(rows._changed_count):
            code = rows._changed[number]
            row = rows.find(code)
            self.dirty[code] = None
            if row != NULL:
                row.changed = False
            if code == ALL_TIME:
                continue
            if row == NULL:
                gone.append(names[code])
                continue
            fields.text(names[code])
            if rows.answers and code in rows.answers:
                fields.text(texts[rows.packed(row)])
            else:
                fields.row(row.counts)
        free(rows._changed)
        rows._changed = NULL
        rows._changed_count = rows._changed_room = 0
        self._write_all_time(fields, ratio_text, answer_fields)
        if moved:
            fields.number("last_ms", self.last_ms)
        if self.first_ms != self._written_first_ms:
            fields.number("first_ms", self.first_ms)
        for text in extra:
            fields.text(text)
        self._remember()
        self.touched = self.new = False
        return fields.packed(), gone, moved

    cdef int _write_all_time(self, Fields fields, ratio_text, answer_fields) except -1:
        """The plain fields that Redis does not have as they are; all of them of a page that it does not have yet."""
        cdef Row* row = self._rows.row_of(ALL_TIME)
        cdef int column
        for column in range(COLUMNS):
            if self.new or row.counts[column] != self._written[column]:
                fields.number(NAMES[column], row.counts[column])
        if self.new or row.counts[0] != self._written[0] or row.counts[1] != self._written[1]:
            fields.text("comment_to_like")
            fields.text(ratio_text(row.counts[0], row.counts[1]))
        if self._rows.answers.get(ALL_TIME, 0) != self._written_answers:
            for text in answer_fields(reply_times(self._rows.packed(row))):
                fields.text(text)
        if self.new and self.entity == "post":
            fields.text("account")
            fields.text(self.account)
        return 0

    cdef int _remember(self) except -1:
        """What Redis has from now on."""
        memcpy(self._written, self._rows.row_of(ALL_TIME).counts, sizeof(self._written))
        self._written_answers = self._rows.answers.get(ALL_TIME, 0)
        self._written_first_ms, self._written_last_ms = self.first_ms, self.last_ms
        return 0

    cdef int count_object(self, int64_t finest, int column, int sign) except -1:
        cdef Row* row
        if self._counted is None:
            self._counted = RowTable()
        row = self._counted.row_of(finest)
        row.counts[column] += sign
        if not row.changed:
            row.changed = True
            self._counted.note(finest)
        return 0

    cdef int take_sums(self, LivePage post) except -1:
        """What was counted on one of its posts counts on the account."""
        cdef Py_ssize_t number
        if post.last_ms > self.last_ms:
            self.last_ms = post.last_ms
        if post.first_ms < self.first_ms:
            self.first_ms = post.first_ms
        if post._counted is not None:
            if self._counted is None:
                self._counted = RowTable()
            for number in range(post._counted._changed_count):
                self._counted.add(
                    post._counted._changed[number], post._counted.find(post._counted._changed[number]).counts
                )
        for finest, answers in post.answered.items():
            self.answered[finest] = self.answered.get(finest, 0) + answers
        return 0

    cdef int change_rows(self, Sizes sizes) except -1:
        """Put what was counted into the rows of all windows."""
        cdef RowTable counted = self._counted
        cdef Py_ssize_t number
        if counted is not None:
            for number in range(counted._changed_count):
                self._change(sizes, counted._changed[number], counted.find(counted._changed[number]).counts, None)
            self._counted = None
        if self.answered:
            for finest, answers in self.answered.items():
                self._change(sizes, finest, NULL, answers)
            self.answered = {}
        if self.last_ms // HOUR_MS != self.pruned_hour:
            self.prune(sizes)
        return 0

    cdef int _change(self, Sizes sizes, int64_t finest, const int64_t* counts, answers) except -1:
        """The change of a finest window in it and all wider ones, as far as the page keeps them; a lingering row of the
        others goes, for it is right no more. A change of nothing is one as well: what came and went within a slice may
        have been published by an owner whose Redis was lost since, and has to be taken back."""
        cdef int number
        cdef int64_t index, code, time_ms = finest * sizes.lengths_ms[0]
        for number in range(sizes.count + 1):
            code = ALL_TIME
            if number < sizes.count:
                index = time_ms // sizes.lengths_ms[number]
                code = index * CODE_STEP + number
                if index < (self.last_ms - sizes.kept_ms[number]) // sizes.lengths_ms[number]:
                    if self._rows.find(code) != NULL:
                        self._rows.drop(code)
                    continue
            if counts != NULL:
                self._rows.add(code, counts)
            else:
                self._rows.add_answers(code, answers)
        return 0

    cdef int prune(self, Sizes sizes) except -1:
        """Once an hour of event time: let go of the rows past their retention (`Windows.past`)."""
        cdef int64_t code
        self.pruned_hour = self.last_ms // HOUR_MS
        if self.first_ms > self.last_ms - sizes.kept_ms[0]:
            return 0
        for code in self._rows:
            if code == ALL_TIME:
                continue
            if code // CODE_STEP < (self.last_ms - sizes.kept_ms[code % CODE_STEP]) // sizes.lengths_ms[code % CODE_STEP]:
                self._rows.drop(code)
        return 0

    cdef int engage_hashed(self, int64_t window, uint64_t actor) except -1:
        """Most actors of a slice are of one window, which the first one decides; the others lie in a dictionary."""
        cdef char* actors
        if not self._actors_size:
            self._actors_in = window
        elif window != self._actors_in:
            return self._engage_elsewhere(window, actor)
        if self._actors_size + A_BYTES > self._actors_room:
            self._actors_room = 2 * self._actors_room or 8 * A_BYTES
            actors = <char*>realloc(self._actors, self._actors_room)
            if actors == NULL:
                raise MemoryError
            self._actors = actors
        self._actors[self._actors_size] = EIGHT_BYTES
        memcpy(self._actors + self._actors_size + 1, &actor, sizeof(actor))
        self._actors_size += A_BYTES
        return 0

    cdef int _engage_elsewhere(self, int64_t window, uint64_t actor) except -1:
        cdef bytearray there = self._engaged.get(window)
        if there is None:
            there = self._engaged[window] = bytearray()
        there += b"\xa8" + PyBytes_FromStringAndSize(<char*>&actor, sizeof(actor))
        return 0


def sum_up(list touched, Sizes sizes):
    """After a slice: add what was counted on each touched post to its account, which is touched too then, and put every
    page's changes into its rows."""
    cdef LivePage page, account
    accounts = []
    for page in touched:
        account = page.owner
        if account is None:
            continue
        page.owner = None
        if not account.touched:
            account.touched = True
            accounts.append(account)
        account.take_sums(page)
    touched += accounts
    for page in touched:
        page.change_rows(sizes)


cdef class Fields:
    """Strings of a msgpack array, written one behind the other."""

    def __dealloc__(self):
        free(self._bytes)

    def packed(self):
        """The array; b"" without any string."""
        cdef bytes packed
        if not self.count:
            return b""
        packed = b"\xdd" + self.count.to_bytes(4, "big")
        return packed + PyBytes_FromStringAndSize(self._bytes, self._size)

    cdef char* _space(self, Py_ssize_t size) except NULL:
        """Where so many bytes are to be written next."""
        cdef char* space
        if self._size + size > self._room:
            self._room = 2 * (self._size + size) + 256
            space = <char*>realloc(self._bytes, self._room)
            if space == NULL:
                raise MemoryError
            self._bytes = space
        self._size += size
        return self._bytes + self._size - size

    cdef int text(self, str text) except -1:
        cdef Py_ssize_t size
        cdef const char* at = PyUnicode_AsUTF8AndSize(text, &size)
        return self.ascii(at, size)

    cdef int ascii(self, const char* text, Py_ssize_t size) except -1:
        cdef char* space
        if size < 32:
            space = self._space(1 + size)
            space[0] = <char>(0xA0 | size)
            space += 1
        else:
            space = self._space(5 + size)
            space[0] = <char>0xDB
            space[1], space[2], space[3], space[4] = (
                <char>(size >> 24 & 255), <char>(size >> 16 & 255), <char>(size >> 8 & 255), <char>(size & 255)
            )
            space += 5
        memcpy(space, text, size)
        self.count += 1
        return 0

    cdef int number(self, const char* name, int64_t number) except -1:
        """A field and its number as text."""
        cdef char digits[NUMBER_ROOM]
        self.ascii(name, strlen(name))
        return self.ascii(digits, snprintf(digits, NUMBER_ROOM, "%lld", <long long>number))

    cdef int row(self, const int64_t* counts) except -1:
        """The text of a row without answered comments (`rows.RowTexts`)."""
        cdef char text[ROW_ROOM]
        cdef Py_ssize_t size = 0
        cdef int column
        for column in range(COLUMNS):
            size += write_number(text + size, counts[column])
            text[size] = c","
            size += 1
        return self.ascii(text, size - 1)


cdef Py_ssize_t write_number(char* out, int64_t number) noexcept nogil:
    """A number as text; how many characters that are."""
    cdef char digits[NUMBER_ROOM]
    cdef Py_ssize_t size = 0, at
    if number < 0:
        return snprintf(out, NUMBER_ROOM, "%lld", <long long>number)
    while True:
        digits[size] = <char>(c"0" + number % 10)
        size += 1
        number //= 10
        if not number:
            break
    for at in range(size):
        out[at] = digits[size - 1 - at]
    return size
