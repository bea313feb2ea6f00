"""The call core's events as casework sees them: a call answered at a seat opens its case draft; transfers move handoffs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import system
from router.casework import cases, transfers
from router.casework.work import Town, Work, operation
from router.consumer import Group, Handle
from router.storage.casework import Case, CaseCall
from telephony import contract

NAME = "casework"


def group(town: Town) -> Group:
    """The consumer that turns events into drafts and handoffs."""
    return Group(NAME, handler(town), tells=True)


def handler(town: Town) -> Handle:
    async def handle(session: AsyncSession, events: Sequence[contract.AnyEvent]) -> None:
        for event in events:
            work = Work(session, system("calls"), dt.datetime.fromtimestamp(event.at, dt.UTC), town)
            if isinstance(event, contract.CallChanged):
                await _call(work, event.facts)
            elif isinstance(event, contract.TransferChanged):
                await _transfer(work, event.facts)

    return handle


async def _call(work: Work, facts: contract.CallFacts) -> None:
    """An inbound call was answered by a person of a centre: the draft is there before they say hello."""
    if facts.answered_at is None or facts.centre not in work.town.desks:
        return
    if facts.kind == "inbound":
        await cases.open_draft(
            work,
            call=facts.id,
            centre=facts.centre,
            caller=facts.caller,
            answered_at=dt.datetime.fromtimestamp(facts.answered_at, dt.UTC),
            seat=facts.answered_by,
        )
    elif facts.kind in ("callback", "ringback") and (facts.case or facts.after):
        await _belongs(work, facts)


@operation
async def _belongs(work: Work, facts: contract.CallFacts) -> None:
    """A call-back or ring-back belongs to the case of the call that it takes up."""
    case_id = facts.case
    if not case_id:
        query = select(CaseCall.case_id).where(CaseCall.call_id == facts.after).order_by(CaseCall.at).limit(1)
        case_id = (await work.session.scalars(query)).first() or ""
    case = await work.session.get(Case, case_id) if case_id else None
    if case is not None:
        await cases.link_call(work, await work.hold(case.id), facts.id)


async def _transfer(work: Work, facts: contract.TransferFacts) -> None:
    """Only a newer word about a transfer than the handoff knows changes anything: times are set once."""
    if not facts.to_centre:
        return
    await transfers.follow(work, facts)


__all__ = ["NAME", "group", "handler"]
