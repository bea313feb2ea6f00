"""What ``hotline classify`` must know of a city's list, kept beside the models: reading the list's files takes a second."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from classifier import shipped
from classifier.knowledge import Knowledge, KnownItem
from config import settings as configuration
from router.casework import judging

_MADE_BY = (Path(judging.__file__), Path(configuration.__file__), Path(__file__))
"""Code that decides what is kept, besides the files of the list."""


def of(lists: Path, city: str, read: Callable[[], Knowledge]) -> Knowledge:
    """What ``read`` returns, or returned when these files were read last. Where nothing can be kept, it is read each time."""
    path = shipped.cache() / f"list-{city}-{_key(lists, city)}.json"
    try:
        return _plain(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        found = read()
    _keep(path, city, found)
    return found


def _key(lists: Path, city: str) -> str:
    found = hashlib.sha256(city.encode())
    for path in (*sorted(lists.glob("*.yaml")), *sorted((lists / city).glob("*.yaml")), *_MADE_BY):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def _keep(path: Path, city: str, found: Knowledge) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(dataclasses.asdict(found), ensure_ascii=False), "utf-8")
        for old in path.parent.glob(f"list-{city}-*.json"):
            old.unlink(missing_ok=True)
        beside.replace(path)
    except OSError:
        return  # a read-only installation: slower, and right


def _plain(said: dict[str, Any]) -> Knowledge:
    items = tuple(KnownItem(one["code"], tuple(one["agencies"]), tuple(one["formerly"])) for one in said["items"])
    return Knowledge(items, tuple(said["classes"]), str(said["version"]))
