"""What can go wrong with the board."""

from __future__ import annotations


class QueueError(Exception):
    """Base: a stable ``code``, a sentence that says what to do, and the offending value."""

    code = "queue.error"

    def __init__(self, message: str, value: str = "") -> None:
        super().__init__(message)
        self.value = value


class BoardUnavailable(QueueError):
    """Redis can't be reached, or refuses to write. Nothing is known about what it did with the last request: try again,
    then trust what the board says. ``remedy`` is for whoever runs the machine."""

    code = "queue.unavailable"

    def __init__(self, message: str, remedy: str, value: str = "") -> None:
        super().__init__(f"{message}; {remedy}", value)
        self.remedy = remedy


class UnknownSeat(QueueError):
    """No seat of this name has been defined on the board."""

    code = "queue.unknown_seat"


class BadScript(QueueError):
    """One of the board's own scripts failed: a defect, not an outage."""

    code = "queue.script"
