from libc.stdint cimport int64_t

#: The columns of a row, likes to posts (`schemas.engagement.COLUMNS`); the classes of objects count in them.
cdef enum:
    COLUMNS = 5

cdef struct Row:
    int64_t code
    int64_t counts[COLUMNS]
    bint used
    bint changed

cdef class RowTable:
    cdef Row* _table
    cdef Py_ssize_t _mask, _count
    cdef int64_t* _changed
    cdef Py_ssize_t _changed_count, _changed_room
    cdef dict answers

    cdef Row* find(self, int64_t code) noexcept
    cdef Row* row_of(self, int64_t code) except NULL
    cdef int add(self, int64_t code, const int64_t* counts) except -1
    cdef int add_answers(self, int64_t code, answers) except -1
    cdef int drop(self, int64_t code) except -1
    cdef int note(self, int64_t code) except -1
    cdef object packed(self, Row* row)
    cdef int _grow(self) except -1
