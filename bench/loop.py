"""One thread for everything that the bench plays: sockets and timers, driven from measurement code by ``until``."""

from __future__ import annotations

import heapq
import itertools
import select
import time
from collections.abc import Callable


class Late(RuntimeError):
    """What was waited for did not come in time."""


class Loop:
    """``read(fd, callback)`` and ``after(seconds, callback)``; nothing happens outside :meth:`until` and :meth:`run`."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._dead: set[int] = set()
        self._count = itertools.count(1)

    def read(self, descriptor: int, callback: Callable[[], None]) -> None:
        self._readers[descriptor] = callback
        self._poll.register(descriptor, select.EPOLLIN)

    def forget(self, descriptor: int) -> None:
        if self._readers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def at(self, moment: float, callback: Callable[[], None]) -> int:
        """Call back at a moment of ``time.monotonic``; returns a handle for :meth:`cancel`."""
        handle = next(self._count)
        heapq.heappush(self._timers, (moment, handle, callback))
        return handle

    def after(self, seconds: float, callback: Callable[[], None]) -> int:
        return self.at(time.monotonic() + seconds, callback)

    def cancel(self, handle: int) -> None:
        self._dead.add(handle)

    def turn(self, longest: float) -> None:
        """Handle what is there and due, waiting at most so many seconds for it."""
        wait = longest
        if self._timers:
            wait = min(wait, self._timers[0][0] - time.monotonic())
        for descriptor, _ in self._poll.poll(max(0.0, wait)):
            reader = self._readers.get(descriptor)
            if reader is not None:
                reader()
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, handle, callback = heapq.heappop(self._timers)
            if handle in self._dead:
                self._dead.discard(handle)
            else:
                callback()

    def until(self, true: Callable[[], object], what: str, patience: float = 30.0) -> None:
        """Run until ``true()``; raise :class:`Late` after ``patience`` seconds."""
        end = time.monotonic() + patience
        while not true():
            left = end - time.monotonic()
            if left <= 0:
                raise Late(f"not within {patience:g} s: {what}")
            self.turn(min(left, 0.25))

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.turn(left)

    def close(self) -> None:
        self._poll.close()
