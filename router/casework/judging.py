"""Which engine judges an installation's texts: the model that serves, for each version of a catalog."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from classifier import knowledge, registry, shipped, store
from classifier.engine import ModelEngine
from classifier.errors import ClassifierError
from classifier.model import Model
from router.catalog.model import Catalog

if TYPE_CHECKING:
    from config.settings import Settings

log = structlog.get_logger()

KEPT = 8
"""Engines of so many catalog versions are kept: those in force and those that old cases show."""
Progress = Callable[[str, float], None]


def models_dir(data_dir: Path) -> Path:
    return data_dir / "models"


def known(catalog: Catalog) -> knowledge.Knowledge:
    """What an engine needs to know of a catalog: its items, with the retired codes that lead to them."""
    formerly: dict[str, list[str]] = {}
    for one in catalog.items.values():
        if one.replaced_by and (now := catalog.item(one.code)):
            formerly.setdefault(now.code, []).append(one.code)
    return knowledge.Knowledge(
        items=tuple(
            knowledge.KnownItem(one.code, tuple(one.agencies), tuple(formerly.get(one.code, ())))
            for one in catalog.items.values()
            if not one.replaced_by
        ),
        classes=tuple(catalog.classes),
        version=catalog.version,
    )


def city(settings: Settings) -> str:
    """Division code of the city of an installation's first 12345 centre, else of its first 110 centre."""
    default = settings.default_centre("12345") or settings.default_centre("110")
    divisions = default.divisions if default else []
    return divisions[0][:4] + "00" if divisions else ""


class Engines:
    """The engine for each version of a catalog, made when it is first asked for, and again when another model is promoted."""

    def __init__(self, models: Path, *, strict: bool = False) -> None:
        """``strict``: raise :class:`classifier.errors.ClassifierError` for a model or pointer that can't be read."""
        self._strict = strict
        self._registry = registry.Registry(models)
        self._made: dict[str, ModelEngine] = {}
        self._models: tuple[Model, Model | None] | None = None
        self._serving: tuple[str, str] | None = None
        self._lock = threading.Lock()

    def __call__(self, city: str, catalog: Catalog, progress: Progress | None = None) -> ModelEngine:
        return self.knowing(catalog.version, lambda: known(catalog), progress)

    def knowing(self, version: str, read: Callable[[], knowledge.Knowledge], progress: Progress | None = None) -> ModelEngine:
        """The same by what is known of a version of a catalog; ``read`` is asked only if the engine must be made."""
        with self._lock:
            duty, agency = self._current(progress)
            found = self._made.get(version)
            if found is None:
                found = ModelEngine(duty, read(), agency)
                while len(self._made) >= KEPT:
                    self._made.pop(next(iter(self._made)))
                self._made[version] = found
            return found

    def _current(self, progress: Progress | None) -> tuple[Model, Model | None]:
        """The models that serve now. One that can't be read is reported, and the shipped one serves."""
        serving = self._pointers()
        if self._models is None or serving != self._serving:
            duty = self._load("duty", serving[0])
            if duty is None:
                shipped.ensure(progress)
                duty = shipped.load()
            self._models, self._serving = (duty, self._load("agency", serving[1])), serving
            self._made.clear()
        return self._models

    def _pointers(self) -> tuple[str, str]:
        try:
            return self._registry.pointer("duty").serving, self._registry.pointer("agency").serving
        except ClassifierError as error:
            if self._strict:
                raise
            log.error("classifier.pointer", error=str(error))
            return self._serving or ("", "")

    def _load(self, kind: registry.Kind, version: str) -> Model | None:
        if not version:
            return None
        try:
            found = store.load(self._registry.folder / kind / version)
            if found.card["kind"] != kind:
                raise store.ModelError(f"{version} is no {kind} model; roll back, or promote another", version)
            return found
        except ClassifierError as error:
            if self._strict:
                raise
            log.error("classifier.model", kind=kind, version=version, error=str(error), hint="the shipped model serves meanwhile")
            return None
