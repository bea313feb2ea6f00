"""Models on disk: numbers (``.npz``, read without pickle) and JSON, and nothing that could be carried out.

    <model>/card.json      what it is, what it was made of, how good it is, and the SHA-256 of the files beside it
    <model>/lexicon.json   words and concepts
    <model>/<part>.json    heads, and which groups of terms are read
    <model>/<part>.npz     terms that are known, their idf, weights (float16), bias

Written beside, then renamed into place: a model is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from classifier.errors import ClassifierError
from classifier.features import Lexicon, Space
from classifier.model import Head, Model, Part

_BROKEN = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, EOFError, RecursionError, MemoryError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What reading raises where a file isn't what it was."""
FORMAT = 1
"""Of the files; a model of another format is refused."""


_CARD = {"version": str, "kind": str, "texts": int, "parts": list, "files": dict}
"""What every card says, and how."""


class ModelError(ClassifierError):
    """A folder that is no whole model of this format."""

    code = "model.unreadable"


def save(model: Model, folder: Path) -> None:
    """Write a model to a folder that does not exist yet, or replace the model that is there. Raises :class:`ModelError`."""
    replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        lexicon = {"words": list(model.lexicon.words), "concepts": list(map(list, model.lexicon.concepts.items()))}
        _json(beside / "lexicon.json", lexicon)
        for part in model.parts:
            _json(beside / f"{part.name}.json", {
                "reads": part.reads,
                "groups": list(part.space.groups),
                "heads": [{"name": one.name, "kind": one.kind, "labels": list(one.labels)} for one in part.heads],
            })  # fmt: skip
            np.savez(
                beside / f"{part.name}.npz",
                weights=part.weights.astype(np.float16),
                bias=part.bias.astype(np.float32),
                known=part.space.known,
                idf=part.space.idf.astype(np.float32),
            )
        sums = {path.name: _sum(path) for path in sorted(beside.iterdir())}
        _json(beside / "card.json", {**model.card, "format": FORMAT, "parts": [one.name for one in model.parts], "files": sums})
        old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
        if folder.exists():
            folder.rename(old)
        beside.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def replaceable(folder: Path) -> None:
    """Raises :class:`ModelError` if what is there is no model: whoever names the wrong folder must not lose it."""
    if not folder.exists() or (folder.is_dir() and ((folder / "card.json").exists() or not any(folder.iterdir()))):
        return
    raise ModelError(f"{folder} is there and is no model; name a new folder, or one that holds a model", str(folder))


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a model. Raises :class:`ModelError`."""
    try:
        card = json.loads((folder / "card.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or error
        raise ModelError(
            f"{folder} holds no model ({why}); name a folder that `hotline classifier train` has written", str(folder)
        ) from None
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = card.get("format") if isinstance(card, dict) else None
        raise ModelError(
            f"{folder}: a model of format {found}, and this program reads format {FORMAT}; train it again", str(folder)
        )
    missing = [name for name, kind in _CARD.items() if not isinstance(card.get(name), kind)]
    if missing:
        raise ModelError(f"{folder}: the card lacks {', '.join(missing)}; restore it or train again", str(folder))
    return card


def load(folder: Path) -> Model:
    """Read a model. Raises :class:`ModelError` for what is truncated, changed, or of another format."""
    card = read_card(folder)
    try:
        for name, expected in card["files"].items():
            if _sum(folder / name) != expected:
                raise ModelError(
                    f"{folder / name} is not what was written with this model: cut off or changed; restore it or train again",
                    name,
                )
        said = json.loads((folder / "lexicon.json").read_text("utf-8"))
        lexicon = Lexicon(tuple(said["words"]), {name: tuple(words) for name, words in said["concepts"]})
        parts = tuple(_part(folder, str(name)) for name in card["parts"])
    except ModelError:
        raise
    except _BROKEN as error:
        raise ModelError(
            f"{folder} holds no whole model: {type(error).__name__} {error}; restore it or train again", str(folder)
        ) from None
    return Model(card, lexicon, parts)


def _part(folder: Path, name: str) -> Part:
    said = json.loads((folder / f"{name}.json").read_text("utf-8"))
    with np.load(folder / f"{name}.npz", allow_pickle=False) as kept:
        space = Space(kept["known"], kept["idf"], tuple(said["groups"]))
        weights, bias = kept["weights"].astype(np.float32), kept["bias"]
    heads = tuple(Head(one["name"], one["kind"], tuple(one["labels"])) for one in said["heads"])
    if (
        weights.shape != (space.size, len(bias))
        or len(space.idf) != space.size
        or len(bias) != sum(len(one.labels) for one in heads)
    ):
        raise ModelError(f"{folder}/{name}: terms, heads and weights don't fit together; train it again", name)
    return Part(name, said["reads"], heads, space, weights, bias)


def _json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True), "utf-8")


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
