"""One call from arrival to end: takes inputs, changes the record, returns effects. No I/O, no clock.

This is the machine's outside and its tool box. The rules are apart: how a call begins in :mod:`arriving`, finding somebody who
answers in :mod:`seeking`, bringing another party in in :mod:`transfers`, supervision in :mod:`watching`, commands of the contract
in :mod:`asking`, and what follows when somebody leaves in :mod:`leaving`.
"""

from __future__ import annotations

from telephony.machines import (
    arriving,
    asking,
    effects,
    inputs,
    keys,
    leaving,
    phones,
    plan,
    records,
    scene,
    seeking,
    transfers,
    watching,
)
from telephony.machines.errors import Refused
from telephony.speech import pieces

LINGER = 5.0
"""Seconds after which a leg that we ended counts as gone, whatever its phone says."""


class CallMachine:
    """Inbound, internal, callback and ringback calls."""

    def __init__(self, call: records.Call, installation: plan.Plan) -> None:
        self.call = call
        self.plan = installation
        self.now = call.started_at
        self._effects: list[effects.Effect] = []

    @property
    def over(self) -> bool:
        return self.call.stage == "ended"

    def scene(self) -> effects.Scene:
        return scene.derive(self.call)

    def handle(self, given: inputs.AnyInput, now: float) -> list[effects.Effect]:
        """Take one input; ``now`` is seconds since 1970 and never goes back. Inputs about legs, attempts or timers that are no
        more are ignored: late news must never move a call."""
        self.now = now
        self._effects = []
        match given:
            case inputs.Arrived(leg=leg):
                arriving.arrived(self, leg)
            case inputs.Started():
                arriving.started(self)
            case inputs.Reached(leg=leg, ringing=ringing):
                self._reached(leg, ringing)
            case inputs.Up(leg=leg):
                self._up(leg)
            case inputs.PhoneHeld(leg=leg, on=on):
                self._phone_held(leg, on)
            case inputs.Stalled(leg=leg, on=on):
                if leg in self.call.parties:
                    self.call.parties[leg].stalled = on
            case inputs.Gone(leg=leg, code=code, by=by):
                leaving.gone(self, leg, code, by)
            case inputs.Pressed(leg=leg, digit=digit):
                self._pressed(leg, digit)
            case inputs.Heard(leg=leg, play=play):
                self._heard(leg, play)
            case inputs.Offered():
                self._offered(given)
            case inputs.NoneLeft(attempt=attempt, why=why):
                self._none_left(attempt, why)
            case inputs.Position(attempt=attempt, position=position):
                seeking.position(self, attempt, position)
            case inputs.Due(timer=timer):
                self._due(timer)
            case inputs.Asked(command=command):
                asking.handle(self, command)
            case inputs.Referred(leg=leg, target=target):
                phones.referred(self, leg, target)
            case inputs.SupervisorComes():
                watching.comes(self, given)
            case inputs.RoomLost():
                leaving.room_lost(self)
            case inputs.Moved():
                leaving.moved(self)
        self._take_note()
        return self._effects

    # --- for the rule modules

    @property
    def ending(self) -> bool:
        return self.call.stage in ("ending", "ended")

    def do(self, effect: effects.Effect) -> None:
        self._effects.append(effect)

    def say(self, party: records.Party, speech: pieces.Speech, then: str = "") -> None:
        """Queue a prompt for one ear; what still waits to be said there is not queued twice."""
        if not then and any(said.speech == speech and not said.then for said in party.says):
            return
        party.says.append(records.Say(self.call.next_id("p"), speech, then))  # type: ignore[arg-type]

    def add(self, party: records.Party) -> records.Party:
        party.invited_at = self.now
        self.call.parties[party.id] = party
        return party

    def hold(self, party: records.Party, on: bool) -> None:
        """Put a party aside with music, or take it back."""
        before = party.held or party.phone_held
        party.held = on
        self._count_hold(party, before)

    def leave(self, party: records.Party, cause: str, code: int = 0, reason: str = "") -> None:
        """End one leg."""
        if party.state == "gone" or party.leaving:
            return
        party.leaving = True
        party.end_cause = party.end_cause or cause
        party.says.clear()
        if party.asked:
            leaving.count_out(self, party, 0)
            self.answer(party.id, Refused("call.over", "the call has ended"))
            return
        for timer in ("reach", "ring"):
            self.do(effects.CancelTimer(f"{timer}:{party.id}"))
        self.do(effects.HangUp(party.id, code, reason))
        self.do(effects.Timer(f"linger:{party.id}", LINGER))

    def join(self, party: records.Party) -> None:
        """Let a party into the talk."""
        party.joined = True
        if party.staff:
            party.joined_at = party.joined_at or self.now
            caller = self.call.caller
            if caller is not None:
                caller.joined = True
                caller.joined_at = caller.joined_at or self.now

    def answer(self, waiting: str, refused: Refused | None = None, result: dict[str, str] | None = None) -> bool:
        """Answer the command that waits for the board's word about an attempt or party; False if none does."""
        command = self.call.pending.pop(waiting, "")
        if command and refused is not None:
            self.do(effects.Reply(command, False, refused.code, refused.message))
        elif command:
            self.do(effects.Reply(command, True, result=result or {}))
        return bool(command)

    def headers(self, kind: str, asker: str = "", case: str = "") -> dict[str, str]:
        """What a receiving phone or desk is told for its screen pop."""
        found = {
            "X-Hotline-Call": self.call.id,
            "X-Hotline-Caller": self.call.caller_number or "anonymous",
            "X-Hotline-Kind": kind,
        }
        if asker:
            found["X-Hotline-Asker"] = asker
        if case or self.call.case:
            found["X-Hotline-Case"] = case or self.call.case
        return found

    def end(self, cause: str) -> None:
        """End the call: everybody leaves, nothing is sought any more. A cause that was settled earlier stays."""
        call = self.call
        if self.ending:
            return
        call.stage = "ending"
        call.end_cause = call.end_cause or cause
        if call.queued_at is not None and call.waited is None:
            call.waited = self.now - call.queued_at
        seeking.drop(self)
        transfers.close(self, "caller_left" if call.end_cause in ("caller_left", "abandoned") else "failed")
        for party in call.parties.values():
            self.leave(party, "left" if party.state == "up" else "cancelled")
        leaving.settle(self)

    # --- inputs

    def _reached(self, leg: str, ringing: bool) -> None:
        party = self.call.parties.get(leg)
        if party is None or party.state in ("up", "gone"):
            return
        self.do(effects.CancelTimer(f"reach:{leg}"))
        if ringing and party.state == "invited":
            party.state = "ringing"
            party.ringing_at = self.now
            if party.owner:
                self.do(effects.SeatRinging(party.seat, party.owner))
            transfers.ringing(self, party)

    def _up(self, leg: str) -> None:
        call = self.call
        party = call.parties.get(leg)
        if party is None or party.state in ("up", "gone"):
            return
        party.state = "up"
        if party.leaving:
            self.do(effects.HangUp(leg))
            return
        for timer in ("reach", "ring"):
            self.do(effects.CancelTimer(f"{timer}:{leg}"))
        if not call.tape and not party.watching:
            call.tape = f"{call.id}-1"
        if party.owner:
            self.do(effects.SeatTalking(party.seat, party.owner))
        if call.attempt is not None and call.attempt.leg == leg:
            seeking.answered(self, party)
        elif party.watching:
            self.join(party)
            party.joined_at = self.now
        elif party.role == "caller" and not party.incoming:
            arriving.caller_answered(self, party)

    def _phone_held(self, leg: str, on: bool) -> None:
        party = self.call.parties.get(leg)
        if party is not None and party.state == "up":
            before = party.held or party.phone_held
            party.phone_held = on
            self._count_hold(party, before)

    def _count_hold(self, party: records.Party, before: bool) -> None:
        after = party.held or party.phone_held
        if after and not before:
            party.held_since = self.now
        elif before and not after and party.held_since is not None:
            party.held_seconds += self.now - party.held_since
            party.held_since = None

    def _pressed(self, leg: str, digit: str) -> None:
        """Keys count only from a centre's seat that takes part as staff: callers, trunks and duty posts command nothing."""
        party = self.call.parties.get(leg)
        if party is None or not party.up or not party.seat or not party.staff or party.role == "duty":
            return
        meaning = keys.press(party, digit, self.now)
        if meaning is not None:
            phones.key(self, party, meaning)

    def _heard(self, leg: str, play: str) -> None:
        party = self.call.parties.get(leg)
        if party is None or not party.says or party.says[0].id != play:
            return
        say = party.says.pop(0)
        if say.then == "brief":
            transfers.briefed(self, party)
        elif say.then == "leave":
            self.leave(party, "left")
        elif say.then == "end":
            self.end("completed")

    def _offered(self, given: inputs.Offered) -> None:
        party = self.call.parties.get(given.attempt)
        if party is None:
            seeking.offered(self, given)
        elif not party.asked or self.ending:
            self.do(effects.SeatRelease(given.seat, given.attempt))
        else:
            party.asked = False
            party.owner = party.id
            if party.watching:
                watching.offered(self, party)
            else:
                arriving.dial_caller(self, party)

    def _none_left(self, attempt: str, why: str) -> None:
        party = self.call.parties.get(attempt)
        if party is None:
            seeking.none_left(self, attempt, why)
        elif party.asked:
            self.answer(party.id, Refused(f"seat.{why}", f"seat {party.seat} can't be rung: {why}"))
            leaving.never_came(self, party, why)

    def _due(self, timer: str) -> None:
        name, _, leg = timer.partition(":")
        party = self.call.parties.get(leg)
        if name == "linger" and party is not None and party.leaving:
            leaving.gone(self, leg, 0, "us")
        elif name in ("reach", "ring") and party is not None and party.state in ("invited", "ringing"):
            self.leave(party, "unreachable" if name == "reach" else "no_answer")
            leaving.gone(self, leg, 408, "us")
        elif name == "redial" and self.call.stage == "arriving":
            arriving.ring_caller(self)
        elif name == "transfer":
            transfers.timed_out(self)
        elif name in ("position", "overflow"):
            seeking.due(self, name)

    # --- after each input

    def _take_note(self) -> None:
        """Keep what the matrix shows only now: who has talked (wrap-up follows), and who speaks with the caller."""
        call = self.call
        if self.ending:
            return
        watching.follow(self)
        hears = scene.hearing(call)
        caller = call.caller
        newest: records.Party | None = None
        for party in call.staff():
            heard = hears.get(party.id, ())
            if any(not call.parties[other].watching for other in heard):
                party.talked = True
            with_caller = caller is not None and (caller.id in heard or party.id in hears.get(caller.id, ()))
            if with_caller and (newest is None or (party.joined_at or 0) >= (newest.joined_at or 0)):
                newest = party
        if newest is not None:
            call.last_centre = newest.centre or call.last_centre
            call.last_seat = newest.seat or call.last_seat
