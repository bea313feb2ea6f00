"""Reports to the higher level (信息报送): which are due when, told by phone and in writing, and what is late (K2, J5)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from router import ids
from router.casework import numbering
from router.casework.work import Work, fresh, need, operation
from router.errors import Conflict, NotFound
from router.linkage import machines, words
from router.linkage.emergency import events, kinds, levels, report_form
from router.linkage.emergency.levels import Times
from router.linkage.planning import plans
from router.storage.emergencies import EmergencyEvent, SituationReport
from router.supervision import notices

REMIND = 0.5
"""Of the time until a report is due: then its centre is reminded."""


async def of_event(work: Work, event: str) -> list[SituationReport]:
    query = select(SituationReport).where(SituationReport.event_id == event)
    rows = list((await work.session.scalars(query)).all())
    order = {"first": 0, "follow-up": 1, "final": 2}
    return sorted(rows, key=lambda one: (order[one.kind], one.serial, one.number))


def _times(work: Work, row: EmergencyEvent) -> Times | None:
    """The times that hold for an event; None: it need not be reported. The plan may be stricter, not laxer."""
    if work.town.office is None:
        return None
    rules = work.town.office.rulebook.reporting
    wanted = plans.Reports.model_validate(row.plan["reports"]) if row.plan else plans.Reports()
    must = levels.must_report(row.level, row.sensitive, rules)
    if not must and wanted.first is None and wanted.phone is None:
        return None
    usual = rules.times[row.level]
    if not must:
        first = wanted.first if wanted.first is not None else usual.written
        phone = wanted.phone if wanted.phone is not None else first
        return Times(phone, first, wanted.follow_up or usual.follow_up, wanted.final or usual.final)
    return Times(
        _least(usual.phone, wanted.phone),
        _least(usual.written, wanted.first),
        _least(usual.follow_up, wanted.follow_up),
        _least(usual.final, wanted.final),
    )


def _least(usual: float, wanted: float | None) -> float:
    return usual if wanted is None else min(usual, wanted)


async def begin(work: Work, row: EmergencyEvent) -> None:
    """The first report is due, reckoned from when it happened; as the level rises or falls, so does the duty."""
    if row.state in ("proposed", "dismissed"):
        return
    times = _times(work, row)
    first = next((one for one in await of_event(work, row.id) if one.kind == "first"), None)
    if times is None:
        if first is not None and first.state == "due":
            _void(work, row, first, "不再达到报送标准")
        return
    phone_by = row.happened_at + dt.timedelta(seconds=times.phone)
    due_at = row.happened_at + dt.timedelta(seconds=times.written)
    if first is None:
        await _make(work, row, "first", 0, phone_by=phone_by, due_at=due_at)
    elif first.state == "void":
        first.state, first.phone_by, first.due_at = "due", phone_by, due_at
        first.rev += 1
        events.note(work, row.id, "situation_report.due", first.id, kind="first", due=due_at.isoformat())
    elif first.state in ("due", "phoned"):
        first.phone_by = min(first.phone_by or phone_by, phone_by)
        first.due_at = min(first.due_at or due_at, due_at)
        _address(work, row, first)


async def _make(
    work: Work,
    row: EmergencyEvent,
    kind: str,
    serial: int,
    *,
    phone_by: dt.datetime | None = None,
    due_at: dt.datetime | None = None,
) -> SituationReport:
    report = SituationReport(
        id=ids.new(),
        rev=1,
        number=await numbering.next_number(work.session, "report", work.now),
        event_id=row.id,
        kind=kind,
        serial=serial,
        state="due",
        phone_by=phone_by,
        due_at=due_at,
        phoned_at=None,
        phoned_by=None,
        phoned_to=None,
        submitted_at=None,
        submitted_by=None,
        late=[],
        was_late=False,
        receivers=[],
        copies=[],
        fields={},
        text=None,
    )
    _address(work, row, report)
    work.session.add(report)
    await work.session.flush()
    events.note(
        work, row.id, "situation_report.due", report.id, number=report.number, kind=kind, serial=serial,
        phone_by=phone_by.isoformat() if phone_by else None, due=due_at.isoformat() if due_at else None,
    )  # fmt: skip
    if due_at is not None:
        await notices.raise_(
            work, unit=row.centre, kind="report-due", text=f"{row.number} 须报送{report_form.title(kind, serial)}",
            level=notices.URGENT, event=row.id, subject=report.id,
        )  # fmt: skip
    return report


def _address(work: Work, row: EmergencyEvent, report: SituationReport) -> None:
    if work.town.office is None:
        return
    county = row.division is not None and not row.division.startswith(row.city[:4] + "00")
    found = levels.receivers(row.level, work.town.office.rulebook.reporting, county=county)
    report.receivers, report.copies = list(found.to), list(found.copies)


def prefilled(row: EmergencyEvent) -> dict[str, str]:
    """What of a report is known already."""
    facts = "、".join(
        f"{levels.FACTS[name].label}{value:g}{levels.FACTS[name].unit}" if isinstance(value, int | float) else str(value)
        for name, value in row.facts.items()
        if name in levels.FACTS
    )
    kind = kinds.KINDS[row.kind]
    known = {
        "received_at": report_form.moment(row.registered_at),
        "happened_at": report_form.moment(row.happened_at),
        "place": row.place,
        "nature": f"{kinds.CATEGORIES[row.category]}、{kind.name},{words.level(row.level)}",
        "loss": facts,
        "progress": row.situation[: report_form.LONGEST],
    }
    return {name: value for name, value in known.items() if value}


# --- what people do


async def held(work: Work, report: str) -> tuple[EmergencyEvent, SituationReport]:
    row = await work.session.get(SituationReport, report)
    if row is None:
        raise NotFound("没有这份报告", "请刷新列表", report=report)
    event = await events.hold(work, row.event_id)
    await work.session.refresh(row)
    return event, row


@operation
async def phone(work: Work, report: str, *, to: str, at: dt.datetime | None = None, rev: int | None = None) -> SituationReport:
    """It was told by phone first; the written report follows."""
    from router.linkage.notifying import engine

    event, row = await held(work, report)
    fresh(row, rev)
    row.state = machines.REPORT.step(row.state, "phone")
    row.phoned_at, row.phoned_by = at or work.now, work.actor.id
    row.phoned_to = need(to, "to", "接听报告的单位和人员", 200)
    row.rev += 1
    _mark_late(row, row.phoned_at, None)
    events.note(work, event.id, "situation_report.phone", row.id, to=row.phoned_to, at=row.phoned_at.isoformat())
    await engine.look(work, event)
    return row


@operation
async def submit(work: Work, report: str, fields: Mapping[str, Any], rev: int | None = None) -> SituationReport:
    """Send the written report. Raise :class:`Invalid` with what the form misses."""
    from router.linkage.notifying import engine

    event, row = await held(work, report)
    fresh(row, rev)
    good = report_form.check(row.kind, fields)
    row.state = machines.REPORT.step(row.state, "submit")
    _address(work, event, row)
    row.fields = good
    row.text = report_form.text(event.title, row.kind, row.serial, good, row.receivers, row.copies, work.now)
    row.submitted_at, row.submitted_by = work.now, work.actor.id
    row.rev += 1
    _mark_late(row, None, work.now)
    events.note(
        work, event.id, "situation_report.submit", row.id, kind=row.kind, serial=row.serial, to=row.receivers, late=row.late
    )
    await notices.settle_subject(work, event.id, row.id)
    work.tell(
        "report.submitted", None, events.everybody(work, event),
        event=event.id, report=row.id, number=row.number, kind=row.kind, serial=row.serial, to=row.receivers, copies=row.copies,
        late=bool(row.late), drill=event.drill_id is not None,
    )  # fmt: skip
    await engine.look(work, event)
    return row


def _mark_late(row: SituationReport, phoned: dt.datetime | None, written: dt.datetime | None) -> None:
    late = list(row.late)
    if phoned is not None and row.phone_by is not None and phoned > row.phone_by and "phone" not in late:
        late.append("phone")
    if written is not None and row.due_at is not None and written > row.due_at and "written" not in late:
        late.append("written")
    row.late, row.was_late = late, bool(late)


@operation
async def write(work: Work, event: str, kind: str) -> SituationReport:
    """Begin a report that nobody asked for: a follow-up, or a final one."""
    row = await events.hold(work, event)
    if row.state in ("proposed", "dismissed"):
        raise Conflict("事件尚未登记", "请先确认事件", state=row.state)
    mine = await of_event(work, event)
    if any(one.kind == kind and one.state in ("due", "phoned") for one in mine):
        raise Conflict(f"已有一份待报的{report_form.KINDS[kind]}", "请先报送它")
    if kind != "follow-up" and any(one.kind == kind and one.state == "submitted" for one in mine):
        raise Conflict(f"{report_form.KINDS[kind]}已经报送", "新的情况写续报")
    return await _make(work, row, kind, _next(mine) if kind == "follow-up" else 0)


def _next(mine: list[SituationReport]) -> int:
    return max((one.serial for one in mine if one.kind == "follow-up"), default=0) + 1


async def void(work: Work, row: EmergencyEvent) -> None:
    """The event is none: nothing is reported any more."""
    for one in await of_event(work, row.id):
        if one.state == "due":
            _void(work, row, one, "事件已排除")
            await notices.settle_subject(work, row.id, one.id)


def _void(work: Work, row: EmergencyEvent, report: SituationReport, why: str) -> None:
    report.state = machines.REPORT.step(report.state, "void")
    report.rev += 1
    events.note(work, row.id, "situation_report.void", report.id, because=why)


async def finish(work: Work, row: EmergencyEvent) -> None:
    """The response has ended: follow-ups that are only due fall away, the final report is due."""
    mine = await of_event(work, row.id)
    for one in mine:
        if one.kind == "follow-up" and one.state == "due":
            _void(work, row, one, "响应已终止,以终报为准")
            await notices.settle_subject(work, row.id, one.id)
    times = _times(work, row)
    if times is None or any(one.kind == "final" and one.state != "void" for one in mine):
        return
    await _make(work, row, "final", 0, due_at=work.now + dt.timedelta(seconds=times.final))


async def look(work: Work, row: EmergencyEvent) -> dt.datetime | None:
    """Find what is late, and begin the next follow-up; return when to look again."""
    moments: list[dt.datetime] = []
    mine = await of_event(work, row.id)
    for one in mine:
        for which, until, done in (
            ("phone", one.phone_by, one.phoned_at or one.submitted_at),
            ("written", one.due_at, one.submitted_at),
        ):
            if one.state not in ("due", "phoned") or until is None or done is not None or which in one.late:
                continue
            if work.now < until:
                moments.append(until)
            else:
                await _late(work, row, one, which)
    if row.state == "responding":
        moments += await _follow_up(work, row, mine)
    return min(moments, default=None)


async def _follow_up(work: Work, row: EmergencyEvent, mine: list[SituationReport]) -> list[dt.datetime]:
    times = _times(work, row)
    sent = [one.submitted_at for one in mine if one.submitted_at is not None]
    if times is None or not sent or any(one.state in ("due", "phoned") for one in mine):
        return []
    due_at = max(sent) + dt.timedelta(seconds=times.follow_up)
    made = await _make(work, row, "follow-up", _next(mine), due_at=due_at)
    if work.now >= due_at:
        await _late(work, row, made, "written")
        return []
    return [due_at]


async def _late(work: Work, row: EmergencyEvent, report: SituationReport, which: str) -> None:
    report.late, report.was_late = [*report.late, which], True
    report.rev += 1
    events.note(work, row.id, "situation_report.late", report.id, which=which, kind=report.kind, serial=report.serial)
    how = "电话报告" if which == "phone" else "书面报送"
    text = f"{row.number} {report_form.title(report.kind, report.serial)}超时未{how}"
    for role in (None, "supervisor"):
        await notices.raise_(
            work, unit=row.centre, kind="report-late", text=text, level=notices.ALARM, role=role, event=row.id, subject=report.id
        )
    work.tell("report.late", None, events.everybody(work, row), event=row.id, report=report.id, number=report.number, which=which)
