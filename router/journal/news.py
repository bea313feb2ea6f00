"""The stream of news: what an entry of it says, for who writes it (the relay) and who reads it (live updates, other programs).

Entries are written once each and in the order of their serials for one case. They hold no personal data: who wants more asks the
interface, which knows who may see it. The stream keeps the last hours only; whoever was away longer reads the rows anew.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from telephony import contract

STREAM = f"{contract.STREAM_PREFIX}:news"
SEEN = f"{contract.STREAM_PREFIX}:news:seen:"
"""Prefix of keys that remember which events the stream has got."""
KEEP_SECONDS = 2 * 3600
"""Entries stay at least so long."""
SEEN_SECONDS = 86400
"""An event whose publishing was interrupted is known so long."""


@dataclass(frozen=True, slots=True)
class Item:
    """One event as it is published."""

    id: str
    serial: int
    at: dt.datetime
    topic: str
    case: str | None
    audience: Mapping[str, Sequence[str]]
    """``units`` and ``users`` who may see it."""
    body: Mapping[str, Any]


def encode(item: Item) -> dict[str, str]:
    """The fields of an entry; an event of no case has an empty ``case``."""
    return {
        "id": item.id,
        "serial": str(item.serial),
        "at": item.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        "topic": item.topic,
        "case": item.case or "",
        "audience": _text(item.audience),
        "body": _text(item.body),
    }


def decode(fields: Mapping[bytes, bytes]) -> Item:
    """Raise ValueError for fields that no relay wrote."""
    try:
        said = {name.decode(): value.decode() for name, value in fields.items()}
        return Item(
            id=said["id"],
            serial=int(said["serial"]),
            at=dt.datetime.fromisoformat(said["at"]),
            topic=said["topic"],
            case=said["case"] or None,
            audience=json.loads(said["audience"]),
            body=json.loads(said["body"]),
        )
    except (KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"not an entry of {STREAM}: {error!r}") from error


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def matches(pattern: str, topic: str) -> bool:
    """Whether a subscription's pattern (a topic, or a prefix that ends in ``.*``; ``*``: all) means this topic."""
    if pattern == "*":
        return True
    return topic.startswith(pattern[:-1]) if pattern.endswith(".*") else topic == pattern
