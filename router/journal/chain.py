"""The hash chain itself. Pure."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any

FIRST = "0" * 64
"""What the first link of a chain follows."""


def link(
    *,
    chain: str,
    seq: int,
    at: dt.datetime,
    actor: str,
    unit: str,
    desk: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
    previous: str,
) -> str:
    """SHA-256 (hex) over everything that an entry says and the hash of the entry before it.

    The text hashed is JSON with sorted keys, no spaces, times in UTC to the microsecond: the same on every database.
    """
    moment = at.astimezone(dt.UTC).isoformat(timespec="microseconds")
    text = json.dumps(
        [chain, seq, moment, actor, unit, desk, action, subject, detail, previous],
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()
