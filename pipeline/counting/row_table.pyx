# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The rows of a page, compiled: window code -> counts in plain memory, read from Python as packed integers (`rows.py`).

Which rows changed since the last slice is kept beside them. Answered comments, which few rows have, lie in a dictionary.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

from pipeline.counting.rows import COUNTS

cdef Py_ssize_t SMALLEST = 8
cdef int COUNT_BYTES = 8 * COLUMNS
#: Packed: the counts of a row without answers are 0 to LOWEST.
cdef object LOWEST = COUNTS
cdef object ANSWERS_BIT = COUNTS.bit_length()


cdef inline Py_ssize_t place_of(int64_t code, Py_ssize_t mask) noexcept nogil:
    return <Py_ssize_t>((<uint64_t>code * 0x9E3779B97F4A7C15ULL) >> 32) & mask


cdef class RowTable:
    """A mapping of window codes to packed rows; a row of nothing but zeros is a row as well."""

    def __cinit__(self):
        self._table = NULL
        self._changed = NULL
        self.answers = {}

    def __dealloc__(self):
        free(self._table)
        free(self._changed)

    @classmethod
    def of(cls, dict rows):
        """From packed rows; none of them counts as changed."""
        cdef RowTable table = cls()
        for code, packed in rows.items():
            table[code] = packed
        return table

    def __setitem__(self, code, packed):
        cdef Row* row = self.row_of(code)
        cdef bytes counts = (packed & LOWEST).to_bytes(COUNT_BYTES, "little")
        memcpy(row.counts, PyBytes_AS_STRING(counts), COUNT_BYTES)
        if packed > LOWEST or packed < 0:
            self.answers[code] = packed >> ANSWERS_BIT << ANSWERS_BIT
        else:
            self.answers.pop(code, None)

    def __getitem__(self, code):
        cdef Row* row = self.find(code)
        if row == NULL:
            raise KeyError(code)
        return self.packed(row)

    def get(self, code, default=None):
        cdef Row* row = self.find(code)
        return default if row == NULL else self.packed(row)

    def __contains__(self, code):
        return self.find(code) != NULL

    def __len__(self):
        return self._count

    def __iter__(self):
        cdef Py_ssize_t place
        codes = []
        if self._table != NULL:
            for place in range(self._mask + 1):
                if self._table[place].used:
                    codes.append(self._table[place].code)
        return iter(codes)

    def __delitem__(self, code):
        if self.find(code) == NULL:
            raise KeyError(code)
        self.drop(code)

    def values(self):
        """Each packed row."""
        return [self[code] for code in self]

    def items(self):
        """Code and packed row of each."""
        return [(code, self[code]) for code in self]

    cdef Row* find(self, int64_t code) noexcept:
        """The row of this code, or NULL; it stands there until a row is added or dropped."""
        cdef Py_ssize_t place
        if self._table == NULL:
            return NULL
        place = place_of(code, self._mask)
        while self._table[place].used:
            if self._table[place].code == code:
                return &self._table[place]
            place = (place + 1) & self._mask
        return NULL

    cdef Row* row_of(self, int64_t code) except NULL:
        """The row of this code, made where it is not there."""
        cdef Row* row = self.find(code)
        cdef Py_ssize_t place
        if row != NULL:
            return row
        if self._table == NULL or (self._count + 1) * 4 > (self._mask + 1) * 3:
            self._grow()
        place = place_of(code, self._mask)
        while self._table[place].used:
            place = (place + 1) & self._mask
        self._table[place].used = True
        self._table[place].code = code
        self._count += 1
        return &self._table[place]

    cdef int add(self, int64_t code, const int64_t* counts) except -1:
        """Add these counts to a row, which has changed then."""
        cdef Row* row = self.row_of(code)
        cdef int column
        for column in range(COLUMNS):
            row.counts[column] += counts[column]
        if not row.changed:
            row.changed = True
            self.note(code)
        return 0

    cdef int add_answers(self, int64_t code, answers) except -1:
        """Add these answered comments, packed, to a row, which has changed then."""
        cdef Row* row = self.row_of(code)
        total = self.answers.get(code, 0) + answers
        if total:
            self.answers[code] = total
        else:
            self.answers.pop(code, None)
        if not row.changed:
            row.changed = True
            self.note(code)
        return 0

    cdef int drop(self, int64_t code) except -1:
        """Let go of a row that is there, which is a change as well."""
        cdef Row* row = self.find(code)
        cdef bint changed = row.changed
        cdef Py_ssize_t hole = row - self._table, at = hole, home
        while True:
            at = (at + 1) & self._mask
            if not self._table[at].used:
                break
            # Rows that had to go past the hole come nearer to their own place.
            home = place_of(self._table[at].code, self._mask)
            if (at - home) & self._mask >= (at - hole) & self._mask:
                self._table[hole] = self._table[at]
                hole = at
        memset(&self._table[hole], 0, sizeof(Row))
        self._count -= 1
        self.answers.pop(code, None)
        if not changed:
            self.note(code)
        return 0

    cdef int note(self, int64_t code) except -1:
        """This row has changed."""
        cdef int64_t* changed
        if self._changed_count == self._changed_room:
            self._changed_room = 2 * self._changed_room or SMALLEST
            changed = <int64_t*>realloc(self._changed, self._changed_room * sizeof(int64_t))
            if changed == NULL:
                raise MemoryError
            self._changed = changed
        self._changed[self._changed_count] = code
        self._changed_count += 1
        return 0

    cdef object packed(self, Row* row):
        cdef bint plain = row.counts[0] >= 0 and not (row.counts[1] | row.counts[2] | row.counts[3] | row.counts[4])
        counts = (
            row.counts[0] if plain
            else int.from_bytes(PyBytes_FromStringAndSize(<char*>row.counts, COUNT_BYTES), "little")
        )
        answers = self.answers.get(row.code) if self.answers else None
        return counts if answers is None else counts + answers

    cdef int _grow(self) except -1:
        cdef Py_ssize_t size = SMALLEST if self._table == NULL else 2 * (self._mask + 1)
        cdef Row* table = <Row*>calloc(size, sizeof(Row))
        cdef Py_ssize_t old, place
        if table == NULL:
            raise MemoryError
        if self._table != NULL:
            for old in range(self._mask + 1):
                if self._table[old].used:
                    place = place_of(self._table[old].code, size - 1)
                    while table[place].used:
                        place = (place + 1) & (size - 1)
                    table[place] = self._table[old]
            free(self._table)
        self._table = table
        self._mask = size - 1
        return 0
