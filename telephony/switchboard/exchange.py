"""All calls of this node: admits new ones, finds the one that something is about, starts those that begin with our dialling."""

from __future__ import annotations

from typing import Any, Literal

import structlog
from twisted.internet.defer import Deferred

from telephony import contract
from telephony.edge import ports
from telephony.machines import announcement, call, effects, inputs, page, plan, records, words
from telephony.machines.errors import Refused
from telephony.queues import records as rows
from telephony.speech import pieces
from telephony.switchboard import addresses, paging
from telephony.switchboard.kit import Kit
from telephony.switchboard.session import CallSession, Machine

log = structlog.get_logger()

ROOM_PATIENCE = 2.0
"""Seconds that a call that begins with our dialling waits for a room."""

RING_BACK_TRIES = 15
"""So often a caller who was cut off is given another chance of a room."""

_MODES: dict[str, contract.SupervisionMode] = {"21": "listen", "22": "whisper", "23": "barge"}


class Exchange:
    """Implements :class:`telephony.edge.ports.Switchboard`."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._seating = kit.seating
        self._seating.offered = self._offered
        self._seating.none_left = self._none_left
        self._seating.alive = lambda: [session.call for session in self.calls.values()]
        self.calls: dict[str, CallSession] = {}
        self._legs: dict[str, CallSession] = {}
        self._trunk_calls: dict[str, int] = {}
        self._origins: dict[str, str] = {}
        self._stopping = False
        self.paging = paging.Paging(kit, self._page_session)

    # --- the front door asks

    async def admit(self, incoming: ports.IncomingCall) -> ports.Place | ports.Refuse:
        """Decide about a new call: to a service, a seat, a public number, or a feature key."""
        if self._stopping:
            return ports.Refuse(503, "shutting down")
        if incoming.dialled.startswith("*"):
            return await self._feature(incoming)
        centre = self.kit.plan.centre_of_number(incoming.dialled)
        if centre is not None:
            return await self._to_service(incoming, centre)
        return await self._internal(incoming)

    async def _to_service(self, incoming: ports.IncomingCall, centre: str) -> ports.Place | ports.Refuse:
        trunk = self.kit.plan.trunks.get(incoming.origin.id) if incoming.origin.kind == "trunk" else None
        caller = records.Party(
            id=incoming.leg,
            role="caller",
            number=incoming.caller.number,
            seat=incoming.origin.id if incoming.origin.kind == "seat" else "",
            incoming=True,
            invited_at=self.kit.now(),
        )
        session = self._new("inbound", centre, incoming.dialled, incoming.caller.number, _origin(incoming), caller)
        session.call.sip_call_id = incoming.sip_call_id
        session.call.last_centre = centre
        if caller.seat and await self._seating.own_call(caller.seat, incoming.leg, session.call.id):
            caller.owner = incoming.leg
        placed: ports.Place | ports.Refuse
        if trunk is not None and self._trunk_calls.get(trunk.id, 0) >= trunk.max_calls:
            log.warning("trunk.full", trunk=trunk.id, calls=trunk.max_calls)
            placed = ports.Refuse(486 if self._kind(centre) == "12345" else 503, "trunk is full")
        else:
            placed = await self._place(session, incoming.leg, centre)
        if isinstance(placed, ports.Place) and trunk is not None:
            self._trunk_calls[trunk.id] = self._trunk_calls.get(trunk.id, 0) + 1
            self._origins[session.call.id] = trunk.id
        if isinstance(placed, ports.Refuse):
            session.call.end_cause = "refused"
            session.give(inputs.Gone(incoming.leg, placed.code, "us"))
        return placed

    async def _internal(self, incoming: ports.IncomingCall) -> ports.Place | ports.Refuse:
        """A seat dials a seat, an outside line or a public number."""
        if incoming.origin.kind != "seat":
            return ports.Refuse(404)
        seat = self.kit.plan.seats[incoming.origin.id]
        caller = records.Party(
            id=incoming.leg,
            role=seat.role,
            seat=seat.id,
            centre=seat.centre or "",
            incoming=True,
            owner=incoming.leg,
            invited_at=self.kit.now(),
        )
        session = self._new("internal", seat.centre or "", incoming.dialled, None, _origin(incoming), caller)
        session.call.last_centre = seat.centre or ""
        if not await self._seating.own_call(seat.id, incoming.leg, session.call.id):
            caller.owner = ""
        placed = await self._place(session, incoming.leg, seat.centre or "")
        if isinstance(placed, ports.Refuse):
            session.call.end_cause = "refused"
            session.give(inputs.Gone(incoming.leg, placed.code, "us"))
        return placed

    async def _place(self, session: CallSession, leg: str, centre: str) -> ports.Place | ports.Refuse:
        purpose = addresses.purpose(self.kit.plan, centre)
        patience = self.kit.plan.installation.limits.room_wait_110 if purpose == "110" else 0
        room = await self.kit.pool.take(purpose, session, patience)
        if room is None:
            log.error("room.none_free", centre=centre)
            return ports.Refuse(503, "no room is free") if purpose == "110" else ports.Refuse(486, "all lines are busy")
        session.use(room)
        self._legs[leg] = session
        return ports.Place(room.name)

    def abandoned(self, leg: str) -> None:
        session = self._legs.get(leg)
        if session is not None:
            session.give(inputs.Gone(leg, 487, "them"))

    def refer(self, request: ports.ReferRequest) -> int:
        """A phone's REFER: only from a seat that is party to the call, to a service, an outside line or a seat."""
        for session in self.calls.values():
            for leg, dialog in session.dialogs.items():
                if dialog.call_id != request.sip_call_id:
                    continue
                party = session.call.parties.get(leg)
                if party is None or not party.seat or not party.staff or request.origin_seat not in (None, party.seat):
                    return 403
                if request.replaces:
                    return 501
                try:
                    target = self.kit.plan.target(request.target, party.centre) if request.target else None
                except plan.UnknownTarget:
                    return 404
                self.kit.reactor.callLater(0, session.give, inputs.Referred(leg, target))
                return 202
        return 481

    def seat_registered(self, seat: str, address: str) -> None:
        self._seating.registered(seat)

    def seat_gone(self, seat: str, why: Literal["unregistered", "expired", "connection lost"]) -> None:
        self._seating.gone(seat, why)

    # --- feature keys that are dialled

    async def _feature(self, incoming: ports.IncomingCall) -> ports.Place | ports.Refuse:
        if incoming.origin.kind != "seat":
            return ports.Refuse(404)
        seat = self.kit.plan.seats[incoming.origin.id]
        code = incoming.dialled[1:]
        if code[:2] in _MODES and len(code) > 2:
            return await self._supervise(incoming, seat.id, code[2:], _MODES[code[:2]])
        prompts = {"10": "available", "11": "paused", "12": "wrap_up_ended"}
        if code not in prompts:
            return await self._announce(incoming, words.clip("unknown_key"))
        if not seat.centre:
            return await self._announce(incoming, words.clip("forbidden"))
        await self._seating.set_status(seat.id, "paused" if code == "11" else "available", "")
        return await self._announce(incoming, words.clip(prompts[code]))

    async def _supervise(
        self, incoming: ports.IncomingCall, seat: str, watched: str, mode: contract.SupervisionMode
    ) -> ports.Place | ports.Refuse:
        if self.kit.plan.seats[seat].role != "supervisor":
            return await self._announce(incoming, words.clip("forbidden"))
        for session in self.calls.values():
            party = session.call.find_seat(watched)
            if party is None or session.room is None or party.role == "supervisor":
                continue
            if session.call.full:
                return await self._announce(incoming, words.clip("full"))
            self._legs[incoming.leg] = session
            session.give(inputs.SupervisorComes(incoming.leg, seat, mode, party.id))
            return ports.Place(session.room.name)
        known = watched in self.kit.plan.seats
        return await self._announce(incoming, words.clip("no_call" if known else "no_such_seat"))

    async def _announce(self, incoming: ports.IncomingCall, speech: pieces.Speech) -> ports.Place | ports.Refuse:
        record = records.Call(
            id=self.kit.new_id(),
            kind="internal",
            centre="",
            called=incoming.dialled,
            caller_number=None,
            origin=_origin(incoming),
            started_at=self.kit.now(),
        )
        session = CallSession(self.kit, self, announcement.AnnouncementMachine(record, incoming.leg, speech), record=False)
        self.calls[record.id] = session
        placed = await self._place(session, incoming.leg, "")
        if isinstance(placed, ports.Refuse):
            session.call.end_cause = "refused"
            session.give(inputs.Gone(incoming.leg, placed.code, "us"))
        return placed

    # --- calls that begin with our dialling

    def ring_back(self, lost: CallSession, effect: effects.RingBack) -> None:
        """A room died under a caller: ring at once, with top priority."""
        session = self._new("ringback", effect.centre, lost.call.called, effect.number or None, effect.origin, None)
        session.call.after = lost.call.id
        session.call.case = effect.case
        session.call.last_seat = effect.seat
        session.call.last_centre = effect.centre
        Deferred.fromCoroutine(self._begin(session, "110", RING_BACK_TRIES)).addErrback(_broken)

    async def _begin(self, session: CallSession, purpose: Literal["110", "12345", "page"], tries: int = 1) -> bool:
        """Start a call in a room of its own; False if none is to be had."""
        room = None
        for _ in range(tries):
            room = await self.kit.pool.take(purpose, session, ROOM_PATIENCE)
            if room is not None or self._stopping:
                break
        if room is None:
            session.give(inputs.RoomLost())
            return False
        session.use(room)
        session.give(inputs.Started())
        return True

    async def call_back(self, command: contract.CallBack) -> None:
        """Ring a seat, then the citizen; refused with a reason if the seat or the number can't be had."""
        seat = self.kit.plan.seats.get(command.seat)
        if seat is None or not seat.centre:
            raise Refused("seat.unknown", f"{command.seat} is no seat of a centre")
        try:
            addresses.trunk_for(self.kit.plan, command.number)
        except LookupError as problem:
            raise Refused("number.forbidden", f"{command.number} can't be called: {problem}") from problem
        session = self._new("callback", seat.centre, command.number, command.number, f"seat:{seat.id}", None)
        session.call.after, session.call.case = command.about, command.case
        session.call.last_centre = seat.centre
        if not await self._begin(session, "12345"):
            raise Refused("room.none", "no room is free: try again in a moment")
        self.answer(command.id, True, result={"call": session.call.id})

    def page(self, command: contract.Page) -> None:
        """Put a page in line, or refuse one whose number can't be called."""
        if command.to not in self.kit.plan.seats:
            try:
                addresses.trunk_for(self.kit.plan, command.to)
            except LookupError as problem:
                if command.to not in {line.number for line in self.kit.plan.lines.values()}:
                    raise Refused("number.forbidden", f"{command.to} can't be paged: {problem}") from problem
        self.answer(command.id, True, result={"page": command.id})
        self.paging.add(command)

    def page_stopped(self, command: contract.Page) -> None:
        """A page has come (again) whose stop came before it."""
        self.answer(command.id, True, result={"page": command.id})
        self.paging.never_made(command)

    def _page_session(self, command: contract.Page) -> CallSession:
        record = self._record("page", self.kit.plan.installation.centres[0].id, command.to, command.to, "page")
        record.case = command.case
        session = CallSession(self.kit, self, page.PageMachine(record, self.kit.plan, command))
        self.calls[record.id] = session
        return session

    def page_done(self, session: CallSession, result: effects.PageResult) -> None:
        self.paging.done(session, result)

    # --- commands of the contract

    async def command(self, command: contract.AnyCommand) -> None:
        """Carry out a command; it is answered now or when its machine knows."""
        try:
            match command:
                case contract.Page():
                    self.page(command)
                case contract.StopPage(page=name):
                    ended = self.paging.stop(name) or await self.kit.ended(name)
                    self.answer(command.id, True, result={"ended": ended})
                case contract.CallBack():
                    await self.call_back(command)
                case contract.SetSeatStatus():
                    await self._set_status(command)
                case contract.JoinQueue():
                    await self._seating.join(command)
                    self.answer(command.id, True)
                case contract.LeaveQueue():
                    await self._seating.withdraw(command)
                    self.answer(command.id, True)
                case _:
                    self._of_call(command.call).give(inputs.Asked(command))
        except Refused as refused:
            self.answer(command.id, False, refused.code, refused.message)

    def _of_call(self, name: str) -> CallSession:
        session = self.calls.get(name)
        if session is None:
            raise Refused("call.unknown", f"there is no live call {name}")
        return session

    async def _set_status(self, command: contract.SetSeatStatus) -> None:
        seat = self.kit.plan.seats.get(command.seat)
        if seat is None or not seat.centre:
            raise Refused("seat.unknown", f"{command.seat} is no seat of a centre")
        if command.status == "paused" and command.reason:
            known = self.kit.plan.installation.pause_reasons
            if command.reason not in known:
                raise Refused("seat.reason", f"{command.reason} is no reason: one of {', '.join(known)}")
        await self._seating.set_status(seat.id, command.status, command.reason)
        self.answer(command.id, True)

    def answer(self, command: str, ok: bool, code: str = "", message: str = "", result: dict[str, str] | None = None) -> None:
        self.kit.replied(
            command,
            contract.CommandDone(
                id=self.kit.new_id(),
                at=self.kit.now(),
                node=self.kit.node,
                command=command,
                ok=ok,
                code=code,
                message=message,
                result=result or {},
            ),
        )

    # --- bookkeeping

    def _offered(self, offer: rows.Offer, centre: str) -> bool:
        """The board has a seat for an attempt at a centre; False if its call is no more."""
        session = self.calls.get(offer.call)
        if session is None or session.machine.over:
            return False
        helps = centre if offer.home else ""
        session.give(inputs.Offered(offer.attempt, offer.seat, offer.step, helps, offer.home))
        return True

    def _none_left(self, attempt: str, call_id: str, why: str) -> None:
        session = self.calls.get(call_id)
        if session is not None:
            session.give(inputs.NoneLeft(attempt, why))

    def closed(self, session: CallSession) -> None:
        self.calls.pop(session.call.id, None)
        for leg in [leg for leg, owner in self._legs.items() if owner is session]:
            del self._legs[leg]
        trunk = self._origins.pop(session.call.id, "")
        if trunk:
            self._trunk_calls[trunk] -= 1

    async def stop(self) -> None:
        """Take no more calls; end those that are left."""
        self._stopping = True
        self.paging.close()
        for session in list(self.calls.values()):
            session.give(inputs.Asked(contract.HangUpCall(id=self.kit.new_id(), call=session.call.id, by="shutdown")))
        for _ in range(20):
            if not self.calls:
                break
            await self._seating.pause(0.1)

    def _kind(self, centre: str) -> str:
        found = self.kit.plan.centres.get(centre)
        return found.kind if found else ""

    def _record(self, kind: contract.CallKind, centre: str, called: str, number: str | None, origin: str) -> records.Call:
        return records.Call(
            id=self.kit.new_id(),
            kind=kind,
            centre=centre,
            called=called,
            caller_number=number,
            origin=origin,
            started_at=self.kit.now(),
        )

    def _new(
        self,
        kind: contract.CallKind,
        centre: str,
        called: str,
        number: str | None,
        origin: str,
        first: records.Party | None,
    ) -> CallSession:
        record = self._record(kind, centre, called, number, origin)
        if first is not None:
            record.parties[first.id] = first
        machine: Machine = call.CallMachine(record, self.kit.plan)
        session = CallSession(self.kit, self, machine)
        self.calls[record.id] = session
        return session


def _origin(incoming: ports.IncomingCall) -> str:
    return f"{incoming.origin.kind}:{incoming.origin.id}"


def _broken(failure: Any) -> None:
    log.error("exchange.failed", error=failure.getTraceback())
