"""Ids of rows: UUIDs of version 7 (RFC 9562 5.7), so that what is written together lies together in an index."""

from __future__ import annotations

import secrets
import time
import uuid


def new() -> str:
    """A fresh id, 32 hexadecimal digits that sort by the millisecond they were made in."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    return uuid.UUID(int=value).hex
