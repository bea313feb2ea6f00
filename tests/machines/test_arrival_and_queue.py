"""A citizen dials: answered at once, greeted, queued, rung through, told the seat's number; long waits and empty desks."""

from __future__ import annotations

import pytest

from telephony import contract
from telephony.machines import effects, inputs
from tests.machines.world import CITIZEN, World, queue_altered


def test_a_call_is_answered_at_queue_entry_and_greeted_while_a_seat_is_sought() -> None:
    world = World()
    world.arrive()
    assert world.all(effects.Answer) == [effects.Answer("caller")]
    assert world.plays("caller") == "greeting_12345"
    assert world.last(effects.Seek).attempt.target.id == "12345"
    assert world.call_fact().queued_at == world.now
    assert world.call_fact().answered_at is None


def test_110_greets_with_its_own_short_phrase() -> None:
    world = World("110")
    world.arrive()
    assert world.plays("caller") == "greeting_110"


def test_after_the_greeting_there_is_music_until_somebody_answers() -> None:
    world = World()
    world.arrive()
    world.hear_out("caller")
    assert world.plays("caller") == "music"


def test_an_answer_cuts_the_greeting_and_tells_the_callers_ear_the_seats_number() -> None:
    world = World()
    world.arrive()
    leg = world.answer("8001")
    assert world.due("caller") == ["seat_prefix"]
    assert world.hears("caller") == {leg}
    assert world.hears(leg) == {"caller"}
    assert world.call_fact().answered_by == "8001"


def test_the_phone_that_rings_shows_who_calls() -> None:
    world = World()
    world.arrive()
    world.offer("8001")
    dial = world.last(effects.Dial)
    assert (dial.seat, dial.caller, dial.display) == ("8001", CITIZEN, CITIZEN)
    assert dial.headers == {"X-Hotline-Call": "c1", "X-Hotline-Caller": CITIZEN, "X-Hotline-Kind": "direct"}


def test_an_anonymous_caller_is_shown_as_anonymous() -> None:
    world = World(caller=None)
    world.arrive()
    world.offer("8001")
    dial = world.last(effects.Dial)
    assert (dial.caller, dial.display, dial.headers["X-Hotline-Caller"]) == ("anonymous", "匿名", "anonymous")


def test_a_seat_that_answers_before_the_callers_phone_has_confirmed_is_no_second_answer() -> None:
    world = World()
    world.give(inputs.Arrived("caller"))
    leg = world.answer("8001")
    world.give(inputs.Up("caller"))
    assert len(world.all(effects.Answer)) == 1
    assert world.hears("caller") == {leg}


def test_a_seat_that_rings_too_long_is_followed_by_another() -> None:
    world = World()
    world.arrive()
    first = world.ring("8001")
    world.pass_time(10)
    assert world.fact(first).end_cause == "no_answer"
    assert not world.released_seat("8001").unreachable
    assert world.last(effects.Seek).attempt.tried == ["8001"]
    world.answer("8002")
    assert world.call_fact().answered_by == "8002"


def test_a_phone_without_a_sign_of_life_is_left_after_two_seconds_and_marked() -> None:
    world = World()
    world.arrive()
    first = world.offer("8001")
    world.pass_time(1.9)
    assert world.party(first).state == "invited"
    world.pass_time(0.2)
    assert world.fact(first).end_cause == "unreachable"
    assert world.released_seat("8001").unreachable


def test_a_trying_is_a_sign_of_life() -> None:
    world = World()
    world.arrive()
    leg = world.offer("8001")
    world.give(inputs.Reached(leg, ringing=False))
    world.pass_time(5)
    assert world.party(leg).state == "invited"
    world.pass_time(6)
    assert world.fact(leg).end_cause == "no_answer"


@pytest.mark.parametrize(("code", "cause"), [(486, "busy"), (603, "refused"), (503, "unreachable"), (480, "no_answer")])
def test_a_seat_that_will_not_is_followed_by_another_at_once(code: int, cause: str) -> None:
    world = World()
    world.arrive()
    leg = world.ring("8001")
    world.hang_up(leg, code)
    assert world.fact(leg).end_cause == cause
    assert world.fact(leg).sip_code == code
    assert isinstance(world.last(effects.Seek), effects.Seek)
    assert world.released_seat("8001").unreachable == (cause == "unreachable")


def test_a_phone_that_says_480_without_having_rung_was_not_reached() -> None:
    world = World()
    world.arrive()
    leg = world.offer("8001")
    world.hang_up(leg, 480)
    assert world.fact(leg).end_cause == "unreachable"


def test_who_waits_hears_the_position_and_then_music_again() -> None:
    world = World()
    world.arrive()
    world.hear_out("caller")
    world.run_out("position")
    assert world.last(effects.AskPosition).attempt == world.call.attempt.id  # type: ignore[union-attr]
    world.give(inputs.Position(world.call.attempt.id, 3))  # type: ignore[union-attr]
    assert world.plays("caller") == "position_prefix"
    world.hear_out("caller")
    assert world.plays("caller") == "music"
    assert "position" in world.timers


def test_the_position_does_not_talk_into_the_greeting_or_over_a_ringing_seat() -> None:
    world = World()
    world.arrive()
    attempt = world.call.attempt
    assert attempt is not None
    world.give(inputs.Position(attempt.id, 3))
    assert world.due("caller") == ["greeting_12345"]
    world.hear_out("caller")
    world.ring("8001")
    world.give(inputs.Position(attempt.id, 1))
    assert world.due("caller") == []


def test_positions_can_be_switched_off() -> None:
    world = World(rules=queue_altered("12345", position_every=0))
    world.arrive()
    assert "position" not in world.timers


def test_nobody_signed_in_is_said_after_the_greeting_and_not_piled_up() -> None:
    world = World()
    world.arrive()
    for _ in range(3):
        world.none_left("no_seats")
    assert world.due("caller") == ["greeting_12345", "no_seats"]
    world.hear_out("caller")
    world.none_left("no_seats")
    assert world.due("caller") == ["no_seats"]
    assert world.call.stage == "waiting"


def test_an_empty_county_desk_gives_its_calls_to_the_city_at_once() -> None:
    world = World("1101")
    world.arrive()
    attempt = world.call.attempt
    assert attempt is not None
    world.none_left("no_seats")
    assert world.last(effects.Unseek).target.id == "110-anning"
    assert (attempt.target.id, world.call_fact().overflowed_to) == ("110", "110")
    assert world.due("caller")[-1] == "overflowing"
    world.none_left("no_seats")
    assert world.due("caller")[-1] == "no_seats", "it overflows once only"


def test_a_wait_that_is_too_long_overflows_and_keeps_its_place() -> None:
    world = World("1101")
    world.arrive()
    since = world.call.attempt.since  # type: ignore[union-attr]
    world.hear_out("caller")
    world.pass_time(61)
    seek = world.last(effects.Seek).attempt
    assert (seek.target.id, seek.since, seek.rank) == ("110", since, 1)
    assert world.plays("caller") == "overflowing"
    world.answer("9001")
    assert (world.call_fact().centre, world.call_fact().overflowed_to, world.call_fact().answered_by) == (
        "110-anning",
        "110",
        "9001",
    )


def test_a_call_overflows_once_and_is_not_handed_round() -> None:
    world = World("1101", rules=queue_altered("110", overflow_to="110-yiliang"))
    world.arrive()
    world.pass_time(61)
    world.run_out("overflow")
    assert world.call.attempt is not None
    assert world.call.attempt.target.id == "110"
    assert world.due("caller")[-1] == "waiting_110"


def test_a_seat_that_rings_when_the_wait_ends_may_still_answer() -> None:
    world = World("1101")
    world.arrive()
    world.now += 55
    world.ring("9201")
    world.now = world.timers["overflow"]
    world.run_out("overflow")
    assert world.call.overflowed_to == ""
    assert world.timers["overflow"] == world.now + 5


def test_without_another_centre_the_caller_hears_an_apology_and_keeps_waiting() -> None:
    world = World("110")
    world.arrive()
    world.hear_out("caller")
    world.run_out("overflow")
    assert world.plays("caller") == "waiting_110"
    assert world.call.stage == "waiting"
    assert world.call.attempt is not None
    assert world.timers["overflow"] == world.now + 900


def test_the_clocks_of_the_first_queue_do_not_run_on_in_the_second() -> None:
    world = World("1101", rules=queue_altered("110", position_every=0, max_wait=0))
    world.arrive()
    world.pass_time(61)
    assert world.call.overflowed_to == "110"
    assert not {"position", "overflow"} & set(world.timers)


def test_who_hangs_up_while_waiting_has_abandoned_the_call() -> None:
    world = World()
    world.arrive()
    ringing = world.ring("8001")
    world.now += 7
    world.hang_up("caller")
    assert world.last(effects.HangUp).leg == ringing
    world.now += 1
    world.settle()
    fact = world.call_fact()
    assert (fact.end_cause, fact.waited, fact.answered_at, fact.ended_at) == ("abandoned", 7, None, world.now)
    assert world.fact(ringing).end_cause == "cancelled"
    assert not world.released_seat("8001").talked


def test_who_hangs_up_before_the_phone_confirmed_leaves_nothing_behind() -> None:
    world = World()
    world.give(inputs.Arrived("caller"))
    world.hang_up("caller", 487)
    assert world.machine.over
    assert world.call_fact().end_cause == "abandoned"


def test_a_phone_that_answers_just_after_the_caller_left_is_hung_up() -> None:
    world = World()
    world.arrive()
    leg = world.ring("8001")
    world.hang_up("caller")
    assert world.give(inputs.Up(leg)) == [effects.HangUp(leg)]
    world.settle()
    assert world.machine.over


def test_a_phone_that_never_confirms_its_end_does_not_keep_the_call() -> None:
    world = World()
    world.arrive()
    world.ring("8001")
    world.hang_up("caller")
    assert not world.machine.over
    world.pass_time(5)
    assert world.machine.over
    assert not world.reserved


def test_an_offer_that_comes_too_late_gives_the_seat_back_once() -> None:
    world = World()
    world.arrive()
    attempt = world.call.attempt
    assert attempt is not None
    world.answer("8001")
    world.reserved["8002", attempt.id] = "reserved"
    released = world.machine.handle(inputs.Offered(attempt.id, "8002"), world.now)
    assert released == [effects.SeatRelease("8002", attempt.id)]


def test_an_offer_after_the_end_gives_the_seat_back() -> None:
    world = World()
    world.arrive()
    attempt = world.call.attempt
    assert attempt is not None
    world.hang_up("caller")
    assert world.machine.over
    assert world.machine.handle(inputs.Offered(attempt.id, "8002"), world.now) == [effects.SeatRelease("8002", attempt.id)]


def test_after_the_end_nothing_moves_a_call() -> None:
    world = World()
    leg = world.talk()
    world.hang_up("caller")
    world.settle()
    ended = world.call_fact()
    world.now += 10
    for late in (
        inputs.RoomLost(),
        inputs.Moved(),
        inputs.Started(),
        inputs.Up(leg),
        inputs.Due("overflow"),
        inputs.Due("transfer"),
        inputs.Due("redial"),
        inputs.Due(f"linger:{leg}"),
        inputs.SupervisorComes("s", "8090", "listen", leg),
    ):
        assert world.give(late) == [], late
    assert world.call_fact() == ended
    assert world.give(inputs.Arrived("s")) == [effects.HangUp("s", 480)]
    assert world.ask(contract.HangUpCall(id="x", call="c1")).code == "call.over"


def test_a_waiting_call_can_be_picked_by_hand() -> None:
    world = World()
    world.arrive()
    world.give(inputs.Asked(contract.PickWaiting(id="x", call="c1", seat="8003")))
    claim = world.claims[-1]
    assert (claim.seat, claim.force) == ("8003", True)
    assert not world.all(effects.Reply), "the board has not spoken yet"
    world.grant()
    assert world.last(effects.Reply).ok
    world.give(inputs.Up(world.call.attempt.leg))  # type: ignore[union-attr]
    assert world.call_fact().answered_by == "8003"


def test_a_pick_that_comes_second_is_told_so() -> None:
    world = World()
    world.arrive()
    world.give(inputs.Asked(contract.PickWaiting(id="x", call="c1", seat="8003")))
    assert world.ask(contract.PickWaiting(id="y", call="c1", seat="8004")).code == "call.picked"
    attempt = world.call.attempt
    assert attempt is not None
    world.offer_to(attempt.id, "8001")
    assert (world.last(effects.Reply).command, world.last(effects.Reply).ok) == ("x", False)
    world.give(inputs.NoneLeft(attempt.id, "offered"))
    assert len([r for r in world.all(effects.Reply) if r.command == "x"]) == 1
    assert world.party(attempt.leg).seat == "8001"


def test_a_seat_that_is_busy_can_not_pick_and_the_wait_goes_on() -> None:
    world = World()
    world.arrive()
    world.give(inputs.Asked(contract.PickWaiting(id="x", call="c1", seat="8003")))
    world.deny("busy")
    assert (world.last(effects.Reply).ok, world.last(effects.Reply).code) == (False, "seat.busy")
    assert world.due("caller") == ["greeting_12345"]
    world.answer("8001")
    assert world.call_fact().answered_by == "8001"


def test_a_pick_is_answered_even_if_the_caller_leaves_meanwhile() -> None:
    world = World()
    world.arrive()
    world.give(inputs.Asked(contract.PickWaiting(id="x", call="c1", seat="8003")))
    claim = world.claims[-1]
    world.hang_up("caller")
    assert (world.last(effects.Reply).command, world.last(effects.Reply).ok) == ("x", False)
    assert world.machine.handle(inputs.Offered(claim.attempt, "8003"), world.now) == [effects.SeatRelease("8003", claim.attempt)]


def test_a_supervisor_who_picks_a_waiting_call_serves_it_like_any_seat() -> None:
    world = World("110")
    world.arrive()
    world.give(inputs.Asked(contract.PickWaiting(id="x", call="c1", seat="9090")))
    world.grant()
    leg = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(leg))
    assert world.fact(leg).role == "police"
    assert world.hears("caller") == {leg}


def test_only_a_waiting_call_can_be_picked() -> None:
    world = World()
    world.talk()
    assert world.ask(contract.PickWaiting(id="x", call="c1", seat="8003")).code == "call.not_waiting"
