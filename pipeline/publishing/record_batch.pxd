from libc.stdint cimport int16_t, int32_t, int64_t

#: Where a record's key and value are to be written; of what is None nothing is.
cdef struct Place:
    char* key
    char* value

cdef class RecordBatch:
    cdef char* _records
    cdef Py_ssize_t _limit, _room, _size
    cdef int32_t _count
    cdef bint _closed
    cdef object _timestamp_ms
    cdef int64_t _producer_id
    cdef int16_t _producer_epoch
    cdef int32_t _base_sequence
    cdef bytes _built

    cdef int place(self, Py_ssize_t key_size, Py_ssize_t value_size, Place* where) except -1
    cdef bytes _encoded(self)

cdef class Batches:
    cdef readonly list batches
    cdef RecordBatch _open
    cdef object _timestamp_ms
    cdef Py_ssize_t _batch_bytes, _count

    cdef int place(self, Py_ssize_t key_size, Py_ssize_t value_size, Place* where) except -1
