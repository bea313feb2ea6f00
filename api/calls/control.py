"""Endpoints that steer calls in progress: transfers, parties, supervision, call-backs. Each is a command to the call core."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import Path
from sqlalchemy.exc import SQLAlchemyError

from api.calls import core, schemas, service
from api.calls.core import AtDesk, Desk
from api.calls.schemas import Done
from api.kit import casework, routing
from api.kit.deps import allowed
from api.kit.fields import Id
from router.access import calls as reach
from router.access import rules
from router.access.actor import Actor
from router.casework import handoffs, transfers
from router.casework.work import Town, Work
from router.errors import CaseworkError, Forbidden, Invalid, NotFound
from router.organisation import numbers
from router.storage.casework import Case
from telephony import contract

log = structlog.get_logger()

router = routing.router("/calls", "calls", responses=core.RESPONSES)
"""Part of the router in :mod:`api.calls.endpoints`."""
Controls = Annotated[Actor, allowed("call.control")]
Supervises = Annotated[Actor, allowed("call.supervise")]
CallId = Annotated[Id, Path(description="通话编号")]
PartyId = Annotated[Id, Path(description="通话方编号、其座席号,或 `caller`")]


def _note(desk: Desk, live: contract.LiveCall) -> str:
    """A supervisor who steers others' calls is journalled; whoever is party to the call is in its record."""
    return "" if reach.takes_part(desk.actor, live) else "call.steered"


async def _case(desk: Desk, call: str, wanted: str | None) -> Case | None:
    """The matter that is named, or the call's own; None while it has none."""
    async with desk.found.database.read() as session:
        if wanted is not None:
            return await rules.load(session, desk.actor, Case, wanted, desk.now)
        try:
            return await service.case_of(session, desk.actor, call, desk.now)
        except NotFound:
            return None


# --- transfers


@router.post("/callbacks", summary="回拨:先呼叫座席,再呼叫诉求人 / ring a seat, then the citizen")
async def call_back(body: schemas.RingBackBody, actor: Controls, desk: AtDesk) -> Done:
    seat = desk.seat(body.seat, what="call.control")
    number, case = await _whom(desk, body)
    note = "" if seat == actor.seat else "call.steered"
    about = body.about or ""
    order = await desk.do(
        contract.CallBack, subject=about or seat, note=note, seat=seat, number=number, case=case.id if case else "", about=about
    )
    return await desk.finished(order, Done(command=order.id, call=order.result.get("call"), case=case.id if case else None))


async def _whom(desk: Desk, body: schemas.RingBackBody) -> tuple[str, Case | None]:
    """The number to ring, and the matter: as named, else those of the call that is answered to, else the matter's caller."""
    number = body.number
    if body.about is not None:
        async with desk.found.database.read() as session:
            record = await service.record(session, desk.calls, desk.actor, desk.lines, body.about)
        number = number or (record.call.caller if record.call else None)
    case = await _case(desk, body.about or "", body.case) if body.case or body.about else None
    number = number or (case.caller_number if case else None)
    plain = numbers.normalise(number) if number else None
    if plain is None:
        raise Invalid("没有可回拨的号码", "请填写 number,或指定有来电号码的通话或事项", field="number")
    return plain, case


@router.post("/{call}/transfers", summary="转接:一键、三方、咨询、直转 / transfer")
async def transfer(call: CallId, body: schemas.TransferBody, actor: Controls, desk: AtDesk, town: casework.CurrentTown) -> Done:
    """转给对方热线时,本次通话的事项(缺省为其草稿)随即有一张流转单,记录呼叫、振铃、接通时间与结果;
    转接失败时流转单保持“已转待签收”,改走在线转交。"""
    live = await desk.steered(call)
    asker = _asker(desk, live, body.asker)
    case = await _case(desk, call, body.case)
    target, centre = _target(desk, town, live, asker, body, case)
    order = await desk.do(
        contract.StartTransfer,
        subject=call,
        note=_note(desk, live),
        case_chain=case.id if case else None,
        call=call,
        kind=body.kind,
        target=target,
        asker=asker,
        dangerous=body.dangerous,
        case=case.id if case else "",
    )
    done = Done(command=order.id, transfer=order.result.get("transfer"), case=case.id if case else None)
    if case is not None and centre and done.transfer:
        done.handoff = await _handoff(desk, town, live, asker, body, centre, done)
    return await desk.finished(order, done)


def _asker(desk: Desk, live: contract.LiveCall, wanted: str | None) -> str:
    """Seat that asks. Who is party to the call asks from the own seat only."""
    mine = desk.actor.seat if reach.takes_part(desk.actor, live) else ""
    if wanted and mine and wanted != mine:
        raise Forbidden("只能从本人的座席发起转接", "请不填 asker", action="call.control", subject=live.call.id)
    return wanted or mine


def _target(
    desk: Desk, town: Town, live: contract.LiveCall, asker: str, body: schemas.TransferBody, case: Case | None
) -> tuple[str, str]:
    """The target in the call core's words, and the centre of the other line that it is, if it is one."""
    settings = desk.found.settings
    given = [name for name in ("centre", "seat", "line") if getattr(body, name) is not None]
    if len(given) > 1:
        raise Invalid("转接目标只能是中心、座席、外线之一", "只填其中一项", field=given[1], given=given)
    source = _centre(live, asker) or desk.actor.desk
    if body.line is not None:
        lines = [line.id for line in settings.installation.outside]
        if body.line not in lines:
            raise Invalid("没有这条外线", "请选择已配置的外线", field="line", allowed=lines)
        return f"line:{body.line}", ""
    if body.seat is not None:
        seat = settings.seats.get(body.seat)
        if seat is None:
            raise Invalid("没有这个座席", "请检查座席号", field="seat")
        return f"seat:{seat.id}", _other(town, source, seat.centre or "")
    if body.centre is not None:
        centre = settings.centres.get(body.centre) or settings.dialled_centre(body.centre)
        if centre is None:
            raise Invalid("没有这个受理中心", "请选择已配置的中心", field="centre", allowed=sorted(settings.centres))
        return centre.id, _other(town, source, centre.id)
    if source not in town.desks:
        return "", ""
    chosen = handoffs.desk_opposite(town, source, case)
    return chosen, chosen


def _other(town: Town, source: str, centre: str) -> str:
    return centre if centre in town.desks and town.side(centre) != town.side(source) else ""


def _centre(live: contract.LiveCall, asker: str) -> str:
    staff = [one for one in live.parties if one.seat and one.left_at is None and one.role != "caller" and one.joined_at]
    found = next((one.centre for one in staff if one.seat == asker), "")
    return found or (staff[0].centre if len(staff) == 1 else "")


async def _handoff(
    desk: Desk, town: Town, live: contract.LiveCall, asker: str, body: schemas.TransferBody, centre: str, done: Done
) -> schemas.HandoffRef | None:
    """The handoff of the transfer that has begun. If it can't be made here, the worker makes it when it hears of the transfer."""
    facts = contract.TransferFacts(
        id=done.transfer or "",
        call=live.call.id,
        rev=0,
        kind=body.kind,
        dangerous=body.dangerous,
        by="command",
        asker="",
        asker_seat=asker,
        from_centre=_centre(live, asker) or desk.actor.desk,
        to_centre=centre,
        started_at=desk.now.timestamp(),
        case=done.case or "",
    )
    try:
        async with desk.found.database.write() as session:
            row = await transfers.follow(Work(session, desk.actor, desk.now, town), facts, body.reason)
            return schemas.HandoffRef.model_validate(row) if row is not None else None
    except (CaseworkError, SQLAlchemyError) as error:
        log.warning("calls.handoff_left_to_worker", error=type(error).__name__, call_id=live.call.id)
        return None


@router.post("/{call}/transfers/cancel", summary="取消转接;咨询时回到诉求人 / cancel the transfer")
async def cancel(call: CallId, actor: Controls, desk: AtDesk) -> Done:
    live = await desk.steered(call)
    order = await desk.do(contract.CancelTransfer, subject=call, note=_note(desk, live), call=call)
    return await desk.finished(order, Done(command=order.id))


@router.post("/{call}/transfers/join", summary="咨询转为三方通话 / turn a consultation into a three-way call")
async def join(call: CallId, actor: Controls, desk: AtDesk) -> Done:
    live = await desk.steered(call)
    order = await desk.do(contract.JoinTransfer, subject=call, note=_note(desk, live), call=call)
    return await desk.finished(order, Done(command=order.id))


@router.post("/{call}/take-over", summary="接手:发起转接的一方退出 / the receiver takes the matter, the asker leaves")
async def take_over(call: CallId, body: schemas.TakeOverBody, actor: Controls, desk: AtDesk) -> Done:
    live = await desk.steered(call)
    seat = desk.seat(body.seat, what="call.control")
    order = await desk.do(contract.TakeOver, subject=call, note=_note(desk, live), call=call, seat=seat)
    return await desk.finished(order, Done(command=order.id))


# --- the call and its parties


@router.post("/{call}/hang-up", summary="结束通话 / end the call")
async def hang_up(call: CallId, actor: Controls, desk: AtDesk) -> Done:
    live = await desk.steered(call)
    order = await desk.do(contract.HangUpCall, subject=call, note=_note(desk, live), call=call)
    return await desk.finished(order, Done(command=order.id))


def _party(live: contract.LiveCall, named: str) -> str:
    """Id of a party that is on the line, named by id, by its seat, or as ``caller``. Raise :class:`core.Refused`."""
    for one in live.parties:
        if one.left_at is None and (named in (one.id, one.seat) or (named == "caller" and one.role == "caller")):
            return one.id
    raise core.Refused("party.unknown", "")


@router.post("/{call}/parties/{party}/drop", summary="让一方退出通话 / take a party out")
async def drop(call: CallId, party: PartyId, actor: Controls, desk: AtDesk) -> Done:
    live = await desk.steered(call)
    id_ = _party(live, party)
    by = actor.seat if reach.takes_part(actor, live) else actor.id
    order = await desk.do(contract.DropParty, subject=call, note=_note(desk, live), call=call, party=id_, by=by)
    return await desk.finished(order, Done(command=order.id, party=id_))


@router.post("/{call}/parties/{party}/mute", summary="静音或恢复一方 / mute a party, or no longer")
async def mute(call: CallId, party: PartyId, body: schemas.PartySwitch, actor: Controls, desk: AtDesk) -> Done:
    live = await desk.steered(call)
    id_ = _party(live, party)
    order = await desk.do(contract.MuteParty, subject=call, note=_note(desk, live), call=call, party=id_, on=body.on)
    return await desk.finished(order, Done(command=order.id, party=id_))


@router.post("/{call}/parties/{party}/hold", summary="保持或恢复一方 / hold a party, or no longer")
async def hold(call: CallId, party: PartyId, body: schemas.PartySwitch, actor: Controls, desk: AtDesk) -> Done:
    live = await desk.steered(call)
    id_ = _party(live, party)
    order = await desk.do(contract.HoldParty, subject=call, note=_note(desk, live), call=call, party=id_, on=body.on)
    return await desk.finished(order, Done(command=order.id, party=id_))


# --- supervisors, and the queue


@router.post("/{call}/supervise", summary="监听、耳语、插话(留痕)/ listen, whisper, barge")
async def supervise(call: CallId, body: schemas.SuperviseBody, actor: Supervises, desk: AtDesk) -> Done:
    """呼叫班长席并加入通话;事先记入操作日志。只能监听本中心的人员正在其中的通话。"""
    live = await desk.live(call)
    if not reach.may_listen(actor, desk.lines, live):
        raise Forbidden("这个通话中没有您中心的人员", "只能监听本中心人员的通话", action="call.supervise", subject=call)
    seat = desk.seat(body.seat, what="call.supervise")
    case = await _case(desk, call, None)
    order = await desk.do(
        contract.Supervise,
        subject=call,
        note="call.supervised",
        case_chain=case.id if case else None,
        call=call,
        seat=seat,
        mode=body.mode,
    )
    return await desk.finished(order, Done(command=order.id, party=order.result.get("party")))


@router.post("/{call}/pick", summary="优先接听一个排队来电 / take a waiting call out of turn")
async def pick(call: CallId, body: schemas.PickBody, actor: Controls, desk: AtDesk) -> Done:
    await desk.live(call)
    seat = desk.seat(body.seat, what="call.control")
    note = "" if seat == actor.seat else "call.steered"
    order = await desk.do(contract.PickWaiting, subject=call, note=note, call=call, seat=seat)
    return await desk.finished(order, Done(command=order.id))
