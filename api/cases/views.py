"""What of a matter's rows is shown: every answer about cases, tickets, orders and handoffs is made here, masked for who asks."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import Field
from sqlalchemy import select

from api.kit.fields import View
from router.access import fields, rules
from router.access.fields import Sight
from router.casework import assignments, cases, machines
from router.casework.cases import Registered
from router.casework.work import Work
from router.storage.casework import (
    Allocation,
    Assignment,
    Attachment,
    Case,
    Deadline,
    Handoff,
    Opinion,
    PoliceOrder,
    Ticket,
)
from router.storage.organisation import Grant


class CaseView(View):
    """事项"""

    id: str
    rev: int
    number: str = Field(description="事项号,形如 S261125-00042-7")
    city: str
    state: str = Field(description="draft | open | closed")
    channel: str
    first_centre: str = Field(description="首接平台")
    first_answered_at: dt.datetime
    call_id: str | None
    caller_number: str | None = Field(description="按角色脱敏")
    caller_name: str | None = Field(description="按角色脱敏")
    place: str | None
    division: str | None
    latitude: float | None
    longitude: float | None
    words: str | None
    asked: dict[str, Any]
    item: str | None
    kind: str | None
    urgency: str
    confidentiality: str
    catalog_version: str | None
    merged_into: str | None
    legal_hold: bool
    missing: list[str] = Field(description="尚缺的要素")
    created_at: dt.datetime
    updated_at: dt.datetime
    closed_at: dt.datetime | None


class TicketView(View):
    """工单"""

    id: str
    rev: int
    number: str
    case_id: str
    state: str
    state_name: str
    can: list[str] = Field(description="当前状态下可执行的步骤")
    platform: str
    agency: str | None
    item: str | None
    kind: str | None
    division: str | None
    urgency: str
    returned: int
    reopened: int
    result: str | None
    guidance: str | None
    satisfaction: int | None
    resolution: str | None
    created_at: dt.datetime
    accepted_at: dt.datetime | None
    dispatched_at: dt.datetime | None
    signed_at: dt.datetime | None
    feedback_at: dt.datetime | None
    closed_at: dt.datetime | None
    updated_at: dt.datetime


class AssignmentView(View):
    """承办任务"""

    id: str
    rev: int
    case_id: str
    ticket_id: str
    agency: str
    lead: bool
    state: str
    state_name: str
    can: list[str]
    dispatched_at: dt.datetime
    signed_at: dt.datetime | None
    ended_at: dt.datetime | None
    extensions: int
    extension_asked: str | None
    extension_reason: str | None
    pause_reason: str | None
    return_reason: str | None
    dispute: str | None
    feedback: str | None


class OrderView(View):
    """警单;警务字段只有公安可见"""

    id: str
    rev: int
    number: str
    case_id: str
    state: str
    state_name: str
    can: list[str]
    platform: str
    kind: str
    police_class: str
    lead: str
    services: list[str]
    danger_by: str | None
    climbs: int
    withdrawn_reason: str | None
    result_public: str | None
    unit: str | None = Field(description="警务字段")
    complained_of: str | None = Field(description="警务字段")
    police_notes: str | None = Field(description="警务字段,仅在警单详情中返回")
    result: str | None = Field(description="警务字段,仅在警单详情中返回")
    created_at: dt.datetime
    accepted_at: dt.datetime | None
    confirmed_at: dt.datetime | None
    dispatched_at: dt.datetime | None
    signed_at: dt.datetime | None
    arrived_at: dt.datetime | None
    feedback_at: dt.datetime | None
    closed_at: dt.datetime | None
    updated_at: dt.datetime


class HandoffView(View):
    """流转单"""

    id: str
    rev: int
    number: str
    case_id: str
    mode: str
    state: str
    state_name: str
    can: list[str]
    from_centre: str
    to_centre: str
    reason: str
    basis: str | None
    dangerous: bool
    call_id: str | None
    transfer_id: str | None
    outcome: str | None = Field(description="转接结果,如 answered、no_answer")
    went_back_to: str | None = Field(description="转接未成时话务回到谁处")
    offered_at: dt.datetime
    rung_at: dt.datetime | None
    answered_at: dt.datetime | None
    arrived_at: dt.datetime | None
    accepted_at: dt.datetime | None
    returned_at: dt.datetime | None
    return_reason: str | None
    expires_at: dt.datetime | None
    negotiating_at: dt.datetime | None
    settled_at: dt.datetime | None
    owner: str | None
    conclusion: str | None
    by_first_receiver: bool
    feedback_at: dt.datetime | None
    feedback: str | None


class OpinionView(View):
    unit: str
    by: str
    at: dt.datetime
    owner: str | None
    text: str


class AllocationView(View):
    """分配依据"""

    id: str
    at: dt.datetime
    by: str
    where: str
    item: str | None
    agency: str | None
    desk: str | None
    urgency: str
    catalog_version: str
    engine_version: str
    reasons: list[dict[str, Any]]
    decision: dict[str, Any]
    overrules: str | None
    overrule_reason: str | None


class AttachmentView(View):
    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    police_only: bool
    at: dt.datetime
    by: str


class DeadlineView(View):
    """时限"""

    id: str
    subject_id: str
    duty: str
    unit: str
    allowed: str
    started_at: dt.datetime
    due_at: dt.datetime
    provisional: bool = Field(description="超出已知工作日历,暂按周一至周五计算")
    paused_at: dt.datetime | None
    ended_at: dt.datetime | None
    overdue_at: dt.datetime | None


class Matter(View):
    """事项的全部:两面、流转、依据"""

    case: CaseView
    ticket: TicketView | None
    order: OrderView | None
    assignments: list[AssignmentView]
    handoffs: list[HandoffView]
    allocation: AllocationView | None
    again: bool = Field(default=False, description="同一来源的重复推送,未新建")


async def sights(work: Work, cases: list[Case]) -> dict[str, Sight]:
    """How much of each case the actor sees: role, assignments and live grants of all of them in two queries."""
    actor = work.actor
    assigned: set[str] = set()
    granted: dict[str, set[str]] = {}
    whole: dict[str, set[str]] = {}
    if actor.role in ("agency", "supervisor") and cases:
        keys = [case.id for case in cases]
        shares = select(Assignment.case_id).where(
            Assignment.case_id.in_(keys), Assignment.agency == actor.desk, Assignment.state.not_in(("recalled", "returned"))
        )
        assigned = set((await work.session.scalars(shares)).all())
        for grant in (await work.session.scalars(select(Grant).where(rules.live_grants(actor, work.now)))).all():
            if grant.case_id:
                granted.setdefault(grant.case_id, set()).update(grant.fields)
            else:
                whole.setdefault(grant.from_unit, set()).update(grant.fields)
    return {
        case.id: fields.sight(
            actor,
            case.confidentiality,
            assigned=case.id in assigned,
            granted=granted.get(case.id, set()) | whole.get(case.first_centre, set()),
        )
        for case in cases
    }


def case(row: Case, seen: Sight) -> CaseView:
    missing = [name for name in ("place", "caller_number", "item", "kind") if not getattr(row, name)]
    hidden = {
        "caller_number": fields.number(row.caller_number, seen.caller),
        "caller_name": fields.name(row.caller_name, seen.caller),
        "place": fields.place(row.place, seen.place),
        "latitude": row.latitude if seen.place == "whole" else None,
        "longitude": row.longitude if seen.place == "whole" else None,
        "asked": dict(row.asked or {}) if seen.caller == "whole" else {},
        "missing": missing,
    }
    return CaseView(**_plain(row, CaseView, hidden))


def ticket(row: Ticket) -> TicketView:
    return TicketView(**_plain(row, TicketView, _life(machines.TICKET, row.state)))


def assignment(row: Assignment) -> AssignmentView:
    return AssignmentView(**_plain(row, AssignmentView, _life(machines.ASSIGNMENT, row.state)))


def order(row: PoliceOrder, police: bool, *, whole: bool = False) -> OrderView:
    """``whole``: with notes and result too, for whoever reads one order and is journalled for it."""
    more: dict[str, Any] = _life(machines.ORDER, row.state)
    if not police:
        more |= {"unit": None, "complained_of": None}
    if not (police and whole):
        more |= {"police_notes": None, "result": None}
    return OrderView(**_plain(row, OrderView, more))


def handoff(row: Handoff) -> HandoffView:
    return HandoffView(**_plain(row, HandoffView, _life(machines.HANDOFF, row.state)))


def allocation(row: Allocation) -> AllocationView:
    return AllocationView(**_plain(row, AllocationView, {"reasons": list(row.decision.get("reasons", []))}))


def opinion(row: Opinion) -> OpinionView:
    return OpinionView(**_plain(row, OpinionView, {}))


def attachment(row: Attachment) -> AttachmentView:
    return AttachmentView(**_plain(row, AttachmentView, {}))


def deadline(row: Deadline) -> DeadlineView:
    return DeadlineView(**_plain(row, DeadlineView, {}))


def _life(machine: machines.Machine, state: str) -> dict[str, Any]:
    return {"state_name": machine.names[state], "can": machine.allowed(state)}


def _plain(row: Any, view: type[View], more: dict[str, Any]) -> dict[str, Any]:
    return {
        name: more[name] if name in more else getattr(row, name)
        for name in view.model_fields
        if name in more or hasattr(row, name)
    }


async def matter(work: Work, row: Case, *, found: Registered | None = None) -> Matter:
    """A case with everything that hangs on it and that the actor may see; ``found``: what a registration returned of it."""
    known = found or await cases.look(work, row)
    seen = (await sights(work, [row]))[row.id]
    agency = work.actor.role == "agency"
    shares = await assignments.of_ticket(work, known.ticket.id) if known.ticket and known.ticket.dispatched_at else []
    if agency:
        shares = [one for one in shares if one.agency == work.actor.desk or one.lead]
    return Matter(
        case=case(row, seen),
        ticket=ticket(known.ticket) if known.ticket else None,
        order=order(known.order, seen.police) if known.order and not agency else None,
        assignments=[assignment(one) for one in shares],
        handoffs=[handoff(one) for one in known.handoffs if not agency or one.mode == "agency"],
        allocation=allocation(known.allocation) if known.allocation and not agency else None,
        again=known.again,
    )
