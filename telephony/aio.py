"""The one place where asyncio-native libraries meet Twisted's coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


def wait(coroutine: Coroutine[Any, Any, T]) -> Deferred[T]:
    """Run an asyncio coroutine (redis) on the reactor's loop; await the result in a Twisted coroutine."""
    return Deferred.fromFuture(asyncio.ensure_future(coroutine))
