"""The after-action report (突发事件复盘报告): everything that is kept of an event, read in one session (K23, K24).

It is there from the moment at which the event is registered; while the event runs it is an interim one, and says so. Nothing
in it tells who called, or whom a number belongs to: of calls it has ids and times.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import select, union

from router.casework.work import Work
from router.journal import journal
from router.journal.journal import Entry
from router.linkage.emergency import events, mutual, report_form, reporting, tasks
from router.linkage.notifying import attempts, requests
from router.linkage.review import after_action_paper, course, reviews
from router.linkage.review.after_action_material import Material, Matters, Recorded, Stock
from router.linkage.review.chronicle import Names
from router.linkage.review.course import Figures, Told
from router.linkage.review.discreet import without_numbers
from router.reports.document import Document
from router.storage.base import table_of
from router.storage.calls import Call, Recording
from router.storage.casework import Case, CaseCall
from router.storage.duty import DutyPost
from router.storage.emergencies import (
    Drill,
    EmergencyEvent,
    EventCall,
    EventCase,
    EventReview,
    EventTask,
    Improvement,
    MutualNotice,
    SituationReport,
)
from router.storage.notifying import LinkageAttempt, LinkageRequest
from router.storage.organisation import Account, Agency
from router.storage.resources import Resource, StockChange

CASE, CALL, CASE_CALL, EVENT_CASE = table_of(Case), table_of(Call), table_of(CaseCall), table_of(EventCase)
PARTS = ("lead", "assist", "inform")
"""In the order in which a report has them."""
MOST, PAGE = 5000, 500
"""Entries of the journal that a report shows, and that are read at a time."""


async def report(work: Work, event: EmergencyEvent) -> Document:
    """The report as it stands now."""
    return after_action_paper.document(await collect(work, event))


async def figures(work: Work, event: EmergencyEvent) -> Figures:
    """Its figures alone."""
    return (await collect(work, event, entries=False)).figures


async def collect(work: Work, event: EmergencyEvent, *, entries: bool = True) -> Material:
    """Everything that the report says. ``entries``: also the journal."""
    units = await _units(work)
    asked = sorted(await requests.of_event(work, event.id), key=lambda one: (PARTS.index(one.part), one.asked_at, one.post_name))
    told = await _told(work, event)
    notices, orders = await mutual.of_event(work, event.id), await tasks.of_event(work, event.id)
    papers, improvements = await reporting.of_event(work, event.id), await reviews.improvements(work, event.id)
    matters, calls = await _matters(work, event), await _calls(work, event)
    stock = await _stock(work, event)
    chain, more = await _chain(work, event) if entries else ([], False)
    names = Names(
        units,
        await _posts(work, event),
        _subjects(units, asked, notices, orders, papers, improvements) | {one.resource: one.name for one in stock},
        await _accounts(work, {one.actor for one in chain}),
    )
    return Material(
        event=event,
        now=work.now,
        names=names,
        figures=course.figures(
            requests=[_request(one, told[one.id]) for one in asked],
            notices=[_notice(one) for one in notices],
            reports=[_report(one) for one in papers],
            tasks=[_task(one) for one in orders],
            matters=matters.times,
            calls=calls,
            now=work.now,
        ),
        steps=await events.steps_of(work, event.id),
        requests={one.id: one for one in asked},
        tasks={one.id: one for one in orders},
        reports={one.id: one for one in papers},
        matters=matters,
        stock=stock,
        recorded=await _recorded(work, event),
        review=await work.session.get(EventReview, event.id),
        improvements=improvements,
        entries=chain,
        more_entries=more,
        drill=await _drill(work, event),
        parent=await _number(work, event.parent_id),
        secondary=await _secondary(work, event),
    )


# --- rows


async def _units(work: Work) -> dict[str, str]:
    agencies = {row.code: row.name for row in await work.session.execute(select(Agency.code, Agency.name))}
    return {**agencies, **work.town.names}


async def _accounts(work: Work, ids: Collection[str]) -> dict[str, str]:
    rows = await work.session.execute(select(Account.id, Account.username).where(Account.id.in_(ids)))
    return {row.id: row.username for row in rows}


async def _posts(work: Work, event: EmergencyEvent) -> dict[str, str]:
    query = select(DutyPost.id, DutyPost.name).where(DutyPost.city == event.city)
    return {row.id: row.name for row in await work.session.execute(query)}


def _subjects(
    units: dict[str, str],
    asked: Sequence[LinkageRequest],
    notices: Sequence[MutualNotice],
    orders: Sequence[EventTask],
    papers: Sequence[SituationReport],
    improvements: Sequence[Improvement],
) -> dict[str, str]:
    return {
        **{one.id: one.post_name for one in asked},
        **{one.id: units.get(one.to_centre, one.to_centre) for one in notices},
        **{one.id: f"{units.get(one.unit, one.unit)}指令 {one.number} " for one in orders},
        **{one.id: report_form.title(one.kind, one.serial) for one in papers},
        **{one.id: without_numbers(one.text)[:60] for one in improvements},
    }


async def _chain(work: Work, event: EmergencyEvent) -> tuple[list[Entry], bool]:
    """The event's journal, and whether there is more than is shown."""
    found: list[Entry] = []
    while len(found) <= MOST:
        page = await journal.timeline(work.session, events.chain(event.id), after=found[-1].seq if found else 0, limit=PAGE)
        found += page
        if len(page) < PAGE:
            break
    return found[:MOST], len(found) > MOST


async def _told(work: Work, event: EmergencyEvent) -> defaultdict[str | None, list[Told]]:
    """Who was told, by request. Attempts that never went out told nobody."""
    found: defaultdict[str | None, list[Told]] = defaultdict(list)
    for one in await attempts.of_event(work, event.id):
        if one.sent_at is not None:
            found[one.request_id].append(Told(one.channel, one.rung, one.sent_at, one.outcome))
    return found


async def _matters(work: Work, event: EmergencyEvent) -> Matters:
    """When matters came in, at which centre, and how they came under the event: nothing else is read of them."""
    query = (
        select(CASE.c.first_answered_at, CASE.c.first_centre, EVENT_CASE.c.how)
        .join(EVENT_CASE, EVENT_CASE.c.case_id == CASE.c.id)
        .where(EVENT_CASE.c.event_id == event.id)
    )
    rows = (await work.session.execute(query)).all()
    return Matters(
        [row.first_answered_at for row in rows], Counter(row.first_centre for row in rows), Counter(row.how for row in rows)
    )


async def _calls(work: Work, event: EmergencyEvent) -> list[dt.datetime]:
    """When the calls of its matters began."""
    mine = select(CASE_CALL.c.call_id).join(EVENT_CASE, EVENT_CASE.c.case_id == CASE_CALL.c.case_id)
    query = select(CALL.c.started_at).where(CALL.c.id.in_(mine.where(EVENT_CASE.c.event_id == event.id)))
    return list((await work.session.scalars(query)).all())


async def _recorded(work: Work, event: EmergencyEvent) -> list[Recorded]:
    """Calls of the event itself with their recordings: conferences, calls to posts, calls that told somebody."""
    others = select(EventCall.call_id, EventCall.kind).where(EventCall.event_id == event.id)
    telling = select(LinkageAttempt.call_id, LinkageAttempt.channel.label("kind")).where(
        LinkageAttempt.event_id == event.id, LinkageAttempt.call_id.is_not(None)
    )
    mine = union(others, telling).subquery()
    query = (
        select(
            mine.c.call_id, mine.c.kind, CALL.c.started_at, CALL.c.ended_at, Recording.id, Recording.started_at, Recording.seconds
        )
        .outerjoin(CALL, CALL.c.id == mine.c.call_id)
        .outerjoin(Recording, Recording.call_id == mine.c.call_id)
        .order_by(CALL.c.started_at, mine.c.call_id, Recording.started_at)
    )
    return [Recorded(*row) for row in (await work.session.execute(query)).all()]


async def _stock(work: Work, event: EmergencyEvent) -> list[Stock]:
    query = (
        select(StockChange, Resource.name, Resource.measure, Resource.owner)
        .join(Resource, Resource.id == StockChange.resource_id)
        .where(StockChange.event_id == event.id)
        .order_by(StockChange.at, StockChange.id)
    )
    return [
        Stock(row.resource_id, name, measure or "", owner, row.amount, row.left, row.reason, row.at)
        for row, name, measure, owner in (await work.session.execute(query)).all()
    ]


async def _drill(work: Work, event: EmergencyEvent) -> str | None:
    found = await work.session.get(Drill, event.drill_id) if event.drill_id else None
    return found.name if found is not None else None


async def _number(work: Work, event: str | None) -> str | None:
    found = await work.session.get(EmergencyEvent, event) if event else None
    return found.number if found is not None else None


async def _secondary(work: Work, event: EmergencyEvent) -> list[str]:
    query = select(EmergencyEvent.number).where(EmergencyEvent.parent_id == event.id, EmergencyEvent.state != "dismissed")
    return list((await work.session.scalars(query.order_by(EmergencyEvent.number))).all())


# --- rows as figures are reckoned from them


def _request(row: LinkageRequest, told: Sequence[Told]) -> course.Request:
    return course.Request(
        id=row.id,
        post=row.post_name,
        unit=row.unit,
        part=row.part,
        state=row.state,
        rules=requests.asked(row).rules,
        asked_at=row.asked_at,
        begun_at=row.begun_at,
        accepted_at=row.accepted_at,
        sent_out_at=row.sent_out_at,
        arrived_at=row.arrived_at,
        fed_back_at=row.fed_back_at,
        ended_at=row.ended_at,
        late=frozenset(row.late),
        reopened=row.reopened,
        told=told,
    )


def _notice(row: MutualNotice) -> course.Notice:
    return course.Notice(
        row.id, row.from_centre, row.to_centre, row.state, row.sent_at, mutual.SIGN, row.signed_at, climbs=row.climbs
    )


def _report(row: SituationReport) -> course.Report:
    return course.Report(
        row.id, report_form.title(row.kind, row.serial), row.state, row.phone_by, row.due_at, row.phoned_at, row.submitted_at,
        frozenset(row.late),
    )  # fmt: skip


def _task(row: EventTask) -> course.Task:
    return course.Task(
        row.id, row.number, row.unit, row.state, row.sent_at, row.due_at, row.overdue_at, row.signed_at, row.done_at
    )
