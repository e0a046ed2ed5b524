# cython: language_level=3, boundscheck=False, wraparound=False
"""The set behind a post, compiled: hash of an object's id -> its state (`members.py`), in 16 bytes an entry.

An open table with linear probing, in place of a dictionary of integers: that took 110 bytes an entry and, at one
look-up an event, a seventh of the worker. No valid state is 0, which marks an empty place, or 1, which marks an error.
"""

import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free, realloc

#: Random and odd: nobody outside can choose ids that meet in one place of the table.
cdef uint64_t SPREAD = int.from_bytes(os.urandom(8), "little") | 1
cdef size_t SMALLEST = 8


cdef inline size_t place_of(uint64_t key, size_t mask) noexcept nogil:
    return <size_t>((key * SPREAD) >> 20) & mask


cdef class ObjectSet:
    """Grows only; a state is replaced by a greater one. What is merged is also kept to be appended in Redis."""

    def __cinit__(self):
        self._table = NULL
        self._appended = NULL

    def __dealloc__(self):
        free(self._table)
        free(self._appended)

    @classmethod
    def load(cls, bytes blob):
        """From what Redis holds: 16 bytes an entry, little endian; of a hash the last entry is the greatest."""
        cdef ObjectSet loaded = cls()
        cdef Entry* entries = <Entry*>PyBytes_AS_STRING(blob)
        cdef Py_ssize_t number
        for number in range(len(blob) // <Py_ssize_t>sizeof(Entry)):
            if entries[number].state:
                loaded._put(entries[number].key, entries[number].state)
        return loaded

    def merge(self, uint64_t key, uint64_t state):
        """The object's state before, 0 where it is new; of the two the greater one holds."""
        return self.merge_state(key, state)

    def get(self, uint64_t key, default=None):
        cdef uint64_t state = self.find(key)
        return state if state else default

    # Untyped: of an integer typed here Cython makes an index into a sequence, which ends at 63 bits.
    def __getitem__(self, key):
        cdef uint64_t state = self.find(key)
        if not state:
            raise KeyError(key)
        return state

    def __contains__(self, uint64_t key):
        return self.find(key) != 0

    def __len__(self):
        return self._count

    def __iter__(self):
        return iter([key for key, _ in self.items()])

    def items(self):
        """Hash and state of each object."""
        cdef size_t place
        found = []
        if self._table != NULL:
            for place in range(self._mask + 1):
                if self._table[place].state:
                    found.append((self._table[place].key, self._table[place].state))
        return found

    @property
    def appended(self):
        """How many entries wait to be appended in Redis."""
        return self._appended_count

    def take_appended(self):
        """The entries that wait, as bytes to append."""
        blob = PyBytes_FromStringAndSize(<char*>self._appended, self._appended_count * sizeof(Entry))
        free(self._appended)
        self._appended = NULL
        self._appended_count = self._appended_room = 0
        return blob

    def compacted(self):
        """All of them anew. The last entry stands twice: more entries than objects says that states were overwritten."""
        cdef size_t place, number = 0
        cdef bytes blob = PyBytes_FromStringAndSize(NULL, (self._count + (1 if self._count else 0)) * sizeof(Entry))
        cdef Entry* out = <Entry*>PyBytes_AS_STRING(blob)
        if self._count:
            for place in range(self._mask + 1):
                if self._table[place].state:
                    out[number] = self._table[place]
                    number += 1
            out[number] = out[number - 1]
        return blob

    cdef uint64_t find(self, uint64_t key) noexcept:
        """Its state, 0 where it is not there."""
        cdef size_t place
        if self._table == NULL:
            return 0
        place = place_of(key, self._mask)
        while self._table[place].state:
            if self._table[place].key == key:
                return self._table[place].state
            place = (place + 1) & self._mask
        return 0

    cdef uint64_t merge_state(self, uint64_t key, uint64_t state) except? 1:
        cdef uint64_t old = self.find(key)
        if old < state:
            self._append(key, state)
            self._put(key, state)
        return old

    cdef int _put(self, uint64_t key, uint64_t state) except -1:
        cdef size_t place
        if self._table == NULL or (self._count + 1) * 8 > (self._mask + 1) * 5:
            self._grow()
        place = place_of(key, self._mask)
        while self._table[place].state and self._table[place].key != key:
            place = (place + 1) & self._mask
        if not self._table[place].state:
            self._count += 1
        self._table[place] = Entry(key, state)
        return 0

    cdef int _grow(self) except -1:
        cdef size_t size = SMALLEST if self._table == NULL else 2 * (self._mask + 1)
        cdef Entry* table = <Entry*>calloc(size, sizeof(Entry))
        cdef size_t old, place
        if table == NULL:
            raise MemoryError
        if self._table != NULL:
            for old in range(self._mask + 1):
                if self._table[old].state:
                    place = place_of(self._table[old].key, size - 1)
                    while table[place].state:
                        place = (place + 1) & (size - 1)
                    table[place] = self._table[old]
            free(self._table)
        self._table = table
        self._mask = size - 1
        return 0

    cdef int _append(self, uint64_t key, uint64_t state) except -1:
        cdef Entry* appended
        if self._appended_count == self._appended_room:
            self._appended_room = 2 * self._appended_room or SMALLEST
            appended = <Entry*>realloc(self._appended, self._appended_room * sizeof(Entry))
            if appended == NULL:
                raise MemoryError
            self._appended = appended
        self._appended[self._appended_count] = Entry(key, state)
        self._appended_count += 1
        return 0
