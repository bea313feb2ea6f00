"""The shipped model: trained once from this project's corpus, and cached. Nobody downloads it, nothing of it is committed."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from ruamel.yaml import YAML

from classifier import store
from classifier.errors import ClassifierError
from classifier.model import Model

_HERE = Path(__file__).parent
_MADE_OF = (
    *("corpus/*/*.txt", "text/*.py", "text/*.yaml", "features.py", "learning/fit.py", "learning/duty.py"),
    *("engine.py", "danger.py", "context.py", "lexicon.py", "learning/card.py", "learning/measure.py"),
)
"""The second line changes no weight, but the figures on the card."""
_KEPT = 4
"""Models that stay in the cache, this one included."""
_LIBRARIES = ("scikit-learn", "numpy", "rjieba", "opencc")
CACHE_VARIABLE = "HOTLINE_MODEL_CACHE"


@functools.cache
def key() -> str:
    """Changes with whatever the model is made of: corpus, concepts, code and libraries."""
    found = hashlib.sha256()
    for pattern in _MADE_OF:
        for path in sorted(_HERE.glob(pattern)):
            found.update(str(path.relative_to(_HERE)).encode() + b"\0" + path.read_bytes() + b"\0")
    for library in _LIBRARIES:
        found.update(f"{library}={metadata.version(library)}\0".encode())
    return found.hexdigest()[:12]


def cache() -> Path:
    """Where it is cached: beside the code, else in the user's cache; ``HOTLINE_MODEL_CACHE`` names another folder."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    beside = _HERE / "cache"
    if os.access(beside if beside.exists() else _HERE, os.W_OK):
        return beside
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hotline" / "models"


def folder() -> Path:
    """Where the model of this key is, or shall be; one that came with the code is used even where nobody may write."""
    name = f"shipped-{key()}"
    if not os.environ.get(CACHE_VARIABLE) and _there(_HERE / "cache" / name):
        return _HERE / "cache" / name
    return cache() / name


def _there(target: Path) -> bool:
    return os.access(target / "card.json", os.R_OK)


def concepts() -> dict[str, tuple[str, ...]]:
    """The concepts (概念) of this project and their words."""
    found = YAML(typ="safe").load((_HERE / "text" / "concepts.yaml").read_text("utf-8"))
    return {str(name): tuple(map(str, words)) for name, words in found.items()}


def ensure(progress: Callable[[str, float], None] | None = None) -> Path:
    """The model's folder; trains it first if it is not there (about a minute). Only one process trains."""
    target = folder()
    if _there(target):
        return target
    with _alone(target):
        if not _there(target):
            _make(target, progress)
    return target


def forget_old(where: Path) -> None:
    """Those of former code and corpora; a few are kept, for whoever goes back and forth."""
    models = sorted(where.glob("shipped-*"), key=lambda one: one.stat().st_mtime, reverse=True)
    for old in models[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def load() -> Model:
    """The shipped model, read once a process. Trained if it is not there, and again if what is there is broken."""
    return _load(ensure())


@functools.lru_cache(1)
def _load(target: Path) -> Model:
    try:
        return store.load(target)
    except store.ModelError:
        with _alone(target):
            _make(target)
        return store.load(target)


def _make(target: Path, progress: Callable[[str, float], None] | None = None) -> None:
    store.save(_train(progress), target)
    forget_old(target.parent)


def _train(progress: Callable[[str, float], None] | None) -> Model:
    from classifier.corpus import files
    from classifier.learning import card, duty

    examples = files.read("train")
    if not examples:
        raise ClassifierError(f"{files.HERE / 'train'} holds no texts to learn from; restore it from the release", "corpus/train")
    return card.with_figures(duty.train(examples, concepts(), progress=progress))


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = (target.parent / ".training").open("w")
    except OSError as error:
        raise ClassifierError(
            f"the shipped model can't be cached in {target.parent} ({error.strerror}); "
            f"name a folder of your own by {CACHE_VARIABLE}",
            str(target.parent),
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
