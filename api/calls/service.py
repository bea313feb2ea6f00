"""Reads calls for the interface: which the actor may see, with their matters."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from api.calls.schemas import CaseRef, Outcome
from api.kit.state import State
from router import calls_now
from router.access import calls as reach
from router.access import fields, roles, rules
from router.access.actor import Actor
from router.calls_client import CallCoreError, CallsClient
from router.errors import Forbidden, NotFound
from router.organisation import numbers
from router.storage import call_records
from router.storage.call_records import CallRecord
from router.storage.calls import Call, Party, Recording
from router.storage.casework import Case, CaseCall
from telephony import contract

PART = "calls.lines"


def lines(found: State) -> reach.Lines:
    """The installation's centres, looked up once per process."""
    if PART not in found.parts:
        found.parts[PART] = reach.Lines.of(found.settings)
    return cast(reach.Lines, found.parts[PART])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which calls; None does not count."""

    centre: str | None = None
    caller: str | None = None
    seat: str | None = None
    case: str | None = None
    kind: str | None = None
    outcome: Outcome | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


def query(actor: Actor, where: reach.Lines, wanted: Wanted) -> Any:
    """The SELECT of calls that fit and that the actor may see, with whether each was abandoned or silent.

    Raise :class:`Forbidden` for a search that the role may not make.
    """
    found: list[ColumnElement[bool]] = [reach.visible(actor, where)]
    if wanted.centre is not None:
        found.append(Call.centre == wanted.centre)
    if wanted.caller is not None:
        found.append(Call.caller.in_(_written(actor, wanted.caller)))
    if wanted.seat is not None:
        found.append(exists().where(Party.call_id == Call.id, Party.seat == wanted.seat).correlate(Call))
    if wanted.case is not None:
        found.append(exists().where(CaseCall.call_id == Call.id, CaseCall.case_id == wanted.case).correlate(Call))
    if wanted.kind is not None:
        found.append(Call.kind == wanted.kind)
    if wanted.since is not None:
        found.append(Call.started_at >= wanted.since)
    if wanted.until is not None:
        found.append(Call.started_at < wanted.until)
    if wanted.outcome is not None:
        found.append(_OUTCOMES[wanted.outcome]())
    abandoned, silent = call_records.is_abandoned().label("abandoned"), call_records.is_silent().label("silent")
    return select(Call, abandoned, silent).where(*found)


_OUTCOMES: dict[Outcome, Any] = {
    "answered": lambda: Call.answered_at.is_not(None),
    "unanswered": lambda: Call.answered_at.is_(None) & Call.ended_at.is_not(None),
    "abandoned": lambda: call_records.is_abandoned(),
    "silent": lambda: call_records.is_silent(),
    "live": lambda: Call.ended_at.is_(None),
}


def _written(actor: Actor, number: str) -> list[str]:
    """The ways in which trunks may have written a number. Who sees numbers masked can't search for them either."""
    if fields.sight(actor, "open").caller != "whole":
        raise Forbidden("您的角色不能按来电号码查询", "请由话务员或接警员查询", action="call.read", role=actor.role)
    bare = "".join(character for character in number if character.isdigit() or character == "+")
    return sorted({bare, numbers.normalise(number) or bare})


async def cases_of(session: AsyncSession, actor: Actor, calls: Iterable[str], now: dt.datetime) -> dict[str, list[CaseRef]]:
    """The matters of calls that the actor may see, by call."""
    ids = list(calls)
    found: dict[str, list[CaseRef]] = defaultdict(list)
    if ids:
        wanted = (
            select(CaseCall.call_id, Case.id, Case.number, Case.state)
            .join(Case, Case.id == CaseCall.case_id)
            .where(CaseCall.call_id.in_(ids), rules.visible_cases(actor, now))
            .order_by(CaseCall.at, Case.id)
        )
        for call, id_, number, state in await session.execute(wanted):
            found[call].append(CaseRef(id=id_, number=number, state=state))
    return found


async def record(session: AsyncSession, client: CallsClient, actor: Actor, where: reach.Lines, call: str) -> CallRecord:
    """All that is known of a call; raise :class:`NotFound`, or :class:`rules.Foreign` when it is there for others."""
    stored = await call_records.show_call(session, call)
    try:
        now = await client.live_call(call)
    except CallCoreError:  # Redis is away: the record is what there is
        now = None
    found = calls_now.together(stored, now)
    if found is None or found.call is None:
        raise NotFound("没有这个通话", "检查通话编号", subject=call[:64])
    seen = await session.scalar(select(exists().where(Call.id == call, reach.visible(actor, where))))
    if not seen and not (now is not None and stored is None and reach.sees_live(actor, where, now)):
        raise rules.Foreign("没有这个通话,或不在您的可见范围", "检查通话编号", subject=call[:64])
    return found


async def playable(session: AsyncSession, actor: Actor, where: reach.Lines, call: str, now: dt.datetime) -> frozenset[str]:
    """Ids of the call's recordings that the actor may hear."""
    if not roles.may(actor, "recording.read"):
        return frozenset()
    wanted = select(Recording.id).where(Recording.call_id == call, reach.playable(actor, where, now))
    return frozenset((await session.scalars(wanted)).all())


async def live(
    session: AsyncSession, client: CallsClient, actor: Actor, where: reach.Lines, centre: str | None
) -> Sequence[contract.LiveCall]:
    """Calls in progress that the actor may see, the oldest first."""
    going = await calls_now.still_going(session, await client.live_calls())
    return [
        one
        for one in going
        if reach.sees_live(actor, where, one) and (centre is None or centre in reach.centres_of(one)) and one.call.kind != "page"
    ]


async def case_of(session: AsyncSession, actor: Actor, call: str, now: dt.datetime) -> Case:
    """The first matter of a call: its draft, or what became of it. Raise :class:`NotFound` while there is none."""
    wanted = (
        select(Case)
        .join(CaseCall, CaseCall.case_id == Case.id)
        .where(CaseCall.call_id == call, rules.visible_cases(actor, now))
        .order_by(CaseCall.at, Case.id)
        .limit(1)
    )
    found = await session.scalar(wanted)
    if found is None:
        raise NotFound("这个通话还没有登记草稿", "人工接通后稍候;或直接新建事项", subject=call[:64])
    return found
