"""What went wrong with a command, as one line with a remedy."""

from __future__ import annotations


class CommandError(Exception):
    """An expected failure; the command line prints ``error: <what> — <remedy>`` and ends with ``status``.

    Status 2: bad input or configuration; 1: something failed while running."""

    code = "command"

    def __init__(self, what: str, remedy: str, status: int = 1) -> None:
        super().__init__(f"{what} — {remedy}")
        self.what = what
        self.remedy = remedy
        self.status = status
