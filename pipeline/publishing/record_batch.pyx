# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Kafka's record batches (magic 2, without headers), compiled: a record is written once, into plain memory, and no object
of Python is made for it.

A batch has one timestamp for all of its records. aiokafka compresses it and takes its checksum; it is sent by aiokafka,
too, as one of its own builders would be.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from struct import Struct

from aiokafka.codec import zstd_encode
from aiokafka.record.util import calc_crc32c

from pipeline.clock import wall_clock

#: Larger batches wait longer for their first record; the broker takes 1 MB at the most by default.
BATCH_BYTES = 512_000

#: Base offset, length of what follows, leader's epoch, magic, checksum of what follows.
_HEAD = Struct(">qiibI")
#: Attributes, last offset, base and highest timestamp, the producer's id, epoch and sequence, number of records.
_FIELDS = Struct(">hiqqqhii")
_MAGIC = 2
#: The cheapest codec a record (0.19 us) and the smallest; lz4, fixed at level 9, takes 1.6 us.
_ZSTD = 4
#: What `length` counts of the head: the epoch, the magic and the checksum.
_COUNTED_HEAD_BYTES = 9

cdef Py_ssize_t HEADER_BYTES = _HEAD.size + _FIELDS.size


cdef inline uint64_t zigzag(int64_t number) noexcept nogil:
    return (<uint64_t>number << 1) ^ <uint64_t>(number >> 63)


cdef inline Py_ssize_t varint_size(int64_t number) noexcept nogil:
    cdef uint64_t left = zigzag(number)
    cdef Py_ssize_t size = 1
    while left > 0x7F:
        left >>= 7
        size += 1
    return size


cdef inline char* put_varint(char* out, int64_t number) noexcept nogil:
    """Written as Kafka writes lengths; gives the place behind it."""
    cdef uint64_t left = zigzag(number)
    while left > 0x7F:
        out[0] = <char>(left & 0x7F | 0x80)
        left >>= 7
        out += 1
    out[0] = <char>left
    return out + 1


cdef class RecordBatch:
    """One batch, which aiokafka takes as it takes its own `BatchBuilder`. A record that would fill it to `limit_bytes`, as
    it is before it is compressed, has no room, as in theirs; only a first record may be larger. Without a timestamp it
    gets the time of its sending."""

    def __cinit__(self, Py_ssize_t limit_bytes, timestamp_ms):
        self._limit, self._room = limit_bytes, max(limit_bytes, 1)
        self._timestamp_ms = timestamp_ms
        self._producer_id = self._producer_epoch = self._base_sequence = -1
        self._records = <char*>malloc(self._room)
        if self._records == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self._records)

    cdef int place(self, Py_ssize_t key_size, Py_ssize_t value_size, Place* where) except -1:
        """One more record, of which the key and the value are still to be written: 1, or 0 where there is no room. The
        size of what is None is -1."""
        cdef Py_ssize_t key_room = max(key_size, 0), value_room = max(value_size, 0), body, end
        cdef char* out
        if self._closed:
            return 0
        # One byte each: attributes, the timestamp's distance from the batch's, the number of headers.
        body = 3 + varint_size(self._count)
        body += varint_size(key_size) + key_room + varint_size(value_size) + value_room
        end = self._size + varint_size(body) + body
        if self._count and HEADER_BYTES + end >= self._limit:
            self._closed = True
            return 0
        if end > self._room:
            out = <char*>realloc(self._records, end)
            if out == NULL:
                raise MemoryError
            self._records, self._room = out, end
        out = put_varint(self._records + self._size, body)
        out[0] = out[1] = 0
        out = put_varint(out + 2, self._count)
        where.key = put_varint(out, key_size)
        where.value = put_varint(where.key + key_room, value_size)
        where.value[value_room] = 0
        self._size = end
        self._count += 1
        return 1

    def close(self):
        """No record is added any more."""
        self._closed = True

    def closed(self):
        return self._closed

    def record_count(self):
        return self._count

    def size(self):
        """Bytes of the batch, as it is now."""
        return HEADER_BYTES + self._size if self._built is None else len(self._built)

    def _set_producer_state(self, producer_id, producer_epoch, base_sequence):
        """By these the broker knows a batch that it has already."""
        self._producer_id, self._producer_epoch, self._base_sequence = producer_id, producer_epoch, base_sequence

    def _build(self):
        """The batch as it is sent, and sent again: the same bytes each time."""
        self._closed = True
        if self._built is None:
            self._built = self._encoded()
            free(self._records)
            self._records = NULL
        return self._built

    cdef bytes _encoded(self):
        records = PyMemoryView_FromMemory(self._records, self._size, PyBUF_READ)
        timestamp_ms = wall_clock() if self._timestamp_ms is None else self._timestamp_ms
        fields = _FIELDS.pack(
            _ZSTD, self._count - 1, timestamp_ms, timestamp_ms,
            self._producer_id, self._producer_epoch, self._base_sequence, self._count,
        )
        summed = fields + zstd_encode(records)
        return _HEAD.pack(0, _COUNTED_HEAD_BYTES + len(summed), -1, _MAGIC, calc_crc32c(summed)) + summed


cdef class Batches:
    """Records for one partition, in their order, as batches: where one is full, another follows. They are sent once."""

    def __init__(self, timestamp_ms=None, Py_ssize_t batch_bytes=BATCH_BYTES):
        self.batches = []
        self._timestamp_ms, self._batch_bytes = timestamp_ms, batch_bytes

    @classmethod
    def of(cls, records, timestamp_ms=None, Py_ssize_t batch_bytes=BATCH_BYTES):
        """These keys and values."""
        cdef Batches made = cls(timestamp_ms, batch_bytes)
        for key, value in records:
            made.append(key, value)
        return made

    def append(self, bytes key, bytes value):
        """One more record. A record without a value is a tombstone."""
        cdef Place where
        self.place(
            -1 if key is None else PyBytes_GET_SIZE(key), -1 if value is None else PyBytes_GET_SIZE(value), &where
        )
        if key is not None:
            memcpy(where.key, PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key))
        if value is not None:
            memcpy(where.value, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))

    def __len__(self):
        """The number of records."""
        return self._count

    cdef int place(self, Py_ssize_t key_size, Py_ssize_t value_size, Place* where) except -1:
        """One more record, whose key and value the caller writes now."""
        if self._open is None or not self._open.place(key_size, value_size, where):
            self._open = RecordBatch(self._batch_bytes, self._timestamp_ms)
            self._open.place(key_size, value_size, where)
            self.batches.append(self._open)
        self._count += 1
        return 0
