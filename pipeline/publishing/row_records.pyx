# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Rows of a page as Kafka records, compiled: ten rows of a page change with a slice, and each is told.

Key and value are written straight to where they are sent from.

The texts of counts are kept, for most windows hold one of a few small rows: the two ratios, written as Python writes
them, take longer than all the rest.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem
from cpython.mem cimport PyMem_Free
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, strlen

from pipeline.counting.row_table cimport COLUMNS, Row, RowTable
from pipeline.publishing.record_batch cimport Batches, Place

cdef extern from "Python.h":
    char* PyOS_double_to_string(double value, char code, int precision, int flags, int* kind) except NULL
    int Py_DTSF_ADD_DOT_0

#: Texts that are kept, a power of two; and the longest one: five numbers of 20 digits, two ratios, what is unanswered.
cdef enum:
    KEPT = 4096
    TEXT_ROOM = 512
    RATIO_ROOM = 40

#: A number up to this one is a double as it is.
cdef int64_t EXACT = 1 << 53

cdef struct Text:
    int64_t counts[COLUMNS]
    Py_ssize_t size
    char text[TEXT_ROOM]


cdef class RowRecords:
    """Writes records. `unanswered`: what a row with comments says of answers where there are none; `texts` gives what a
    packed row with answered comments says of its counts; `windows` makes the end of a key and the fields of a window."""

    cdef Text* _kept
    cdef bytes _unanswered
    cdef object _texts, _window_parts
    cdef dict _windows

    def __init__(self, bytes unanswered, texts, dict windows, window_parts):
        self._kept = <Text*>calloc(KEPT, sizeof(Text))
        if self._kept == NULL:
            raise MemoryError
        self._unanswered, self._texts, self._windows, self._window_parts = unanswered, texts, windows, window_parts

    def __dealloc__(self):
        free(self._kept)

    def of_page(
        self, RowTable rows, codes, set closed, bytes key, bytes head, bytes still_open, bytes final, Batches out not None
    ):
        """Each row of these codes that is there. A key is `key` and the window; a value is `head`, the window, the counts,
        and `final` for a closed one, else `still_open`."""
        cdef Row* row
        cdef Text* text
        cdef PyObject* found
        cdef bytes counts, key_end, window, end
        cdef tuple parts
        cdef Place where
        cdef const char* told
        cdef char* place
        cdef Py_ssize_t size
        for code in codes:
            row = rows.find(code)
            if row == NULL:
                continue
            found = PyDict_GetItem(self._windows, code)
            parts = <tuple>found if found != NULL else self._window_parts(code)
            key_end, window = <bytes>parts[0], <bytes>parts[1]
            end = final if closed and code in closed else still_open
            if rows.answers and code in rows.answers:
                counts = self._texts[rows.packed(row)]
                told, size = PyBytes_AS_STRING(counts), PyBytes_GET_SIZE(counts)
            else:
                text = self._text_of(row.counts)
                told, size = text.text, text.size
            out.place(
                PyBytes_GET_SIZE(key) + PyBytes_GET_SIZE(key_end),
                PyBytes_GET_SIZE(head) + PyBytes_GET_SIZE(window) + size + PyBytes_GET_SIZE(end),
                &where,
            )
            put(put(where.key, key), key_end)
            place = put(put(where.value, head), window)
            memcpy(place, told, size)
            put(place + size, end)

    cdef Text* _text_of(self, const int64_t* counts) except NULL:
        """What a row without answered comments says of its counts; the five are never all zero in a row of a window."""
        cdef uint64_t mixed = 0
        cdef int column
        cdef Text* text
        for column in range(COLUMNS):
            mixed = (mixed ^ <uint64_t>counts[column]) * 0x9E3779B97F4A7C15ULL
        text = &self._kept[mixed >> 52]
        if not text.size or memcmp(text.counts, counts, sizeof(text.counts)) != 0:
            text.size = 0
            text.size = self._write(text.text, counts)
            memcpy(text.counts, counts, sizeof(text.counts))
        return text

    cdef Py_ssize_t _write(self, char* out, const int64_t* counts) except -1:
        cdef char to_like[RATIO_ROOM]
        cdef char share[RATIO_ROOM]
        cdef int64_t likes = counts[0], comments = counts[1], total = counts[0] + counts[1] + counts[2]
        cdef const char* unanswered = ""
        if comments:
            unanswered = PyBytes_AS_STRING(self._unanswered)
        write_ratio(to_like, comments, likes)
        write_ratio(share, comments, total)
        return snprintf(
            out, TEXT_ROOM,
            '"likes":%lld,"comments":%lld,"shares":%lld,"replies":%lld,"posts":%lld,'
            '"comment_to_like":%s,"conversation_share":%s,%s"revision":',
            <long long>likes, <long long>comments, <long long>counts[2], <long long>counts[3], <long long>counts[4],
            <const char*>to_like, <const char*>share, unanswered,
        )


cdef int write_ratio(char* out, int64_t part, int64_t whole) except -1:
    """The quotient as JSON and Python write it; `null` where it is none."""
    cdef char* text
    cdef double quotient
    if not whole:
        memcpy(out, b"null", 5)
        return 0
    if part > EXACT or whole > EXACT:
        quotient = <object>part / <object>whole
    else:
        quotient = <double>part / <double>whole
    text = PyOS_double_to_string(quotient, c"r", 0, Py_DTSF_ADD_DOT_0, NULL)
    memcpy(out, text, strlen(text) + 1)
    PyMem_Free(text)
    return 0


cdef inline char* put(char* out, bytes text) noexcept:
    """Gives the place behind it."""
    memcpy(out, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))
    return out + PyBytes_GET_SIZE(text)
