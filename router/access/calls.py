"""Who may see, hear and steer which calls: the centres that were involved, supervisors of their side, one's own seat.

``visible`` and ``playable`` are WHERE clauses; what concerns a call in progress is asked of its snapshot. Roles are asked of
:mod:`router.access.rules` as everywhere.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Text, and_, cast, exists, false, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import True_

from router.access import rules
from router.access.actor import Actor, Side
from router.errors import Forbidden
from router.storage.calls import Call, Party, Recording, Transfer
from router.storage.casework import Case, CaseCall, PoliceOrder
from router.storage.organisation import Grant

if TYPE_CHECKING:
    from config.settings import Settings
    from telephony import contract

RECORDINGS = "recordings"
"""Field of a grant that lets a unit hear what only the police hear otherwise."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Centres of an installation: which line each is, and of which city."""

    sides: Mapping[str, Side]
    cities: Mapping[str, str]

    @classmethod
    def of(cls, settings: Settings) -> Lines:
        first = settings.default_centre("12345") or settings.default_centre("110")
        city = _city(first.divisions) if first is not None else ""
        centres = settings.installation.centres
        return cls(
            sides={centre.id: centre.kind for centre in centres},
            cities={centre.id: _city(centre.divisions) or city for centre in centres},
        )

    def of_city(self, city: str) -> frozenset[str]:
        """Centres of a city; of all cities if it is empty."""
        return frozenset(centre for centre, where in self.cities.items() if not city or where == city)

    @property
    def police(self) -> frozenset[str]:
        return frozenset(centre for centre, side in self.sides.items() if side == "110")


def _city(divisions: list[str]) -> str:
    return f"{divisions[0][:4]}00" if divisions else ""


def reach(actor: Actor, lines: Lines) -> frozenset[str] | None:
    """Centres whose calls the actor sees; None: all calls, also those of no centre."""
    if actor.is_system:
        return None
    if actor.role in ("operator", "police"):
        return frozenset({actor.desk}) if actor.side else frozenset()
    if actor.role == "supervisor":
        here = lines.of_city(actor.city)
        if actor.side is None:
            return here if actor.city else None
        return frozenset({actor.desk, *(centre for centre in here if lines.sides[centre] == actor.side)})
    return frozenset()


def supervised(actor: Actor, lines: Lines) -> frozenset[str]:
    """Centres whose seats and calls a supervisor may steer: the own one; for a supervisor of the city all of it."""
    if actor.role != "supervisor":
        return frozenset()
    return frozenset({actor.desk}) if actor.side else lines.of_city(actor.city)


# --- recorded calls


def visible(actor: Actor, lines: Lines) -> ColumnElement[bool]:
    """WHERE clause over :class:`Call`: one of the actor's centres was called, rang, spoke, asked or was asked."""
    centres = reach(actor, lines)
    if centres is None:
        return true()
    sees: list[ColumnElement[bool]] = []
    if centres:
        sees = [
            Call.centre.in_(centres),
            Call.overflowed_to.in_(centres),
            exists().where(Party.call_id == Call.id, Party.centre.in_(centres)).correlate(Call),
            exists()
            .where(Transfer.call_id == Call.id, or_(Transfer.to_centre.in_(centres), Transfer.from_centre.in_(centres)))
            .correlate(Call),
        ]
    if actor.seat and actor.role in ("operator", "police", "supervisor"):
        sees.append(exists().where(Party.call_id == Call.id, Party.seat == actor.seat).correlate(Call))
    if not sees:
        return false()
    return and_(or_(*sees), ~_complained_of(actor)) if actor.role == "police" else or_(*sees)


def _complained_of(actor: Actor) -> ColumnElement[bool]:
    """The call belongs to a complaint about the actor's own unit (回避)."""
    about = PoliceOrder.complained_of.in_([actor.unit, actor.desk])
    return exists().where(CaseCall.call_id == Call.id, PoliceOrder.case_id == CaseCall.case_id, about).correlate(Call)


def playable(actor: Actor, lines: Lines, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`Recording`: the actor may hear it.

    The call must be visible, and none of its matters a secret to the actor (a clue about stability is heard by few). What the
    police spoke in is heard by police and their supervisors, and by units that a grant of that matter names.
    """
    heard: ColumnElement[bool] = exists().where(Call.id == Recording.call_id, visible(actor, lines)).correlate(Recording)
    if actor.is_system:
        return heard
    open_ = rules.not_secret(actor, now)
    if not isinstance(open_, True_):
        secret = exists().where(CaseCall.call_id == Recording.call_id, Case.id == CaseCall.case_id, ~open_)
        heard = and_(heard, ~secret.correlate(Recording))
    if rules.sees_police_fields(actor):
        return heard
    return and_(heard, or_(~with_police(lines, Recording.call_id), _granted(actor, now)))


def with_police(lines: Lines, call: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """A 110 desk was called, or spoke in this call."""
    desks = lines.police
    if not desks:
        return false()
    owner = call.class_
    return or_(
        exists().where(Call.id == call, or_(Call.centre.in_(desks), Call.overflowed_to.in_(desks))).correlate(owner),
        exists()
        .where(Party.call_id == call, Party.centre.in_(desks), Party.role != "caller", Party.joined_at.is_not(None))
        .correlate(owner),
    )


def _granted(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """A live grant on a matter of the call names recordings."""
    cases = select(Grant.case_id).where(rules.live_grants(actor, now), _recordings(), Grant.case_id.is_not(None))
    return exists().where(CaseCall.call_id == Recording.call_id, CaseCall.case_id.in_(cases)).correlate(Recording)


def _recordings() -> ColumnElement[bool]:
    return cast(Grant.fields, Text).contains(f'"{RECORDINGS}"', autoescape=True)


async def check_link(session: AsyncSession, actor: Actor, lines: Lines, call: str, case: str | None, now: dt.datetime) -> None:
    """Whether the actor may make a call part of a matter (of a new one: None). A call that no record knows yet may be linked.

    Raise :class:`router.access.rules.Foreign` for a call of others, and :class:`Forbidden` where the link would let the actor
    hear, by a grant of that matter, police who were not meant with it.
    """
    there = await session.scalar(select(visible(actor, lines)).where(Call.id == call))
    if there is None or actor.is_system:
        return
    if not there:
        raise rules.Foreign("没有这个通话,或不在您的可见范围", "检查通话编号", subject=call[:64])
    if case is None or rules.sees_police_fields(actor):
        return
    spoke = (Party.centre.in_(lines.police), Party.role != "caller", Party.joined_at.is_not(None))
    police = exists().where(Party.call_id == Call.id, *spoke).correlate(Call)
    desk = or_(Call.centre.in_(lines.police), Call.overflowed_to.in_(lines.police))
    granted = exists().where(rules.live_grants(actor, now), _recordings(), Grant.case_id == case)
    if await session.scalar(select(Call.id).where(Call.id == call, or_(desk, police), granted)):
        what = "该通话有民警参与,不能由被授权单位关联到所授权的事项"
        raise Forbidden(what, "请由公安关联", action="case.edit", subject=call[:64])


# --- calls in progress


def centres_of(live: contract.LiveCall) -> frozenset[str]:
    """Centres that are involved in a call."""
    found = {live.call.centre, live.call.overflowed_to}
    found.update(party.centre for party in live.parties)
    for transfer in live.transfers:
        found.update((transfer.from_centre, transfer.to_centre))
    return frozenset(found - {""})


def sees(actor: Actor, lines: Lines, centres: Iterable[str], seats: Iterable[str] = ()) -> bool:
    """The same question as :func:`visible`, for a call of these centres and seats that is not a complaint."""
    mine = reach(actor, lines)
    if mine is None:
        return True
    own = bool(actor.seat) and actor.role in ("operator", "police", "supervisor") and actor.seat in seats
    return own or not mine.isdisjoint(centres)


def sees_live(actor: Actor, lines: Lines, live: contract.LiveCall) -> bool:
    return sees(actor, lines, centres_of(live), {party.seat for party in live.parties if party.seat})


def takes_part(actor: Actor, live: contract.LiveCall) -> bool:
    """The actor's own seat is on the line in this call, or rings for it."""
    return bool(actor.seat) and any(party.seat == actor.seat and party.left_at is None for party in live.parties)


def may_steer(actor: Actor, lines: Lines, live: contract.LiveCall) -> bool:
    """Whoever is party to a call steers it, and the supervisors of the centres in it."""
    return takes_part(actor, live) or not supervised(actor, lines).isdisjoint(centres_of(live))


def may_listen(actor: Actor, lines: Lines, live: contract.LiveCall) -> bool:
    """A supervisor listens to the own people only: when they have handed a call over, it is the other side's."""
    mine = supervised(actor, lines)
    return any(_speaks(party) and party.centre in mine for party in live.parties)


def _speaks(party: Any) -> bool:
    return party.role != "caller" and party.joined_at is not None and party.left_at is None


def shows(actor: Actor, party: contract.PartyFacts) -> bool:
    """Who is listened to does not see it; supervisors and whoever listens do."""
    return party.mode != "listen" or actor.role == "supervisor" or actor.is_system or party.seat == actor.seat
