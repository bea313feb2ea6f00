"""Reads seats and queues: the newest recorded change of each seat, and the calls in progress."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from api.seats.schemas import Person, QueueView, SeatCounts, SeatView
from config.model import Centre, Seat
from router.access import calls as reach
from router.access.actor import Actor
from router.storage import call_records
from router.storage.base import moment
from router.storage.call_records import SeatNow
from router.storage.organisation import Account, SignIn
from telephony import contract


def of_city(actor: Actor, lines: reach.Lines, seats: Sequence[Seat]) -> list[Seat]:
    """Seats of the actor's city; duty posts belong to no centre, and are everybody's."""
    here = lines.of_city(actor.city)
    return [seat for seat in seats if seat.centre is None or seat.centre in here]


async def people(
    session: AsyncSession, actor: Actor, lines: reach.Lines, seats: Sequence[Seat], now: dt.datetime
) -> dict[str, list[Person]]:
    """Whose accounts have these seats, by seat; only for colleagues, supervisors and administrators."""
    mine = reach.reach(actor, lines)
    everybody = mine is None or actor.role == "administrator"
    ids = [seat.id for seat in seats if everybody or (seat.centre or "") in (mine or ())]
    found: dict[str, list[Person]] = defaultdict(list)
    if ids:
        live = exists().where(
            SignIn.account == Account.id, SignIn.kind == "browser", SignIn.revoked_at.is_(None), SignIn.expires_at > now
        )
        query = select(Account, live.correlate(Account)).where(Account.seat.in_(ids), Account.active).order_by(Account.username)
        for account, signed_in in await session.execute(query):
            found[account.seat or ""].append(Person(account=account.id, name=account.name, signed_in=bool(signed_in)))
    return found


def calls_by_seat(live: Sequence[contract.LiveCall]) -> dict[str, str]:
    """The call that each seat is in, or rings for."""
    return {party.seat: one.call.id for one in live for party in one.parties if party.seat and party.left_at is None}


def view(seat: Seat, known: SeatNow | None, call: str | None, sitting: Sequence[Person]) -> SeatView:
    return SeatView.model_validate(
        {
            "seat": seat.id,
            "name": seat.name,
            "role": seat.role,
            "centre": seat.centre,
            "groups": seat.groups,
            "status": known.status if known else "off",
            "reason": known.reason if known else "",
            "since": moment(known.since) if known else None,
            "state": known.state if known else "idle",
            "call": call,
            "people": list(sitting),
        }
    )


async def seats_now(session: AsyncSession, seats: Sequence[Seat]) -> dict[str, SeatNow]:
    return await call_records.seats_now(session, [seat.id for seat in seats])


def queues(
    centres: Sequence[Centre],
    seats: Sequence[Seat],
    known: Mapping[str, SeatNow],
    live: Sequence[contract.LiveCall],
    now: dt.datetime,
) -> list[QueueView]:
    """The queue of each centre; pure."""
    return [_queue(centre, seats, known, live, now.timestamp()) for centre in centres]


def _queue(
    centre: Centre, seats: Sequence[Seat], known: Mapping[str, SeatNow], live: Sequence[contract.LiveCall], now: float
) -> QueueView:
    direct = [one.call.queued_at for one in live if _waits(one.call, centre.id) and one.call.queued_at]
    transfers = [each for one in live for each in one.transfers if each.to_centre == centre.id and _asks(each)]
    since = [*direct, *(each.started_at for each in transfers)]
    return QueueView(
        centre=centre.id,
        name=centre.name,
        side=centre.kind,
        direct=len(direct),
        transfers=len(transfers),
        dangerous=sum(each.dangerous for each in transfers),
        longest=max(0.0, round(now - min(since), 1)) if since else 0.0,
        seats=_counts([known.get(seat.id) for seat in seats if seat.centre == centre.id and seat.role != "supervisor"]),
    )


def _waits(call: contract.CallFacts, centre: str) -> bool:
    return call.answered_at is None and call.ended_at is None and (call.overflowed_to or call.centre) == centre


def _asks(transfer: contract.TransferFacts) -> bool:
    return transfer.answered_at is None and transfer.ended_at is None and not transfer.target.startswith(("seat:", "line:"))


def _counts(found: Sequence[SeatNow | None]) -> SeatCounts:
    def count(status: str) -> int:
        return sum(1 for one in found if (one.status if one else "off") == status and not (one and one.state == "talking"))

    return SeatCounts(
        available=sum(1 for one in found if one and one.status == "available" and one.state == "idle"),
        talking=sum(1 for one in found if one and one.state == "talking"),
        paused=count("paused"),
        wrap_up=count("wrap-up"),
        off=count("off"),
    )
