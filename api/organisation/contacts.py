"""Endpoints of duty contacts (24小时值班值守): who answers for a unit round the clock; numbers are masked by role."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import Path, Query, Response
from sqlalchemy import ColumnElement, select, true

from api.kit import etag, paging, routing
from api.kit.casework import Looking, Working, city_of
from api.kit.deps import AppSettings, IfMatch, Pages, allowed
from api.kit.fields import Id as IdText
from api.organisation.schemas import ContactBody, ContactDetails, ContactView
from config.settings import Settings
from router.access import fields
from router.access.actor import Actor
from router.casework.work import Work
from router.errors import Forbidden, Invalid, NotFound
from router.linkage.duty import watch
from router.organisation import contacts
from router.organisation.contacts import Details
from router.storage.organisation import Agency, DutyContact

router = routing.router("/organisation/contacts", "contacts")

Reader = Annotated[Actor, allowed("duty.read")]
Editor = Annotated[Actor, allowed("duty.edit")]
Id = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]


def _view(row: DutyContact, work: Work) -> ContactView:
    """Agencies see their own numbers whole, those of others masked."""
    degree: fields.Degree = "masked" if work.actor.role == "agency" and row.unit != work.actor.desk else "whole"
    return ContactView(
        id=row.id,
        rev=row.rev,
        unit=row.unit,
        name=fields.name(row.name, degree),
        phone=fields.number(row.phone, degree),
        backup_phone=fields.number(row.backup_phone, degree),
        post=row.post,
        verified_at=row.verified_at,
        stale=contacts.is_stale(row, work.now),
    )


def _near(work: Work) -> ColumnElement[bool]:
    """Contacts of the own city's units, of centres and of outside lines; administrators of the installation see all."""
    if not work.actor.city or (work.actor.role == "administrator" and not work.actor.unit):
        return true()
    return DutyContact.unit.not_in(select(Agency.code).where(Agency.city != work.actor.city))


async def _load(work: Work, contact: str) -> DutyContact:
    row = await work.session.scalar(select(DutyContact).where(DutyContact.id == contact, _near(work)))
    if row is None:
        raise NotFound("没有这个值班联系人", "请刷新后重试", contact=contact)
    return row


@router.get("", summary="值班联系人 / Duty contacts")
async def list_contacts(
    work: Looking,
    pages: Pages,
    _: Reader,
    unit: Annotated[IdText | None, Query(description="单位代码或外部线路编号")] = None,
    stale: Annotated[bool, Query(description="只列久未核实的")] = False,
) -> paging.Page[ContactView]:
    """按单位排列;`stale=true` 用于红色提醒。"""
    query = select(DutyContact).where(_near(work))
    if unit is not None:
        query = query.where(DutyContact.unit == unit)
    if stale:
        query = query.where(DutyContact.verified_at <= work.now - dt.timedelta(days=contacts.STALE_DAYS))
    keys = [DutyContact.unit, DutyContact.id]
    rows, after = await paging.fetch(work.session, query, pages, name="contacts", keys=keys, descending=False)
    return paging.Page(items=[_view(row, work) for row in rows], next=after)


async def _may_keep(work: Work, unit: str) -> str:
    """Agencies keep their own; return the city whose area code a short number gets. Raise :class:`Forbidden`."""
    if work.actor.role == "agency" and unit != work.actor.desk:
        raise Forbidden("只能维护本单位的值班联系人", "请由该单位或管理员办理", action="duty.edit", unit=unit)
    agency = await work.session.get(Agency, unit)
    if agency is None:
        return city_of(work, None)
    if work.actor.unit and work.actor.role == "administrator" and agency.city != work.actor.city:
        raise Forbidden("只能维护本州市的内容", "请由该州市的管理员办理", action="city", city=agency.city)
    return agency.city


@router.post("", status_code=201, summary="新增值班联系人 / Add a contact")
async def add(body: ContactBody, work: Working, settings: AppSettings, response: Response, _: Editor) -> ContactView:
    city = await _may_keep(work, body.unit)
    if await work.session.get(Agency, body.unit) is None and body.unit not in _other_units(settings):
        raise Invalid(f"没有单位或外部线路“{body.unit}”", "请填写承办单位代码、中心编号或外部线路编号", field="unit")
    row = await contacts.add(work.session, body.unit, _details(body), actor=work.actor, now=work.now, city=city)
    response.headers["Location"] = f"/api/v1/organisation/contacts/{row.id}"
    etag.put(response, row.rev)
    return _view(row, work)


def _other_units(settings: Settings) -> set[str]:
    """Centres and outside lines: they are in the configuration."""
    installation = settings.installation
    return {one.id for one in installation.centres} | {one.id for one in installation.outside}


def _details(body: ContactDetails) -> Details:
    return Details(body.name.strip(), body.phone, body.post.strip(), body.backup_phone)


@router.get("/{contact}", summary="一个值班联系人 / One contact")
async def show(contact: Id, work: Looking, response: Response, _: Reader) -> ContactView:
    row = await _load(work, contact)
    etag.put(response, row.rev)
    return _view(row, work)


@router.put("/{contact}", summary="修改值班联系人 / Change a contact")
async def change(contact: Id, body: ContactDetails, rev: IfMatch, work: Working, response: Response, _: Editor) -> ContactView:
    """修改即视为已核实。"""
    city = await _may_keep(work, (await _load(work, contact)).unit)
    row = await contacts.change(work.session, contact, _details(body), actor=work.actor, now=work.now, rev=rev, city=city)
    etag.put(response, row.rev)
    return _view(row, work)


@router.post("/{contact}/verify", summary="核实 / Somebody has rung, and it is right")
async def verify(contact: Id, rev: IfMatch, work: Working, response: Response, _: Editor) -> ContactView:
    await _may_keep(work, (await _load(work, contact)).unit)
    row = await contacts.verify(work.session, contact, actor=work.actor, now=work.now, rev=rev)
    etag.put(response, row.rev)
    return _view(row, work)


@router.delete("/{contact}", status_code=204, summary="删除值班联系人 / Remove a contact")
async def remove(contact: Id, work: Working, _: Editor) -> None:
    row = await _load(work, contact)
    await _may_keep(work, row.unit)
    await contacts.remove(work.session, contact, actor=work.actor, now=work.now)
    await watch.look(work, [row.unit])
