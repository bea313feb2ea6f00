"""One-key transfer: the asker stays until the other side answers, then leaves; whatever fails comes back to the asker."""

from __future__ import annotations

import pytest

from telephony.machines import effects, inputs
from tests.machines.world import CITIZEN, World


def test_one_key_brings_the_other_side_in_and_then_the_asker_leaves() -> None:
    world = World()
    asker = world.talk("8001")
    world.press(asker, "*1")
    assert world.last(effects.Seek).attempt.target.id == "110"
    assert world.hears("caller") == {asker}, "the caller goes on hearing the asker"
    receiver = world.answer("9101")
    assert world.hears("caller") == {asker}, "the receiver is told first what it is about"
    assert world.plays(receiver) == "12345 转接"
    world.hear_out(receiver)
    assert world.hears("caller") == {receiver}
    assert world.hears(receiver) == {"caller"}
    assert world.due("caller") == ["seat_prefix"]
    world.settle()
    assert not world.machine.ending
    fact = world.transfer_fact()
    assert (fact.outcome, fact.answered_by, fact.went_back_to, fact.asker_left_at) == ("answered", "9101", "", world.now)


def test_110_hands_over_to_12345_in_the_same_way() -> None:
    world = World("110")
    asker = world.talk("9001")
    receiver = world.bring(asker, "*1", "8007")
    assert world.hears("caller") == {receiver}
    assert world.transfer_fact().to_centre == "12345"


def test_the_receivers_phone_is_told_who_calls_and_who_asks() -> None:
    world = World()
    world.talk("8001")
    world.transfer("one-key", case="k7")
    world.offer("9101")
    dial = world.last(effects.Dial)
    assert (dial.caller, dial.display) == (CITIZEN, f"{CITIZEN} 12345 转接")
    assert dial.headers == {
        "X-Hotline-Call": "c1",
        "X-Hotline-Caller": CITIZEN,
        "X-Hotline-Kind": "one-key",
        "X-Hotline-Asker": "8001",
        "X-Hotline-Case": "k7",
    }


def test_an_outside_line_is_not_told_about_our_calls() -> None:
    world = World()
    world.talk()
    world.transfer("one-key", target="119")
    dial = world.last(effects.Dial)
    assert (dial.line, dial.number, dial.headers) == ("119", "119", {})


def test_ordinary_transfers_to_110_rank_behind_its_direct_callers_but_not_those_to_12345() -> None:
    world = World()
    world.press(world.talk(), "*1")
    assert world.last(effects.Seek).attempt.rank == 2
    world = World("110")
    world.press(world.talk("9001"), "*1")
    assert world.last(effects.Seek).attempt.rank == 1


@pytest.mark.parametrize(
    ("code", "outcome", "prompt"),
    [(486, "busy", "transfer_busy"), (603, "refused", "transfer_refused"), (503, "unreachable", "transfer_unreachable")],
)
def test_when_the_last_seat_will_not_the_asker_hears_why(code: int, outcome: str, prompt: str) -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    world.hang_up(world.ring("9101"), code)
    assert world.call.attempt is not None, "the next seat is sought first"
    world.none_left("tried")
    assert world.plays(asker) == prompt
    assert world.hears("caller") == {asker}
    fact = world.transfer_fact()
    assert (fact.outcome, fact.went_back_to, fact.asker_left_at) == (outcome, "asker", None)


def test_a_refusal_goes_on_to_the_next_seat() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    world.hang_up(world.ring("9101"), 603)
    world.answer("9001", step=1)
    fact = world.transfer_fact()
    assert (fact.answered_by, fact.step) == ("9001", 1)


def test_each_seat_rings_fifteen_seconds_and_the_whole_attempt_thirty() -> None:
    world = World()
    asker = world.talk()
    begun = world.now
    world.press(asker, "*1")
    first = world.ring("9101")
    world.pass_time(14.9)
    assert world.party(first).state == "ringing"
    world.pass_time(0.1)
    assert world.party(first).state == "gone"
    second = world.ring("9102")
    world.now = begun + 29
    assert world.party(second).state == "ringing"
    world.pass_time(2)
    world.settle()
    assert world.fact(second).end_cause == "no_answer"
    fact = world.transfer_fact()
    assert (fact.outcome, fact.ended_at, fact.went_back_to) == ("no_answer", begun + 30, "asker")
    assert world.plays(asker) == "transfer_no_answer"


def test_old_news_of_the_board_do_not_end_a_transfer_whose_phone_rings() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    leg = world.ring("9101")
    world.none_left("no_seats")
    assert world.party(leg).state == "ringing"
    assert world.call.transfer is not None


def test_the_record_says_no_answer_when_both_clocks_end_together() -> None:
    """An outside line rings as long as the attempt lasts."""
    for first in ("ring", "transfer"):
        world = World()
        world.talk()
        world.transfer("one-key", target="120")
        leg = world.call.attempt.leg  # type: ignore[union-attr]
        world.give(inputs.Reached(leg, ringing=True))
        world.run_out(f"ring:{leg}" if first == "ring" else "transfer")
        world.settle()
        assert (world.fact(leg).end_cause, world.transfer_fact().outcome) == ("no_answer", "no_answer")


def test_when_all_are_busy_the_asker_hears_the_position_and_at_last_that_all_were_busy() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    world.run_out("position")
    world.give(inputs.Position(world.call.attempt.id, 2))  # type: ignore[union-attr]
    assert world.plays(asker) == "transfer_waiting"
    assert world.plays("caller") == ""
    world.hear_out(asker)
    world.pass_time(30)
    assert (world.transfer_fact().outcome, world.plays(asker)) == ("busy", "transfer_busy")


def test_nobody_signed_in_over_there_is_told_at_once() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    world.none_left("no_seats")
    assert world.plays(asker) == "transfer_no_seats"
    assert world.transfer_fact().outcome == "no_seats"


def test_the_asker_can_cancel_while_a_phone_rings() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    leg = world.ring("9101")
    world.press(asker, "*0")
    assert world.last(effects.HangUp).leg == leg
    assert world.plays(asker) == "transfer_cancelled"
    world.settle()
    assert (world.transfer_fact().outcome, world.transfer_fact().went_back_to) == ("cancelled", "asker")
    assert world.hears("caller") == {asker}
    assert not world.released_seat("9101").talked


def test_a_receiver_who_hangs_up_during_the_tag_has_refused() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    world.hang_up(world.answer("9101"))
    assert (world.transfer_fact().outcome, world.plays(asker)) == ("refused", "transfer_refused")
    assert not world.released_seat("9101").talked, "who has talked with nobody has nothing to wrap up"


def test_a_receiver_who_is_cut_off_during_the_tag_has_not_refused() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    world.lose(world.answer("9101"))
    assert (world.transfer_fact().outcome, world.plays(asker)) == ("failed", "transfer_failed")


def test_a_second_transfer_has_to_wait_for_the_first() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    world.press(asker, "*3")
    assert world.plays(asker) == "transfer_pending"
    assert len(world.call.transfers) == 1


def test_after_a_failure_the_asker_can_try_again() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    world.none_left("no_seats")
    world.hear_out(asker)
    world.bring(asker, "*1", "9001")
    assert [t.outcome for t in world.call.transfers] == ["no_seats", "answered"]


def test_a_chain_of_transfers_ends_with_the_last_receiver() -> None:
    world = World()
    first = world.talk("8001")
    second = world.bring(first, "*1", "9101")
    world.settle()
    third = world.bring(second, "*1", "8002")
    world.settle()
    assert world.hears("caller") == {third}
    assert [(t.asker_seat, t.answered_by) for t in world.call.transfers] == [("8001", "9101"), ("9101", "8002")]


@pytest.mark.parametrize(
    ("why", "outcome"), [("busy", "busy"), ("paused", "busy"), ("off", "unreachable"), ("unreachable", "unreachable")]
)
def test_a_named_seat_that_can_not_be_had_is_told_at_once(why: str, outcome: str) -> None:
    world = World()
    asker = world.talk()
    assert world.transfer("one-key", target="seat:9003").ok
    assert world.claims[-1].seat == "9003"
    world.deny(why)
    assert world.transfer_fact().outcome == outcome
    assert world.plays(asker) == f"transfer_{outcome}"


@pytest.mark.parametrize(("code", "outcome"), [(486, "busy"), (603, "refused"), (480, "no_answer"), (503, "unreachable")])
def test_a_named_seat_that_will_not_is_not_replaced_by_another(code: int, outcome: str) -> None:
    world = World()
    asker = world.talk()
    world.transfer("one-key", target="seat:9003")
    world.grant()
    leg = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Reached(leg, ringing=True))
    world.hang_up(leg, code)
    assert world.transfer_fact().outcome == outcome
    assert world.hears("caller") == {asker}


@pytest.mark.parametrize(
    ("code", "rang", "outcome"),
    [
        (486, True, "busy"),
        (603, True, "refused"),
        (480, True, "no_answer"),
        (503, False, "unreachable"),
        (408, False, "unreachable"),
        (404, False, "unreachable"),
    ],
)
def test_an_outside_line_that_does_not_answer_comes_back_with_its_reason(code: int, rang: bool, outcome: str) -> None:
    world = World()
    asker = world.talk()
    world.transfer("one-key", target="line:119")
    leg = world.call.attempt.leg  # type: ignore[union-attr]
    if rang:
        world.give(inputs.Reached(leg, ringing=True))
    world.give(inputs.Gone(leg, code, "error" if code == 503 else "them"))
    assert (world.transfer_fact().outcome, world.plays(asker)) == (outcome, f"transfer_{outcome}")


def test_an_outside_line_takes_the_caller_over() -> None:
    world = World()
    asker = world.talk()
    world.transfer("one-key", target="120")
    leg = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(leg))
    world.hear_out(leg)
    assert world.hears("caller") == {leg}
    world.settle()
    assert world.transfer_fact().answered_by == "120"
    assert world.party(asker).state == "gone"
    world.hang_up(leg)
    world.settle()
    assert world.call_fact().end_cause == "staff_left"


def test_a_supervisors_seat_that_receives_a_transfer_talks_like_any_other() -> None:
    world = World()
    asker = world.talk()
    world.transfer("one-key", target="seat:9090")
    world.grant()
    leg = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(leg))
    world.hear_out(leg)
    assert world.hears("caller") == {leg}
    assert world.hears(leg) == {"caller"}
    assert world.party(asker).leaving


def test_a_trunk_that_says_nothing_is_down_and_the_asker_hears_so() -> None:
    world = World()
    asker = world.talk()
    world.transfer("one-key", target="120")
    leg = world.call.attempt.leg  # type: ignore[union-attr]
    world.run_out(f"reach:{leg}")
    world.settle()
    assert (world.fact(leg).end_cause, world.transfer_fact().outcome) == ("unreachable", "unreachable")
    assert world.plays(asker) == "transfer_unreachable"


def test_a_trunk_that_says_100_may_take_its_time() -> None:
    world = World()
    world.talk()
    world.transfer("one-key", target="120")
    leg = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Reached(leg, ringing=False))
    world.pass_time(20)
    assert world.call.attempt is not None
    assert world.call.parties[leg].state == "invited"


def test_the_position_is_not_told_on_when_the_transfer_is_over() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    world.run_out("position")
    world.give(inputs.Position(world.call.attempt.id, 2))  # type: ignore[union-attr]
    world.press(asker, "*0")
    assert world.plays(asker) == "transfer_cancelled"
