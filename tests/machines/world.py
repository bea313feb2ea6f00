"""A call's surroundings in miniature: plays the board, the phones and the clock towards one machine, all moved by hand."""

from __future__ import annotations

import functools

from config import settings
from telephony import contract
from telephony.machines import call, effects, inputs, plan, records

CITIZEN = "13800138000"


@functools.cache
def installation() -> plan.Plan:
    return plan.Plan(settings.load(env={}).installation)


class World:
    """Drives a :class:`CallMachine`; keeps what it wanted."""

    def __init__(self, number: str = "12345") -> None:
        self.now = 1000.0
        self.plan = installation()
        centre = self.plan.centre_of_number(number) or ""
        record = records.Call(
            id="c1",
            kind="inbound",
            centre=centre,
            called=number,
            caller_number=CITIZEN,
            origin="trunk:pstn",
            started_at=self.now,
            last_centre=centre,
        )
        record.parties["caller"] = records.Party(id="caller", role="caller", number=CITIZEN, incoming=True, invited_at=self.now)
        self.machine = call.CallMachine(record, self.plan)
        self.call = record
        self.wanted: list[effects.Effect] = []
        self.timers: dict[str, float] = {}
        self.reserved: dict[tuple[str, str], str] = {}
        self.released: list[effects.SeatRelease] = []
        self.ringing_back: list[effects.RingBack] = []

    def give(self, given: inputs.AnyInput) -> list[effects.Effect]:
        done = self.machine.handle(given, self.now)
        for effect in done:
            match effect:
                case effects.Timer(name=name, after=after):
                    self.timers[name] = self.now + after
                case effects.CancelTimer(name=name):
                    self.timers.pop(name, None)
                case effects.SeatRelease(seat=seat, owner=owner):
                    assert self.reserved.pop((seat, owner), None), f"seat {seat} released without being held"
                    self.released.append(effect)
                case effects.RingBack():
                    self.ringing_back.append(effect)
        self.wanted += done
        self.check()
        return done

    def check(self) -> None:
        """What must hold after every input."""
        scene = self.machine.scene()
        caller = self.call.caller
        if caller is not None and caller.up and self.call.stage not in ("ending", "ended"):
            heard = [q for q in scene.hears.get(caller.id, ()) if self.call.parties[q].up]
            assert heard or caller.id in scene.plays or caller.phone_held, "the caller hears nothing"
            assert self.call.staff() or self.call.attempt or self.call.transfer, "nobody cares for the caller"
        for listener, heard_by in scene.hears.items():
            assert self.call.parties[listener].up
            assert listener not in heard_by

    # --- the board

    def offer(self, seat: str, step: int = 0) -> str:
        """Give a seat to whatever the call seeks; returns the new leg."""
        attempt = self.call.attempt
        assert attempt is not None
        self.reserved[seat, attempt.id] = "reserved"
        self.give(inputs.Offered(attempt.id, seat, step))
        return self.call.attempt.leg if self.call.attempt else ""

    def none_left(self, why: str) -> None:
        assert self.call.attempt is not None
        self.give(inputs.NoneLeft(self.call.attempt.id, why))

    # --- phones

    def arrive(self) -> None:
        self.give(inputs.Arrived("caller"))
        self.give(inputs.Up("caller"))

    def answer(self, seat: str) -> str:
        """Offer a seat, let it ring and answer."""
        leg = self.offer(seat)
        self.give(inputs.Reached(leg, ringing=True))
        self.give(inputs.Up(leg))
        return leg

    def talk(self, seat: str = "8001") -> str:
        """A call that has been answered; returns the seat's leg."""
        self.arrive()
        leg = self.answer(seat)
        self.hear_out("caller")
        return leg

    def press(self, leg: str, keys: str) -> None:
        for digit in keys:
            self.give(inputs.Pressed(leg, digit))

    def hear_out(self, leg: str) -> None:
        """Let every prompt that is due to a leg play to its end."""
        party = self.call.parties[leg]
        while party.says:
            self.give(inputs.Heard(leg, party.says[0].id))

    def hang_up(self, leg: str) -> None:
        self.give(inputs.Gone(leg, 200, "them"))

    def settle(self) -> None:
        """Phones confirm what was ended."""
        for party in list(self.call.parties.values()):
            if party.leaving and party.state != "gone":
                self.give(inputs.Gone(party.id, 200, "us"))

    def run_out(self, timer: str) -> None:
        """Time passes until one timer is due."""
        self.now = max(self.now, self.timers.pop(timer))
        self.give(inputs.Due(timer))

    def ask(self, command: contract.AnyCommand) -> effects.Reply:
        replies = [e for e in self.give(inputs.Asked(command)) if isinstance(e, effects.Reply)]
        return replies[-1]

    # --- what one would notice

    def hears(self, leg: str) -> set[str]:
        return set(self.machine.scene().hears.get(leg, ()))

    def plays(self, leg: str) -> str:
        """Name of the prompt or loop in a leg's ear, or nothing."""
        playing = self.machine.scene().plays.get(leg)
        if playing is None:
            return ""
        if playing.loop:
            return playing.loop
        piece = playing.speech[0]
        return getattr(piece, "name", None) or getattr(piece, "text", "")

    def last(self, kind: type[effects.Effect]) -> effects.Effect:
        return next(e for e in reversed(self.wanted) if isinstance(e, kind))
