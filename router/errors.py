"""Errors of casework that a person or program can do something about."""

from __future__ import annotations

from typing import Any


class CaseworkError(Exception):
    """Base: a stable ``code``, a sentence for people, the offending value, and what to do.

    ``status`` is the HTTP status that tells the same to a program.
    """

    code = "casework"
    status = 400

    def __init__(self, what: str, remedy: str = "", **facts: Any) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.facts = facts
        """For programs: names and values, e.g. ``field``, ``allowed``, ``current``."""


class NotFound(CaseworkError):
    """There is no such row, or not for this person."""

    code = "not_found"
    status = 404


class Forbidden(CaseworkError):
    """This person may not do that; the refusal is journalled."""

    code = "forbidden"
    status = 403


class Conflict(CaseworkError):
    """The matter is not in a state in which that can happen."""

    code = "conflict"
    status = 409


class ImpossibleTransition(Conflict):
    """The life cycle has no such step from the present state."""

    code = "transition.impossible"


class Stale(CaseworkError):
    """Somebody else has changed the row meanwhile."""

    code = "stale"
    status = 412


class Invalid(CaseworkError):
    """A value is wrong; ``facts["field"]`` names it."""

    code = "invalid"
    status = 422


class TooLarge(CaseworkError):
    """A text or file is over its limit."""

    code = "too_large"
    status = 413
