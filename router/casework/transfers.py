"""Transfers of the call core seen from the matter: the handoff keeps when the other side was asked, rung and answered."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import select

from router.casework import faces, handoffs
from router.casework.work import Work, operation, touch
from router.storage.casework import Case, CaseCall, Handoff

if TYPE_CHECKING:
    from telephony import contract

UNDER_WAY = ("offered", "expired", "negotiating", "returned", "accepted")


@operation
async def follow(work: Work, facts: contract.TransferFacts, reason: str | None = None) -> Handoff | None:
    """A transfer of the call core began or went on: its case's handoff keeps pace.

    A transfer by a phone's keys, of a call whose draft nobody has filled in yet, makes the handoff itself. A person who began it
    on the screen calls this too, with a ``reason``: whoever comes first makes the handoff, and it is the person's.
    """
    case_id = facts.case or await _case_of_call(work, facts.call)
    target = facts.to_centre
    if case_id is None or target not in work.town.desks or facts.from_centre not in work.town.desks:
        return None
    if work.town.side(target) == work.town.side(facts.from_centre):
        return None
    case = await work.hold(case_id)
    row = (await work.session.scalars(select(Handoff).where(Handoff.transfer_id == facts.id))).first()
    if row is None:
        row = await _adopt(work, case, facts, reason)
    if row is None:
        return None
    if row.by.startswith("system:") and not work.actor.is_system:
        row.by, row.reason = work.actor.id, reason or row.reason
        touch(work, row)
        work.note(case.id, "handoff.asked", row.id, transfer=facts.id, by=row.by)
    _times(work, case, row, facts)
    return row


async def _case_of_call(work: Work, call: str) -> str | None:
    query = select(CaseCall.case_id).where(CaseCall.call_id == call).order_by(CaseCall.at).limit(1)
    return (await work.session.scalars(query)).first()


async def _adopt(work: Work, case: Case, facts: contract.TransferFacts, reason: str | None) -> Handoff | None:
    """The handoff that was offered for this transfer, or a new one."""
    for one in await faces.handoffs(work.session, case.id):
        if one.state not in UNDER_WAY:
            continue
        if one.to_centre != facts.to_centre:
            return None
        one.transfer_id, one.call_id = facts.id, facts.call
        if one.mode == "online":
            one.mode = "call"
        if facts.dangerous and not one.dangerous:
            await _danger(work, case, one)
        return one
    return await handoffs.offer(
        work,
        case,
        to=facts.to_centre,
        mode="call",
        reason=reason or ("通话中转接" if facts.kind != "three-way" else "三方通话"),
        dangerous=facts.dangerous,
        call=facts.call,
        transfer=facts.id,
        asker=facts.from_centre,
    )


async def _danger(work: Work, case: Case, row: Handoff) -> None:
    """The asker says on the phone that it is dangerous: police set out, whatever was offered before."""
    _, order = await faces.of(work.session, case.id)
    if order is not None:
        await handoffs.danger_again(work, case, row, order, "通话中标明危险")


def _times(work: Work, case: Case, row: Handoff, facts: contract.TransferFacts) -> None:
    """Rung, answered, how it ended; an older word never takes anything back."""
    rung = dt.datetime.fromtimestamp(facts.ringing_at, dt.UTC) if facts.ringing_at else None
    answered = dt.datetime.fromtimestamp(facts.answered_at, dt.UTC) if facts.answered_at else None
    changed = {}
    if rung and row.rung_at is None:
        row.rung_at = changed["rung_at"] = rung
    if answered and row.answered_at is None:
        row.answered_at = changed["answered_at"] = answered
        row.arrived_at = row.arrived_at or answered
    if facts.ended_at and (facts.outcome, facts.went_back_to) != (row.outcome, row.went_back_to):
        row.outcome, row.went_back_to = facts.outcome, facts.went_back_to
        changed["ended_at"] = dt.datetime.fromtimestamp(facts.ended_at, dt.UTC)
    if not changed:
        return
    touch(work, row)
    work.note(
        case.id,
        "handoff.transfer",
        row.id,
        transfer=facts.id,
        outcome=facts.outcome or None,
        answered_by=facts.answered_by or None,
        went_back_to=facts.went_back_to or None,
        **{name: at.isoformat() for name, at in changed.items()},
    )
    work.tell(
        "handoff.transfer",
        case.id,
        [row.from_centre, row.to_centre],
        handoff=row.id,
        transfer=facts.id,
        outcome=facts.outcome,
        answered=bool(row.answered_at),
        hint="online" if facts.ended_at and facts.outcome != "answered" else "",
    )
