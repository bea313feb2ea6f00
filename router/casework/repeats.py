"""Repeats and duplicates (重复诉求): the same number or place, offered while typing, linked or merged, and counted."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass

from sqlalchemy import func, or_, select

from router.casework import faces
from router.casework.work import Work, born, need, operation, touch
from router.errors import Conflict, Invalid
from router.organisation import numbers
from router.storage import sealed, upsert
from router.storage.base import table_of
from router.storage.casework import Case, CaseLink, PoliceOrder, Ticket

YEAR = dt.timedelta(days=365)
LINKS = {"related": "关联", "repeat": "重复来电", "duplicate": "重复登记"}
_NOISE = re.compile(r"[\s,,。、;;::()()\[\]【】\-—_·.]+|附近|旁边|门口|对面")


def place_key(place: str) -> str:
    """A place so that different ways of writing it are equal: width, case, spaces, punctuation and 附近/旁边 don't count."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", place)).lower()


def place_print(place: str) -> str | None:
    """Fingerprint of a place; None if nothing is left of it."""
    key = place_key(place)
    return sealed.fingerprint("place", key) if key else None


@dataclass(frozen=True, slots=True)
class Like:
    """A case that may be the same matter, or of the same person or place."""

    case: Case
    same_number: bool
    same_place: bool
    ticket: str | None
    """State of its ticket."""
    order: str | None
    """State of its police order."""


async def like(
    work: Work,
    *,
    number: str | None = None,
    place: str | None = None,
    since: dt.datetime | None = None,
    but: str | None = None,
    limit: int = 20,
) -> list[Like]:
    """Cases with the same number or place, the newest first; what is not a number yet finds nothing."""
    try:
        canonical = numbers.normalise(number, city=work.town.city) if number else None
        called = sealed.fingerprint("number", canonical) if canonical else None
    except Invalid:
        called = None
    at = place_print(place) if place else None
    if called is None and at is None:
        return []
    same = [column == value for column, value in ((Case.caller_print, called), (Case.place_print, at)) if value]
    query = (
        select(Case, Ticket.state, PoliceOrder.state)
        .outerjoin(Ticket, Ticket.case_id == Case.id)
        .outerjoin(PoliceOrder, PoliceOrder.case_id == Case.id)
        .where(or_(*same), Case.created_at >= (since or work.now - YEAR), Case.state != "draft")
        .order_by(Case.created_at.desc(), Case.id.desc())
        .limit(limit)
    )
    if but:
        query = query.where(Case.id != but)
    return [
        Like(case, called is not None and case.caller_print == called, at is not None and case.place_print == at, ticket, order)
        for case, ticket, order in (await work.session.execute(query)).all()
    ]


async def year_at(work: Work, case: Case, limit: int = 50) -> list[Like]:
    """Matters of the last year at the same address (同址近一年警情与诉求), for those who drive there."""
    if not case.place_print:
        return []
    query = (
        select(Case, Ticket.state, PoliceOrder.state)
        .outerjoin(Ticket, Ticket.case_id == Case.id)
        .outerjoin(PoliceOrder, PoliceOrder.case_id == Case.id)
        .where(Case.place_print == case.place_print, Case.id != case.id, Case.created_at >= work.now - YEAR)
        .where(Case.state != "draft")
        .order_by(Case.created_at.desc(), Case.id.desc())
        .limit(limit)
    )
    return [
        Like(row, row.caller_print is not None and row.caller_print == case.caller_print, True, ticket, order)
        for row, ticket, order in (await work.session.execute(query)).all()
    ]


@operation
async def link(work: Work, case: str, other: str, kind: str) -> None:
    """Say that two cases belong together; saying it twice changes nothing."""
    if kind not in LINKS:
        raise Invalid(f"没有关联方式“{kind}”", "请选择列出的方式", field="kind", allowed=sorted(LINKS))
    if case == other:
        raise Invalid("不能与自身关联", "请选择另一个事项", field="other")
    for one in sorted((case, other)):
        await work.hold(one)
    rows = [
        {"case_id": first, "other_id": second, "kind": kind, "at": work.now, "by": work.actor.id}
        for first, second in ((case, other), (other, case))
    ]
    for row in rows:
        if await upsert.insert_new(work.session, table_of(CaseLink), [row]):
            work.note(str(row["case_id"]), "case.linked", str(row["case_id"]), other=row["other_id"], kind=kind)


@operation
async def merge(work: Work, case: str, into: str, reason: str) -> Case:
    """A case that was registered twice goes into the other one: its open faces are withdrawn, nothing is deleted.

    Raise :class:`Conflict` if somebody has set out for it, or a handoff is under way: then link the two instead.
    """
    from router.casework import orders, tickets

    why = need(reason, "reason", "合并理由", 500)
    if case == into:
        raise Invalid("不能合并到自身", "请选择另一个事项", field="into")
    held = {one: await work.hold(one) for one in sorted((case, into))}
    row, target = held[case], held[into]
    if row.merged_into:
        raise Conflict("该事项已合并", "请查看合并后的事项", into=row.merged_into)
    if target.merged_into:
        raise Conflict("目标事项本身已合并到别处", "请合并到最终的事项", into=target.merged_into)
    ticket, order = await faces.of(work.session, row.id)
    if any(one.state in faces.OPEN_HANDOFFS for one in await faces.handoffs(work.session, row.id)):
        raise Conflict("该事项正在流转,不能合并", "请先完成流转,或改为关联", case=row.number)
    if order is not None and order.state not in ("registered", "closed", "withdrawn"):
        raise Conflict("该事项已派警或待确认,不能合并", "请改为关联", case=row.number)
    if ticket is not None and ticket.state not in ("registered", "dispatched", "closed", "withdrawn"):
        raise Conflict("该事项已在办理,不能合并", "请改为关联", case=row.number)
    row.merged_into = target.id
    touch(work, row)
    work.note(row.id, "case.merged", row.id, into=target.number, reason=why)
    work.note(target.id, "case.absorbed", target.id, other=row.number)
    await link(work, row.id, target.id, "duplicate")
    if ticket is not None and ticket.state in ("registered", "dispatched"):
        await tickets.withdraw(work, ticket.id, f"合并到 {target.number}", None)
    if order is not None and order.state == "registered":
        await orders.withdraw(work, order.id, f"合并到 {target.number}", None)
    return target


async def links(work: Work, case: str) -> list[tuple[CaseLink, Case]]:
    """Cases that belong to this one."""
    query = (
        select(CaseLink, Case)
        .join(Case, Case.id == CaseLink.other_id)
        .where(CaseLink.case_id == case)
        .order_by(CaseLink.at, CaseLink.other_id)
    )
    return [(link_, other) for link_, other in (await work.session.execute(query)).all()]


async def counts(work: Work, case: Case) -> dict[str, int]:
    """How often the same number and the same place came within a year, this case not counted."""
    found = {}
    for name, column, value in (
        ("same_number", Case.caller_print, case.caller_print),
        ("same_place", Case.place_print, case.place_print),
    ):
        found[name] = 0
        if value:
            query = (
                select(func.count())
                .select_from(Case)
                .where(column == value, Case.id != case.id, Case.created_at >= work.now - YEAR, Case.state != "draft")
            )
            found[name] = int((await work.session.execute(query)).scalar_one())
    return found


async def police_orders_of(work: Work, case: Case) -> int:
    """Police orders of this case and of those that are linked to it: two make a dispute that is tracked (跟踪)."""
    if case.id in born(work.session):
        return 0
    linked = select(CaseLink.other_id).where(CaseLink.case_id == case.id)
    query = (
        select(func.count())
        .select_from(PoliceOrder)
        .where(or_(PoliceOrder.case_id == case.id, PoliceOrder.case_id.in_(linked)), PoliceOrder.state != "withdrawn")
    )
    return int((await work.session.execute(query)).scalar_one())
