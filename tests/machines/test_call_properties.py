"""Thousands of random histories of a call: the caller always hears something, no seat is kept, every call can end."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from telephony import contract
from telephony.machines import effects, inputs
from tests.machines.world import CITIZEN, World

SEATS = ["8001", "8002", "9001", "9002", "9101"]


class Histories(RuleBasedStateMachine):
    """Whatever phones, board, clock and people do, in any order. What must hold after each step is in ``World.check``."""

    @initialize(
        number=st.sampled_from(["12345", "110", "1101"]),
        talking=st.booleans(),
        kind=st.sampled_from(["", "*1", "*3", "*7"]),
        answered=st.booleans(),
    )
    def start(self, number: str, talking: bool, kind: str, answered: bool) -> None:
        """Begin at any depth, so that the later parts of a call are searched as well as the first."""
        self.world = World(number)
        if not talking:
            self.world.arrive()
            return
        leg = self.world.talk("8001" if number == "12345" else "9001")
        if kind:
            self.world.press(leg, kind)
            if answered:
                self.world.answer("9002")

    def legs(self, *states: str) -> list[str]:
        """Those whose phones the room knows in one of these states."""
        return [p.id for p in self.world.call.parties.values() if p.state in states and not p.asked]

    @precondition(lambda self: self.world.call.attempt is not None and not self.world.call.attempt.leg)
    @rule(seat=st.sampled_from(SEATS), step=st.integers(0, 1))
    def offered(self, seat: str, step: int) -> None:
        if not any(p.seat == seat and p.state != "gone" for p in self.world.call.parties.values()):
            self.world.offer(seat, step)

    @precondition(lambda self: self.world.claims)
    @rule(granted=st.booleans(), why=st.sampled_from(["busy", "off", "unreachable", "paused"]))
    def claimed(self, granted: bool, why: str) -> None:
        """The board's word about a named seat may come at any time, or too late."""
        seat = self.world.claims[-1].seat
        free = not any(p.seat == seat and p.state != "gone" and not p.asked for p in self.world.call.parties.values())
        if granted and free:
            self.world.grant()
        else:
            self.world.deny(why)

    @precondition(lambda self: self.world.call.attempt is not None and not self.world.call.attempt.leg)
    @rule(why=st.sampled_from(["no_seats", "tried"]))
    def nobody(self, why: str) -> None:
        self.world.none_left(why)

    @precondition(lambda self: self.world.call.attempt is not None)
    @rule(place=st.integers(0, 60))
    def place(self, place: int) -> None:
        assert self.world.call.attempt is not None
        self.world.give(inputs.Position(self.world.call.attempt.id, place))

    @rule(data=st.data(), ringing=st.booleans())
    def reached(self, data: st.DataObject, ringing: bool) -> None:
        legs = self.legs("invited", "ringing")
        if legs:
            self.world.give(inputs.Reached(data.draw(st.sampled_from(legs)), ringing))

    @rule(data=st.data())
    def answered(self, data: st.DataObject) -> None:
        """A phone that we ring answers; one that calls us is there once we have answered it."""
        taken = {e.leg for e in self.world.all(effects.Answer) if e.code == 200}
        legs = [leg for leg in self.legs("invited", "ringing") if leg in taken or not self.world.party(leg).incoming]
        if legs:
            self.world.give(inputs.Up(data.draw(st.sampled_from(legs))))

    @rule(data=st.data(), code=st.sampled_from([200, 408, 480, 486, 487, 503, 603]), by=st.sampled_from(["them", "error"]))
    def gone(self, data: st.DataObject, code: int, by: str) -> None:
        legs = [leg for leg in self.legs("invited", "ringing", "up") if self.world.call.parties[leg].role != "caller"]
        if legs:
            self.world.give(inputs.Gone(data.draw(st.sampled_from(legs)), code, by))

    @rule(really=st.integers(0, 9))
    def caller_hangs_up(self, really: int) -> None:
        if really == 9 and self.world.call.caller is not None and not self.world.call.caller.asked:
            self.world.hang_up(self.world.call.caller.id)

    @rule(data=st.data(), keys=st.sampled_from(["*1", "*3", "*7", "*0", "5", "*", "*9"]))
    def keys(self, data: st.DataObject, keys: str) -> None:
        legs = self.legs("up")
        if legs:
            self.world.press(data.draw(st.sampled_from(legs)), keys)

    @rule(data=st.data(), to=st.sampled_from(["", "110", "12345", "119", "8002", "nobody"]))
    def refer(self, data: st.DataObject, to: str) -> None:
        legs = self.legs("up")
        if legs:
            target = None if to == "nobody" else self.world.plan.target(to, "12345")
            self.world.give(inputs.Referred(data.draw(st.sampled_from(legs)), target))

    @rule(data=st.data())
    def heard(self, data: st.DataObject) -> None:
        legs = [leg for leg in self.legs("up") if self.world.call.parties[leg].says]
        if legs:
            leg = data.draw(st.sampled_from(legs))
            self.world.give(inputs.Heard(leg, self.world.call.parties[leg].says[0].id))

    @rule(data=st.data())
    def time_passes(self, data: st.DataObject) -> None:
        if self.world.timers:
            self.world.run_out(data.draw(st.sampled_from(sorted(self.world.timers))))

    @rule(seconds=st.floats(0.1, 40))
    def the_clock_runs(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule(data=st.data(), on=st.booleans())
    def phone_hold(self, data: st.DataObject, on: bool) -> None:
        legs = self.legs("up")
        if legs:
            self.world.give(inputs.PhoneHeld(data.draw(st.sampled_from(legs)), on))

    @rule(
        data=st.data(),
        kind=st.sampled_from(["one-key", "three-way", "consult", "blind"]),
        to=st.sampled_from(["", "110", "12345", "seat:9001", "line:119", "seat:0", "119", "seat:8090"]),
        dangerous=st.booleans(),
    )
    def transfer(self, data: st.DataObject, kind: contract.TransferKind, to: str, dangerous: bool) -> None:
        self.world.give(inputs.Asked(contract.StartTransfer(id="x", call="c1", kind=kind, target=to, dangerous=dangerous)))

    @rule(
        data=st.data(),
        what=st.sampled_from(
            ["drop", "mute", "unmute", "hold", "unhold", "join", "cancel", "take", "pick", "pick", "watch", "whisper", "barge"]
        ),
    )
    def command(self, data: st.DataObject, what: str) -> None:
        party = data.draw(st.sampled_from(sorted(self.world.call.parties) or ["nobody"]))
        commands: dict[str, contract.AnyCommand] = {
            "drop": contract.DropParty(id="x", call="c1", party=party),
            "mute": contract.MuteParty(id="x", call="c1", party=party),
            "unmute": contract.MuteParty(id="x", call="c1", party=party, on=False),
            "hold": contract.HoldParty(id="x", call="c1", party=party),
            "unhold": contract.HoldParty(id="x", call="c1", party=party, on=False),
            "join": contract.JoinTransfer(id="x", call="c1"),
            "cancel": contract.CancelTransfer(id="x", call="c1"),
            "take": contract.TakeOver(id="x", call="c1", seat="9001"),
            "pick": contract.PickWaiting(id="x", call="c1", seat=data.draw(st.sampled_from(["8003", "8090"]))),
            "watch": contract.Supervise(id="x", call="c1", seat="8090", mode="listen"),
            "whisper": contract.Supervise(id="x", call="c1", seat="8090", mode="whisper"),
            "barge": contract.Supervise(id="x", call="c1", seat="9090", mode="barge"),
        }
        self.world.give(inputs.Asked(commands[what]))

    @rule(mode=st.sampled_from(["listen", "whisper", "barge"]), data=st.data())
    def supervisor_dials_in(self, mode: contract.SupervisionMode, data: st.DataObject) -> None:
        call = self.world.call
        seats = [p for p in call.staff() if p.seat]
        if (
            seats
            and not any(p.seat == "8090" and p.state != "gone" for p in call.parties.values())
            and "s8090" not in call.parties
        ):
            self.world.give(inputs.SupervisorComes("s8090", "8090", mode, data.draw(st.sampled_from(seats)).id))
            self.world.give(inputs.Arrived("s8090"))

    @rule(data=st.data())
    def late_news(self, data: st.DataObject) -> None:
        """Events about legs that are gone must not move anything."""
        legs = self.legs("gone")
        if legs:
            leg = data.draw(st.sampled_from(legs))
            stage = self.world.call.stage
            for late in (
                inputs.Up(leg),
                inputs.Reached(leg, True),
                inputs.Gone(leg, 200, "them"),
                inputs.Pressed(leg, "*"),
                inputs.Due(f"ring:{leg}"),
                inputs.Due(f"linger:{leg}"),
                inputs.PhoneHeld(leg, True),
                inputs.NoneLeft("c1.a0", "tried"),
                inputs.Position("c1.a0", 1),
            ):
                assert not self.world.give(late)
            assert self.world.call.stage == stage

    @rule(really=st.integers(0, 9))
    def room_dies(self, really: int) -> None:
        if really == 9:
            caller = self.world.call.caller
            rung = caller is not None and not self.world.machine.ending and (caller.up or self.world.call.kind == "ringback")
            known = len(self.world.ringing_back)
            self.world.give(inputs.RoomLost())
            assert self.world.machine.over
            assert len(self.world.ringing_back) == known + rung

    def teardown(self) -> None:
        """However it went: when every phone has gone, the call is over and no seat is kept."""
        if not hasattr(self, "world"):
            return
        for _ in range(20):
            while self.world.claims:
                self.world.deny("busy")
            for leg in self.legs("invited", "ringing", "up"):
                self.world.give(inputs.Gone(leg, 200, "them"))
            if self.world.machine.over:
                break
            self.world.pass_time(10)
        assert self.world.machine.over, self.world.call.stage
        assert not self.world.reserved


class OwnCalls(Histories):
    """The same for calls that do not begin with a citizen who dials: seat to seat, call-back, ring-back."""

    @initialize(kind=st.sampled_from(["internal", "outside", "callback", "ringback", "ringback-seat"]), seat=st.booleans())
    def start(self, kind: str, seat: bool) -> None:  # type: ignore[override]
        match kind:
            case "internal":
                self.world = World.internal("8001", "8002")
            case "outside":
                self.world = World.internal("8001", CITIZEN)
            case "callback":
                self.world = World.callback()
            case "ringback":
                self.world = World.ringback(last_seat="8001" if seat else "")
            case _:
                self.world = World.ringback("seat:8004")
        if self.world.claims and seat:
            self.world.grant()
            self.world.give(inputs.Up(self.legs("invited")[-1]))


LIMITS = {"stateful_step_count": 40, "deadline": None, "suppress_health_check": list(HealthCheck)}

TestHistories = pytest.mark.timeout(300)(Histories.TestCase)
TestHistories.settings = settings(max_examples=200, **LIMITS)  # type: ignore[arg-type]

TestOwnCalls = pytest.mark.timeout(300)(OwnCalls.TestCase)
TestOwnCalls.settings = settings(max_examples=100, **LIMITS)  # type: ignore[arg-type]
