"""The engine: posts are told, climb, take it, move; nothing goes on after it is taken, nothing is forgotten."""

from __future__ import annotations

import pytest

from router import errors
from router.linkage.duty import posts
from router.linkage.emergency import events
from router.linkage.notifying import engine, ladder, requests
from router.timers import timers
from tests.casework.parts import HOUSING, SYSTEM, URBAN, unit
from tests.linkage.parts import APPROVED, CHIEF, PLAN, Station, operator

GAS, GAS_RESERVE, GAS_CHIEF, POWER = "087163100001", "087163100002", "13900000008", "087163100003"


def test_all_posts_are_told_in_the_transaction_that_starts_the_response(station: Station) -> None:
    event = station.started()
    assert station.ringing(event.id) == ["087163100001", "119"], "those who lead are rung at once, who is informed is not yet"
    assert [one.text for one in station.notices(HOUSING, "linkage")], "and see it on the desk"
    assert station.notices(URBAN, "linkage")
    assert [one.number for one in station.attempts(event.id, "sms")] == ["13900000001"]
    assert {one["post"] for one in station.told("linkage.asked")} == {"gas", "fire"}


def test_reserve_number_then_leader_when_nobody_answers(station: Station) -> None:
    event = station.started()
    station.answer(GAS, "no_answer")
    assert GAS_RESERVE in station.ringing(event.id), "the reserve number at once"
    station.answer(GAS_RESERVE, "busy")
    assert GAS not in station.ringing(event.id), "a pause before the second round"
    station.later(seconds=21)
    station.answer(GAS, "no_answer")
    station.answer(GAS_RESERVE, "no_answer")
    assert station.request(event.id, "gas").rung == 1
    assert GAS_CHIEF in station.ringing(event.id), "the leader"
    station.answer(GAS_CHIEF, "accepted")
    taken = station.request(event.id, "gas")
    assert (taken.state, taken.accepted_via, taken.accepted_by) == ("accepted", "phone", "gas-chief")


def test_refusal_climbs_at_once_and_three_escalates(station: Station) -> None:
    event = station.started()
    station.answer(GAS, "refused")
    assert GAS_CHIEF in station.ringing(event.id)
    other = station.started(title="另一处")
    station.answer(GAS, "escalated")
    assert GAS_CHIEF in station.ringing(other.id)


def test_calls_stop_for_all_as_soon_as_it_is_taken_and_not_after(station: Station) -> None:
    event = station.started()
    pages = station.dial(GAS, "119")
    station.do(unit(HOUSING), requests.accept, station.request(event.id, "gas").id, via="desk", who="值班员")
    assert station.ringing(event.id) == ["119"]
    assert [one["page"] for one in station.told("linkage.stop")] == [pages[GAS]], "what rings is hung up"
    station.later(minutes=5)
    assert GAS not in station.ringing(event.id) and not station.notices(HOUSING, "linkage")


def test_two_people_press_one_at_once_the_first_counts_and_the_second_is_noted(station: Station) -> None:
    event = station.started()
    page = station.dial(GAS)[GAS]
    station.do(unit(HOUSING), requests.accept, station.request(event.id, "gas").id, via="desk", who="值班员")
    station.answer(GAS, "accepted", page)
    taken = station.request(event.id, "gas")
    assert (taken.accepted_via, taken.accepted_by) == ("desk", "值班员")
    assert "linkage_request.late-answer" in station.written(event.id)


@pytest.mark.parametrize("outcome", ["accepted", "refused", "escalated", "no_answer"])
def test_a_late_answer_never_moves_anything_backwards(station: Station, outcome: str) -> None:
    event = station.started()
    page = station.dial(GAS)[GAS]
    gas = station.request(event.id, "gas").id
    station.do(unit(HOUSING), requests.progress, gas, "arrive")
    station.answer(GAS, outcome, page)
    assert station.request(event.id, "gas").state == "arrived"
    assert GAS_CHIEF not in station.ringing(event.id)


def test_an_answer_after_the_request_was_called_off_takes_nothing(station: Station) -> None:
    event = station.started()
    page = station.dial(GAS)[GAS]
    station.do(CHIEF, requests.cancel, station.request(event.id, "gas").id, "误报")
    station.answer(GAS, "accepted", page)
    assert station.request(event.id, "gas").state == "cancelled"


def test_nobody_in_the_whole_ladder_alarms_both_lines_and_begins_anew(station: Station) -> None:
    event = station.started()
    for _ in range(2):
        station.answer("119", "no_answer")
        station.later(seconds=21)
    fire = station.request(event.id, "fire")
    assert fire.state == "unanswered"
    assert station.notices("12345", "linkage-unanswered") and station.notices("110", "linkage-unanswered")
    assert "119" not in station.ringing(event.id)
    station.later(seconds=ladder.AGAIN)
    assert "119" in station.ringing(event.id), "it does not stop until somebody has it in hand"
    station.answer("119", "accepted")
    assert station.request(event.id, "fire").state == "accepted"


def test_who_is_only_informed_is_rung_when_he_has_not_signed_in_time(station: Station) -> None:
    event = station.started()
    station.later(seconds=170)
    assert POWER not in station.ringing(event.id)
    station.later(seconds=11)
    assert POWER in station.ringing(event.id)
    assert station.request(event.id, "power").late == ["sign"]


def test_taken_but_not_moving_is_chased_through_the_leader(station: Station) -> None:
    event = station.started()
    station.answer(GAS, "accepted")
    station.later(minutes=9, seconds=59)
    assert GAS_CHIEF not in station.ringing(event.id)
    station.later(seconds=2)
    gas = station.request(event.id, "gas")
    assert (gas.state, gas.chasing, gas.late, gas.reopened) == ("accepted", "send-out", ["send-out"], 1)
    assert GAS_CHIEF in station.ringing(event.id)
    station.answer(GAS_CHIEF, "accepted")
    assert station.request(event.id, "gas").chasing is None
    assert GAS_CHIEF not in station.ringing(event.id)
    station.later(minutes=11)
    assert GAS_CHIEF in station.ringing(event.id), "he promised, and it still does not move"
    station.do(unit(HOUSING), requests.progress, gas.id, "send-out")
    assert GAS_CHIEF not in station.ringing(event.id)
    assert station.request(event.id, "gas").state == "sent-out"


def test_the_engine_was_dead_for_an_hour_and_everything_overdue_is_done_once(station: Station) -> None:
    event = station.started()
    station.wait(hours=1)
    station.ring()
    station.ring()
    numbers = station.ringing(event.id)
    assert len(numbers) == len(set(numbers)), "nobody is rung twice for one thing"
    assert GAS_CHIEF in numbers and POWER in numbers
    assert station.written(event.id).count("linkage_request.late") == 3


def test_plan_edited_while_it_runs_changes_nothing(station: Station) -> None:
    event = station.started()
    station.publish({**PLAN, "steps": [{**PLAN["steps"][0], "posts": ["人社"]}], "answer": "新口径"})
    station.later(minutes=4)
    assert set(station.requests(event.id)) == {"gas", "fire", "power"}
    assert station.event(event.id).answer == PLAN["answer"]
    other = station.started(title="之后的事件")
    assert set(station.requests(other.id)) == {"labour"}


def test_a_post_that_the_city_lacks_is_told_and_the_others_are_called(station: Station) -> None:
    station.do(CHIEF, posts.retire, "fire")
    event = station.started()
    assert "gas" in station.requests(event.id)
    assert "119" in station.notices("12345", "post-missing")[0].text


def test_event_ended_twice_is_refused_and_ending_calls_everybody_off(station: Station) -> None:
    event = station.started()
    station.answer("119", "accepted")
    station.dial()
    station.do(CHIEF, events.end, event.id, APPROVED)
    assert station.ringing(event.id) == []
    assert {post: one.state for post, one in station.requests(event.id).items()} == {
        "fire": "accepted", "gas": "cancelled", "power": "cancelled",
    }  # fmt: skip
    with pytest.raises(errors.ImpossibleTransition):
        station.do(CHIEF, events.end, event.id, APPROVED)
    station.later(hours=2)
    assert station.ringing(event.id) == [], "neither who has signed is chased, nor a notice rung that nobody signed"


def test_a_stale_page_cannot_overwrite(station: Station) -> None:
    event = station.started()
    gas = station.request(event.id, "gas")
    station.do(unit(HOUSING), requests.accept, gas.id, via="desk", who="甲")
    with pytest.raises(errors.Stale):
        station.do(operator(), requests.progress, gas.id, "arrive", rev=gas.rev)


def test_the_auditor_wakes_a_chain_without_a_timer_and_leaves_alone_what_waits_for_nothing(station: Station) -> None:
    event = station.started()
    for number, post in ((GAS, "gas"), ("119", "fire")):
        station.answer(number, "accepted")
        station.do(CHIEF, requests.progress, station.request(event.id, post).id, "feed-back", text="已处置")
    station.later(minutes=4)
    assert station.do(SYSTEM, engine.audit) == []
    station.answer(POWER, "accepted")
    station.later(hours=1)
    assert station.do(SYSTEM, engine.audit) == [], "who was only informed and has signed owes nothing"
    other = station.started(title="另一处")
    station.do(SYSTEM, lambda work: timers.cancel(work.session, other.id, work.now))
    assert station.do(SYSTEM, engine.audit) == [other.id]
    assert station.notices("12345", "linkage-still")
