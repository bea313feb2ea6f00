"""What casework wants done by the worker: the handlers of its timers, and those that run for ever."""

from __future__ import annotations

import datetime as dt

from router.casework import handoffs, orders
from router.casework.work import Town
from router.supervision import deadlines
from router.timers import timers
from router.timers.runner import Handle

DAY = 86400.0


def handlers(town: Town) -> dict[str, Handle]:
    """All timer handlers of casework, by kind."""
    return {**deadlines.handlers(town), **orders.handlers(town), **handoffs.handlers(town)}


def standing(now: dt.datetime) -> list[timers.Plan]:
    """Timers that every installation has: set at the worker's start if they are not there."""
    return [timers.Plan(deadlines.RECOMPUTE, deadlines.RECOMPUTE, now, every=DAY)]
