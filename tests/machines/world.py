"""A call's surroundings in miniature: plays the board, the phones and the clock towards one machine, all moved by hand."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from config import settings
from telephony import contract
from telephony.machines import call, effects, facts, inputs, plan, records
from telephony.speech import pieces

CITIZEN = "13800138000"

_record = msgspec.msgpack.Decoder(records.Call)


@functools.cache
def installation() -> plan.Plan:
    return plan.Plan(settings.load(env={}).installation)


def altered(**changes: Any) -> plan.Plan:
    """The example installation with some of its parts replaced, e.g. ``altered(transfers={"ring": 5})``."""
    whole = installation().installation
    return plan.Plan(whole.model_copy(update={k: getattr(whole, k).model_copy(update=v) for k, v in changes.items()}))


def queue_altered(centre: str, **rules: Any) -> plan.Plan:
    """The example installation with other rules in one centre's queue."""
    whole = installation().installation
    centres = [c.model_copy(update={"queue": c.queue.model_copy(update=rules)}) if c.id == centre else c for c in whole.centres]
    return plan.Plan(whole.model_copy(update={"centres": centres}))


class World:
    """Drives a :class:`CallMachine`; keeps what it wanted, and checks after every input what must always hold."""

    def __init__(
        self,
        number: str = "12345",
        *,
        kind: contract.CallKind = "inbound",
        origin: str = "trunk:pstn",
        caller: str | None = CITIZEN,
        centre: str | None = None,
        rules: plan.Plan | None = None,
        last_seat: str = "",
    ) -> None:
        self.now = 1000.0
        self.plan = rules or installation()
        centre = self.plan.centre_of_number(number) or "" if centre is None else centre
        self.call = records.Call(
            id="c1",
            kind=kind,
            centre=centre,
            called=number,
            caller_number=caller,
            origin=origin,
            started_at=self.now,
            last_centre=centre,
            last_seat=last_seat,
        )
        self.wanted: list[effects.Effect] = []
        self.timers: dict[str, float] = {}
        self.reserved: dict[tuple[str, str], str] = {}
        self.released: list[effects.SeatRelease] = []
        self.claims: list[effects.Claim] = []
        self.ringing_back: list[effects.RingBack] = []
        self.machine = call.CallMachine(self.call, self.plan)
        seat = origin.removeprefix("seat:") if origin.startswith("seat:") else ""
        if kind == "inbound":
            self._first(records.Party(id="caller", role="caller", number=caller, seat=seat, incoming=True))
        elif kind == "internal":
            rule = self.plan.seats[seat]
            self._first(records.Party(id="caller", role=rule.role, seat=seat, centre=rule.centre or "", incoming=True))

    @classmethod
    def internal(cls, seat: str, dialled: str) -> World:
        """A seat dials something; its leg is named ``caller`` here."""
        world = cls(dialled, kind="internal", origin=f"seat:{seat}", caller=None, centre=installation().seats[seat].centre or "")
        world.give(inputs.Arrived("caller"))
        return world

    @classmethod
    def callback(cls, seat: str = "8001") -> World:
        world = cls(CITIZEN, kind="callback", origin=f"seat:{seat}", centre=installation().seats[seat].centre or "")
        world.give(inputs.Started())
        return world

    @classmethod
    def ringback(cls, origin: str = "trunk:pstn", last_seat: str = "") -> World:
        world = cls("12345", kind="ringback", origin=origin, last_seat=last_seat)
        world.give(inputs.Started())
        return world

    def _first(self, party: records.Party) -> None:
        party.invited_at = self.now
        if party.seat:
            party.owner = party.id
            self.reserved[party.seat, party.id] = "talking"
        self.call.parties[party.id] = party

    def give(self, given: inputs.AnyInput) -> list[effects.Effect]:
        caller = self.call.caller
        served = caller is not None and caller.up and not self.machine.ending
        sought = self.call.stage == "talking" and self.call.attempt is not None
        left = self.call.parties.get(given.leg) if isinstance(given, inputs.Gone) else None
        by_hand = left is not None and not (left.staff and isinstance(given, inputs.Gone) and given.by == "error")
        done = self.machine.handle(given, self.now)
        if served and self.machine.ending and not isinstance(given, inputs.RoomLost | inputs.Asked | inputs.Heard):
            assert by_hand, "a caller was dropped though nobody hung up"
            assert not sought or left is caller, "a caller was dropped though somebody was still sought"
        for effect in done:
            match effect:
                case effects.Timer(name=name, after=after):
                    assert after > 0, f"timer {name} would fire for ever"
                    self.timers[name] = self.now + after
                case effects.CancelTimer(name=name):
                    self.timers.pop(name, None)
                case effects.SeatRinging(seat=seat, owner=owner):
                    assert (seat, owner) in self.reserved, f"seat {seat} rings without being held"
                case effects.SeatTalking(seat=seat, owner=owner):
                    assert (seat, owner) in self.reserved, f"seat {seat} talks without being held"
                    self.reserved[seat, owner] = "talking"
                case effects.SeatRelease(seat=seat, owner=owner):
                    assert self.reserved.pop((seat, owner), None), f"seat {seat} released without being held"
                    self.released.append(effect)
                case effects.Claim():
                    self.claims.append(effect)
                case effects.Unseek(attempt=attempt):
                    self.claims = [claim for claim in self.claims if claim.attempt != attempt]
                case effects.RingBack():
                    self.ringing_back.append(effect)
        self.wanted += done
        self.check()
        return done

    # --- what must hold after every input

    def check(self) -> None:
        scene = self.machine.scene()
        call = self.call
        caller = call.caller
        if caller is not None and caller.up and not self.machine.ending:
            assert scene.hears.get(caller.id) or caller.id in scene.plays or caller.phone_held, "the caller hears nothing"
            assert call.staff() or call.attempt or call.transfer, "nobody cares for the caller"
            assert any(p.joined for p in call.staff()) or call.attempt or call.transfer, "nobody will speak with the caller"
        for party in call.parties.values():
            if party.up and party.joined and not party.phone_held and not self.machine.ending:
                assert scene.hears.get(party.id) or party.id in scene.plays, f"{party.role} {party.seat} hears nothing"
        self._check_matrix(scene)
        self._check_records()
        assert _record.decode(msgspec.msgpack.encode(call)) == call, "the record does not survive storage"

    def _check_matrix(self, scene: effects.Scene) -> None:
        parties = self.call.parties
        for listener, heard in scene.hears.items():
            assert parties[listener].up and listener not in heard
            for speaker in heard:
                one, other = parties[listener], parties[speaker]
                assert other.up and not other.muted and not other.stalled
                if not one.watching and not other.watching and not one.muted and not one.stalled:
                    assert listener in scene.hears[speaker], "one hears the other, but not the other way round"
        for leg, playing in scene.plays.items():
            assert parties[leg].up
            speakable(playing.speech)

    def _check_records(self) -> None:
        call = self.call
        present = [p for p in call.parties.values() if p.state != "gone"]
        # A leg that we end makes room at once, whatever its phone says.
        assert sum(not p.leaving for p in present) <= records.FULL, "more parties than a room holds"
        assert len({p.seat for p in present if p.seat}) == sum(bool(p.seat) for p in present), "a seat is in the call twice"
        assert all(t.stage == "over" for t in call.transfers[:-1]), "two transfers are open"
        held = {(p.seat, p.owner) for p in present if p.owner}
        assert held == set(self.reserved), f"held by the call {held}, on the board {set(self.reserved)}"
        for transfer in call.transfers:
            assert (transfer.stage == "over") == (transfer.ended_at is not None)
            assert transfer.stage != "over" or transfer.outcome, "a transfer is over without an outcome"
            seeking = transfer.stage == "seeking"
            assert not seeking or (call.attempt is not None and call.attempt.purpose == "transfer"), "a transfer nobody works on"
        for party in call.parties.values():
            times = [t for t in (party.invited_at, party.ringing_at, party.joined_at, party.left_at) if t is not None]
            assert times == sorted(times), f"{party.id}: {times}"
            assert (party.state == "gone") == (party.left_at is not None)
            assert party.state != "gone" or party.end_cause, "a party left without a cause"
            assert party.held_seconds >= 0
        if self.machine.over:
            assert not present and call.ended_at is not None and call.end_cause and not call.tape

    # --- the board

    def offer(self, seat: str, step: int = 0, **helping: str) -> str:
        """Give a seat to whatever the call seeks; returns the new leg. ``helping``: whom a helper helps, and its home."""
        attempt = self.call.attempt
        assert attempt is not None
        self.claims = [claim for claim in self.claims if claim.attempt != attempt.id]
        self.offer_to(attempt.id, seat, step, **helping)
        return self.call.attempt.leg if self.call.attempt else ""

    def offer_to(self, attempt: str, seat: str, step: int = 0, **helping: str) -> None:
        self.reserved[seat, attempt] = "reserved"
        # Until the machine has answered, the seat is the board's and not the call's.
        done = self.give(inputs.Offered(attempt, seat, step, **helping))
        assert done

    def grant(self) -> None:
        """The board reserves the seat that was asked for last."""
        claim = self.claims.pop()
        self.offer_to(claim.attempt, claim.seat)

    def deny(self, why: str = "busy") -> None:
        self.give(inputs.NoneLeft(self.claims.pop().attempt, why))

    def none_left(self, why: str) -> None:
        assert self.call.attempt is not None
        self.give(inputs.NoneLeft(self.call.attempt.id, why))

    # --- phones

    def arrive(self) -> None:
        self.give(inputs.Arrived("caller"))
        self.give(inputs.Up("caller"))

    def ring(self, seat: str, step: int = 0, **helping: str) -> str:
        """Offer a seat and let it ring."""
        leg = self.offer(seat, step, **helping)
        self.give(inputs.Reached(leg, ringing=True))
        return leg

    def answer(self, seat: str, step: int = 0, **helping: str) -> str:
        """Offer a seat, let it ring and answer."""
        leg = self.ring(seat, step, **helping)
        self.give(inputs.Up(leg))
        return leg

    def talk(self, seat: str = "8001") -> str:
        """A call that has been answered; returns the seat's leg."""
        self.arrive()
        leg = self.answer(seat)
        self.hear_out("caller")
        return leg

    def bring(self, asker: str, keys: str, seat: str = "9101") -> str:
        """A transfer by key whose receiver has answered and heard the tag; returns the receiver's leg."""
        self.press(asker, keys)
        leg = self.answer(seat)
        self.hear_out(leg)
        return leg

    def watch(self, seat: str = "8090", mode: contract.SupervisionMode = "listen", beside: str = "") -> str:
        """A supervisor dials into the call."""
        self.give(inputs.SupervisorComes(f"s{seat}", seat, mode, beside))
        self.give(inputs.Arrived(f"s{seat}"))
        self.give(inputs.Up(f"s{seat}"))
        return f"s{seat}"

    def press(self, leg: str, keys: str) -> None:
        for digit in keys:
            self.give(inputs.Pressed(leg, digit))

    def hear_out(self, leg: str) -> None:
        """Let every prompt that is due to a leg play to its end."""
        party = self.call.parties[leg]
        while party.says:
            self.give(inputs.Heard(leg, party.says[0].id))

    def hang_up(self, leg: str, code: int = 200) -> None:
        self.give(inputs.Gone(leg, code, "them"))

    def lose(self, leg: str) -> None:
        """Cut off: nobody hung up."""
        self.give(inputs.Gone(leg, 408, "error"))

    def settle(self) -> None:
        """Phones confirm what was ended."""
        for party in list(self.call.parties.values()):
            if party.leaving and party.state != "gone":
                self.give(inputs.Gone(party.id, 200, "us"))

    def pass_time(self, seconds: float) -> None:
        """Time goes on, and every timer that falls due is told at its time."""
        until = self.now + seconds
        while self.timers and min(self.timers.values()) <= until:
            self.run_out(min(self.timers, key=lambda name: self.timers[name]))
        self.now = until

    def run_out(self, timer: str) -> None:
        """Time passes until one timer is due."""
        self.now = max(self.now, self.timers.pop(timer))
        self.give(inputs.Due(timer))

    def ask(self, command: contract.AnyCommand) -> effects.Reply:
        replies = [e for e in self.give(inputs.Asked(command)) if isinstance(e, effects.Reply)]
        return replies[-1]

    def transfer(self, kind: contract.TransferKind, **more: Any) -> effects.Reply:
        return self.ask(contract.StartTransfer(id="x", call="c1", kind=kind, **more))

    # --- what one would notice

    def hears(self, leg: str) -> set[str]:
        return set(self.machine.scene().hears.get(leg, ()))

    def plays(self, leg: str) -> str:
        """Name of the prompt or loop in a leg's ear, or nothing."""
        playing = self.machine.scene().plays.get(leg)
        if playing is None:
            return ""
        return playing.loop or name(playing.speech)

    def due(self, leg: str) -> list[str]:
        """The prompts that a leg is going to hear."""
        return [name(say.speech) for say in self.call.parties[leg].says]

    def party(self, leg: str) -> records.Party:
        return self.call.parties[leg]

    def fact(self, leg: str) -> contract.PartyFacts:
        return facts.of_party(self.call, self.call.parties[leg])

    def call_fact(self) -> contract.CallFacts:
        found = facts.of_call(self.call)[0]
        assert isinstance(found, contract.CallFacts)
        return found

    def transfer_fact(self) -> contract.TransferFacts:
        return facts.of_transfer(self.call, self.call.transfers[-1])

    def last(self, kind: type[effects.Effect]) -> Any:
        return next(e for e in reversed(self.wanted) if isinstance(e, kind))

    def all(self, kind: type[effects.Effect]) -> list[Any]:
        return [e for e in self.wanted if isinstance(e, kind)]

    def notified(self) -> list[str]:
        """What the asker's phone was told by NOTIFY, the last word marked with a full stop."""
        return [e.status.removeprefix("SIP/2.0 ") + "." * e.final for e in self.all(effects.Notify)]

    def released_seat(self, seat: str) -> effects.SeatRelease:
        return next(e for e in reversed(self.released) if e.seat == seat)


def speakable(speech: pieces.Speech) -> None:
    """Every prompt that is to be heard is in ``config/prompts.yaml``."""
    for piece in speech:
        if isinstance(piece, pieces.Clip):
            assert piece.name in installation().installation.prompts, f"there is no prompt {piece.name}"


def name(speech: pieces.Speech) -> str:
    """The first clip's name, or the text."""
    piece = speech[0]
    return getattr(piece, "name", None) or getattr(piece, "text", "")
