"""Runs the board's Lua scripts and turns what Redis may throw into errors of the board."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import redis.exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from telephony.queues import errors

T = TypeVar("T")

_FOLDER = Path(__file__).parent / "lua"
_BEFORE = {"sign_in": ("define",), "defined": ("define",)}
"""Scripts that are the end of others."""


def source(name: str) -> str:
    parts = ("common", *_BEFORE.get(name, ()), name)
    return "\n".join((_FOLDER / f"{part}.lua").read_text(encoding="utf-8") for part in parts)


class Scripts:
    """The scripts by name, each sent to a server once and from then on called by its hash."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._scripts = {
            path.stem: client.register_script(source(path.stem))
            for path in _FOLDER.glob("*.lua")
            if path.stem not in ("common", "define")
        }
        self._encoder = msgspec.json.Encoder()

    async def run(self, name: str, arguments: dict[str, Any]) -> bytes | str:
        """An asyncio coroutine. Raise :class:`errors.BoardUnavailable` or :class:`errors.BadScript`."""
        script = self._scripts[name]
        packed = self._encoder.encode(arguments)
        return cast("bytes | str", await guarded(script(keys=[f"{self._prefix}:centres"], args=[self._prefix, packed])))


async def guarded(asked: Awaitable[T]) -> T:
    """Await something asked of Redis. Raise :class:`errors.BoardUnavailable` with a remedy where it fails."""
    try:
        return await asked
    except redis.exceptions.RedisError as error:
        raise translated(error) from error
    except (TimeoutError, OSError) as error:
        raise errors.BoardUnavailable(
            f"the live-state server is out of reach ({error})",
            "check that Redis runs and that HOTLINE_REDIS_URL names it",
        ) from error


def translated(error: redis.exceptions.RedisError) -> errors.QueueError:
    text = str(error)
    if isinstance(error, redis.exceptions.AuthenticationError) or text.startswith(
        ("NOAUTH", "WRONGPASS", "Authentication required")
    ):
        return errors.BoardUnavailable("the live-state server refuses us", "check user and password in HOTLINE_REDIS_URL", text)
    if isinstance(error, redis.exceptions.OutOfMemoryError) or "OOM " in text:
        return errors.BoardUnavailable(
            "the live-state server has no memory left", "raise its maxmemory (with maxmemory-policy noeviction)", text
        )
    if isinstance(error, redis.exceptions.ReadOnlyError) or "READONLY" in text:
        return errors.BoardUnavailable(
            "the live-state server is a read-only replica", "let HOTLINE_REDIS_URL name the primary", text
        )
    if "MISCONF" in text:
        return errors.BoardUnavailable(
            "the live-state server can't write to its disk", "free space on its disk, or look into its log", text
        )
    if isinstance(error, redis.exceptions.ResponseError) and not _passing(text):
        return errors.BadScript(f"a script of the board failed: {text}", text)
    return errors.BoardUnavailable(
        f"the live-state server is out of reach ({text or type(error).__name__})",
        "check that Redis runs and that HOTLINE_REDIS_URL names it",
        text,
    )


def _passing(text: str) -> bool:
    """Answers of a server that starts, fails over or runs somebody's endless script."""
    return text.startswith(("LOADING", "BUSY", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "UNBLOCKED", "NOREPLICAS"))


def connect(url: str, timeout: float = 2) -> Redis:
    """A client fit for a board: answers within ``timeout`` seconds or fails, and never sends a request twice by itself (a match
    that is repeated after a lost answer would hold seats that nobody hears of)."""
    return Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0), health_check_interval=15
    )
