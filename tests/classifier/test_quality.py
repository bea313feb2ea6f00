"""The shipped model's card: what it was made of, and figures below which no change may bring it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from classifier import shipped, store
from classifier.corpus import files


@pytest.fixture(scope="module")
def card() -> dict[str, object]:
    return store.read_card(shipped.ensure())


def test_the_card_is_of_this_corpus(card: dict[str, dict[str, dict[str, object]]]) -> None:
    assert card["trained_on"]["sha256"] == files.digest("train")
    for part in ("dev", "heldout"):
        assert card["figures"][part]["sha256"] == files.digest(part)
    assert card["texts"] == len(files.read("train"))
    assert card["purpose"] and card["limits"] and card["made_with"]


@pytest.mark.parametrize(
    ("figure", "least"),
    [
        ("urgent.recall", 0.96),
        ("urgent.precision", 0.90),
        ("route", 0.90),
        ("answered", 0.92),
        ("item_top_3", 0.90),
        ("services_of_urgent", 0.88),
    ],
)
def test_held_out_texts_are_judged_well(card: dict[str, dict[str, dict[str, object]]], figure: str, least: float) -> None:
    found: object = card["figures"]["heldout"]
    for name in figure.split("."):
        assert isinstance(found, dict)
        found = found[name]
    assert isinstance(found, float) and found >= least


def test_hardly_any_danger_is_sent_to_who_does_not_set_out(card: dict[str, dict[str, dict[str, int]]]) -> None:
    figures = card["figures"]["heldout"]
    assert figures["urgent_routed_away"] <= 12 and figures["urgent_unnoticed"] <= 8, figures


def test_a_model_fits_on_a_small_disk() -> None:
    assert sum(path.stat().st_size for path in shipped.ensure().iterdir()) < 50_000_000


def test_a_broken_copy_is_made_again(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    target = shipped.ensure()
    whole = store.load(target)

    def train(_progress: object) -> object:
        made.append("again")
        return whole

    monkeypatch.setenv(shipped.CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(shipped, "_train", train)
    first = shipped.ensure()
    assert first.parent == tmp_path and made == ["again"]
    shipped.ensure()
    assert made == ["again"]
    (first / "danger.npz").write_bytes(b"cut")
    assert shipped.load().version == whole.version and made == ["again", "again"]
    assert store.load(first).version == whole.version


def test_only_the_newest_models_stay_in_the_cache(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"shipped-{number}").mkdir()
        os.utime(tmp_path / f"shipped-{number}", (number, number))
    (tmp_path / "list-530100.json").touch()
    shipped.forget_old(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "list-530100.json",
        *(f"shipped-{number}" for number in range(2, 6)),
    ]
