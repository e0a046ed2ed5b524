from libc.stdint cimport int64_t, uint64_t

from pipeline.counting.object_set cimport ObjectSet

#: The classes that count; the column of each is its number (`members.py`).
cdef enum:
    CLASSES = 5

cdef struct Change:
    int64_t finest
    int64_t counts[CLASSES]

cdef class LivePage:
    cdef readonly str entity, platform, id, key, prefix, reference
    cdef readonly int slot
    cdef public str account
    cdef public object addresses, engaged_in, threads, labelled, written
    cdef public ObjectSet members
    cdef public Py_ssize_t entries, weight
    cdef public dict rows, polled, delta, changed, dirty
    cdef public list polled_changed
    cdef public int64_t first_ms, last_ms, closes_ms, pruned_hour
    cdef public bint loaded, new, renewed, engaged_renewed, touched
    cdef public LivePage owner
    cdef Change* _changes
    cdef int _changes_count, _changes_room
    cdef char* _actors
    cdef Py_ssize_t _actors_size, _actors_room
    cdef int64_t _actors_in
    cdef dict _engaged

    cdef int count_object(self, int64_t finest, int column, int sign) except -1
    cdef int engage_hashed(self, int64_t window, uint64_t actor) except -1
    cdef int _engage_elsewhere(self, int64_t window, uint64_t actor) except -1
