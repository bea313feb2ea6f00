"""Casework's unit of work for a request: who asks, when, in which session, in which town.

An endpoint that changes a matter takes :data:`Working` (one transaction, committed before the answer is sent); one that only
looks takes :data:`Looking`.
"""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from api.kit import state
from api.kit.deps import CurrentActor, Now, ReadSession, WriteSession
from router.access import rules
from router.casework import town
from router.casework.work import Town, Work
from router.errors import Forbidden

PART = "town"


def of_state(found: state.State) -> Town:
    """The installation's town, made once per process."""
    if PART not in found.parts:
        found.parts[PART] = town.of(found.settings)
    return cast(Town, found.parts[PART])


async def _town(request: Request) -> Town:
    return of_state(state.of(request))


CurrentTown = Annotated[Town, Depends(_town)]


async def _working(session: WriteSession, actor: CurrentActor, now: Now, found: CurrentTown) -> Work:
    return Work(session, actor, now, found)


Working = Annotated[Work, Depends(_working)]
"""Casework in the request's transaction."""


async def _looking(session: ReadSession, actor: CurrentActor, now: Now, found: CurrentTown) -> Work:
    return Work(session, await rules.look_for_grants(session, actor, now), now, found)


Looking = Annotated[Work, Depends(_looking)]
"""Casework that only reads; what it says to journal and outbox is not kept. Its ``actor`` knows what is shared with the desk:
lists take that one."""


def city_of(work: Work, wanted: str | None) -> str:
    """The city that a request is about: the one it names, else the caller's, else the installation's."""
    return wanted or work.actor.city or work.town.city


def own_city(work: Work, wanted: str | None) -> str:
    """The same for a change: only administrators of the whole installation change what is another city's."""
    city = city_of(work, wanted)
    if city != work.actor.city and not (work.actor.role == "administrator" and not work.actor.unit):
        raise Forbidden("只能维护本州市的内容", "请由该州市的管理员办理", action="city", city=city)
    return city
