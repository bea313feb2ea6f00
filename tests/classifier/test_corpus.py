"""The corpus: every line can be meant, nothing contradicts itself, and what measures was never learnt from."""

from __future__ import annotations

import functools
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from itertools import groupby
from pathlib import Path

import pytest
from rapidfuzz import fuzz, process

from classifier.corpus import files
from classifier.corpus.files import CorpusError, Example
from classifier.similar.near import bare
from classifier.text.normalise import normalise
from config import settings
from router.catalog import files as lists
from router.catalog.model import Catalog

PARTS = ("train", "dev", "heldout")


@functools.cache
def read(part: str) -> list[Example]:
    return files.read(part)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return lists.load(settings.DEFAULT_FOLDER / "catalog", "530100")


@pytest.mark.parametrize("part", PARTS)
def test_every_line_can_be_meant(part: str) -> None:
    assert len(read(part)) > 1000


@pytest.mark.parametrize("part", PARTS)
def test_items_and_classes_are_those_of_the_list(part: str, catalog: Catalog) -> None:
    items = [f"{one.where}: {one.item}" for one in read(part) if one.item and one.item not in catalog.items]
    classes = [
        f"{one.where}: {one.police_class}"
        for one in read(part)
        if one.police_class and one.police_class not in catalog.classes and one.police_class[:2] not in catalog.classes
    ]
    assert (items, classes) == ([], [])


@pytest.mark.parametrize("part", PARTS)
def test_danger_to_persons_includes_110(part: str) -> None:
    assert [one.where for one in read(part) if one.urgent and one.services and "110" not in one.services] == []


def test_the_held_out_part_is_as_it_was_frozen() -> None:
    lines = [line.split() for line in (files.HERE / "FROZEN").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert dict(lines) == {"heldout": files.digest("heldout")}  # type: ignore[arg-type]


def by_length(part: str) -> list[tuple[str, str]]:
    """What counts of each text, and where it stands; the shortest first."""
    return sorted(((bare(one.text), one.where) for one in read(part)), key=lambda one: len(one[0]))


def test_no_measured_text_is_or_nearly_is_one_that_was_learnt() -> None:
    learnt = by_length("train")
    lengths = [len(words) for words, _ in learnt]
    found = []
    for length, group in groupby(by_length("heldout") + by_length("dev"), key=lambda one: len(one[0])):
        if not length:
            continue
        measured = list(group)
        low, high = (
            bisect_left(lengths, int(length * 0.81)),
            bisect_right(lengths, int(length / 0.81) + 1),
        )  # no others can be so like
        near = process.cdist(
            [words for words, _ in measured], [words for words, _ in learnt[low:high]], scorer=fuzz.ratio, score_cutoff=90
        )
        found += [f"{measured[here][1]} {learnt[low + there][1]}" for here, there in zip(*near.nonzero(), strict=True)]
    assert found == []


def test_one_text_has_one_judgement() -> None:
    judged: dict[str, set[tuple[str, bool]]] = defaultdict(set)
    places: dict[str, list[str]] = defaultdict(list)
    for part in PARTS:
        for one in read(part):
            words = normalise(one.text).full
            judged[words].add((one.route, one.urgent))
            places[words].append(one.where)
    assert [" ".join(places[words]) for words, found in judged.items() if len(found) > 1] == []


def test_no_text_is_learnt_twice() -> None:
    seen = defaultdict(list)
    for one in read("train"):
        seen[one.text].append(one.where)
    assert [" ".join(places) for places in seen.values() if len(places) > 1] == []


def test_every_item_and_every_urgent_class_has_examples(catalog: Catalog) -> None:
    of_item = Counter(one.item for one in read("train"))
    of_class = Counter(code for one in read("train") for code in {one.police_class, one.police_class[:2]})
    numbered = [code for code, one in catalog.items.items() if one.scope == "12345" and not one.replaced_by]
    assert {code: of_item[code] for code in numbered if of_item[code] < 20} == {}
    urgent = [code for code, one in catalog.classes.items() if one.urgent]
    assert {code: of_class[code] for code in urgent if of_class[code] < 5} == {}


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("着火了\n", "before the first line of labels"),
        ("@ route=119\n", "urgent is yes or no"),
        ("@ route=911 urgent=no\n", "route is one of"),
        ("@ route=12345 urgent=yes\n", "need a line that sets out"),
        ("@ route=119 urgent=yes also=118\n", "also names routes"),
        ("@ route=119 urgent=yes services=118\n", "services are of"),
        ("@ route=119 urgent=yes colour=red\n", "no such label: colour"),
        ("@ route=119 urgent\n", "no such label: urgent"),
    ],
)
def test_a_line_that_cannot_be_meant_is_named(tmp_path: Path, lines: str, says: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text("# heading\n" + lines, "utf-8")
    with pytest.raises(CorpusError, match=r"a\.txt:2.*" + says):
        list(files.read_file(path))


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("着火了".encode("gb18030"))
    with pytest.raises(CorpusError, match="not UTF-8"):
        list(files.read_file(path))
