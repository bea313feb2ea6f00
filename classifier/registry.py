"""Which models an installation has, and which of them serves. One folder a kind, one folder a version, and a pointer.

    <data>/models/duty/duty-1a2b3c4d-s0/…          a model
    <data>/models/duty/serving.json                 {"serving": …, "before": [… the newest first]}

The pointer is replaced in one step: whoever reads it sees the old or the new model, never half of one.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from classifier import store
from classifier.errors import ClassifierError

Kind = Literal["duty", "agency"]
"""``duty``: danger, route and matter; ``agency``: a city's own labels."""
KINDS: tuple[Kind, ...] = ("duty", "agency")
_KEPT = 10
"""Former models that the pointer remembers."""


class RegistryError(ClassifierError):
    """No such model, or nothing to go back to."""

    code = "model.registry"


@dataclass(frozen=True, slots=True)
class Serving:
    """The pointer of one kind."""

    serving: str = ""
    """Version; empty: the shipped model serves (``duty``), or none (``agency``)."""
    before: tuple[str, ...] = ()


class Registry:
    """The models of one installation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def pointer(self, kind: Kind) -> Serving:
        """What serves. Raises :class:`RegistryError` if the pointer can't be read."""
        path = self.folder / kind / "serving.json"
        try:
            found = json.loads(path.read_text("utf-8"))
            return Serving(str(found["serving"]), tuple(map(str, found["before"])))
        except FileNotFoundError:
            return Serving()
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise RegistryError(
                f"{path} can't be read ({type(error).__name__}); restore it or delete it, then the shipped model serves",
                str(path),
            ) from None

    def serving(self, kind: Kind) -> Path | None:
        """Folder of the model that serves; None: none was promoted."""
        version = self.pointer(kind).serving
        return self.folder / kind / version if version else None

    def versions(self, kind: Kind) -> list[dict[str, Any]]:
        """Cards of all models that are kept, by version."""
        found = []
        for path in sorted((self.folder / kind).glob("*/card.json")):
            if not path.parent.name.startswith("."):
                found.append(store.read_card(path.parent))
        return found

    def keep(self, kind: Kind, model: Path) -> str:
        """Copy a model into the registry; returns its version. A version that is there already is left as it is."""
        version = str(store.read_card(model)["version"])
        store.load(model)
        target = self.folder / kind / version
        if target.resolve() == model.resolve() or (target / "card.json").exists():
            return version
        beside = target.with_name(f".{version}.{os.getpid()}")
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(model, beside)
        beside.rename(target)
        return version

    def promote(self, kind: Kind, version: str) -> Serving:
        """Let a kept model serve. Raises :class:`RegistryError` if there is none."""
        if not (self.folder / kind / version / "card.json").exists():
            raise RegistryError(
                f"no {kind} model {version} is kept in {self.folder / kind}; train one, or name one of `hotline classifier list`",
                version,
            )
        now = self.pointer(kind)
        if now.serving == version:
            return now
        return self._point(kind, Serving(version, (now.serving, *now.before)[:_KEPT]))

    def rollback(self, kind: Kind) -> Serving:
        """Let the model before serve again. Raises :class:`RegistryError` if there was none."""
        now = self.pointer(kind)
        if not now.before:
            raise RegistryError(
                f"no {kind} model served before {now.serving or 'the shipped one'}; there is nothing to go back to", now.serving
            )
        return self._point(kind, Serving(now.before[0], now.before[1:]))

    def _point(self, kind: Kind, to: Serving) -> Serving:
        path = self.folder / kind / "serving.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".serving.{os.getpid()}")
        beside.write_text(json.dumps({"serving": to.serving, "before": list(to.before)}), "utf-8")
        beside.replace(path)
        return to
