from libc.stdint cimport uint64_t

cdef struct Entry:
    uint64_t key
    uint64_t state

cdef class ObjectSet:
    cdef Entry* _table
    cdef size_t _mask
    cdef size_t _count
    cdef Entry* _appended
    cdef size_t _appended_count
    cdef size_t _appended_room

    cdef uint64_t find(self, uint64_t key) noexcept
    cdef uint64_t merge_state(self, uint64_t key, uint64_t state) except? 1
    cdef int _put(self, uint64_t key, uint64_t state) except -1
    cdef int _grow(self) except -1
    cdef int _append(self, uint64_t key, uint64_t state) except -1
