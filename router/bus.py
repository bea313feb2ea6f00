"""Opens Redis/Valkey the way every service here needs it: each wait is bounded, and each failure is told at once."""

from __future__ import annotations

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 10.0
"""Longer than any blocking read of ours."""


def connect(url: str, *, name: str = "") -> redis.asyncio.Redis:
    """A client of ``redis://``, ``rediss://`` or ``unix://``; nothing is opened yet.

    The library's own repetitions are off: who calls knows whether a command may be said twice. Answers are bytes in the
    shapes of RESP 2. Raise ValueError for a URL of another kind.
    """
    return redis.asyncio.Redis.from_url(
        url,
        protocol=2,
        client_name=name or None,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
