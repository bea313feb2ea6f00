"""Registers a matter (登记): draft, registration, edits, calls that belong to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from router import ids
from router.allocation.decision import Decision, Ticks
from router.casework import allocate, faces, numbering, repeats
from router.casework.work import Born, Work, born, fresh, need, operation, touch
from router.catalog import versions
from router.catalog.model import KINDS, Catalog
from router.errors import Conflict, Invalid, NotFound
from router.organisation import divisions, numbers
from router.storage import sealed, upsert
from router.storage.base import table_of
from router.storage.casework import Allocation, Case, CaseCall, Handoff, PoliceOrder, Ticket

CHANNELS = {
    "phone": "电话",
    "web": "网页",
    "app": "客户端",
    "sms": "短信",
    "mail": "信件",
    "other-hotline": "其他热线",
    "agency": "承办单位",
    "peer": "对端系统",
}
CONFIDENTIALITY = {"open": "公开", "caller": "诉求人保密", "stability": "涉稳保密"}
LONGEST_WORDS = 20_000
"""Characters of what a citizen said or wrote."""
LONGEST_PLACE = 300
LONGEST_ASKED = 50
"""Elements asked of the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is known of a matter when it is registered. Empty means: not known."""

    channel: str
    words: str
    caller_number: str | None = None
    caller_name: str | None = None
    place: str | None = None
    division: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    asked: Mapping[str, str] = field(default_factory=dict)
    item: str | None = None
    kind: str | None = None
    confidentiality: str = "open"
    ticks: Ticks = field(default_factory=Ticks)
    call: str | None = None
    centre: str | None = None
    """Centre that has it in hand; by default the actor's."""
    first_centre: str | None = None
    first_answered_at: dt.datetime | None = None
    origin: str | None = None
    origin_id: str | None = None
    dispatch: bool = True
    """Send the ticket to the agency that allocation found, at once."""
    hand_over: bool = True
    """Offer the matter to the other side at once, if allocation says so."""


@dataclass(frozen=True, slots=True)
class Registered:
    case: Case
    ticket: Ticket | None
    order: PoliceOrder | None
    handoffs: list[Handoff]
    allocation: Allocation | None
    again: bool = False
    """The same matter had come before from the same origin: this is it."""


@operation
async def register(work: Work, given: Registration) -> Registered:
    """Register a matter, decide where it belongs, and open the faces that it needs.

    A call's draft is filled in; a matter that its origin sends again is returned as it is. Raise
    :class:`router.errors.Invalid` for what is wrong with the registration.
    """
    if given.origin and given.origin_id:
        known = await _by_origin(work, given.origin, given.origin_id)
        if known is not None:
            return await look(work, known, again=True)
    centre = work.town.desk(given.centre or work.actor.desk)
    work.must_be(centre.id)
    catalog = await versions.at(work.session, work.town.city_of(centre.id), work.now)
    case = await _draft_of(work, given.call) if given.call else None
    if case is None:
        case = await _new(work, centre.id, given)
    else:
        work.must_be(case.first_centre, centre.id)
    _fill(work, case, given, catalog)
    case.state, case.catalog_version = "open", catalog.version
    await work.session.flush()
    work.note(
        case.id,
        "case.registered",
        case.id,
        number=case.number,
        channel=case.channel,
        centre=centre.id,
        item=case.item,
        kind=case.kind,
        division=case.division,
        catalog=catalog.version,
        caller=case.caller_print,
        confidentiality=case.confidentiality,
    )
    if given.call:
        await link_call(work, case, given.call)
    allocation = await allocate.decide(work, case, centre.id, given.ticks)
    await allocate.carry_out(work, case, allocation, dispatch=given.dispatch, hand_over=given.hand_over)
    return await look(work, case, allocation=allocation)


async def preview(work: Work, given: Registration) -> Decision:
    """What the chain would say of a matter, were it registered now; nothing is kept."""
    centre = work.town.desk(given.centre or work.actor.desk)
    catalog = await versions.at(work.session, work.town.city_of(centre.id), work.now)
    known = (await work.session.scalars(select(Case).where(Case.call_id == given.call))).first() if given.call else None
    case = Case(
        id="",
        rev=1,
        number="",
        city=work.town.city_of(centre.id),
        state="draft",
        first_centre=known.first_centre if known else centre.id,
        first_answered_at=work.now,
        asked={},
        urgency="normal",
        confidentiality="open",
        catalog_version=catalog.version,
        created_at=work.now,
        created_by=work.actor.id,
        updated_at=work.now,
    )
    _fill(work, case, given, catalog)
    return await allocate.preview(work, case, centre.id, given.ticks)


async def look(work: Work, case: Case, *, allocation: Allocation | None = None, again: bool = False) -> Registered:
    """A case with its faces, handoffs and newest allocation."""
    await work.session.flush()
    ticket, order = await faces.of(work.session, case.id)
    if allocation is None:
        allocation = await allocate.newest(work.session, case.id)
    return Registered(case, ticket, order, await faces.handoffs(work.session, case.id), allocation, again)


async def _by_origin(work: Work, origin: str, origin_id: str) -> Case | None:
    return (await work.session.scalars(select(Case).where(Case.origin == origin, Case.origin_id == origin_id))).one_or_none()


async def _draft_of(work: Work, call: str) -> Case | None:
    query = select(Case.id).where(Case.call_id == call, Case.state == "draft")
    found = (await work.session.scalars(query)).first()
    if found is None:
        return None
    case = await work.hold(found)
    return case if case.state == "draft" else None


async def _new(work: Work, centre: str, given: Registration) -> Case:
    case = Case(
        id=ids.new(),
        rev=1,
        number=await numbering.next_number(work.session, "case", work.now),
        city=work.town.city_of(centre),
        state="draft",
        channel=given.channel,
        origin=given.origin,
        origin_id=given.origin_id,
        first_centre=work.town.desk(given.first_centre).id if given.first_centre else centre,
        first_answered_at=given.first_answered_at or work.now,
        call_id=given.call,
        words="",
        asked={},
        urgency="normal",
        confidentiality="open",
        legal_hold=False,
        created_at=work.now,
        created_by=work.actor.id,
        updated_at=work.now,
    )
    work.session.add(case)
    born(work.session)[case.id] = Born()
    return case


def _fill(work: Work, case: Case, given: Registration, catalog: Catalog) -> None:
    """Check what is given and put it into the case; raise :class:`Invalid` before anything is changed."""
    if given.channel not in CHANNELS:
        raise Invalid(f"没有渠道“{given.channel}”", "请选择列出的渠道", field="channel", allowed=sorted(CHANNELS))
    if given.confidentiality not in CONFIDENTIALITY:
        raise Invalid(
            f"没有保密级别“{given.confidentiality}”", "请选择列出的级别", field="confidentiality", allowed=sorted(CONFIDENTIALITY)
        )
    words = need(given.words, "words", "诉求内容", LONGEST_WORDS)
    item = _item(catalog, given.item or given.ticks.item)
    kind = _kind(given.kind or given.ticks.kind)
    place, division = _place(given.place, given.division, case.city)
    _coordinates(given.latitude, given.longitude)
    if len(given.asked) > LONGEST_ASKED:
        raise Invalid(f"已问要素超过{LONGEST_ASKED}项", "请合并或删减", field="asked", limit=LONGEST_ASKED)
    number = numbers.normalise(given.caller_number, city=case.city) if given.caller_number else None
    case.channel, case.words, case.item, case.kind = given.channel, words, item, kind
    case.item_chosen = item is not None
    case.confidentiality = "stability" if given.ticks.stability else given.confidentiality
    case.place, case.division, case.latitude, case.longitude = place, division, given.latitude, given.longitude
    case.place_print = repeats.place_print(place) if place else None
    case.asked = dict(given.asked)
    case.caller_name = (given.caller_name or "").strip()[:100] or case.caller_name
    if number:
        case.caller_number, case.caller_print = number, sealed.fingerprint("number", number)
    touch(work, case)


def _item(catalog: Catalog, code: str | None) -> str | None:
    if not code:
        return None
    found = catalog.item(code)
    if found is None:
        raise Invalid(f"事项清单 {catalog.version} 中没有“{code}”", "请从清单中选择事项", field="item", catalog=catalog.version)
    return found.code


def _kind(kind: str | None) -> str | None:
    if kind and kind not in KINDS:
        raise Invalid(f"没有诉求类型“{kind}”", "请选择咨询、求助、投诉、举报或建议", field="kind", allowed=sorted(KINDS))
    return kind or None


def _place(place: str | None, division: str | None, city: str) -> tuple[str | None, str | None]:
    said = (place or "").strip() or None
    if said and len(said) > LONGEST_PLACE:
        raise Invalid(f"地点超过{LONGEST_PLACE}字", "请只写地点", field="place", limit=LONGEST_PLACE)
    if division:
        if not divisions.known(division):
            raise Invalid(f"没有行政区划代码“{division}”", "请使用 GB/T 2260 的代码", field="division")
        return said, division
    return said, divisions.parse_place(said, city).division if said else None


def _coordinates(latitude: float | None, longitude: float | None) -> None:
    if (latitude is None) != (longitude is None):
        raise Invalid("经度和纬度要一起给出", "请补全坐标", field="latitude" if latitude is None else "longitude")
    if latitude is not None and longitude is not None and not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise Invalid("坐标超出范围", "纬度 -90~90,经度 -180~180", field="latitude")


@operation
async def open_draft(work: Work, *, call: str, centre: str, caller: str | None, answered_at: dt.datetime, seat: str = "") -> Case:
    """A call was answered at a seat: its case begins as a draft. A second word about the same call changes nothing."""
    known = (await work.session.scalars(select(Case).where(Case.call_id == call))).first()
    if known is not None:
        return known
    case = await _new(
        work,
        centre,
        Registration(channel="phone", words="", call=call, first_centre=centre, first_answered_at=answered_at),
    )
    try:
        number = numbers.normalise(caller, city=case.city) if caller else None
    except Invalid:  # what a trunk sends as the caller's number never costs a draft
        number = None
    if number:
        case.caller_number, case.caller_print = number, sealed.fingerprint("number", number)
    await work.session.flush()
    work.note(case.id, "case.drafted", case.id, number=case.number, call=call, centre=centre, seat=seat)
    work.tell("case.drafted", case.id, [centre], case=case.id, number=case.number, call=call, seat=seat)
    await link_call(work, case, call)
    return case


async def link_call(work: Work, case: Case, call: str) -> None:
    """A call belongs to a case: its recordings are found there."""
    row = {"case_id": case.id, "call_id": call, "at": work.now}
    if await upsert.insert_new(work.session, table_of(CaseCall), [row]):
        work.note(case.id, "case.call_linked", case.id, call=call)


@operation
async def add_call(work: Work, case: str, call: str) -> Case:
    """Link another call (a second call, a call-back) to a case."""
    found = await work.hold(case)
    await link_call(work, found, call)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What to change of a case; None leaves it."""

    words: str | None = None
    caller_number: str | None = None
    caller_name: str | None = None
    place: str | None = None
    division: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    asked: Mapping[str, str] | None = None
    confidentiality: str | None = None


@operation
async def edit(work: Work, case: str, change: Change, rev: int | None) -> Case:
    """Change what is known of a matter. Raise :class:`router.errors.Stale` if somebody else was quicker."""
    row = await work.hold(case)
    fresh(row, rev)
    if row.state == "closed":
        raise Conflict("事项已办结,不能修改", "如需更正请先重开", state=row.state)
    names = [name for name in change.__slots__ if getattr(change, name) is not None]
    changed: list[str] = []

    def put(name: str, value: Any) -> None:
        if getattr(row, name) != value:
            setattr(row, name, value)
            changed.append(name)

    if change.words is not None:
        put("words", need(change.words, "words", "诉求内容", LONGEST_WORDS))
    if change.place is not None or change.division is not None:
        place, division = _place(change.place if change.place is not None else row.place, change.division, row.city)
        put("place", place)
        put("division", division)
        row.place_print = repeats.place_print(place) if place else None
    if change.latitude is not None or change.longitude is not None:
        _coordinates(change.latitude, change.longitude)
        put("latitude", change.latitude)
        put("longitude", change.longitude)
    if change.asked is not None:
        put("asked", {**row.asked, **change.asked})
    if change.caller_name is not None:
        put("caller_name", change.caller_name.strip()[:100] or None)
    if change.caller_number is not None:
        number = numbers.normalise(change.caller_number, city=row.city) if change.caller_number.strip() else None
        put("caller_number", number)
        row.caller_print = sealed.fingerprint("number", number) if number else None
    if change.confidentiality is not None:
        if change.confidentiality not in CONFIDENTIALITY:
            raise Invalid(f"没有保密级别“{change.confidentiality}”", "请选择列出的级别", field="confidentiality")
        put("confidentiality", change.confidentiality)
    if not names or not changed:
        return row
    touch(work, row)
    ticket, order = await faces.of(work.session, row.id)
    if ticket is not None and "division" in changed:
        ticket.division = row.division
    work.note(row.id, "case.edited", row.id, fields=changed)
    work.tell("case.edited", row.id, [face.platform for face in (ticket, order) if face], case=row.id, fields=changed)
    return row


@operation
async def hold(work: Work, case: str, on: bool, reason: str) -> Case:
    """Put a case under legal hold, or release it: while it is on, no retention job erases anything of it."""
    row = await work.hold(case)
    why = need(reason, "reason", "理由", 500)
    if row.legal_hold != on:
        row.legal_hold = on
        touch(work, row)
        work.note(row.id, "case.held" if on else "case.released", row.id, reason=why)
    return row


async def by_number(work: Work, number: str) -> Case:
    """The case of a case's, ticket's, order's or handoff's number."""
    said = numbering.read(number)
    models: dict[str, Any] = {"S": Case, "G": Ticket, "J": PoliceOrder, "L": Handoff}
    model = models.get(said[0])
    if model is None:
        raise NotFound(f"没有单号 {said}", "请核对单号", number=said)
    row = (await work.session.scalars(select(model).where(model.number == said))).one_or_none()
    case = row if isinstance(row, Case) else await work.session.get(Case, row.case_id) if row is not None else None
    if case is None:
        raise NotFound(f"没有单号 {said}", "请核对单号", number=said)
    return case
