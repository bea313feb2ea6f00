"""Events of a phone, gathered by one thread and waited for by another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

Event = dict[str, Any]


class RobotError(Exception):
    """A phone could not do what it was told; the message says what and why."""


class NothingHeard(RobotError, TimeoutError):
    """An event did not come in time; the message lists what came instead."""


class Mailbox:
    """Keeps what came. Whoever drives the phone waits for events; each is taken once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.history: list[Event] = []
        self._new: list[Event] = []
        self._came = threading.Condition()
        self._over = False

    def deliver(self, event: Event) -> None:
        """An event came."""
        with self._came:
            self.history.append(event)
            self._new.append(event)
            self._came.notify_all()

    def shut(self) -> None:
        """No more will come: whoever still waits is told so at once."""
        with self._came:
            self._over = True
            self._came.notify_all()

    def wait_for(self, event: str | Iterable[str], timeout: float = 15.0, **match: Any) -> Event:
        """The first event of that name (or one of them) that nobody has waited for yet and whose facts match.

        A fact is matched by a value or by a function of it. The event is taken: the next wait sees later ones only, others
        stay. Raises :class:`NothingHeard` after ``timeout`` seconds, :class:`RobotError` if the phone has ended before.
        """
        names = (event,) if isinstance(event, str) else tuple(event)
        until = time.monotonic() + timeout
        with self._came:
            looked = 0
            while True:
                for index in range(looked, len(self._new)):
                    if _fits(self._new[index], names, match):
                        return self._new.pop(index)
                looked = len(self._new)
                if self._over:
                    raise RobotError(f"{self.name}: ended without {_wish(names, match)}; {self._lately()}")
                if not self._came.wait(max(0.0, until - time.monotonic())) and time.monotonic() >= until:
                    raise NothingHeard(f"{self.name}: no {_wish(names, match)} in {timeout:g} s; {self._lately()}")

    def seen(self, event: str, **match: Any) -> list[Event]:
        """All events of that name so far, taken or not."""
        with self._came:
            return [one for one in self.history if _fits(one, (event,), match)]

    def forget(self) -> None:
        """Pass over everything that has come until now (``history`` stays)."""
        with self._came:
            self._new.clear()

    def _lately(self) -> str:
        told = [
            {key: value for key, value in one.items() if key not in ("t", "headers", "file")}
            for one in self.history
            if one["event"] != "done"
        ]
        return f"came: {told[-12:]}"


def _fits(event: Event, names: tuple[str, ...], match: dict[str, Any]) -> bool:
    if event["event"] not in names:
        return False
    return all(
        key in event and (wanted(event[key]) if callable(wanted) else event[key] == wanted) for key, wanted in match.items()
    )


def _wish(names: tuple[str, ...], match: dict[str, Any]) -> str:
    facts = ", ".join(f"{key}={value}" for key, value in match.items() if not callable(value))
    return "/".join(names) + (f" ({facts})" if facts else "")
