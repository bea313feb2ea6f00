"""Thousands of random histories of a call: the caller always hears something, no seat is kept, every call can end."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from telephony import contract
from telephony.machines import effects, inputs
from tests.machines.world import World

SEATS = ["8001", "8002", "9001", "9002", "9101"]


class Histories(RuleBasedStateMachine):
    """Whatever phones, board, clock and people do, in any order."""

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
        return [p.id for p in self.world.call.parties.values() if p.state in states]

    @precondition(lambda self: self.world.call.attempt is not None and not self.world.call.attempt.leg)
    @rule(seat=st.sampled_from(SEATS), step=st.integers(0, 1))
    def offered(self, seat: str, step: int) -> None:
        if not any(p.seat == seat and p.state != "gone" for p in self.world.call.parties.values()):
            self.world.offer(seat, step)

    @precondition(lambda self: self.world.call.attempt is not None and not self.world.call.attempt.leg)
    @rule(why=st.sampled_from(["no_seats", "tried", "busy", "off", "unreachable"]))
    def nobody(self, why: str) -> None:
        self.world.none_left(why)

    @rule(data=st.data(), ringing=st.booleans())
    def reached(self, data: st.DataObject, ringing: bool) -> None:
        legs = self.legs("invited", "ringing")
        if legs:
            self.world.give(inputs.Reached(data.draw(st.sampled_from(legs)), ringing))

    @rule(data=st.data())
    def answered(self, data: st.DataObject) -> None:
        legs = self.legs("invited", "ringing")
        if legs:
            self.world.give(inputs.Up(data.draw(st.sampled_from(legs))))

    @rule(data=st.data(), code=st.sampled_from([200, 408, 480, 486, 487, 503, 603]), by=st.sampled_from(["them", "error"]))
    def gone(self, data: st.DataObject, code: int, by: str) -> None:
        legs = [leg for leg in self.legs("invited", "ringing", "up") if self.world.call.parties[leg].role != "caller"]
        if legs:
            self.world.give(inputs.Gone(data.draw(st.sampled_from(legs)), code, by))

    @rule(really=st.integers(0, 9))
    def caller_hangs_up(self, really: int) -> None:
        if really == 9 and self.world.call.caller is not None:
            self.world.hang_up(self.world.call.caller.id)

    @rule(data=st.data(), keys=st.sampled_from(["*1", "*3", "*7", "*0", "5", "*", "*9"]))
    def keys(self, data: st.DataObject, keys: str) -> None:
        legs = self.legs("up")
        if legs:
            self.world.press(data.draw(st.sampled_from(legs)), keys)

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

    @rule(data=st.data(), on=st.booleans())
    def phone_hold(self, data: st.DataObject, on: bool) -> None:
        legs = self.legs("up")
        if legs:
            self.world.give(inputs.PhoneHeld(data.draw(st.sampled_from(legs)), on))

    @rule(
        data=st.data(),
        kind=st.sampled_from(["one-key", "three-way", "consult", "blind"]),
        to=st.sampled_from(["", "110", "12345", "seat:9001", "line:119", "seat:0", "119"]),
        dangerous=st.booleans(),
    )
    def transfer(self, data: st.DataObject, kind: contract.TransferKind, to: str, dangerous: bool) -> None:
        self.world.give(inputs.Asked(contract.StartTransfer(id="x", call="c1", kind=kind, target=to, dangerous=dangerous)))

    @rule(data=st.data(), what=st.sampled_from(["drop", "mute", "hold", "unhold", "join", "cancel", "take", "pick", "watch"]))
    def command(self, data: st.DataObject, what: str) -> None:
        parties = sorted(self.world.call.parties)
        party = data.draw(st.sampled_from(parties))
        commands: dict[str, contract.AnyCommand] = {
            "drop": contract.DropParty(id="x", call="c1", party=party),
            "mute": contract.MuteParty(id="x", call="c1", party=party),
            "hold": contract.HoldParty(id="x", call="c1", party=party),
            "unhold": contract.HoldParty(id="x", call="c1", party=party, on=False),
            "join": contract.JoinTransfer(id="x", call="c1"),
            "cancel": contract.CancelTransfer(id="x", call="c1"),
            "take": contract.TakeOver(id="x", call="c1", seat="9001"),
            "pick": contract.PickWaiting(id="x", call="c1", seat="8003"),
            "watch": contract.Supervise(id="x", call="c1", seat="8090", mode="whisper"),
        }
        for effect in self.world.give(inputs.Asked(commands[what])):
            if isinstance(effect, effects.Claim) and not effect.attempt.startswith("c1.a"):
                self.world.reserved[effect.seat, effect.attempt] = "reserved"
                self.world.give(inputs.Offered(effect.attempt, effect.seat))

    @rule(data=st.data())
    def late_news(self, data: st.DataObject) -> None:
        """Events about legs that are gone must not move anything."""
        legs = self.legs("gone")
        if legs:
            leg = data.draw(st.sampled_from(legs))
            stage = self.world.call.stage
            for late in (inputs.Up(leg), inputs.Reached(leg, True), inputs.Gone(leg, 200, "them"), inputs.Pressed(leg, "*")):
                assert not self.world.give(late)
            assert self.world.call.stage == stage

    def teardown(self) -> None:
        """However it went: when every phone has gone, the call is over and no seat is kept."""
        if not hasattr(self, "world"):
            return
        for _ in range(20):
            legs = self.legs("invited", "ringing", "up")
            if not legs:
                break
            for leg in legs:
                self.world.give(inputs.Gone(leg, 200, "them"))
        assert self.world.machine.over, self.world.call.stage
        assert not self.world.reserved


TestHistories = pytest.mark.timeout(300)(Histories.TestCase)
TestHistories.settings = settings(
    max_examples=250, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
