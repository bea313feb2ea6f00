"""What the process holds for judging texts, and judging aside from the event loop. A text is neither kept nor logged."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar, cast

import structlog
from fastapi import Depends, Request

from api.kit import casework, state
from api.kit.errors import Unavailable
from api.kit.uploads import aside
from classifier import extract
from classifier.errors import ClassifierError
from classifier.extract import Found
from classifier.verdict import Engine, Verdict
from router.casework.similar import Similar
from router.catalog.calendar import ZONE

log = structlog.get_logger()
T = TypeVar("T")

PART = "classify"
AT_ONCE = 2
"""Texts of this process that are judged at a time: each takes a processor."""
PATIENCE = 10.0
"""Seconds that a request waits for its turn."""
TRAINING = 30
"""Seconds after which a client may ask again whether there is a model."""


@dataclass(frozen=True, slots=True)
class Judging:
    similar: Similar
    turns: asyncio.Semaphore

    async def judge(
        self, engine: Callable[[], Engine], text: str, find: dt.datetime | None
    ) -> tuple[Verdict, list[Found] | None]:
        """What the text says, and what is told in it (``find``: counted from this moment; None: not asked). Raise
        :class:`Unavailable` if there is no model, or too much to do."""

        def work() -> tuple[Verdict, list[Found] | None]:
            verdict = engine().judge(text)
            return verdict, None if find is None else list(extract.find(text, now=find.astimezone(ZONE)))

        try:
            async with asyncio.timeout(PATIENCE):
                await self.turns.acquire()
        except TimeoutError:
            raise Unavailable("classify.busy") from None
        try:
            return await aside(work)
        except ClassifierError as error:
            log.error("classify.away", error=error.code)
            raise Unavailable("classify.away", TRAINING) from None
        except Exception as error:
            raise _nameless(error) from None
        finally:
            self.turns.release()


def _nameless(error: Exception) -> RuntimeError:
    """An error that says where it happened, without the words that its message may hold."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at else "?"
    return RuntimeError(f"{type(error).__name__} at {where}")


async def _judging(request: Request) -> Judging:
    return cast(Judging, state.of(request).parts[PART])


CurrentJudging = Annotated[Judging, Depends(_judging)]


@contextlib.asynccontextmanager
async def part(found: state.State) -> AsyncIterator[None]:
    """For the life of the application."""
    town = casework.of_state(found)
    cities = {town.city_of(one) for one in town.desks}
    similar = Similar(found.database, cities, clock=found.clock)
    found.parts[PART] = Judging(similar, asyncio.Semaphore(AT_ONCE))
    try:
        yield
    finally:
        await similar.close()
