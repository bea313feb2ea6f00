"""One call from arrival to end: takes inputs, changes the record, returns effects. No I/O, no clock.

The rules of a call that are about finding somebody who answers are in :mod:`seeking`, those about bringing another party in
in :mod:`transfers`, commands of the contract in :mod:`asking`.
"""

from __future__ import annotations

from telephony.machines import asking, effects, inputs, keys, plan, records, scene, seeking, transfers, words
from telephony.speech import pieces

LINGER = 5.0
"""Seconds after which a leg that we ended counts as gone, whatever its phone says."""

REDIAL = 5.0
"""Seconds between two tries to ring a caller back."""

CITIZEN_RINGS = 45.0
"""Seconds that a citizen's phone rings when we call."""

_CAUSES = {486: "busy", 600: "busy", 603: "refused", 403: "refused", 487: "cancelled"}


def cause_of(code: int) -> str:
    """Why an unanswered leg ended, from its SIP status."""
    return _CAUSES.get(code, "unreachable")


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
                self._arrived(leg)
            case inputs.Started():
                self._started()
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
                self._gone(leg, code, by)
            case inputs.Pressed(leg=leg, digit=digit):
                self._pressed(leg, digit)
            case inputs.Heard(leg=leg, play=play):
                self._heard(leg, play)
            case inputs.Offered(attempt=attempt, seat=seat, step=step):
                self._offered(attempt, seat, step)
            case inputs.NoneLeft(attempt=attempt, why=why):
                self._none_left(attempt, why)
            case inputs.Position(attempt=attempt, position=position):
                seeking.position(self, attempt, position)
            case inputs.Due(timer=timer):
                self._due(timer)
            case inputs.Asked(command=command):
                asking.handle(self, command)
            case inputs.Referred(leg=leg, target=target):
                transfers.referred(self, leg, target)
            case inputs.SupervisorComes(leg=leg, seat=seat, mode=mode, beside=beside):
                self.add(records.Party(id=leg, role="supervisor", seat=seat, incoming=True, mode=mode, beside=beside))
            case inputs.RoomLost():
                self._room_lost()
            case inputs.Moved():
                self._moved()
        return self._effects

    # --- for the rule modules

    def do(self, effect: effects.Effect) -> None:
        self._effects.append(effect)

    def say(self, party: records.Party, speech: pieces.Speech, then: str = "") -> None:
        """Queue a prompt for one ear."""
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
        self.do(effects.HangUp(party.id, code, reason))
        self.do(effects.Timer(f"linger:{party.id}", LINGER))

    def join(self, party: records.Party) -> None:
        """Let a party into the talk."""
        party.joined = True
        if party.staff:
            party.talked = True
            party.joined_at = party.joined_at or self.now
            caller = self.call.caller
            if caller is not None:
                self.call.last_centre = party.centre or self.call.last_centre
                self.call.last_seat = party.seat or self.call.last_seat
                caller.joined = True
                caller.joined_at = caller.joined_at or self.now

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
        """End the call: everybody leaves, nothing is sought any more."""
        if self.call.stage in ("ending", "ended"):
            return
        self.call.stage = "ending"
        self.call.end_cause = cause
        seeking.drop(self)
        transfers.close(self, "caller_left" if cause in ("caller_left", "abandoned") else "failed")
        for party in self.call.parties.values():
            self.leave(party, "left" if party.state == "up" else "cancelled")
        self._settle()

    # --- inputs

    def _arrived(self, leg: str) -> None:
        party = self.call.parties.get(leg)
        if party is None or self.call.stage in ("ending", "ended"):
            self.do(effects.HangUp(leg, 480))
            return
        if party.role == "supervisor":
            self.do(effects.Answer(leg))
        elif self.call.kind == "inbound":
            self.do(effects.Answer(leg))
            self._enter_queue(party)
        elif self.call.attempt is None:
            self.do(effects.Answer(leg, 180))
            target = seeking.dialled_target(self)
            seeking.start(self, "answer", target, rank=1)

    def _enter_queue(self, caller: records.Party) -> None:
        call = self.call
        if call.stage != "arriving":
            return
        call.stage = "waiting"
        call.queued_at = self.now
        rules = self.plan.centres[call.centre].queue
        self.say(caller, words.clip(rules.greeting))
        target = records.Target("queue", call.centre, call.centre)
        seeking.start(self, "answer", target, rank=self.plan.rank(call.centre, transfer=False))

    def _started(self) -> None:
        call = self.call
        if call.kind == "callback":
            call.stage = "waiting"
            seat = call.origin.removeprefix("seat:")
            seeking.start(self, "callback", records.Target("seat", seat, call.centre), rank=0)
        elif call.kind == "ringback":
            self.ring_caller()

    def ring_caller(self) -> None:
        """Call the citizen: second half of a callback, first half of a ringback."""
        call = self.call
        seat = call.origin.removeprefix("seat:") if call.kind == "ringback" and call.origin.startswith("seat:") else ""
        party = self.add(
            records.Party(id=call.next_id("l"), role="caller", number=call.caller_number, centre=call.centre, seat=seat)
        )
        number = "" if seat else call.caller_number or ""
        shown = self.plan.centres[call.centre].numbers[0] if call.centre in self.plan.centres else call.called
        self.do(effects.Dial(party.id, seat=seat, number=number, caller=shown, headers=self.headers(call.kind)))
        self.do(effects.Timer(f"ring:{party.id}", CITIZEN_RINGS))

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
        if not call.tape and party.role != "supervisor":
            call.tape = f"{call.id}-1"
        if party.owner:
            self.do(effects.SeatTalking(party.seat, party.owner))
        if call.attempt is not None and call.attempt.leg == leg:
            seeking.answered(self, party)
        elif party.role == "supervisor":
            party.joined = True
            party.joined_at = self.now
        elif party.role == "caller" and call.kind == "ringback":
            self._caller_is_back(party)
        elif not party.incoming:
            self._citizen_answered(party)

    def _citizen_answered(self, party: records.Party) -> None:
        """The second half of a callback is there."""
        party.joined_at = self.now
        self.call.answered_at = self.call.answered_at or self.now
        for staff in self.call.staff():
            staff.says.clear()
            self.join(staff)
        self.join(party)
        self.say(party, words.clip("callback_intro"))
        self.call.stage = "talking"

    def _caller_is_back(self, caller: records.Party) -> None:
        call = self.call
        call.stage = "waiting"
        call.queued_at = self.now
        self.say(caller, words.clip("reconnecting"))
        target = records.Target("queue", call.centre, call.centre)
        seeking.start(self, "ringback", target, rank=0, prefer=call.last_seat)

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
        party = self.call.parties.get(leg)
        if party is None or not party.up or not party.seat or party.role not in ("operator", "police"):
            return
        meaning = keys.press(party, digit, self.now)
        if meaning is not None:
            transfers.key(self, party, meaning)

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

    def _offered(self, attempt: str, seat: str, step: int) -> None:
        party = self.call.parties.get(attempt)
        if party is not None and party.role == "supervisor":
            asking.supervisor_offered(self, party)
        else:
            seeking.offered(self, attempt, seat, step)

    def _none_left(self, attempt: str, why: str) -> None:
        party = self.call.parties.get(attempt)
        if party is not None and party.role == "supervisor":
            asking.supervisor_denied(self, party, why)
        else:
            seeking.none_left(self, attempt, why)

    def _due(self, timer: str) -> None:
        name, _, leg = timer.partition(":")
        party = self.call.parties.get(leg)
        if name == "linger" and party is not None:
            self._gone(leg, 0, "us")
        elif name in ("reach", "ring") and party is not None and party.state in ("invited", "ringing"):
            self.leave(party, "unreachable" if name == "reach" else "no_answer")
            self._gone(leg, 408, "us")
        elif name == "redial" and self.call.stage == "arriving":
            self.ring_caller()
        elif name == "transfer":
            transfers.timed_out(self)
        elif name in ("position", "overflow"):
            seeking.due(self, name)

    # --- endings

    def _gone(self, leg: str, code: int, by: str) -> None:
        call = self.call
        party = call.parties.get(leg)
        if party is None or party.state == "gone":
            return
        answered = party.state == "up"
        lost = answered and by == "error" and not party.leaving
        self._count_out(party, code)
        if not party.end_cause:
            party.end_cause = ("error" if lost else "left") if answered else cause_of(code)
        if party.owner:
            unreachable = not answered and party.end_cause == "unreachable"
            self.do(effects.SeatRelease(party.seat, party.owner, talked=party.talked, unreachable=unreachable))
        for timer in ("reach", "ring", "linger"):
            self.do(effects.CancelTimer(f"{timer}:{leg}"))
        if call.stage not in ("ending", "ended"):
            if call.attempt is not None and call.attempt.leg == leg:
                seeking.leg_gone(self, party)
            elif party.role == "caller":
                self._caller_gone(party, answered)
            elif party.role != "supervisor":
                transfers.staff_gone(self, party, lost)
        self._settle()

    def _count_out(self, party: records.Party, code: int) -> None:
        party.state = "gone"
        party.left_at = self.now
        party.sip_code = code
        party.says.clear()
        if party.held_since is not None:
            party.held_seconds += self.now - party.held_since
            party.held_since = None

    def _caller_gone(self, party: records.Party, answered: bool) -> None:
        call = self.call
        if not answered and call.kind == "callback":
            for staff in call.staff():
                self.say(staff, words.clip("callback_failed"), then="end")
        elif not answered and call.kind == "ringback":
            tries = sum(p.role == "caller" for p in call.parties.values())
            if tries < 2 and party.end_cause != "refused":
                self.do(effects.Timer("redial", REDIAL))
            else:
                self.end("failed")
        elif call.stage in ("arriving", "waiting"):
            self.end("abandoned" if call.answered_at is None else "caller_left")
        else:
            transfers.caller_gone(self)

    def settle_talk(self, cause: str) -> None:
        """After somebody left a talk: does it go on without them? ``cause``: why the call ends if not."""
        call = self.call
        if call.stage != "talking":
            return
        staff = call.staff()
        pending = call.transfer is not None and call.transfer.stage in ("seeking", "briefing")
        if call.caller is not None:
            if not staff and not pending:
                self.end(cause)
        elif len(staff) < 2 and not (staff and pending) and not any(p.says and p.says[-1].then for p in staff):
            self.end(cause)

    def _settle(self) -> None:
        call = self.call
        if call.stage == "ending" and all(p.state == "gone" for p in call.parties.values()):
            call.stage = "ended"
            call.ended_at = self.now
            if call.queued_at is not None and call.waited is None:
                call.waited = self.now - call.queued_at
            call.tape = ""

    def _room_lost(self) -> None:
        call = self.call
        if call.stage in ("ending", "ended"):
            call.stage = "ending"
        else:
            caller = call.caller
            number = caller.number if caller is not None else None
            seat = caller.seat if caller is not None else ""
            if caller is not None and caller.up and (number or seat):
                last = call.last_seat if call.stage == "talking" else ""
                centre = call.last_centre or (call.attempt.target.centre if call.attempt else "") or call.centre
                origin = f"seat:{seat}" if seat else call.origin
                self.do(effects.RingBack(number or "", centre, last, call.case, origin))
        seeking.drop(self)
        transfers.close(self, "failed")
        call.end_cause = call.end_cause or "room_lost"
        call.stage = "ending"
        for party in call.parties.values():
            if party.state != "gone":
                party.end_cause = party.end_cause or "room_lost"
                self._count_out(party, 0)
                if party.owner:
                    self.do(effects.SeatRelease(party.seat, party.owner))
        self._settle()

    def _moved(self) -> None:
        """Every leg but the unanswered incoming one was lost; the search begins anew in the new room."""
        call = self.call
        seeking.drop(self)
        for party in call.parties.values():
            if party.incoming and party.state == "invited":
                party.says.clear()
            elif party.state != "gone":
                party.end_cause = "room_lost"
                self._count_out(party, 0)
                if party.owner:
                    self.do(effects.SeatRelease(party.seat, party.owner))
        call.stage = "arriving"
