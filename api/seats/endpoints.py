"""Endpoints of seats."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from sqlalchemy.ext.asyncio import AsyncSession

from api.calls import core
from api.calls import service as calls
from api.calls.core import AtDesk, Calls, Lines
from api.kit import routing
from api.kit.deps import AppSettings, Now, ReadSession, allowed
from api.kit.fields import Id
from api.seats import service
from api.seats.schemas import QueueView, Reason, SeatView, StatusBody, StatusView
from config.model import Seat
from router import calls_now
from router.access import calls as reach
from router.access.actor import Actor
from router.calls_client import CallCoreError, CallsClient
from router.errors import Invalid, NotFound
from telephony import contract

router = routing.router("/seats", "seats")
Reads = Annotated[Actor, allowed("seat.read")]
Controls = Annotated[Actor, allowed("seat.control")]
SeatId = Annotated[Id, Path(description="座席号")]


@router.get("", summary="座席及其状态 / seats and what they are doing")
async def seats(
    actor: Reads,
    session: ReadSession,
    settings: AppSettings,
    now: Now,
    where: Lines,
    client: Calls,
    centre: Annotated[Id | None, Query(description="只看一个中心")] = None,
) -> list[SeatView]:
    """变化由 `/events` 的 seat.changed 推送。"""
    wanted = service.of_city(actor, where, settings.installation.seats)
    wanted = [seat for seat in wanted if centre is None or seat.centre == centre]
    known = await service.seats_now(session, wanted)
    sitting = await service.people(session, actor, where, wanted, now)
    busy = await _busy(session, client, actor, where)
    return [service.view(seat, known.get(seat.id), busy.get(seat.id), sitting.get(seat.id, ())) for seat in wanted]


async def _busy(session: AsyncSession, client: CallsClient, actor: Actor, where: reach.Lines) -> dict[str, str]:
    """Calls by seat, as far as the actor may see them; none while Redis is away."""
    try:
        return service.calls_by_seat(await calls.live(session, client, actor, where, None))
    except CallCoreError:
        return {}


@router.get("/reasons", summary="示忙原因 / reasons of a pause")
async def reasons(actor: Reads, settings: AppSettings) -> list[Reason]:
    return [Reason(id=id_, name=name) for id_, name in settings.installation.pause_reasons.items()]


@router.get("/queues", summary="各中心的队列 / the queues", responses=core.RESPONSES)
async def queues(
    actor: Reads, session: ReadSession, settings: AppSettings, now: Now, where: Lines, client: Calls
) -> list[QueueView]:
    """直拨与转入分开统计。"""
    here = where.of_city(actor.city)
    centres = [centre for centre in settings.installation.centres if centre.id in here]
    wanted = [seat for seat in settings.installation.seats if seat.centre in here]
    try:
        live = await calls_now.still_going(session, await client.live_calls())
    except CallCoreError as error:
        raise core.CoreTrouble(error) from error
    return service.queues(centres, wanted, await service.seats_now(session, wanted), live, now)


@router.get("/{seat}", summary="一个座席 / one seat")
async def one_seat(
    seat: SeatId, actor: Reads, session: ReadSession, settings: AppSettings, now: Now, where: Lines, client: Calls
) -> SeatView:
    found = _seat(actor, where, settings.installation.seats, seat)
    known = await service.seats_now(session, [found])
    sitting = await service.people(session, actor, where, [found], now)
    busy = await _busy(session, client, actor, where)
    return service.view(found, known.get(seat), busy.get(seat), sitting.get(seat, ()))


def _seat(actor: Actor, where: reach.Lines, all_: list[Seat], seat: str) -> Seat:
    for one in service.of_city(actor, where, all_):
        if one.id == seat:
            return one
    raise NotFound("没有这个座席", "检查座席号", subject=seat)


@router.put("/{seat}/status", summary="示闲、示忙、签出 / set a seat's status", responses=core.RESPONSES)
async def set_status(seat: SeatId, body: StatusBody, actor: Controls, settings: AppSettings, desk: AtDesk) -> StatusView:
    """本人座席;班长可设本中心的座席(留痕)。"""
    found = desk.seat(seat, what="seat.control")
    known = settings.installation.pause_reasons
    if body.reason is not None and body.status != "paused":
        raise Invalid("只有示忙才有原因", "请不填 reason", field="reason")
    if body.reason is not None and body.reason not in known:
        raise Invalid("没有这个示忙原因", "选择列出的原因", field="reason", allowed=sorted(known))
    note = "" if found == actor.seat else "seat.set"
    reason = body.reason or ""
    await desk.do(contract.SetSeatStatus, subject=found, note=note, seat=found, status=body.status, reason=reason)
    return StatusView(seat=found, status=body.status, reason=reason)
