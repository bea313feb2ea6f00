"""Texts as terms: the same alone and among others, learnt in a fixed order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.features import GROUPS, WEIGHTS, Batch, Lexicon, Space, located, shape

LEXICON = Lexicon(("着火", "厨房", "漏水", "物业"), {"fire": ("着火", "起火"), "room": ("厨房", "卧室")})
TEXTS = ["厨房着火了", "楼上漏水物业不管", "", "厨房着火了着火了", "卧室起火了", "a1b22"]


def _of(batch: Batch, text: int) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for key, term in zip(batch.key.tolist(), batch.hashes.tolist(), strict=True):
        if key // len(GROUPS) == text:
            found.setdefault(key % len(GROUPS), set()).add(term)
    return found


def test_a_text_has_the_same_terms_alone_and_among_others() -> None:
    together = LEXICON.terms(TEXTS)
    assert together.texts == len(TEXTS)
    for at, text in enumerate(TEXTS):
        assert _of(LEXICON.terms([text]), 0) == _of(together, at), text


@given(st.lists(st.text(st.sampled_from("厨房着火了漏水物业 1a,"), max_size=12), min_size=1, max_size=5))
def test_any_texts_have_the_same_terms_alone_and_among_others(texts: list[str]) -> None:
    together = LEXICON.terms(texts)
    assert [_of(LEXICON.terms([text]), 0) for text in texts] == [_of(together, at) for at in range(len(texts))]


def test_terms_come_in_order_and_once() -> None:
    batch = LEXICON.terms(TEXTS)
    pairs = list(zip(batch.key.tolist(), batch.hashes.tolist(), strict=True))
    assert pairs == sorted(set(pairs))


def test_words_of_one_concept_share_its_terms() -> None:
    one, other = LEXICON.terms(["厨房着火了"]), LEXICON.terms(["卧室起火了"])
    alone = GROUPS.index("meanings")
    assert _of(one, 0)[alone] == _of(other, 0)[alone] != set()
    assert _of(one, 0)[0] != _of(other, 0)[0]


def test_without_concepts_there_are_no_concept_terms() -> None:
    groups = set(_of(Lexicon(("着火",)).terms(["着火了"]), 0))
    assert GROUPS.index("meanings") not in groups and GROUPS.index("w1") in groups


def test_some_groups_only() -> None:
    found = LEXICON.terms(TEXTS).only(("c1", "w1"))
    assert set((found.key % len(GROUPS)).tolist()) == {GROUPS.index("c1"), GROUPS.index("w1")}


def test_shape_forgets_digits_and_signs() -> None:
    assert shape("在12号!!3栋") == "^在0号 0栋$"
    assert LEXICON.cut("厨房 12 着火") == ["厨房", "0", "着火"]


def test_terms_that_few_texts_have_are_not_learnt() -> None:
    batch = LEXICON.terms(["厨房着火了", "厨房漏水了", "物业"])
    space = Space.learn(batch, 2)
    once = Space.learn(batch, 1)
    assert 0 < space.size < once.size
    assert np.all(np.diff(once.known.astype(object)) > 0)
    assert np.all(space.numbers(space.known) == np.arange(space.size))
    assert set(space.known.tolist()) <= set(once.known.tolist())


def test_the_most_frequent_are_kept() -> None:
    batch = LEXICON.terms(["厨房着火了"] * 3 + ["楼上漏水"])
    everything, few = Space.learn(batch, 1), Space.learn(batch, 1, 5)
    assert few.size == 5
    often = {int(one) for one in Space.learn(batch, 3).known}
    assert set(few.known.tolist()) <= often
    assert everything.size > 5


def test_of_two_terms_in_one_slot_the_rarer_is_forgotten() -> None:
    low, high = np.uint64(5), np.uint64(6)  # both in slot 0
    batch = Batch(3, np.array([0, 0, 9, 18], np.int32), np.array([low, high, high, high], np.uint64))
    space = Space.learn(batch, 1)
    assert space.known.tolist() == [6]
    assert space.numbers(np.array([low, high], np.uint64)).tolist() == [-1, 0]


def test_each_group_is_of_length_one() -> None:
    batch = LEXICON.terms(["厨房着火了", "", "火"])
    matrix = Space.learn(batch, 1).matrix(batch)
    assert matrix.shape[0] == 3
    assert matrix[0].multiply(matrix[0]).sum() == pytest.approx(float((WEIGHTS**2)[list(_of(batch, 0))].sum()), rel=1e-3)


def test_a_term_of_a_group_that_is_not_read_counts_for_nothing() -> None:
    batch = LEXICON.terms(["厨房漏水"])
    some = Space.learn(batch, 1, groups=("w1",))
    # a word that stands for no concept is among them too, as the same term
    assert np.isin(batch.only(("concepts",)).hashes, some.known).any()
    assert some.matrix(batch).nnz == len(batch.only(("w1",)).hashes)


def test_nothing_known_makes_an_empty_matrix() -> None:
    space = Space(np.zeros(0, np.uint64), np.zeros(0, np.float32))
    assert space.matrix(LEXICON.terms(["着火"])).shape == (1, 0)


def test_a_known_row_is_found_where_it_stands() -> None:
    space = Space.learn(LEXICON.terms(["煤气味"]), 1)
    places = {(many, at) for many, numbers in located(space, "有!!煤气味") for at in np.flatnonzero(numbers >= 0).tolist()}
    assert (2, 3) in places and (3, 3) in places
