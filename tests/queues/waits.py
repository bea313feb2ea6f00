"""Lets code that can only wait (a hypothesis machine) use Twisted coroutines inside the reactor's own thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import greenlet
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


async def aside(function: Callable[[], object]) -> None:
    """Run a function that calls :func:`waited`; raise what it raises. Await this in a Twisted coroutine."""
    done: Deferred[None] = Deferred()

    def body() -> None:
        try:
            function()
        except BaseException:
            reactor.callLater(0, done.errback, Failure())  # type: ignore[attr-defined]
        else:
            reactor.callLater(0, done.callback, None)  # type: ignore[attr-defined]

    greenlet.greenlet(body).switch()
    await done


def waited(deferred: Deferred[Any]) -> Any:
    """Wait for a Deferred while the reactor goes on; only inside :func:`aside`."""
    me = greenlet.getcurrent()
    results: list[Any] = []
    parked = False

    def arrived(result: Any) -> None:
        results.append(result)
        if parked:
            me.switch()

    deferred.addBoth(arrived)
    while not results:
        parked = True
        assert me.parent is not None
        me.parent.switch()
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]
