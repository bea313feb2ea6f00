"""How duty posts and rosters are shown: agencies see their own numbers and names whole, those of others masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from api.duty import schemas
from router.access import fields
from router.casework.work import Work
from router.linkage import words
from router.linkage.duty import dutytests, posts, rostering, watch
from router.linkage.duty.dutytests import Tally
from router.linkage.duty.rostering import OnDuty
from router.linkage.duty.rosters import Slice
from router.linkage.duty.watch import Finding
from router.storage.duty import DutyPost, DutyRotation, DutyShift, DutyTest
from router.storage.organisation import DutyContact

People = Mapping[str, DutyContact]


def degree(work: Work, unit: str) -> fields.Degree:
    return "masked" if work.actor.role == "agency" and unit != work.actor.desk else "whole"


async def posts_of(work: Work, rows: Sequence[DutyPost]) -> list[schemas.PostView]:
    return [_post(work, one) for one in await rostering.on_duty(work.session, rows, work.now)]


async def post(work: Work, row: DutyPost) -> schemas.PostView:
    return (await posts_of(work, [row]))[0]


def _post(work: Work, seen: OnDuty) -> schemas.PostView:
    row, person = seen.post, seen.person
    sight = degree(work, row.unit)
    duty = schemas.DutyNowView(
        rostered=seen.rostered,
        gap=seen.gap,
        contact=person.id if person else None,
        name=fields.name(person.name, sight) if person else None,
        phone=fields.number(person.phone, sight) if person else None,
        backup_phone=fields.number(person.backup_phone, sight) if person else None,
        kind=seen.kind,
        until=seen.until,
    )
    plain = ("id", "rev", "city", "unit", "name", "kind", "leader", "fallback", "zone", "active", "verified_at", "updated_at")
    return schemas.PostView(
        **{name: getattr(row, name) for name in plain},
        divisions=list(row.divisions),
        main=fields.number(row.main, sight),
        reserve=fields.number(row.reserve, sight),
        sms=fields.number(row.sms, sight),
        stale=posts.is_stale(row, work.now),
        duty=duty,
    )


async def people(work: Work, row: DutyPost) -> People:
    return (await posts.people(work.session, [row.unit]))[row.unit]


def _name(work: Work, row: DutyPost, known: People, contact: str | None) -> str | None:
    person = known.get(contact or "")
    return fields.name(person.name, degree(work, row.unit)) if person else None


def rotation(work: Work, row: DutyPost, known: People, kept: DutyRotation) -> schemas.RotationView:
    plain = ("id", "rev", "contacts", "first_day", "last_day", "handovers", "by", "at", "ended_at")
    names = [_name(work, row, known, one) for one in kept.contacts]
    return schemas.RotationView(**{name: getattr(kept, name) for name in plain}, post=row.id, names=names)


def shift(work: Work, row: DutyPost, known: People, kept: DutyShift) -> schemas.ShiftView:
    plain = ("id", "kind", "since", "until", "by", "at", "cancelled_at")
    return schemas.ShiftView(
        **{name: getattr(kept, name) for name in plain},
        post=row.id,
        contact=kept.contact_id,
        name=_name(work, row, known, kept.contact_id),
        swap=kept.swap_id,
        reason=kept.reason if degree(work, row.unit) == "whole" else None,
    )


def slices(work: Work, row: DutyPost, known: People, found: Sequence[Slice], rostered: bool) -> list[schemas.SliceView]:
    return [
        schemas.SliceView(
            since=one.since,
            until=one.until,
            contact=one.contact,
            name=_name(work, row, known, one.contact),
            kind=one.kind,
            source=one.source,
            gap=rostered and one.contact is None,
        )
        for one in found
    ]


async def findings(work: Work, found: Sequence[Finding]) -> list[schemas.PostFindingView]:
    known = await posts.people(work.session, {one.unit for one in found})
    return [
        schemas.PostFindingView(
            kind=one.kind,
            kind_name=watch.KINDS[one.kind],
            urgent=one.urgent,
            unit=one.unit,
            post=one.post,
            contact=one.contact,
            contact_name=fields.name(person.name, degree(work, one.unit)) if person else None,
            text=one.text,
            since=one.since,
            until=one.until,
        )
        for one in found
        for person in (known[one.unit].get(one.contact or ""),)
    ]


def test(work: Work, row: DutyPost, kept: DutyTest) -> schemas.DutyTestView:
    plain = ("id", "month", "due_at", "called_at", "outcome", "waited", "ended_at")
    return schemas.DutyTestView(
        **{name: getattr(kept, name) for name in plain},
        post=row.id,
        post_name=row.name,
        unit=row.unit,
        number=fields.number(kept.number, degree(work, row.unit)),
        contact=kept.contact_id,
        outcome_name=words.OUTCOMES.get(kept.outcome, dutytests.STOPPED) if kept.outcome else None,
        ordered=kept.by != dutytests.PLANNER.id,
    )


def tally(found: Tally) -> schemas.TallyView:
    return schemas.TallyView(
        made=found.made,
        accepted=found.outcomes["accepted"],
        rate=found.rate,
        waited=found.waited,
        outcomes=dict(found.outcomes),
    )
