"""The ladder: a post is told, rung by rung, until somebody has it in hand."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from router.linkage.notifying import ladder
from router.linkage.notifying.ladder import Rules
from tests.linkage.simulator import EVERYTHING, INFORM, LEADER, MAYOR, PHONE, POST, T0, Story, begins, rung, story


def all_fail(one: Story, outcome: str = "no_answer", rings: float = 30) -> None:
    """All phones of the present rung ring so long and end so, until the rung is through."""
    height = one.asked.rung
    while one.asked.state == "asking" and one.asked.rung == height:
        if not one.rings:
            one.wait(seconds=1)
            continue
        one.wait(seconds=rings)
        one.ends(outcome)


# --- climbing


def test_nobody_answers_and_it_climbs_to_the_top_raises_an_alarm_and_begins_anew() -> None:
    one = story()
    for height in range(3):
        assert one.asked.rung == height
        all_fail(one)
    assert one.asked.state == "unanswered"
    assert one.log == [
        "00:00 begin 0",
        "00:00 phone main",
        "00:30 phone reserve",
        "01:20 phone main",
        "01:50 phone reserve",
        "02:20 climb 1 nobody",
        "02:20 phone chief",
        "03:00 late sign",
        "03:10 phone chief",
        "03:40 climb 2 nobody",
        "03:40 phone mayor",
        "04:30 phone mayor",
        "05:00 alarm",
    ]
    one.wait(seconds=ladder.AGAIN - 1)
    assert one.rings == []
    one.wait(seconds=1)
    assert one.told()[-2:] == ["07:00 climb 0 again", "07:00 phone main"]
    one.ends("accepted")
    one.wait(minutes=9)
    assert one.asked.state == "accepted"
    assert one.rings == []


@pytest.mark.parametrize("outcome", ["busy", "rejected", "unreachable", "failed", "no_key", "lost", "no_answer"])
def test_a_call_that_nobody_takes_goes_on_to_the_next_number_without_waiting(outcome: str) -> None:
    one = story()
    one.ends(outcome)
    assert one.rings == ["reserve"]
    assert one.now == T0


def test_between_two_rounds_is_a_pause_since_the_last_call_ended() -> None:
    one = story(pause=20)
    one.ends("busy")
    one.wait(seconds=25)
    one.ends("no_answer")
    one.wait(seconds=19)
    assert one.rings == []
    one.wait(seconds=1)
    assert one.rings == ["main"]


def test_numbers_are_gone_through_as_often_as_the_plan_says() -> None:
    one = story(tries=3, pause=0)
    for _ in range(6):
        assert one.asked.rung == 0
        one.ends("busy")
    assert one.rings == ["chief"]


def test_who_lets_it_ring_on_is_passed_over_when_the_time_to_sign_is_over() -> None:
    one = story(sign=60)
    one.wait(seconds=59)
    assert one.rings == ["main"]
    one.wait(seconds=1)
    assert one.rings == ["main", "chief"], "the leader is asked while the post may still answer"
    one.ends("accepted", "main")
    assert one.asked.state == "accepted"
    assert one.rings == []


def test_a_refusal_at_the_post_climbs_at_once() -> None:
    one = story()
    one.ends("refused")
    assert one.told()[-2:] == ["00:00 climb 1 refused", "00:00 phone chief"]


def test_three_escalates_at_once() -> None:
    one = story()
    one.wait(seconds=12)
    one.ends("escalated")
    assert one.told()[-2:] == ["00:12 climb 1 escalated", "00:12 phone chief"]


def test_a_refusal_on_the_desk_ends_the_call_that_rings_and_climbs() -> None:
    one = story()
    one.refuse()
    assert one.rings == ["chief"]
    assert one.asked.rung == 1


def test_refused_at_the_top_is_for_people_to_decide_and_nobody_is_told_any_more() -> None:
    one = story()
    for _ in range(3):
        one.ends("refused")
    assert one.asked.state == "refused"
    assert one.told()[-1] == "00:00 refused"
    told = len(one.log)
    one.wait(hours=5)
    assert len(one.log) == told


def test_three_at_the_top_raises_an_alarm_at_once_and_begins_anew() -> None:
    one = story()
    for _ in range(3):
        one.ends("escalated")
    assert one.asked.state == "unanswered"
    assert one.told("alarm") == ["00:00 alarm"]
    one.wait(seconds=ladder.AGAIN)
    assert one.rings == ["main"]


def test_a_refusal_while_it_waits_to_begin_anew_is_for_people_to_decide() -> None:
    one = story()
    for _ in range(3):
        one.ends("escalated")
    one.wait(seconds=30)
    one.refuse()
    assert one.asked.state == "refused"


def test_a_call_that_is_refused_after_the_alarm_counts_all_the_same() -> None:
    one = Story([MAYOR], Rules(PHONE, sign=30))
    one.wait(seconds=30)
    assert one.asked.state == "unanswered"
    one.wait(seconds=5)
    one.ends("refused")
    assert one.asked.state == "refused"


def test_a_leader_named_meanwhile_is_asked_when_the_post_refuses() -> None:
    one = Story([POST])
    one.wait(seconds=180)
    assert one.asked.state == "unanswered"
    one.rungs = [POST, LEADER]
    one.refuse()
    assert (one.asked.state, one.asked.rung) == ("asking", 1)
    assert "chief" in one.rings


def test_a_post_without_a_telephone_keeps_nobody_waiting() -> None:
    one = Story([rung("gone"), LEADER], Rules({"desk": 0, "phone": 0}))
    assert one.log == ["00:00 begin 0", "00:00 desk 0", "00:00 climb 1 nobody", "00:00 desk 1", "00:00 phone chief"]


def test_a_ladder_without_any_telephone_raises_an_alarm_at_once_and_again() -> None:
    one = Story([rung("gone"), rung("gone too")], Rules({"desk": 0, "phone": 0}))
    assert one.told("alarm") == ["00:00 alarm"]
    one.wait(seconds=2 * ladder.AGAIN)
    assert one.told("alarm") == ["00:00 alarm", "02:00 alarm", "04:00 alarm"]


def test_without_the_telephone_as_a_channel_a_rung_has_its_whole_time() -> None:
    one = story(channels={"desk": 0})
    one.wait(minutes=9)
    assert one.told() == [
        "00:00 begin 0",
        "00:00 desk 0",
        "03:00 late sign",
        "03:00 climb 1 time",
        "03:00 desk 1",
        "06:00 climb 2 time",
        "06:00 desk 2",
        "09:00 alarm",
    ]


# --- channels


def test_desk_webhook_and_text_messages_are_told_once_for_each_rung() -> None:
    one = story(channels=EVERYTHING)
    all_fail(one)
    all_fail(one)
    assert [line.split(maxsplit=1)[1] for line in one.told("desk", "webhook", "sms")] == [
        "desk 0", "webhook 0", "sms mobile", "desk 1", "webhook 1", "sms chief-mobile", "desk 2", "webhook 2",
    ]  # fmt: skip


def test_a_post_begun_anew_is_told_by_all_channels_again() -> None:
    one = Story([POST], Rules(EVERYTHING, sign=30))
    one.wait(seconds=30 + ladder.AGAIN)
    assert one.told()[-5:] == [
        "02:30 climb 0 again",
        "02:30 desk 0",
        "02:30 webhook 0",
        "02:30 sms mobile",
        "02:30 phone main",
    ]


def test_all_numbers_for_text_messages_get_one() -> None:
    two = replace(POST, sms=(*POST.sms, *LEADER.sms))
    assert Story([two], Rules({"sms": 0})).told("sms") == ["00:00 sms mobile", "00:00 sms chief-mobile"]


def test_who_is_only_informed_is_rung_when_he_has_not_signed_and_then_has_as_long_again() -> None:
    one = Story([POST, LEADER], INFORM)
    one.wait(seconds=179)
    assert one.told() == ["00:00 begin 0", "00:00 desk 0"]
    one.wait(seconds=1)
    assert one.told()[2:] == ["03:00 late sign", "03:00 phone main"]
    one.wait(minutes=3)
    assert one.told()[-1] == "06:00 desk 1"


def test_who_is_only_informed_and_has_signed_hears_nothing_more() -> None:
    one = Story([POST, LEADER], INFORM)
    one.wait(seconds=100)
    one.accept()
    one.wait(days=2)
    assert one.told() == ["00:00 begin 0", "00:00 desk 0"]
    assert one.again is None


# --- rosters


def test_the_next_person_is_rung_first_when_the_shift_changes_while_it_rings() -> None:
    one = Story([rung("gas", "zhao", "main", duty="zhao"), LEADER])
    one.wait(seconds=20)
    one.rungs = [rung("gas", "qian", "main", duty="qian"), LEADER]
    one.look()
    assert one.rings == ["zhao"], "the call that rings goes on"
    one.ends("no_answer")
    assert one.rings == ["qian"]
    one.ends("no_answer")
    assert one.rings == ["main"]


def test_a_shift_that_changes_while_the_last_number_rings_keeps_the_ladder_from_climbing() -> None:
    one = Story([rung("gas", "zhao", "main", "reserve", duty="zhao"), LEADER], Rules(PHONE, tries=1))
    one.ends("busy")
    one.ends("busy")
    assert one.rings == ["reserve"]
    one.rungs[0] = rung("gas", "qian", "main", "reserve", duty="qian")
    for number in ("qian", "main", "reserve", "chief"):
        one.ends("busy")
        assert one.rings == [number]


def test_a_gap_in_the_roster_still_rings_the_post_as_often_as_the_plan_says() -> None:
    one = Story([rung("gas", "zhao", "main", duty="zhao"), LEADER])
    one.rungs[0] = rung("gas", "main")
    one.ends("no_answer")
    assert one.rings == ["main"]
    one.ends("no_answer")
    one.wait(seconds=20)
    assert one.told("phone")[1:] == ["00:00 phone main", "00:20 phone main"]
    one.ends("no_answer")
    assert one.rings == ["chief"]


def test_a_leader_struck_off_while_he_is_asked_leaves_the_one_below_in_charge() -> None:
    one = story(tries=1)
    all_fail(one)
    all_fail(one)
    assert one.rings == ["mayor"]
    one.rungs = [POST, LEADER]
    one.ends("no_answer")
    assert one.rings == ["chief"]
    one.ends("no_answer")
    assert one.asked.state == "unanswered"


def test_a_refusal_counts_though_the_leader_was_struck_off_meanwhile() -> None:
    one = story()
    one.wait(seconds=5)
    one.ends("refused")
    one.rungs = [POST]
    one.refuse()
    assert (one.asked.state, one.rings) == ("refused", [])


# --- nothing worked for a while


def test_a_rung_that_was_missed_is_told_all_the_same_and_its_leader_as_well() -> None:
    one = story(channels={"desk": 0, "sms": 60, "phone": 60})
    one.sleep(hours=1)
    assert one.told()[2:] == [
        "60:00 late sign",
        "60:00 sms mobile",
        "60:00 phone main",
        "60:00 climb 1 time",
        "60:00 desk 1",
    ]
    one.wait(seconds=60)
    assert one.rings == ["main", "chief"], "one rung at a time, each with its own time"


def test_a_rung_that_was_rung_is_not_rung_again_when_it_is_late() -> None:
    one = story()
    one.ends("busy")
    one.ends("busy")
    one.sleep(hours=1)
    assert one.told("phone") == ["00:00 phone main", "00:00 phone reserve", "60:00 phone chief"]


def test_rungs_whose_time_went_by_are_passed_over_where_the_plan_says_so() -> None:
    one = Story([POST, LEADER, MAYOR, rung("province", "province")], Rules({"desk": 0, "phone": 60}, late="skip"))
    one.sleep(minutes=9)
    assert list(begins(one.log)) == [(0, "begin"), (2, "time")]
    assert one.told("phone") == []
    one.wait(minutes=1)
    assert one.rings == ["mayor"]


def test_the_highest_rung_is_never_passed_over() -> None:
    one = story(late="skip")
    one.sleep(days=1)
    assert one.rings == ["main", "mayor"]
    one.sleep(minutes=3)
    assert one.asked.state == "unanswered"


def test_a_little_late_is_not_late() -> None:
    one = story(late="skip")
    one.sleep(seconds=200)
    assert list(begins(one.log)) == [(0, "begin"), (1, "time")]


def test_a_clock_that_is_behind_tells_nobody_twice() -> None:
    one = story(channels=EVERYTHING)
    one.wait(minutes=3)
    told = len(one.attempts)
    one.now -= dt.timedelta(seconds=40)
    one.look()
    assert len(one.attempts) == told
