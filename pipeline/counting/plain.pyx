# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Plain events, compiled: likes and shares of posts that are known, nine tenths of what arrives, from bytes to counts.

`Plain.read` takes the records of a slice that are written plainly: the fields of a like or share in any order, ASCII,
no escapes, no spaces. It accepts nothing that `decode_interaction` would refuse, and means the same by it; whatever is
not plain is left to it, so the schema is decided there alone. `Plain.merge` does to the pages what `Fold.fold` does for
the others, without an object of Python an event: 0.6 us where that takes 3.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from xxhash import xxh3_64_intdigest

from pipeline.counting.live cimport LivePage
from pipeline.counting.members import ADDED, COMMENT, LIKE, OWN_ADDED, REAL, REMOVED, REPLY, SHARE, TIME_SHIFT, UNCOUNTED
from schemas.interaction import LAST_TIME_MS, LONGEST_ID

cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 maxchar)
    void* PyUnicode_DATA(object text)

cdef uint64_t IS_REAL = REAL, IS_REMOVED = REMOVED
cdef int SHIFT = TIME_SHIFT
cdef int A_LIKE = LIKE, A_SHARE = SHARE, NO_COLUMN = UNCOUNTED, A_COMMENT = COMMENT, A_REPLY = REPLY
cdef int64_t LAST_MS = LAST_TIME_MS
cdef int ID_MOST = LONGEST_ID
#: The limits of `schemas.interaction`, and the digits of its last time.
cdef enum:
    ACCOUNT_MOST = 256
    PLATFORM_MOST = 32
    REACTION_MOST = 256
    URL_MOST = 2048
    DIGITS_MOST = 15

cdef struct Text:
    const char* at
    Py_ssize_t size

cdef struct Fields:
    Text platform, account, kind, action, post, id, actor, time_from, reaction, url
    bint own
    int64_t time_ms

cdef struct Event:
    PyObject* post
    PyObject* account
    uint64_t key
    uint64_t state
    uint64_t actor
    int64_t time_ms
    Py_ssize_t position
    bint engaged


cdef class Plain:
    """The plain events of one slice. `last_ms`: event time of the last of them, 0 where there is none."""

    cdef Event* _events
    cdef Py_ssize_t _count
    cdef readonly int64_t last_ms

    def __cinit__(self):
        self._events = NULL
        self._count = 0

    def __dealloc__(self):
        cdef Py_ssize_t number
        for number in range(self._count):
            Py_DECREF(<object>self._events[number].post)
            Py_DECREF(<object>self._events[number].account)
        free(self._events)

    def __len__(self):
        return self._count

    def read(self, records, dict pages, other, int64_t first_offset, int64_t future_limit_ms):
        """Take the plain ones among these records, from `first_offset` on, and hand each other record to `other`, in
        their order: an event whose pages are not there yet, or whose post is not its account's, is one of the others,
        and may put pages there. `pages`: by key, as the shelf holds them."""
        cdef Py_ssize_t position
        cdef Fields fields
        cdef bytes value
        cdef const char* at
        self._events = <Event*>malloc(max(1, len(records)) * sizeof(Event))
        if self._events == NULL:
            raise MemoryError
        for position, record in enumerate(records):
            body = record.value
            if body is None or not PyBytes_CheckExact(body) or <int64_t>record.offset < first_offset:
                other(record)
                continue
            value = body
            at = PyBytes_AS_STRING(value)
            if not (
                parse(at, at + PyBytes_GET_SIZE(value), &fields)
                and fields.time_ms <= <int64_t>record.timestamp + future_limit_ms
                and self._take(&fields, pages, position)
            ):
                other(record)

    def merge(
        self, list touched, placed, places, take, again, int64_t finest_ms, int64_t kept_ms, int64_t engaged_ms
    ):
        """Merge them into the sets and counts of their posts, which are put into `touched` at their first event; and
        give the `placed` to `take`, in their turn: `places` says of each how many plain ones came before it. The order
        matters where an object moved from one window to another: both have to be told, as they were told before.

        What it means that an object was a comment before is not decided here: `take` gets such an event as `again` gives
        it. Gives how many changed something, how many were late, and the positions of those whose post turned out to be
        another account's."""
        cdef Py_ssize_t number, other = 0, others = len(placed), applied = 0, late = 0
        cdef Event* event
        cdef LivePage post, account
        cdef uint64_t old
        refused = []
        for number in range(self._count):
            while other < others and <Py_ssize_t>places[other] <= number:
                take(other, placed[other])
                other += 1
            event = &self._events[number]
            post, account = <LivePage>event.post, <LivePage>event.account
            if post.owner is not account:
                if post.account is not account.id and post.account != account.id:
                    refused.append(event.position)
                    continue
                post.touched = True
                post.owner = account
                touched.append(post)
            old = post.members.find(event.key)
            if old and column_of(old) in (A_COMMENT, A_REPLY):
                take(-1, again(event.position))
                continue
            late += note_time(post, event.time_ms, kept_ms)
            if event.engaged:
                post.engage_hashed(event.time_ms // engaged_ms, event.actor)
            if old >= event.state:
                continue
            post.members.merge_state(event.key, event.state)
            applied += 1
            count(post, event.state, finest_ms, 1)
            count(post, old, finest_ms, -1)
        while other < others:
            take(other, placed[other])
            other += 1
        return applied, late, refused

    cdef bint _take(self, Fields* fields, dict pages, Py_ssize_t position) except -1:
        """Whether the event's pages are there and it is taken."""
        cdef PyObject* found = PyDict_GetItem(pages, joined(fields.platform, fields.account))
        cdef LivePage account, post
        cdef Event* event
        if found == NULL:
            return False
        account = <LivePage>found
        found = PyDict_GetItem(pages, prefixed(account.prefix, fields.post))
        if found == NULL:
            return False
        post = <LivePage>found
        if post.account is not account.id and post.account != account.id:
            return False
        event = &self._events[self._count]
        event.key = hashed(fields.id)
        event.state = state_of(fields)
        event.engaged = not fields.own and fields.actor.at != NULL and not event.state & IS_REMOVED
        event.actor = hashed(fields.actor) if event.engaged else 0
        event.time_ms, event.position = fields.time_ms, position
        Py_INCREF(account)
        Py_INCREF(post)
        event.account, event.post = <PyObject*>account, <PyObject*>post
        self._count += 1
        self.last_ms = fields.time_ms
        return True


cdef uint64_t hashed(Text text) except? 0:
    return xxh3_64_intdigest(PyBytes_FromStringAndSize(text.at, text.size))


cdef str joined(Text platform, Text account):
    """`platform:account`."""
    cdef object text = PyUnicode_New(platform.size + 1 + account.size, 127)
    cdef char* out = <char*>PyUnicode_DATA(text)
    memcpy(out, platform.at, platform.size)
    out[platform.size] = c":"
    memcpy(out + platform.size + 1, account.at, account.size)
    return <str>text


cdef str prefixed(str prefix, Text post):
    cdef Py_ssize_t size = len(prefix)
    cdef object text = PyUnicode_New(size + post.size, 127)
    cdef char* out = <char*>PyUnicode_DATA(text)
    memcpy(out, PyUnicode_DATA(prefix), size)
    memcpy(out + size, post.at, post.size)
    return <str>text


cdef inline int column_of(uint64_t state) noexcept nogil:
    return state & 7


cdef uint64_t state_of(Fields* fields) noexcept nogil:
    """`members.state_of` of an add or a remove."""
    cdef uint64_t kind = A_LIKE if fields.kind.size == 4 else A_SHARE
    if fields.own:
        kind = NO_COLUMN
    return IS_REAL | <uint64_t>fields.time_ms << SHIFT | (IS_REMOVED if fields.action.size == 6 else 0) | kind


cdef inline int count(LivePage post, uint64_t state, int64_t finest_ms, int sign) except -1:
    """Count an object in its window, if it stands and counts at all (`members.counted_at_ms`)."""
    cdef int64_t time_ms
    if state & IS_REMOVED or not state or column_of(state) >= NO_COLUMN:
        return 0
    time_ms = <int64_t>((state & ~IS_REAL) >> SHIFT)
    return post.count_object(
        (time_ms if state & IS_REAL else ((<int64_t>1 << 48) - 1) - time_ms) // finest_ms, column_of(state), sign
    )


cdef inline bint note_time(LivePage post, int64_t time_ms, int64_t kept_ms) noexcept:
    """Keep the post's newest and oldest event; gives whether this one is older than its finest row is kept."""
    if time_ms < post.first_ms:
        post.first_ms = time_ms
    if time_ms > post.last_ms:
        post.last_ms = time_ms
        return False
    return time_ms <= post.last_ms - kept_ms


cdef bint parse(const char* at, const char* end, Fields* fields) noexcept nogil:
    """Whether these bytes are a plain like or share; its fields."""
    cdef Text name
    cdef Text* text
    # All of it: the sizes of a record before must not stand beside fields that this one does not have.
    memset(fields, 0, sizeof(Fields))
    fields.time_ms = -1
    cdef bint owned = False
    if at == end or at[0] != c"{":
        return False
    while True:
        at = string(at + 1, end, &name)
        if at == NULL or at == end or at[0] != c":":
            return False
        at += 1
        if is_name(name, "time_ms", 7):
            if fields.time_ms >= 0:
                return False
            at = integer(at, end, &fields.time_ms)
        elif is_name(name, "own", 3):
            if owned:
                return False
            owned = True
            at = boolean(at, end, &fields.own)
        else:
            text = place_of(name, fields)
            if text == NULL or text.at != NULL:
                return False
            at = string(at, end, text)
        if at == NULL or at == end:
            return False
        if at[0] == c"}":
            return at + 1 == end and is_valid(fields)
        if at[0] != c",":
            return False


cdef Text* place_of(Text name, Fields* fields) noexcept nogil:
    """Where the text of this name belongs; NULL for one that a plain event does not have."""
    if name.size == 8:
        if is_name(name, "platform", 8):
            return &fields.platform
        return &fields.reaction if is_name(name, "reaction", 8) else NULL
    if name.size == 4:
        if is_name(name, "kind", 4):
            return &fields.kind
        return &fields.post if is_name(name, "post", 4) else NULL
    if is_name(name, "account", 7):
        return &fields.account
    if is_name(name, "action", 6):
        return &fields.action
    if is_name(name, "id", 2):
        return &fields.id
    if is_name(name, "actor", 5):
        return &fields.actor
    if is_name(name, "time_from", 9):
        return &fields.time_from
    return &fields.url if is_name(name, "url", 3) else NULL


cdef inline bint is_name(Text text, const char* name, Py_ssize_t size) noexcept nogil:
    return text.size == size and memcmp(text.at, name, size) == 0


cdef bint is_valid(Fields* fields) noexcept nogil:
    """What the schema asks of a like or share (`schemas.interaction`); False also for other kinds."""
    return (
        (is_name(fields.kind, "like", 4) or is_name(fields.kind, "share", 5))
        and (is_name(fields.action, "add", 3) or is_name(fields.action, "remove", 6))
        and is_slug(fields.platform)
        and fits(fields.account, ACCOUNT_MOST)
        and fits(fields.post, ID_MOST)
        and fits(fields.id, ID_MOST)
        and (fields.actor.at == NULL or fits(fields.actor, ID_MOST))
        and (fields.reaction.at == NULL or fields.reaction.size <= REACTION_MOST)
        and (fields.url.at == NULL or fields.url.size <= URL_MOST)
        and (fields.time_from.at == NULL or is_time_from(fields.time_from))
        and 0 <= fields.time_ms <= LAST_MS
    )


cdef inline bint fits(Text text, Py_ssize_t most) noexcept nogil:
    return text.at != NULL and 1 <= text.size <= most


cdef bint is_time_from(Text text) noexcept nogil:
    return is_name(text, "platform", 8) or is_name(text, "delivery", 8) or is_name(text, "received", 8)


cdef bint is_slug(Text text) noexcept nogil:
    cdef Py_ssize_t number
    cdef char one
    if not fits(text, PLATFORM_MOST):
        return False
    for number in range(text.size):
        one = text.at[number]
        if not (c"a" <= one <= c"z" or c"0" <= one <= c"9" or one == c"-"):
            return False
    return True


cdef const char* string(const char* at, const char* end, Text* text) noexcept nogil:
    """Behind the string that begins here, which is put into `text`; NULL where it is none or not plain."""
    cdef unsigned char one
    if at == end or at[0] != c'"':
        return NULL
    at += 1
    text.at = at
    at = clean(at, end)
    while at < end:
        one = <unsigned char>at[0]
        if one == c'"':
            text.size = at - text.at
            return at + 1
        if one < 0x20 or one > 0x7E or one == c"\\":
            return NULL
        at += 1
    return NULL


cdef inline const char* clean(const char* at, const char* end) noexcept nogil:
    """As far as whole words of eight bytes hold no quote, backslash, control character or byte beyond ASCII."""
    cdef uint64_t word, quote, back
    cdef uint64_t ones = 0x0101010101010101ULL, highs = 0x8080808080808080ULL
    while end - at >= 8:
        memcpy(&word, at, 8)
        quote = word ^ (ones * 0x22)
        back = word ^ (ones * 0x5C)
        if ((word - ones * 0x20) | (quote - ones) | (back - ones) | word) & highs:
            return at
        at += 8
    return at


cdef const char* integer(const char* at, const char* end, int64_t* number) noexcept nogil:
    """Behind the whole number that begins here; NULL where it is none, or a longer one than any time."""
    cdef const char* first = at
    number[0] = 0
    while at < end and c"0" <= at[0] <= c"9":
        number[0] = number[0] * 10 + (at[0] - c"0")
        at += 1
        if at - first > DIGITS_MOST:
            return NULL
    return NULL if at == first or (first[0] == c"0" and at - first > 1) else at


cdef const char* boolean(const char* at, const char* end, bint* value) noexcept nogil:
    if end - at >= 4 and memcmp(at, "true", 4) == 0:
        value[0] = True
        return at + 4
    if end - at >= 5 and memcmp(at, "false", 5) == 0:
        value[0] = False
        return at + 5
    return NULL
