"""Paging: ring, speak, collect a key, speak its effect back; each way a page can end is told apart."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from telephony import contract
from telephony.machines import effects, facts, inputs, page, records
from telephony.speech import pieces
from tests.machines.world import installation, name, speakable

LEG = "p1.l1"
SPEECH = (pieces.Text("滇池路发生燃气泄漏，请立即到场。"),)


class Paged:
    """Drives a :class:`PageMachine` to a seat or a number."""

    def __init__(self, to: str = "7001", *, start: bool = True, **more: object) -> None:
        self.now = 1000.0
        call = records.Call(id="p1", kind="page", centre="12345", called=to, caller_number=to, origin="page", started_at=self.now)
        self.machine = page.PageMachine(call, installation(), contract.Page(id="g1", to=to, speech=SPEECH, **more))  # type: ignore[arg-type]
        self.call = call
        self.wanted: list[effects.Effect] = []
        self.timers: dict[str, float] = {}
        self.held: set[str] = set()
        if start:
            self.give(inputs.Started())

    def give(self, given: inputs.AnyInput) -> list[effects.Effect]:
        if isinstance(given, inputs.Offered):
            assert given.attempt not in self.held
            self.held.add(given.attempt)
        done = self.machine.handle(given, self.now)
        for effect in done:
            match effect:
                case effects.Timer(name=timer, after=after):
                    self.timers[timer] = self.now + after
                case effects.CancelTimer(name=timer):
                    self.timers.pop(timer, None)
                case effects.SeatRelease(owner=owner):
                    assert owner in self.held, "a seat is released that is not held"
                    self.held.discard(owner)
        self.wanted += done
        party = self.call.parties.get(LEG)
        if party is not None and party.up and self.call.stage == "talking":
            assert LEG in self.machine.scene().plays, "the paged person hears nothing"
            speakable(self.machine.scene().plays[LEG].speech)
        assert len(self.results()) == self.machine.over, "one result, at the end"
        assert msgspec.msgpack.Decoder(records.Call).decode(msgspec.msgpack.encode(self.call)) == self.call
        return done

    def answer(self) -> None:
        self.give(inputs.Offered(LEG, self.machine.command.to))
        self.give(inputs.Reached(LEG, ringing=True))
        self.give(inputs.Up(LEG))

    def hear_out(self) -> None:
        while (says := self.call.parties[LEG].says) and not self.call.parties[LEG].leaving:
            self.give(inputs.Heard(LEG, says[0].id))

    def run_out(self, timer: str) -> None:
        self.now = max(self.now, self.timers.pop(timer))
        self.give(inputs.Due(timer))

    def gone(self, code: int = 200, by: str = "them") -> None:
        self.give(inputs.Gone(LEG, code, by))

    def due(self) -> list[str]:
        return [name(say.speech) for say in self.call.parties[LEG].says]

    def results(self) -> list[effects.PageResult]:
        return [e for e in self.wanted if isinstance(e, effects.PageResult)]

    @property
    def outcome(self) -> str:
        assert self.machine.over
        return self.results()[0].outcome

    @property
    def row(self) -> contract.PartyFacts:
        return facts.of_party(self.call, self.call.parties[LEG])


def test_a_post_is_reserved_rung_and_told() -> None:
    paged = Paged()
    assert paged.wanted == [effects.Claim(LEG, "7001", force=True)]
    paged.give(inputs.Offered(LEG, "7001"))
    dial = next(e for e in paged.wanted if isinstance(e, effects.Dial))
    assert (dial.seat, dial.caller, dial.headers["X-Hotline-Kind"]) == ("7001", "12345", "page")
    paged.give(inputs.Reached(LEG, ringing=True))
    paged.give(inputs.Up(LEG))
    assert paged.due() == [SPEECH[0].text, "page_keys"]


def test_a_public_number_is_rung_through_a_trunk() -> None:
    paged = Paged("13900000001")
    dial = next(e for e in paged.wanted if isinstance(e, effects.Dial))
    assert (dial.number, dial.seat) == ("13900000001", "")
    assert paged.row.role == "outside"


@pytest.mark.parametrize(
    ("digit", "outcome", "prompt"),
    [("1", "accepted", "page_accepted"), ("2", "refused", "page_refused"), ("3", "escalated", "page_escalated")],
)
def test_the_effect_of_a_key_is_spoken_back_before_the_call_ends(digit: str, outcome: str, prompt: str) -> None:
    paged = Paged()
    paged.answer()
    answered = paged.now
    paged.give(inputs.Pressed(LEG, digit))
    assert paged.due() == [prompt], "the key stops the speech"
    paged.hear_out()
    paged.gone(by="us")
    assert paged.results() == [effects.PageResult(outcome, digit, answered, answered)]
    assert (paged.call.end_cause, paged.row.end_cause) == ("completed", "left")


def test_a_key_of_ones_own_is_noted() -> None:
    paged = Paged(keys={"9": "later"})
    paged.answer()
    paged.give(inputs.Pressed(LEG, "9"))
    assert paged.due() == ["page_noted"]
    paged.gone()
    assert paged.outcome == "later"


def test_the_star_repeats_the_speech_as_often_as_one_likes() -> None:
    paged = Paged(repeats=0)
    paged.answer()
    for _ in range(5):
        paged.give(inputs.Pressed(LEG, "*"))
        assert paged.due() == [SPEECH[0].text, "page_keys"]
        paged.hear_out()
    paged.give(inputs.Pressed(LEG, "1"))
    paged.gone()
    assert paged.outcome == "accepted"


def test_a_wrong_key_is_said_and_the_right_one_still_counts() -> None:
    paged = Paged()
    paged.answer()
    paged.give(inputs.Pressed(LEG, "7"))
    assert paged.due() == ["page_wrong_key", "page_keys"]
    paged.give(inputs.Pressed(LEG, "2"))
    paged.gone()
    assert paged.outcome == "refused"


def test_without_a_key_it_is_repeated_and_at_last_said_and_ended() -> None:
    paged = Paged(repeats=2)
    paged.answer()
    for _ in range(3):
        assert paged.due() == [SPEECH[0].text, "page_keys"]
        paged.hear_out()
        paged.run_out("key")
    assert paged.due() == ["page_no_key"]
    paged.hear_out()
    paged.gone(by="us")
    assert paged.outcome == "no_key"


def test_a_key_that_comes_with_the_last_word_still_counts() -> None:
    paged = Paged(repeats=0)
    paged.answer()
    paged.hear_out()
    paged.run_out("key")
    assert paged.due() == ["page_no_key"]
    paged.give(inputs.Pressed(LEG, "1"))
    assert paged.due() == ["page_accepted"]
    paged.hear_out()
    paged.gone(by="us")
    assert paged.outcome == "accepted"


def test_the_first_key_counts_and_hanging_up_during_its_echo_does_not_undo_it() -> None:
    paged = Paged()
    paged.answer()
    paged.give(inputs.Pressed(LEG, "1"))
    paged.give(inputs.Pressed(LEG, "2"))
    paged.gone()
    assert (paged.outcome, paged.results()[0].digit) == ("accepted", "1")


def test_hanging_up_without_a_key_is_no_answer_to_the_page() -> None:
    paged = Paged()
    paged.answer()
    paged.gone()
    assert paged.outcome == "no_key"


@pytest.mark.parametrize(
    ("code", "rang", "outcome", "cause"),
    [
        (486, True, "busy", "busy"),
        (600, False, "busy", "busy"),
        (603, True, "rejected", "refused"),
        (403, False, "rejected", "refused"),
        (480, True, "no_answer", "no_answer"),
        (408, False, "unreachable", "unreachable"),
        (503, False, "unreachable", "unreachable"),
        (404, False, "unreachable", "unreachable"),
    ],
)
def test_why_a_phone_does_not_answer_is_told_apart(code: int, rang: bool, outcome: str, cause: str) -> None:
    paged = Paged()
    paged.give(inputs.Offered(LEG, "7001"))
    if rang:
        paged.give(inputs.Reached(LEG, ringing=True))
    paged.gone(code)
    assert (paged.outcome, paged.row.end_cause, paged.call.end_cause) == (outcome, cause, "failed")
    assert not paged.held


def test_a_phone_that_rings_too_long_does_not_answer() -> None:
    paged = Paged(ring=25)
    paged.give(inputs.Offered(LEG, "7001"))
    paged.give(inputs.Reached(LEG, ringing=True))
    assert paged.timers[f"ring:{LEG}"] == paged.now + 25
    paged.run_out(f"ring:{LEG}")
    assert paged.outcome == "no_answer"
    assert any(isinstance(e, effects.HangUp) for e in paged.wanted)


@pytest.mark.parametrize(("why", "outcome"), [("busy", "busy"), ("off", "unreachable"), ("unreachable", "unreachable")])
def test_a_post_that_can_not_be_had_is_told_at_once(why: str, outcome: str) -> None:
    paged = Paged()
    paged.give(inputs.NoneLeft(LEG, why))
    assert paged.outcome == outcome
    assert not any(isinstance(e, effects.SeatRelease) for e in paged.wanted)


def test_a_page_can_be_hung_up_at_any_moment() -> None:
    hang_up = inputs.Asked(contract.HangUpCall(id="x", call="p1"))
    before = Paged(start=False)
    before.give(hang_up)
    assert before.outcome == "failed"
    asked = Paged()
    asked.give(hang_up)
    assert asked.outcome == "failed"
    assert asked.give(inputs.Offered(LEG, "7001")) == [effects.SeatRelease("7001", LEG)]
    assert not any(isinstance(e, effects.HangUp) for e in asked.wanted), "there is no leg yet"
    ringing = Paged("13900000001")
    ringing.give(hang_up)
    ringing.gone(487, "us")
    assert (ringing.outcome, ringing.row.end_cause) == ("failed", "cancelled")
    talking = Paged()
    talking.answer()
    talking.give(hang_up)
    talking.gone(by="us")
    assert talking.outcome == "failed"
    for paged in (before, asked, ringing, talking):
        assert [e.ok for e in paged.wanted if isinstance(e, effects.Reply)] == [True]


def stop(paged: Paged) -> None:
    paged.give(inputs.Stopped())


def test_a_phone_that_rings_is_let_go_when_the_page_is_stopped() -> None:
    before = Paged(start=False)
    stop(before)
    asked = Paged()
    stop(asked)
    assert asked.give(inputs.Offered(LEG, "7001")) == [effects.SeatRelease("7001", LEG)], "the board's word came late"
    dialled, ringing = Paged("13900000001"), Paged()
    ringing.give(inputs.Offered(LEG, "7001"))
    ringing.give(inputs.Reached(LEG, ringing=True))
    for paged in (dialled, ringing):
        stop(paged)
        assert [e.leg for e in paged.wanted if isinstance(e, effects.HangUp)] == [LEG]
        paged.gone(487, "us")
        assert paged.row.end_cause == "cancelled"
        assert not paged.held
    for paged in (before, asked, dialled, ringing):
        assert (paged.outcome, paged.call.end_cause) == ("stopped", "completed")


def test_a_phone_that_answers_while_its_page_is_stopped_is_hung_up_without_a_word() -> None:
    paged = Paged("13900000001")
    stop(paged)
    assert paged.give(inputs.Up(LEG)) == [effects.HangUp(LEG)]
    paged.gone(by="us")
    assert paged.outcome == "stopped"


def test_who_has_answered_hears_that_somebody_has_taken_it_and_can_not_take_it_any_more() -> None:
    paged = Paged()
    paged.answer()
    stop(paged)
    assert paged.due() == ["page_taken"], "the speech ends"
    paged.give(inputs.Pressed(LEG, "1"))
    stop(paged)
    assert paged.due() == ["page_taken"], "said once"
    paged.hear_out()
    paged.gone(by="us")
    assert (paged.outcome, paged.results()[0].digit) == ("stopped", "")
    assert (paged.call.end_cause, paged.row.end_cause) == ("completed", "left")


def test_a_page_that_waits_for_a_key_can_be_stopped_also_while_it_tells_that_none_came() -> None:
    for last_word in (False, True):
        paged = Paged(repeats=0)
        paged.answer()
        paged.hear_out()
        if last_word:
            paged.run_out("key")
        stop(paged)
        assert "key" not in paged.timers
        assert paged.due() == ["page_taken"]
        paged.gone()
        assert paged.outcome == "stopped"


@pytest.mark.parametrize(("digit", "outcome"), [("1", "accepted"), ("2", "refused"), ("3", "escalated")])
def test_a_key_that_was_pressed_before_the_stop_counts(digit: str, outcome: str) -> None:
    paged = Paged()
    paged.answer()
    paged.give(inputs.Pressed(LEG, digit))
    echo = paged.due()
    stop(paged)
    assert paged.due() == echo
    paged.hear_out()
    paged.gone(by="us")
    assert (paged.outcome, paged.results()[0].digit) == (outcome, digit)


def test_a_stop_after_the_end_changes_nothing() -> None:
    paged = Paged()
    paged.give(inputs.NoneLeft(LEG, "busy"))
    stop(paged)
    assert paged.outcome == "busy"
    hung_up = Paged("13900000001")
    hung_up.give(inputs.Asked(contract.HangUpCall(id="x", call="p1")))
    stop(hung_up)
    hung_up.gone(487, "us")
    assert hung_up.outcome == "failed"


def test_the_matter_of_a_page_is_told_to_the_phone() -> None:
    paged = Paged("13900000001", case="k1")
    dial = next(e for e in paged.wanted if isinstance(e, effects.Dial))
    assert dial.headers["X-Hotline-Case"] == "k1"


def test_nothing_else_can_be_asked_of_a_page() -> None:
    paged = Paged()
    paged.give(inputs.Asked(contract.StartTransfer(id="x", call="p1", kind="one-key")))
    assert [e.code for e in paged.wanted if isinstance(e, effects.Reply)] == ["call.page"]


def test_a_room_that_dies_fails_the_page_but_not_a_key_that_was_pressed() -> None:
    paged = Paged()
    paged.answer()
    paged.give(inputs.RoomLost())
    assert (paged.outcome, paged.row.end_cause, paged.call.end_cause) == ("failed", "room_lost", "room_lost")
    paged = Paged()
    paged.answer()
    paged.give(inputs.Pressed(LEG, "1"))
    paged.give(inputs.RoomLost())
    assert paged.outcome == "accepted"


def test_a_phone_that_answers_while_it_is_cancelled_is_hung_up() -> None:
    paged = Paged("13900000001")
    paged.give(inputs.Asked(contract.HangUpCall(id="x", call="p1")))
    assert paged.give(inputs.Up(LEG)) == [effects.HangUp(LEG)]
    paged.run_out(f"linger:{LEG}")
    assert paged.machine.over


class Pages(RuleBasedStateMachine):
    """Anything in any order: there is one result, the seat is given back once, and the page can always end."""

    @initialize(to=st.sampled_from(["7001", "13900000001"]), started=st.booleans())
    def start(self, to: str, started: bool) -> None:
        self.paged = Paged(to, start=started)

    @rule(seat=st.booleans())
    def board(self, seat: bool) -> None:
        if any(isinstance(e, effects.Claim) for e in self.paged.wanted) and not self.paged.held:
            self.paged.give(inputs.Offered(LEG, "7001") if seat else inputs.NoneLeft(LEG, "busy"))

    @rule(
        what=st.sampled_from(
            [
                inputs.Started(),
                inputs.Reached(LEG, True),
                inputs.Up(LEG),
                inputs.Gone(LEG, 486, "them"),
                inputs.Gone(LEG, 200, "them"),
                inputs.RoomLost(),
                inputs.Asked(contract.HangUpCall(id="x", call="p1")),
                inputs.Stopped(),
                inputs.PhoneHeld(LEG, True),
            ]
        ),
        now=st.floats(0, 5),
    )
    def happens(self, what: inputs.AnyInput, now: float) -> None:
        dialled = any(isinstance(e, effects.Dial) for e in self.paged.wanted)
        if dialled or isinstance(what, inputs.Started | inputs.RoomLost | inputs.Asked | inputs.Stopped):
            self.paged.now += now
            self.paged.give(what)

    @rule(digit=st.sampled_from("0123*#"))
    def press(self, digit: str) -> None:
        self.paged.give(inputs.Pressed(LEG, digit))

    @rule()
    def heard(self) -> None:
        if LEG in self.paged.call.parties:
            self.paged.hear_out()

    @rule(data=st.data())
    def time(self, data: st.DataObject) -> None:
        if self.paged.timers:
            self.paged.run_out(data.draw(st.sampled_from(sorted(self.paged.timers))))

    def teardown(self) -> None:
        if not hasattr(self, "paged"):
            return
        self.paged.give(inputs.Asked(contract.HangUpCall(id="y", call="p1")))
        self.paged.give(inputs.Gone(LEG, 200, "us"))
        assert self.paged.machine.over
        assert not self.paged.held
        party = self.paged.call.parties.get(LEG)
        if party is not None:
            times = [t for t in (party.invited_at, party.ringing_at, party.joined_at, party.left_at) if t is not None]
            assert times == sorted(times)


TestPages = Pages.TestCase
TestPages.settings = settings(max_examples=150, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
