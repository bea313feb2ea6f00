"""The ladder after an answer: what is late moves nothing back, what does not move is chased; and whatever happens, it goes on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.linkage import machines
from router.linkage.notifying import ladder
from router.linkage.notifying.ladder import Asked, Rules
from tests.linkage.simulator import EVERYTHING, INFORM, LEADER, MAYOR, PHONE, POST, STEPS, T0, Story, begins, rung, story


@pytest.mark.parametrize("outcome", ["accepted", "refused", "escalated", "no_answer"])
@pytest.mark.parametrize("step", ["send-out", "arrive", "feed-back"])
def test_a_late_answer_never_moves_anything_backwards(step: str, outcome: str) -> None:
    one = Story([POST, LEADER], Rules(PHONE, sign=60))
    one.wait(seconds=60)
    one.progress(step)
    before = one.asked
    late = next(each for each in one.attempts if each.number == POST.numbers[0])
    late.cancelled, late.done_at, late.outcome = False, one.now, outcome
    one.look()
    assert (one.asked, one.rings) == (before, [])


@pytest.mark.parametrize("outcome", ["refused", "escalated"])
def test_a_late_key_of_the_post_does_not_move_the_leaders_call(outcome: str) -> None:
    one = Story([POST, LEADER, MAYOR], Rules(PHONE, sign=60))
    one.wait(seconds=70)
    one.ends(outcome, "main")
    assert (one.asked.rung, one.rings) == (1, ["chief"])


def test_a_request_that_is_called_off_is_told_to_nobody_any_more() -> None:
    one = story(channels=EVERYTHING)
    one.cancel()
    told = len(one.log)
    one.wait(days=1)
    assert (len(one.log), one.again, one.rings) == (told, None, [])


# --- taken, and not moving


def taken(**rules: Any) -> Story:
    one = story(**rules)
    one.ends("accepted")
    return one


def test_what_was_taken_and_does_not_move_is_chased_from_the_leader_on() -> None:
    one = taken(send_out=600)
    one.wait(seconds=599)
    assert one.rings == []
    one.wait(seconds=1)
    assert one.told()[2:] == [
        "10:00 late send-out",
        "10:00 chase send-out",
        "10:00 begin 1",
        "10:00 phone chief",
    ]
    assert (one.asked.state, one.asked.chasing) == ("accepted", "send-out")


def test_without_a_leader_the_post_itself_is_chased() -> None:
    one = Story([POST])
    one.ends("accepted")
    one.wait(minutes=10)
    assert one.rings == ["main"]


def test_a_promise_gives_the_time_once_more() -> None:
    one = taken(send_out=600)
    one.wait(minutes=11)
    one.ends("accepted")
    assert (one.asked.chasing, one.rings) == (None, [])
    one.wait(seconds=599)
    assert one.rings == []
    one.wait(seconds=1)
    assert one.rings == ["chief"]
    assert one.told("late") == ["10:00 late send-out"]


def test_a_chase_that_nobody_answers_raises_an_alarm_and_begins_again() -> None:
    one = taken()
    one.wait(minutes=10)
    while one.asked.chasing:
        one.wait(seconds=30)
        if one.rings:
            one.ends("no_answer")
    assert one.asked.state == "accepted"
    (alarm,) = one.told("alarm")
    assert one.told("phone")[1:] == ["10:00 phone chief", "10:50 phone chief", "11:00 phone mayor", "11:50 phone mayor"]
    assert alarm == "12:00 alarm"
    one.wait(seconds=ladder.AGAIN - 1)
    assert one.rings == []
    one.wait(seconds=1)
    assert one.rings == ["chief"]


@pytest.mark.parametrize("outcome", ["refused", "escalated"])
def test_a_leader_who_does_not_see_to_it_has_his_own_asked(outcome: str) -> None:
    one = taken()
    one.wait(minutes=10)
    one.ends(outcome)
    assert one.rings == ["mayor"]
    one.ends(outcome)
    assert (one.asked.state, one.told("alarm")) == ("accepted", ["10:00 alarm"])


def test_a_chase_ends_as_soon_as_it_moves_and_the_next_duty_has_its_own_time() -> None:
    one = taken(send_out=600, arrive=1800, feedback=3600)
    one.wait(minutes=10)
    one.progress("send-out")
    assert one.rings == []
    one.wait(minutes=19, seconds=59)
    assert one.rings == []
    one.wait(seconds=1)
    assert one.told("chase") == ["10:00 chase send-out", "30:00 chase arrive"]
    one.progress("arrive")
    one.wait(minutes=30)
    assert one.told("chase")[-1] == "60:00 chase feedback"
    one.progress("feed-back")
    told = len(one.log)
    one.wait(days=1)
    assert (len(one.log), one.again) == (told, None)


def test_a_duty_that_the_plan_does_not_ask_for_is_not_waited_for() -> None:
    one = taken(send_out=None, arrive=None, feedback=1800)
    one.wait(seconds=1799)
    assert one.told("late") == []
    one.wait(seconds=1)
    assert one.told("late") == ["30:00 late feedback"]


def test_what_was_taken_late_is_late_and_still_has_its_time_to_set_out() -> None:
    one = story()
    one.wait(minutes=5)
    one.ends("accepted", "main")
    one.wait(minutes=9)
    assert one.told("late") == ["03:00 late sign"]
    assert one.rings == []


def test_an_engine_that_was_away_chases_at_once() -> None:
    one = taken()
    one.sleep(hours=3)
    assert one.rings == ["chief"]


# --- duties as they are shown


def asked(state: str, **more: Any) -> Asked:
    given = {"rules": Rules(PHONE), "rung": 0, "asked_at": T0, "begun_at": T0, "rung_at": T0, "accepted_at": T0}
    return Asked(state, **{**given, **more})


@pytest.mark.parametrize(
    ("state", "duty"),
    [
        ("waiting", "sign"),
        ("asking", "sign"),
        ("unanswered", "sign"),
        ("accepted", "send-out"),
        ("sent-out", "arrive"),
        ("arrived", "feedback"),
        ("fed-back", None),
        ("refused", None),
        ("cancelled", None),
    ],
)
def test_the_next_duty_follows_from_the_state(state: str, duty: str | None) -> None:
    assert ladder.next_duty(asked(state)) == duty


def test_signing_is_due_since_it_was_told_and_the_rest_since_it_was_signed() -> None:
    one = asked("accepted", begun_at=T0, accepted_at=T0 + dt.timedelta(seconds=100))
    seconds = {duty: ladder.due(one, duty) for duty, _ in ladder.MOVES}
    assert {duty: (until - T0).total_seconds() for duty, until in seconds.items() if until} == {
        "sign": 180, "send-out": 700, "arrive": 1900, "feedback": 1900,
    }  # fmt: skip
    assert ladder.due(asked("waiting", begun_at=None), "sign") is None
    assert ladder.due(asked("accepted", rules=INFORM), "arrive") is None


# --- whatever happens


CHANNELS = st.dictionaries(st.sampled_from(ladder.CHANNELS), st.sampled_from([0, 10, 60]), min_size=1)
RULES = st.builds(
    Rules,
    channels=CHANNELS,
    sign=st.sampled_from([60, 180]),
    send_out=st.sampled_from([None, 300, 600]),
    arrive=st.sampled_from([None, 600]),
    feedback=st.sampled_from([None, 900]),
    tries=st.integers(1, 3),
    pause=st.sampled_from([0, 20]),
    late=st.sampled_from(["run", "skip"]),
)


@st.composite
def rung_of(draw: st.DrawFn) -> ladder.Rung:
    person = draw(st.sampled_from([None, "zhao", "qian"]))
    numbers = draw(st.lists(st.sampled_from("abcd"), max_size=3, unique=True))
    return rung("post", *([person] if person else []), *numbers, sms=draw(st.sampled_from(["", "m"])), duty=person)


LADDERS = st.lists(rung_of(), min_size=1, max_size=4)
OUTCOMES = st.sampled_from(["busy", "no_answer", "no_key", "refused", "escalated", "accepted", "lost"])
SILENT = st.sampled_from(["busy", "no_answer", "no_key", "lost"])
TIME = st.integers(0, 400) | st.just(3000)


def happen(one: Story, data: st.DataObject) -> None:
    """Something, of all that can happen."""
    moves: dict[str, Callable[[], None]] = {
        "wait": lambda: one.wait(seconds=data.draw(TIME)),
        "sleep": lambda: one.sleep(seconds=data.draw(TIME)),
        "look": one.look,
        "shift": lambda: setattr(one, "rungs", data.draw(LADDERS)),
    }
    if one.rings:
        moves["call"] = lambda: one.ends(data.draw(OUTCOMES), data.draw(st.sampled_from(one.rings)))
    if one.asked.state in ladder.OPEN:
        moves["refuse"] = one.refuse
    if one.asked.state in ladder.OPEN or one.asked.chasing:
        moves["accept"] = one.accept
    if one.asked.state in (*ladder.OPEN, *ladder.MOVING):
        state = "accepted" if one.asked.state in ladder.OPEN else one.asked.state
        possible = [step for step in sorted(STEPS) if machines.REQUEST.can(state, step)]
        moves["progress"] = lambda: one.progress(data.draw(st.sampled_from(possible)))
        moves["cancel"] = one.cancel
    moves[data.draw(st.sampled_from(sorted(moves)))]()


@given(LADDERS, RULES, st.data())
@settings(max_examples=400)
def test_whatever_happens_nothing_is_told_twice_stands_still_or_is_asked_again_while_it_moves(
    rungs: list[ladder.Rung], rules: Rules, data: st.DataObject
) -> None:
    one = Story(rungs, rules)
    for _ in range(data.draw(st.integers(1, 15))):
        happen(one, data)  # the simulator checks each look


@given(LADDERS, RULES, st.data())
def test_when_nobody_takes_it_every_rung_is_told_and_an_alarm_is_raised_in_time(
    rungs: list[ladder.Rung], rules: Rules, data: st.DataObject
) -> None:
    one = Story(rungs, rules)
    lasts = rules.sign + min(rules.channels.get("phone", 0), rules.sign)
    end = T0 + dt.timedelta(seconds=lasts * len(rungs))
    while one.now < end:
        one.wait(seconds=data.draw(st.integers(1, 90)))
        if one.rings:
            one.ends(data.draw(SILENT))
    assert {height for height, _ in begins(one.log)} == set(range(len(rungs)))
    assert one.told("alarm")
    for height, each in enumerate(rungs):
        told = {attempt.channel for attempt in one.attempts if attempt.rung == height}
        at_once = {name for name, after in rules.channels.items() if after == 0}
        assert at_once - told <= {"phone", "sms"} - ({"sms"} if each.sms else set()) - ({"phone"} if each.numbers else set())


@given(LADDERS, RULES, st.data())
def test_it_only_climbs_until_it_begins_anew(rungs: list[ladder.Rung], rules: Rules, data: st.DataObject) -> None:
    one = Story(rungs, rules)
    for _ in range(data.draw(st.integers(1, 12))):
        one.wait(seconds=data.draw(TIME))
        if one.rings:
            one.ends(data.draw(OUTCOMES))
    height = -1
    for now, why in begins(one.log):
        assert why in ("begin", "again") or now > height
        height = now
