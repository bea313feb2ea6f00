"""Open matters that may be the one that is being told (同一事件、同一诉求), within milliseconds among a million.

First an inverted index: the rarest terms of what is asked choose few matters (:mod:`classifier.similar.candidates`). Then these
are compared (:mod:`classifier.similar.score`). Everything is in memory, bounded by ``most``; nothing is read or written.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np

from classifier.errors import ClassifierError
from classifier.similar import candidates, forms, places, score, shelf, terms
from classifier.similar.candidates import Part
from classifier.similar.forms import Form

WORK = 3_000_000
"""Characters of the asked text times characters of a candidate, summed: of long texts fewer candidates are compared."""
FEWEST = 32
"""So many are compared however long they are."""
LEAST = 0.3
"""Matches below are not worth being shown."""
_TOGETHER = 64
_HARDLY = 1.25
_MOST_DIVISIONS = 65_535


class SimilarError(ClassifierError):
    """What is asked of the index can't be meant so."""

    code = "similar.asked"


@dataclass(frozen=True, slots=True)
class Match:
    """A matter that may be the same, and why.

    ``score`` is meant as a chance: if one event in two callers' words, another matter at the same place, and the same kind of
    matter elsewhere are equally frequent, about so many pairs of this score are one event. From 0.5 on it is worth a look, from
    0.8 on it is nearly always the same. It depends on the two matters alone, not on others.
    """

    id: str
    score: float
    words: float | None
    """Likeness of the words, 0..1; two callers' own words for one event reach 0.2 to 0.4. None: one of the two has none."""
    place: float | None
    """Likeness of the places, 0..1, lowered by numbers and divisions that differ. None: one of the two is not told."""
    time: float | None
    """1 at the same moment, 0.5 a day apart. None: not asked."""


class Index:
    """Open matters by words and place. Ids are any strings; ``at`` is in seconds since 1970 (any zero does, if always the same).

    What was added can be asked for at once. Calls of several threads wait for each other. Of more than ``most`` matters those
    that were added first are forgotten. Not kept: texts as they were written; kept: their words in normal form, so the memory
    of this process is as much in need of protection as the matters are.
    """

    def __init__(self, most: int = 1_000_000) -> None:
        if most < 1:
            raise SimilarError("an index holds at least one matter: give most ≥ 1", str(most))
        self.most = most
        self._shelves: list[shelf.Shelf] = []
        self._page = shelf.Page()
        self._frequency = np.zeros(terms.SIZE, np.uint32)
        self._divisions: dict[str, int] = {"": 0}
        self._division_of: list[str] = [""]
        self._live = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._live

    def __contains__(self, id_: str) -> bool:
        with self._lock:
            return self._find(id_) is not None

    def add(self, id_: str, text: str, place: str = "", division: str = "", at: float = 0.0, *, item: str = "") -> None:
        """Take a matter in; one that is known by this id is replaced. Time is bounded for any text.

        ``item``: code of the item (事项) that it was judged to be, if it was; like words, it says what the matter is about.
        """
        self._finite(at)
        form = forms.form(text, place, item)
        with self._lock:
            self._forget(id_)
            self._take(id_, form, self._division(division), at)

    def remove(self, id_: str) -> bool:
        """Forget a matter, as when it is closed. False: there is none of this id."""
        with self._lock:
            return self._forget(id_)

    def update(
        self,
        id_: str,
        *,
        text: str | None = None,
        place: str | None = None,
        division: str | None = None,
        at: float | None = None,
        item: str | None = None,
    ) -> bool:
        """Change what is given and leave the rest. False: there is none of this id."""
        if at is not None:
            self._finite(at)
        with self._lock:
            found = self._find(id_)
            if found is None:
                return False
            part, row = found
            old = part.form_of(row)
            form = forms.formed(
                old.words if text is None else forms.words(text),
                old.place if place is None else places.plain(place),
                old.item if item is None else item,
            )
            number = int(part.divisions[row]) if division is None else self._division(division)
            moment = float(part.at[row]) if at is None else at
            self._forget(id_)
            self._take(id_, form, number, moment)
            return True

    def similar(
        self,
        text: str,
        *,
        place: str = "",
        division: str = "",
        at: float | None = None,
        item: str = "",
        limit: int = 10,
        within: float | None = None,
        least: float = LEAST,
    ) -> list[Match]:
        """Matters like the one that is told, the likeliest first; of equal ones the newest, then by id.

        ``within``: only matters within so many seconds of ``at``, before or after. Raises :class:`SimilarError` if then ``at`` is
        not given. ``least``: the lowest score that is told.
        """
        if within is not None and at is None:
            raise SimilarError("to look within a time, say of which moment: give at", str(within))
        if at is not None:
            self._finite(at)
        asked = forms.form(text, place, item)
        with self._lock:
            self._file()
            wanted = candidates.wanted(asked, text, self._frequency, self._live, len(self._shelves))
            rows = candidates.choose(self._parts(), wanted, at, within)
            return self._compared(asked, rows, division, at, least, limit)

    # --- keeping

    def _parts(self) -> list[Part]:
        """Newest first."""
        return [self._page, *reversed(self._shelves)]

    def _find(self, id_: str) -> tuple[Part, int] | None:
        digest = shelf.digest(id_)
        for part in self._parts():
            row = part.find(id_, digest)
            if row >= 0:
                return part, row
        return None

    def _take(self, id_: str, form: Form, division: int, at: float) -> None:
        self._page.add(id_, shelf.digest(id_), form, at, division)
        self._live += 1
        if self._page.unfiled >= _TOGETHER:
            self._file()
        while self._live > self.most:
            oldest = next(part for part in reversed(self._parts()) if part.live)
            self._drop(oldest, int(np.argmax(oldest.alive)))
        if len(self._page) >= shelf.PAGE:
            self._file()
            if self._page.live:
                self._shelves.append(shelf.Shelf([self._page]))
            self._page = shelf.Page()
            self._tidy()

    def _file(self) -> None:
        """Make what was added be found by its terms: many together take less time than each alone."""
        if self._page.unfiled:
            np.add.at(self._frequency, self._page.file(), np.uint32(1))

    def _forget(self, id_: str) -> bool:
        found = self._find(id_)
        if found is not None:
            self._drop(*found)
        return found is not None

    def _drop(self, part: Part, row: int) -> None:
        self._file()
        gone = terms.of_form(part.form_of(row))
        self._frequency[gone] -= np.uint32(1)
        part.remove(row)
        self._live -= 1
        if isinstance(part, shelf.Shelf) and part.live < len(part) // 2:
            at = self._shelves.index(part)
            self._shelves[at : at + 1] = [shelf.Shelf([part])] if part.live else []
            self._tidy()

    def _tidy(self) -> None:
        """Join neighbours while the older is hardly longer: so there are few, and each matter is moved seldom."""
        at = len(self._shelves) - 1
        while at > 0:
            older, newer = self._shelves[at - 1], self._shelves[at]
            if older.live <= newer.live * _HARDLY and older.live + newer.live <= shelf.SHELF:
                self._shelves[at - 1 : at + 1] = [shelf.Shelf([older, newer])]
                at = len(self._shelves)
            at -= 1

    def _division(self, code: str) -> int:
        """Its number; of too many different ones the last are not remembered."""
        code = code[:12]
        number = self._divisions.get(code)
        if number is None:
            if len(self._division_of) >= _MOST_DIVISIONS:
                return 0
            number = self._divisions[code] = len(self._division_of)
            self._division_of.append(code)
        return number

    @staticmethod
    def _finite(at: float) -> None:
        if not math.isfinite(at):
            raise SimilarError("a moment is a finite number of seconds", str(at))

    # --- asking

    def _compared(
        self, asked: Form, rows: list[tuple[Part, int]], division: str, at: float | None, least: float, limit: int
    ) -> list[Match]:
        others = self._affordable(asked, rows)
        rows = rows[: len(others)]
        if not rows:
            return []
        words, where = score.words_part(asked, others), score.place_part(asked, others)
        if division:
            where *= self._same_division(division, rows)
        moments = np.array([part.at_of(row) for part, row in rows])
        times = None if at is None else score.time_part(moments - at)
        scores = np.round(score.chances(words, where, times), 4)
        found = [(number, part.id_of(row)) for number, (part, row) in enumerate(rows) if scores[number] >= least]
        found.sort(key=lambda one: (-scores[one[0]], -moments[one[0]], one[1]))
        return [
            Match(id_, float(scores[at_]), _told(words[at_]), _told(where[at_]), None if times is None else _told(times[at_]))
            for at_, id_ in found[: max(0, limit)]
        ]

    @staticmethod
    def _affordable(asked: Form, rows: list[tuple[Part, int]]) -> list[Form]:
        """Forms of the first rows, as many as may be compared in time."""
        found: list[Form] = []
        work = 0
        for part, row in rows:
            form = part.form_of(row)
            work += len(asked.words) * len(form.words)
            if work > WORK and len(found) >= FEWEST:
                break
            found.append(form)
        return found

    def _same_division(self, division: str, rows: list[tuple[Part, int]]) -> candidates.Weights:
        codes = [self._division_of[part.division_of(row)] for part, row in rows]
        factors = {code: score.divisions(division, code) if code else 1.0 for code in set(codes)}
        return np.array([factors[code] for code in codes])


def _told(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)
