"""Consultations (会商): departments settle whose an item is; the conclusion becomes a new version of the catalog in one step."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case as sql_case
from sqlalchemy import func, select

from router import ids
from router.casework import faces, numbering, tickets
from router.casework.machines import CONSULTATION
from router.casework.negotiation import opinions
from router.casework.work import Work, fresh, need, operation, touch
from router.catalog import plain, versions
from router.errors import Conflict, Forbidden, Invalid, NotFound
from router.journal.journal import SYSTEM
from router.storage.casework import Allocation, Case, Consultation, Handoff, Opinion, Ticket
from router.storage.organisation import Agency, CatalogVersion


@dataclass(frozen=True, slots=True)
class Disputed:
    """An item that is fought over: how often in the span looked at."""

    item: str
    cases: int
    returned: int
    """Tickets of it that agencies sent back, counted each time."""
    handoffs_returned: int
    negotiated: int
    overruled: int

    @property
    def disputes(self) -> int:
        return self.returned + self.handoffs_returned + self.negotiated


async def disputed(work: Work, city: str, since: dt.datetime, *, at_least: int = 1, limit: int = 50) -> list[Disputed]:
    """Items by how often they were returned or negotiated since then, the worst first: what to consult about."""
    tickets = (
        select(Ticket.item, func.count().label("cases"), func.sum(Ticket.returned).label("returned"))
        .join(Case, Case.id == Ticket.case_id)
        .where(Ticket.item.is_not(None), Ticket.created_at >= since, Case.city == city)
        .group_by(Ticket.item)
    )
    handoffs = (
        select(
            Case.item,
            func.sum(sql_case((Handoff.returned_at.is_not(None), 1), else_=0)).label("returned"),
            func.sum(sql_case((Handoff.negotiating_at.is_not(None), 1), else_=0)).label("negotiated"),
        )
        .select_from(Handoff)
        .join(Case, Case.id == Handoff.case_id)
        .where(Case.item.is_not(None), Handoff.offered_at >= since, Case.city == city)
        .group_by(Case.item)
    )
    overruled = (
        select(Case.item, func.count().label("n"))
        .select_from(Allocation)
        .join(Case, Case.id == Allocation.case_id)
        .where(Case.item.is_not(None), Allocation.overrules.is_not(None), Allocation.at >= since, Case.city == city)
        .group_by(Case.item)
    )
    found: dict[str, dict[str, int]] = {}
    for item, cases, returned in (await work.session.execute(tickets)).all():
        found.setdefault(str(item), {}).update(cases=int(cases), returned=int(returned or 0))
    for item, returned, negotiated in (await work.session.execute(handoffs)).all():
        found.setdefault(str(item), {}).update(handoffs_returned=int(returned or 0), negotiated=int(negotiated or 0))
    for item, count in (await work.session.execute(overruled)).all():
        found.setdefault(str(item), {}).update(overruled=int(count))
    every = [
        Disputed(
            item,
            one.get("cases", 0),
            one.get("returned", 0),
            one.get("handoffs_returned", 0),
            one.get("negotiated", 0),
            one.get("overruled", 0),
        )
        for item, one in found.items()
    ]
    worth = [one for one in every if one.disputes >= at_least]
    return sorted(worth, key=lambda one: (-one.disputes, -one.overruled, one.item))[:limit]


async def consultation(work: Work, id_: str) -> Consultation:
    row = await work.session.get(Consultation, id_, with_for_update=True)
    if row is None:
        raise NotFound("没有这次会商", "请刷新列表", consultation=id_)
    return row


def _note(work: Work, row: Consultation, action: str, **detail: Any) -> None:
    if row.case_id:
        work.note(row.case_id, f"consultation.{action}", row.id, number=row.number, **detail)
    work.note_in(SYSTEM, f"consultation.{action}", row.id, number=row.number, item=row.item, **detail)
    work.tell(f"consultation.{action}", None, [*work.town.desks, *row.agencies], consultation=row.id, number=row.number)


@operation
async def call_together(
    work: Work, *, city: str, subject: str, item: str | None, agencies: Sequence[str], case: str | None = None
) -> Consultation:
    """Begin a consultation: subject, invited agencies, and the item or the matter in hand that it is about."""
    about = need(subject, "subject", "议题", 500)
    invited = list(dict.fromkeys(agencies))
    if not invited:
        raise Invalid("至少邀请一个单位", "请选择参会单位", field="agencies")
    if item is not None and (await versions.at(work.session, city, work.now)).item(item) is None:
        raise Invalid(f"事项清单中没有“{item}”", "请从清单中选择", field="item")
    for code in invited:
        found = await work.session.get(Agency, code)
        if (found is None or found.city != city) and code not in work.town.desks:
            raise Invalid(f"没有单位“{code}”", "请从单位目录中选择", field="agencies", code=code)
    about_case = await work.hold(case) if case else None
    row = Consultation(
        id=ids.new(),
        rev=1,
        number=await numbering.next_number(work.session, "consultation", work.now),
        case_id=about_case.id if about_case else None,
        city=city,
        subject=about,
        item=item,
        agencies=invited,
        state="open",
        created_at=work.now,
        created_by=work.actor.id,
    )
    work.session.add(row)
    _note(work, row, "opened", agencies=invited)
    return row


@operation
async def say(work: Work, consultation_id: str, text: str, owner: str | None = None) -> Opinion:
    """An invited unit (or a centre) says what it thinks."""
    row = await consultation(work, consultation_id)
    if row.state != "open":
        raise Conflict("会商已结束", "请另行发起", state=row.state)
    if work.actor.desk not in {*row.agencies, *work.town.desks}:
        raise Forbidden("未受邀参加本次会商", "请联系发起单位", unit=work.actor.desk)
    opinion = Opinion(
        id=ids.new(),
        subject_id=row.id,
        unit=work.actor.desk,
        by=work.actor.id,
        at=work.now,
        owner=owner,
        text=need(text, "text", "意见", 4000),
    )
    work.session.add(opinion)
    touch(work, row)
    _note(work, row, "opinion", unit=work.actor.desk, owner=owner)
    return opinion


@operation
async def write_minutes(work: Work, consultation_id: str, minutes: str, rev: int | None) -> Consultation:
    row = await consultation(work, consultation_id)
    fresh(row, rev)
    if row.state != "open":
        raise Conflict("会商已结束", "请另行发起", state=row.state)
    row.minutes = need(minutes, "minutes", "会商纪要", 20_000)
    touch(work, row)
    _note(work, row, "minutes")
    return row


@operation
async def conclude(
    work: Work,
    consultation_id: str,
    conclusion: str,
    *,
    change: Mapping[str, Any] | None,
    effective_at: dt.datetime | None = None,
    tasks: Sequence[str] = (),
    rev: int | None = None,
) -> tuple[Consultation, CatalogVersion | None]:
    """Conclude, and make the conclusion the rule: ``change`` names fields of the item in the form of the catalog's files.

    A new version with that change takes effect at ``effective_at`` (now, if not given), in the same transaction. ``tasks``:
    agencies that get the ticket of the matter consulted about, the first one leads (会商结论转为任务).
    """
    row = await consultation(work, consultation_id)
    fresh(row, rev)
    row.state = CONSULTATION.step(row.state, "conclude")
    row.conclusion = need(conclusion, "conclusion", "会商结论", 4000)
    row.concluded_at, row.concluded_by = work.now, work.actor.id
    version = None
    if change:
        if row.item is None:
            raise Invalid("本次会商没有关联事项,不能写入清单", "请在议题中选择事项", field="item")
        catalog = await versions.newest(work.session, row.city)
        if catalog is None:
            raise Conflict("该市还没有事项清单", "请先发布清单", city=row.city)
        data = plain.with_item(plain.dump(catalog), row.item, change)
        version = await versions.publish(
            work.session,
            data,
            city=row.city,
            effective_at=effective_at,
            actor=work.actor,
            note=f"{row.number} {row.subject}"[:500],
            now=work.now,
            consultation=row.id,
        )
        row.catalog_version = version.id
    if tasks:
        await _hand_out(work, row, tasks)
    touch(work, row)
    _note(work, row, "concluded", catalog=version.id if version else None)
    return row, version


async def _hand_out(work: Work, row: Consultation, tasks: Sequence[str]) -> None:
    ticket = (await faces.of(work.session, row.case_id))[0] if row.case_id else None
    if ticket is None:
        raise Invalid("本次会商没有关联工单,不能转为任务", "请在发起时关联事项", field="tasks")
    await tickets.dispatch(work, ticket.id, tasks, tasks[0], None, note=f"{row.number} {row.conclusion}"[:1000])


@operation
async def cancel(work: Work, consultation_id: str, reason: str, rev: int | None = None) -> Consultation:
    row = await consultation(work, consultation_id)
    fresh(row, rev)
    row.state = CONSULTATION.step(row.state, "cancel")
    row.conclusion = need(reason, "reason", "取消理由", 1000)
    touch(work, row)
    _note(work, row, "cancelled")
    return row


__all__ = ["Disputed", "call_together", "cancel", "conclude", "consultation", "disputed", "opinions", "say", "write_minutes"]
