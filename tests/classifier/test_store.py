"""Models on disk: what is read is what was written, or a sentence that says why not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from classifier import store
from classifier.store import ModelError
from tests.classifier import tiny


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store.save(tiny.handmade(), tmp_path / "models" / "one")
    return tmp_path / "models" / "one"


def test_what_is_read_is_what_was_written(folder: Path) -> None:
    wrote, read = tiny.handmade(), store.load(folder)
    assert read.lexicon == wrote.lexicon
    assert read.version == wrote.version
    (ours,), (theirs,) = wrote.parts, read.parts
    assert (theirs.name, theirs.reads, theirs.heads) == (ours.name, ours.reads, ours.heads)
    assert np.array_equal(theirs.space.known, ours.space.known)
    assert theirs.space.groups == ours.space.groups
    assert np.allclose(theirs.weights, ours.weights, atol=1e-3)
    batch = read.lexicon.terms(["着火了"])
    assert np.allclose(theirs.answers(batch)["label"], ours.answers(batch)["label"], atol=1e-3)
    assert theirs.answers(batch)["label"].sum() == pytest.approx(1)


def test_the_same_model_has_the_same_files(folder: Path, tmp_path: Path) -> None:
    store.save(tiny.handmade(), tmp_path / "two")
    assert store.read_card(folder)["files"] == store.read_card(tmp_path / "two")["files"]


def test_a_model_replaces_another_whole(folder: Path) -> None:
    store.save(tiny.handmade("agency-other-s0"), folder)
    assert store.load(folder).version == "agency-other-s0"
    assert [path.name for path in folder.parent.iterdir()] == ["one"]


@pytest.mark.parametrize("name", ["label.npz", "label.json", "lexicon.json"])
@pytest.mark.parametrize("harm", ["cut", "changed", "gone", "empty"])
def test_a_file_that_is_not_what_was_written_is_named(folder: Path, name: str, harm: str) -> None:
    path = folder / name
    raw = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut": raw[: len(raw) // 2], "changed": raw[:-1] + bytes([raw[-1] ^ 1]), "empty": b""}[harm])
    with pytest.raises(ModelError, match=name.replace(".", r"\.") + "|no whole model"):
        store.load(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 99}, "format 99, and this program reads format 1"),
        ({"format": None}, "format None"),
        ({"version": 5}, "lacks version"),
        ({"files": []}, "lacks files"),
        ({"parts": ["nothing"]}, "no whole model"),
    ],
)
def test_a_card_of_another_kind_is_refused(folder: Path, change: dict[str, object], says: str) -> None:
    card = json.loads((folder / "card.json").read_text("utf-8"))
    (folder / "card.json").write_text(json.dumps({**card, **change}), "utf-8")
    with pytest.raises(ModelError, match=says):
        store.load(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"format": 1}'])
def test_a_card_that_is_none_is_refused(folder: Path, content: bytes) -> None:
    (folder / "card.json").write_bytes(content)
    with pytest.raises(ModelError):
        store.load(folder)


def test_weights_that_do_not_fit_are_refused(folder: Path) -> None:
    with np.load(folder / "label.npz") as kept:
        arrays = dict(kept)
    np.savez(folder / "label.npz", **{**arrays, "bias": np.zeros(3, np.float32)})
    card = json.loads((folder / "card.json").read_text("utf-8"))
    del card["files"]["label.npz"]
    (folder / "card.json").write_text(json.dumps(card), "utf-8")
    with pytest.raises(ModelError, match="don't fit together"):
        store.load(folder)


def test_no_file_carries_code(folder: Path) -> None:
    with np.load(folder / "label.npz", allow_pickle=False) as kept:
        assert {name: kept[name].dtype.kind for name in kept} == {"weights": "f", "bias": "f", "known": "u", "idf": "f"}


def test_no_model_at_all(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no model"):
        store.load(tmp_path)
