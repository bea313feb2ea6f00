"""Texts as numbers: rows of characters, words and pairs of words, concepts and what follows them. Pure.

Terms are 64-bit hashes, made by numpy for many texts at once; a model keeps the hashes that it knows, not the words. Each
group of terms is TF-IDF scaled to length one, so that a letter weighs as much as a shout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat

import numpy as np
import numpy.typing as npt
from scipy import sparse

from classifier.text.words import Words

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]

GROUPS = ("c1", "c2", "c3", "c4", "w1", "w2", "pairs", "concepts", "meanings")
"""Rows of one to four characters; words, neighbours, words farther apart; concepts among words, and concepts alone."""
WEIGHTS = np.array([0.7, 1.0, 0.7, 0.5, 1.0, 0.5, 0.5, 1.2, 1.2], np.float32)
"""What a group counts: long rows know the texts of training by heart."""
_LONGEST = 4
_APART = 4
"""Words so far from each other still make a pair: 刀 … 砍 … 我."""
_SLOT_BITS = 22
_DIGITS = re.compile(r"\d+")
_OTHER = re.compile(r"[^\w]+")
_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_ONE, _SHIFT, _HALF = np.uint64(1), np.uint64(29), np.uint64(32)
_MANY = np.int32(len(GROUPS))
_FIRST_WORD = 1 << 31
"""Above all code points, below all concepts: what is a character, a word or a concept never has the number of another."""
_MEANT, _ALONE = np.uint64(1 << 32), np.uint64(1 << 33)


@dataclass(frozen=True, slots=True)
class Batch:
    """The terms of some texts, each once."""

    texts: int
    key: Indices
    """Text x groups + group, ascending."""
    hashes: Hashes

    def only(self, groups: Sequence[str]) -> Batch:
        """The terms of some groups only."""
        if set(groups) == set(GROUPS):
            return self
        kept = np.array([name in groups for name in GROUPS])[self.key % _MANY]
        return Batch(self.texts, self.key[kept], self.hashes[kept])


def _sorted(texts: int, key: Indices, hashes: Hashes) -> Batch:
    """In order, and each term of a text once: how often it is said says less than that it is.

    Sorted by one number of 64 bits, which is quick: the key, and as much of the hash as has room (44 bits).
    """
    both = (key.astype(np.uint64) << np.uint64(44)) | (hashes >> np.uint64(20))
    order = np.argsort(both)
    both = both[order]
    new = np.ones(len(both), bool)
    new[1:] = both[1:] != both[:-1]
    kept = order[new]
    return Batch(texts, key[kept], hashes[kept])


def _mix(a: Hashes, b: Hashes | np.uint64) -> Hashes:
    """Two numbers as one that depends on their order."""
    mixed: Hashes = a * _A
    mixed ^= b + _B
    mixed ^= mixed >> _SHIFT
    mixed *= _B
    mixed ^= mixed >> _HALF
    return mixed


def shape(text: str) -> str:
    """What rows of characters are taken from: numbers are 0, what stands between is a blank, the ends are marked."""
    return "^" + _OTHER.sub(" ", _DIGITS.sub("0", text)) + "$"


_Found = list[tuple[Indices, Hashes]]
"""Keys and terms."""


def _characters(texts: Sequence[str]) -> _Found:
    """Rows of one to four characters of each text's :func:`shape`."""
    shapes = [shape(text) for text in texts]
    owner = np.repeat(np.arange(len(shapes), dtype=np.int32) * _MANY, [len(one) for one in shapes])
    codes = np.frombuffer("".join(shapes).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    row = _mix(codes, _ONE)
    found = [(owner, row)]
    for many in range(2, _LONGEST + 1):
        row = _mix(row[:-1], codes[many - 1 :])
        first = owner[: len(row)]
        within = owner[many - 1 :] == first
        found.append((first[within] + np.int32(many - 1), row[within]))
    return found


def _sequences(rows: Sequence[tuple[Indices, Hashes, tuple[int, int, int]]]) -> _Found:
    """One to three in a row, and pairs with up to three between them; 0 is what is not known, and makes no term.

    ``rows``: owners, what stands in a row, and the steps from an owner to the keys of the three. All rows at once: of a short
    text numpy costs by the call.
    """
    owner = np.concatenate([one for one, _, _ in rows])
    ids = np.concatenate([one for _, one, _ in rows])
    row = np.repeat(np.arange(len(rows), dtype=np.int32), [len(one) for one, _, _ in rows])
    alone, near, far = np.array([steps for _, _, steps in rows], np.int32).T[:, row] + owner
    place = owner * np.int32(len(rows)) + row
    known = ids > 0
    found = [(alone[known], _mix(ids, _ONE)[known])]
    for apart in range(1, _APART + 1):
        pair = _mix(ids[:-apart] + np.uint64(apart << 50), ids[apart:])
        both = known[:-apart] & known[apart:] & (place[:-apart] == place[apart:])
        found.append(((near if apart == 1 else far)[:-apart][both], pair[both]))
        if apart == 1 and len(ids) > 2:
            all_known = both[:-1] & both[1:]
            found.append((far[:-2][all_known], _mix(pair[:-1], ids[2:])[all_known]))
    return found


@dataclass(frozen=True)
class Lexicon:
    """Words that a model knows, and the concepts (概念) that they stand for."""

    words: tuple[str, ...] = ()
    concepts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Concept → its words; a word that stands in several belongs to the first."""

    def __post_init__(self) -> None:
        of: dict[str, int] = {}
        for number, words in enumerate(self.concepts.values(), 1):
            for word in words:
                of.setdefault(word, number)
        object.__setattr__(self, "_word", {word: number for number, word in enumerate(self.words, _FIRST_WORD)})
        object.__setattr__(self, "_concept", of)
        object.__setattr__(self, "_cutter", Words(sorted(of)))

    def cut(self, text: str) -> list[str]:
        """Words of a text in order, without blanks; a number is 0."""
        cutter: Words = self._cutter  # type: ignore[attr-defined]
        return ["0" if word.isdigit() else word for word in cutter.cut(text) if not word.isspace()]

    def terms(self, texts: Sequence[str]) -> Batch:
        """The terms of texts in normal form."""
        word: dict[str, int] = self._word  # type: ignore[attr-defined]
        concept: dict[str, int] = self._concept  # type: ignore[attr-defined]
        said = [self.cut(text) for text in texts]
        owner = np.repeat(np.arange(len(said), dtype=np.int32) * _MANY, [len(one) for one in said])
        flat = [one for words in said for one in words]
        ids = np.fromiter(map(word.get, flat, repeat(0)), np.uint64, len(flat))
        meant = np.fromiter(map(concept.get, flat, repeat(0)), np.uint64, len(flat))
        named = meant > 0
        rows = [(owner, ids, (4, 5, 6))]
        if concept:
            rows += [(owner, np.where(named, meant + _MEANT, ids), (7, 7, 7)), (owner[named], meant[named] + _ALONE, (8, 8, 8))]
        found = _characters(texts) + _sequences(rows)
        return _sorted(len(texts), np.concatenate([key for key, _ in found]), np.concatenate([terms for _, terms in found]))


@dataclass(frozen=True)
class Space:
    """All terms that a model knows, in a fixed order."""

    known: Hashes
    """Ascending."""
    idf: Floats
    groups: tuple[str, ...] = GROUPS
    """Those that are read; terms of others are not, even if they are the same."""

    def __post_init__(self) -> None:
        slots = np.full(1 << _SLOT_BITS, -1, np.int32)
        slots[_slot(self.known)] = np.arange(len(self.known), dtype=np.int32)
        object.__setattr__(self, "_slots", slots)

    @property
    def size(self) -> int:
        return len(self.known)

    @classmethod
    def learn(cls, batch: Batch, seldom: int, most: int = 1 << 30, groups: tuple[str, ...] = GROUPS) -> Space:
        """The ``most`` frequent of the terms in at least ``seldom`` texts; of two that share a slot the rarer is forgotten."""
        batch = batch.only(groups)
        owner = batch.key // _MANY
        order = np.lexsort((owner, batch.hashes))
        hashes, owner = batch.hashes[order], owner[order]
        new = np.ones(len(hashes), bool)
        new[1:] = (hashes[1:] != hashes[:-1]) | (owner[1:] != owner[:-1])
        found, spread = np.unique(hashes[new], return_counts=True)
        often = spread >= seldom
        found, spread = found[often], spread[often]
        by_slot = np.lexsort((-spread, _slot(found)))
        slot = _slot(found)[by_slot]
        first = np.ones(len(slot), bool)
        first[1:] = slot[1:] != slot[:-1]
        kept = by_slot[first]
        kept = np.sort(kept[np.argsort(-spread[kept], kind="stable")[:most]])
        idf = np.log((1 + batch.texts) / (1 + spread[kept].astype(np.float64))) + 1
        return cls(found[kept], idf.astype(np.float32), groups)

    def group_of_each(self, batch: Batch) -> Indices:
        """The group (a number of :data:`GROUPS`) of each known term, as a batch that has them all tells."""
        batch = batch.only(self.groups)
        found = np.zeros(self.size, np.int32)
        numbers = self.numbers(batch.hashes)
        known = numbers >= 0
        found[numbers[known]] = batch.key[known] % _MANY
        return found

    def numbers(self, terms: Hashes) -> Indices:
        """The number of each term, -1 for one that is not known."""
        if not len(self.known):
            return np.full(len(terms), -1, np.int32)
        slots: Indices = self._slots  # type: ignore[attr-defined]
        guess = slots[_slot(terms)]
        found: Indices = np.where(self.known[guess] == terms, guess, np.int32(-1))
        return found

    def matrix(self, batch: Batch) -> sparse.csr_matrix:
        """Texts x terms."""
        batch = batch.only(self.groups)
        number = self.numbers(batch.hashes)
        kept = number >= 0
        number, key = number[kept], batch.key[kept]
        value = self.idf[number]
        length = np.sqrt(np.bincount(key, value * value, batch.texts * int(_MANY))).astype(np.float32)
        starts = np.zeros(batch.texts + 1, np.int32)
        np.cumsum(np.bincount(key // _MANY, minlength=batch.texts), out=starts[1:])
        value *= WEIGHTS[key % _MANY] / length[key]
        return sparse.csr_matrix((value, number, starts), shape=(batch.texts, self.size), copy=False)


def located(space: Space, text: str) -> list[tuple[int, Indices]]:
    """Known rows of two to four characters of a text: how many, and the number of the term that begins at each place (-1: none).

    Digits and signs keep their places here, so that a row can be shown where it stands.
    """
    codes = np.frombuffer(
        _OTHER.sub(lambda found: " " * len(found.group()), _DIGITS.sub(lambda found: "0" * len(found.group()), text)).encode(
            "utf-32-le", "surrogatepass"
        ),
        np.uint32,
    ).astype(np.uint64)
    found: list[tuple[int, Indices]] = []
    row = _mix(codes, _ONE)
    for many in range(2, _LONGEST + 1):
        row = _mix(row[:-1], codes[many - 1 :])
        found.append((many, space.numbers(row)))
    return found


def _slot(hashes: Hashes) -> npt.NDArray[np.int64]:
    return (hashes >> np.uint64(64 - _SLOT_BITS)).astype(np.int64)
