from libc.stdint cimport int64_t, uint64_t

from pipeline.counting.object_set cimport ObjectSet
from pipeline.counting.row_table cimport COLUMNS, RowTable

#: As many window sizes as there may be (`windows.SIZES_MAX`).
cdef enum:
    SIZES = 8

cdef class Sizes:
    cdef int count
    cdef int64_t lengths_ms[SIZES]
    cdef int64_t kept_ms[SIZES]

cdef class LivePage:
    cdef readonly str entity, platform, id, encoded_id, key, prefix, reference
    cdef readonly int slot
    cdef public str account
    cdef public object addresses, engaged_in, told, threads, labelled
    cdef public ObjectSet members
    cdef RowTable _rows
    cdef public Py_ssize_t entries, weight
    cdef public dict polled, answered, dirty
    cdef public list polled_changed
    cdef public int64_t first_ms, last_ms, closes_ms, pruned_hour
    cdef public bint loaded, new, renewed, engaged_renewed, touched
    cdef public LivePage owner
    cdef RowTable _counted
    cdef char* _actors
    cdef Py_ssize_t _actors_size, _actors_room
    cdef int64_t _actors_in
    cdef dict _engaged
    cdef int64_t _written_first_ms, _written_last_ms
    cdef int64_t _written[COLUMNS]
    cdef object _written_answers

    cdef int count_object(self, int64_t finest, int column, int sign) except -1
    cdef int engage_hashed(self, int64_t window, uint64_t actor) except -1
    cdef int _engage_elsewhere(self, int64_t window, uint64_t actor) except -1
    cdef int take_sums(self, LivePage post) except -1
    cdef int change_rows(self, Sizes sizes) except -1
    cdef int _change(self, Sizes sizes, int64_t finest, const int64_t* counts, answers) except -1
    cdef int prune(self, Sizes sizes) except -1
    cdef int _write_all_time(self, Fields fields, ratio_text, answer_fields) except -1
    cdef int _remember(self) except -1

cdef class Fields:
    cdef char* _bytes
    cdef Py_ssize_t _size, _room
    cdef readonly Py_ssize_t count

    cdef char* _space(self, Py_ssize_t size) except NULL
    cdef int text(self, str text) except -1
    cdef int ascii(self, const char* text, Py_ssize_t size) except -1
    cdef int number(self, const char* name, int64_t number) except -1
    cdef int row(self, const int64_t* counts) except -1
