"""Where matters lie: a small page that is written on, and shelves of up to 65,536 that are only read, thinned out and joined.

A shelf keeps, for each term, the rows that have it, in two bytes each and oldest first. A term that very many have keeps its
newest rows only (:data:`MOST_ROWS`): that bounds memory and the time of a look. Rows that were removed are passed over; when half
of a shelf is gone it is made anew.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.similar.forms import Form
from classifier.similar.terms import Terms, of_form

PAGE = 4_096
"""Matters on a page; then it becomes a shelf."""
SHELF = 65_536
"""Matters on a shelf at most: a row's number is of two bytes."""
MOST_ROWS = 2_048
"""Rows that one term keeps on a shelf."""

Keys = npt.NDArray[np.uint64]
_CODEC = "gb18030"
"""Two bytes for most Chinese characters, and every character has its bytes."""
_ROW, _TERM = np.uint64(0xFFFF), np.uint64(16)
"""A key is a term and, in its last bits, a row."""


def packed(form: Form) -> bytes:
    return "\r".join(form._replace(core="=") if form.core == form.place else form).encode(_CODEC)


def unpacked(data: bytes) -> Form:
    words, place, core, marks, kinds, item = data.decode(_CODEC).split("\r")
    return Form(words, place, place if core == "=" else core, marks, kinds, item)


def digest(id_: str) -> int:
    """A number by which an id is found; two ids may share one."""
    return int.from_bytes(hashlib.blake2b(_bytes(id_), digest_size=8).digest(), "little")


def _bytes(id_: str) -> bytes:
    return id_.encode("utf-8", "surrogatepass")


class Strings:
    """Many strings of bytes, in one."""

    def __init__(self, pieces: Iterable[bytes] = ()) -> None:
        found = list(pieces)
        self._data = b"".join(found)
        self._ends = array("I", [0])
        self._ends.frombytes(np.cumsum([len(piece) for piece in found], dtype=np.uint32).tobytes())

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, at: int) -> bytes:
        return self._data[self._ends[at] : self._ends[at + 1]]

    def kept(self, rows: npt.NDArray[Any]) -> Strings:
        """Those of these rows."""
        return self if len(rows) == len(self) else Strings(map(self.__getitem__, rows.tolist()))

    @staticmethod
    def joined(parts: Sequence[Strings]) -> Strings:
        found = Strings()
        found._data = b"".join([part._data for part in parts])
        first = 0
        for part in parts:
            found._ends.frombytes((np.array(part._ends[1:], np.uint32) + np.uint32(first)).tobytes())
            first += len(part._data)
        return found


class Page:
    """Matters that came last, in plain lists."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._ids: list[str] = []
        self._forms: list[bytes] = []
        self._digests = array("Q")
        self._at = array("d")
        self._divisions = array("H")
        self._alive = bytearray()
        self.live = 0
        self._terms = array("I")
        self._counts = array("I")
        self._having: dict[int, array[int]] = {}
        self._new: list[Form] = []

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, id_: str, digest: int, form: Form, at: float, division: int) -> None:
        self._rows[id_] = len(self._ids)
        self._ids.append(id_)
        self._digests.append(digest)
        self._forms.append(packed(form))
        self._at.append(at)
        self._divisions.append(division)
        self._alive.append(1)
        self.live += 1
        self._new.append(form)

    @property
    def unfiled(self) -> int:
        """How many of the newest are not yet found by their terms."""
        return len(self._new)

    def file(self) -> Terms:
        """Make all be found; returns the terms of those that were not, each as often as one of them has it."""
        each = [of_form(form) for form in self._new]
        for row, terms in enumerate(each, len(self) - len(each)):
            for term in terms.tolist():
                having = self._having.get(term)
                if having is None:
                    having = self._having[term] = array("H")
                having.append(row)
        self._counts.extend([len(terms) for terms in each])
        self._new = []
        found = np.concatenate(each)
        self._terms.frombytes(found.tobytes())
        return found

    def find(self, id_: str, digest: int) -> int:
        """Its row, or -1; by the id's :func:`digest`."""
        return self._rows.get(id_, -1)

    def remove(self, row: int) -> None:
        del self._rows[self._ids[row]]
        self._alive[row] = 0
        self.live -= 1

    @property
    def alive(self) -> npt.NDArray[np.bool_]:
        return np.array(self._alive, np.bool_)

    @property
    def at(self) -> npt.NDArray[np.float64]:
        return np.array(self._at, np.float64)

    @property
    def divisions(self) -> npt.NDArray[np.uint16]:
        return np.array(self._divisions, np.uint16)

    @property
    def ids(self) -> Strings:
        return Strings(map(_bytes, self._ids))

    @property
    def forms(self) -> Strings:
        return Strings(self._forms)

    @property
    def digests(self) -> Keys:
        return np.array(self._digests, np.uint64)

    def entries(self, terms: Terms) -> tuple[Keys, Keys]:
        """Rows that have one of the terms, and for each which of them it is."""
        rows, which = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint64)]
        for number, term in enumerate(terms.tolist()):
            if term in self._having:
                rows.append(np.array(self._having[term], np.uint64))
                which.append(np.full(len(rows[-1]), number, np.uint64))
        return np.concatenate(rows), np.concatenate(which)

    def keys(self) -> Keys:
        """Term and row of every entry."""
        rows = np.repeat(np.arange(len(self), dtype=np.uint64), np.array(self._counts, np.uint32))
        found: Keys = np.array(self._terms, np.uint64) << _TERM | rows
        return found

    def id_of(self, row: int) -> str:
        return self._ids[row]

    def form_of(self, row: int) -> Form:
        return unpacked(self._forms[row])

    def at_of(self, row: int) -> float:
        return self._at[row]

    def division_of(self, row: int) -> int:
        return self._divisions[row]


class Shelf:
    """Matters in arrays. Made of the living matters of a page, of another shelf, or of two that stood side by side."""

    def __init__(self, parts: Sequence[Page | Shelf]) -> None:
        rows = [np.flatnonzero(part.alive) for part in parts]
        pairs = list(zip(parts, rows, strict=True))
        self.live = sum(map(len, rows))
        self.alive: npt.NDArray[np.bool_] = np.ones(self.live, np.bool_)
        self.at: npt.NDArray[np.float64] = np.concatenate([part.at[rows] for part, rows in pairs])
        self.divisions: npt.NDArray[np.uint16] = np.concatenate([part.divisions[rows] for part, rows in pairs])
        self.ids: Strings = Strings.joined([part.ids.kept(rows) for part, rows in pairs])
        self.forms: Strings = Strings.joined([part.forms.kept(rows) for part, rows in pairs])
        digests = np.concatenate([part.digests[rows] for part, rows in pairs])
        order = np.argsort(digests, kind="stable")
        self._digests = array("Q", digests[order].tobytes())
        self._rows_of_digests = array("H", order.astype(np.uint16).tobytes())
        self._file(pairs)

    def _file(self, pairs: Sequence[tuple[Page | Shelf, npt.NDArray[Any]]]) -> None:
        """Sort the entries of all parts by term, and rows of a term by age."""
        every, first = [], 0
        for part, rows in pairs:
            keys = part.keys()
            if len(rows) < len(part):
                keys = keys[part.alive[keys & _ROW]]
                number = np.zeros(len(part), np.uint64)
                number[rows] = np.arange(first, first + len(rows), dtype=np.uint64)
                keys = (keys & ~_ROW) | number[keys & _ROW]
            else:
                keys += np.uint64(first)
            every.append(keys)
            first += len(rows)
        keys = np.concatenate(every)
        keys.sort(kind="stable")  # quick, as the parts' keys are sorted
        term = (keys >> _TERM).astype(np.uint32)
        begins = np.flatnonzero(np.diff(term, prepend=np.uint32(0xFFFFFFFF)))
        counts = np.diff(begins, append=len(keys))
        self._terms = term[begins]
        if len(counts) and counts.max() > MOST_ROWS:
            keys = keys[np.arange(len(keys)) >= np.repeat(begins + counts - MOST_ROWS, counts)]
            counts = np.minimum(counts, MOST_ROWS)
        self._ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)
        self._rows = keys.astype(np.uint16)

    def __len__(self) -> int:
        return len(self.alive)

    @property
    def digests(self) -> Keys:
        found = np.empty(len(self), np.uint64)
        found[np.array(self._rows_of_digests, np.uint16)] = np.array(self._digests, np.uint64)
        return found

    def find(self, id_: str, digest: int) -> int:
        """As :meth:`Page.find`."""
        at = bisect_left(self._digests, digest)
        while at < len(self._digests) and self._digests[at] == digest:
            row = self._rows_of_digests[at]
            if self.alive[row] and self.id_of(row) == id_:
                return row
            at += 1
        return -1

    def remove(self, row: int) -> None:
        self.alive[row] = False
        self.live -= 1

    def entries(self, terms: Terms) -> tuple[Keys, Keys]:
        """As :meth:`Page.entries`."""
        place = np.searchsorted(self._terms, terms)
        place[place == len(self._terms)] = 0
        which = np.flatnonzero(self._terms[place] == terms) if len(self._terms) else np.zeros(0, np.intp)
        place = place[which]
        begins = self._ends[place].astype(np.int64)
        counts = self._ends[place + 1] - begins
        before = np.cumsum(counts) - counts
        at = np.arange(counts.sum()) + np.repeat(begins - before, counts)
        return self._rows[at].astype(np.uint64), np.repeat(which, counts).astype(np.uint64)

    def keys(self) -> Keys:
        found: Keys = np.repeat(self._terms, np.diff(self._ends)).astype(np.uint64) << _TERM | self._rows
        return found

    def id_of(self, row: int) -> str:
        return self.ids[row].decode("utf-8", "surrogatepass")

    def form_of(self, row: int) -> Form:
        return unpacked(self.forms[row])

    def at_of(self, row: int) -> float:
        return float(self.at[row])

    def division_of(self, row: int) -> int:
        return int(self.divisions[row])
