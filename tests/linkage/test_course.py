"""Figures of an event, counted by hand: how long, kept or missed, how many when."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.linkage.notifying import ladder
from router.linkage.notifying.ladder import Asked, Rules
from router.linkage.review import course, tallies
from router.linkage.review.course import Notice, Ratio, Report, Request, Spread, Task, Told

T0 = dt.datetime(2026, 12, 1, 0, 0, tzinfo=dt.UTC)
"""08:00 in China."""
RULES = Rules({"desk": 0, "phone": 0}, sign=180, send_out=600, arrive=1800, feedback=1800)


def at(minutes: float, seconds: float = 0) -> dt.datetime:
    return T0 + dt.timedelta(minutes=minutes, seconds=seconds)


def asked(**more: Any) -> Request:
    return Request("r", "燃气抢修", "gas", "lead", **{"state": "asking", "rules": RULES, "asked_at": T0, "begun_at": T0, **more})


LATER = at(600)


def verdicts(request: Request, now: dt.datetime = LATER) -> dict[str, str]:
    return {one.duty: one.verdict for one in course.of_request(request, now).limits}


# --- one request


def test_each_step_is_timed_since_the_post_was_first_told() -> None:
    found = course.of_request(
        asked(
            state="fed-back", begun_at=at(1), accepted_at=at(2, 30), sent_out_at=at(8), arrived_at=at(25), fed_back_at=at(31),
            ended_at=at(31),
        ),
        LATER,
    )  # fmt: skip
    assert (found.told, found.signed, found.sent_out, found.arrived, found.fed_back) == (60, 90, 420, 1440, 1800)
    assert [(one.duty, one.due, one.verdict, one.over) for one in found.limits] == [
        ("sign", at(4), "kept", 0),
        ("send-out", at(12, 30), "kept", 0),
        ("arrive", at(32, 30), "kept", 0),
        ("feedback", at(32, 30), "kept", 0),
    ]


def test_late_steps_say_by_how_much() -> None:
    found = course.of_request(asked(state="arrived", accepted_at=at(3, 10), sent_out_at=at(13), arrived_at=at(40)), at(50))
    assert [(one.duty, one.verdict, one.over) for one in found.limits] == [
        ("sign", "missed", 10),
        ("send-out", "kept", 0),
        ("arrive", "missed", 410),
        ("feedback", "missed", 1010),
    ]
    assert found.limits[-1].done_at is None, "not done yet, and overdue since 33:10"


def test_what_is_done_at_the_very_limit_is_kept_and_what_is_not_done_then_is_missed() -> None:
    assert verdicts(asked(accepted_at=at(3)), at(3))["sign"] == "kept"
    assert verdicts(asked(), at(3))["sign"] == "missed"
    assert verdicts(asked(), at(2, 59))["sign"] == "open"


def test_nothing_is_expected_of_a_post_that_was_not_told() -> None:
    never = asked(state="cancelled", begun_at=None, ended_at=at(20))
    assert verdicts(never) == {}
    assert course.totals([course.of_request(never, LATER)]).told == 0


def test_called_off_before_its_time_was_over_counts_neither_way_and_after_it_is_missed() -> None:
    assert verdicts(asked(state="cancelled", ended_at=at(2))) == {"sign": "lifted"}
    late = course.of_request(asked(state="cancelled", ended_at=at(5)), LATER)
    assert [(one.verdict, one.over) for one in late.limits] == [("missed", 120)], "overdue only until it was called off"


def test_duties_that_nobody_has_are_not_reckoned() -> None:
    inform = Rules({"desk": 0}, send_out=None, arrive=None, feedback=None)
    assert verdicts(asked(state="accepted", rules=inform, accepted_at=at(1))) == {"sign": "kept"}


def test_a_step_that_was_left_out_is_judged_by_the_one_that_came_after_it() -> None:
    found = course.of_request(asked(state="fed-back", accepted_at=at(1), arrived_at=at(12), fed_back_at=at(20)), LATER)
    out = found.limit("send-out")
    assert out is not None and (out.verdict, out.over, out.done_at, out.implied) == ("missed", 60, at(12), True)
    assert found.sent_out is None, "nobody knows when they set out"


def test_arrival_that_was_told_afterwards_counts_by_its_own_time() -> None:
    found = course.of_request(
        asked(state="arrived", accepted_at=at(1), sent_out_at=at(2), arrived_at=at(30), late=frozenset({"arrive"})), at(60)
    )
    arrive = found.limit("arrive")
    assert arrive is not None and (arrive.verdict, arrive.told_late) == ("kept", True)


def test_what_is_dated_before_it_was_told_takes_no_time_rather_than_less() -> None:
    found = course.of_request(asked(state="arrived", begun_at=at(2), accepted_at=at(2), arrived_at=at(1)), at(60))
    assert found.arrived == 0


def test_calls_and_rungs_count_until_it_was_signed() -> None:
    told = [
        Told("desk", 0, T0), Told("phone", 0, T0, "no_answer"), Told("phone", 0, at(1), "refused"), Told("sms", 1, at(1)),
        Told("phone", 1, at(2), "accepted"), Told("phone", 2, at(30), "accepted"),
    ]  # fmt: skip
    signed = course.of_request(asked(state="accepted", accepted_at=at(2, 20), told=told, reopened=1), at(40))
    assert (signed.calls, signed.climbed) == (3, 1), "that it was chased later is another matter"
    never = course.of_request(asked(told=told), at(40))
    assert (never.calls, never.climbed) == (4, 2)
    both = course.totals([signed, never])
    assert (both.calls, both.climbed, both.refused, both.unsigned) == (8, 2, 2, 1)


@given(
    now=st.integers(0, 4000),
    accepted=st.none() | st.integers(0, 400),
    step=st.sampled_from(["accepted", "sent-out", "arrived"]),
    moved=st.integers(0, 2500),
)
def test_a_running_request_is_late_exactly_when_the_engine_says_so(now: int, accepted: int | None, step: str, moved: int) -> None:
    """What is told of a duty that is still to be done agrees with the ladder, which told everybody while it ran."""
    moment = T0 + dt.timedelta(seconds=now)
    signed = None if accepted is None or accepted > now else T0 + dt.timedelta(seconds=accepted)
    done = T0 + dt.timedelta(seconds=min(now, (accepted or 0) + moved))
    state = "asking" if signed is None else step
    more = {"sent-out": {"sent_out_at": done}, "arrived": {"arrived_at": done}}.get(state, {})
    request = asked(state=state, accepted_at=signed, **more)
    kept = Asked(state, RULES, 0, T0, T0, T0, signed)
    duty = ladder.next_duty(kept)
    assert duty is not None
    told = [one.duty for one in ladder.look(kept, [ladder.Rung("p", "", ())], [], moment).actions if isinstance(one, ladder.Late)]
    assert (verdicts(request, moment)[duty] == "missed") == (duty in told)


# --- notices, reports, orders


def test_a_notice_is_judged_by_its_first_limit_however_often_it_climbed() -> None:
    late = course.of_notice(Notice("n", "12345", "110", "signed", T0, 180, at(5), climbs=1), at(60))
    assert (late.signed, late.limit.verdict, late.limit.over) == (300, "missed", 120)
    gone = Notice("n", "12345", "110", "withdrawn", T0, 180)
    assert course.of_notice(gone, at(60)).limit.verdict == "lifted"
    assert course.of_notice(replace(gone, climbs=1), at(60)).limit.verdict == "missed"


def test_reports_by_phone_and_in_writing_are_judged_apart() -> None:
    def told(**more: Any) -> list[tuple[str, str, float]]:
        report = Report("b", "初报", "submitted", phone_by=at(30), due_at=at(120), **more)
        return [(one.duty, one.verdict, one.over) for one in course.of_report(report, LATER).limits]

    assert told(phoned_at=at(20), submitted_at=at(121)) == [("phone", "kept", 0), ("written", "missed", 60)]
    assert told(submitted_at=at(25)) == [("phone", "kept", 0), ("written", "kept", 0)], "in writing before anybody had to phone"
    assert told(submitted_at=at(40)) == [("phone", "missed", 600), ("written", "kept", 0)]
    void = Report("b", "续报一", "void", due_at=at(120))
    assert [one.verdict for one in course.of_report(void, LATER).limits] == ["lifted"]
    assert course.of_report(Report("b", "续报二", "submitted", submitted_at=at(3)), LATER).limits == (), "nobody had asked for it"


def test_orders_are_judged_by_when_they_were_done() -> None:
    order = Task("t", "Z-1", "gas", "sent", T0, due_at=at(30))
    done = course.of_task(replace(order, state="done", signed_at=at(2), done_at=at(31)), LATER)
    assert done.limit is not None
    assert (done.signed, done.done, done.limit.verdict, done.limit.over) == (120, 1860, "missed", 60)
    for more, verdict in (
        ({}, "missed"),
        ({"state": "cancelled"}, "lifted"),
        ({"state": "cancelled", "overdue_at": at(30)}, "missed"),
    ):
        limit = course.of_task(replace(order, **more), LATER).limit
        assert limit is not None and limit.verdict == verdict
    assert course.of_task(replace(order, due_at=None), LATER).limit is None


# --- together


def test_shares_leave_out_what_is_open_or_called_off() -> None:
    requests = [
        asked(state="accepted", accepted_at=at(1)),
        asked(state="accepted", accepted_at=at(2)),
        asked(state="accepted", accepted_at=at(4)),
        asked(),
        asked(state="cancelled", ended_at=at(1)),
        asked(begun_at=at(9)),
    ]
    found = course.totals([course.of_request(one, at(10)) for one in requests])
    assert (found.told, found.signed, found.sign, found.unsigned) == (6, 3, Ratio(2, 4), 1)
    assert found.sign.share == 0.5
    assert found.duties == {"sign": Ratio(2, 4), "send-out": Ratio(), "arrive": Ratio(), "feedback": Ratio()}
    assert found.to_sign == Spread(3, 120, 240)


def test_nothing_told_has_no_shares_and_no_times() -> None:
    nothing: Any = {"requests": [], "notices": [], "reports": [], "tasks": [], "matters": [], "calls": []}
    found = course.figures(**nothing, now=T0)
    assert found.totals.sign.share is None
    assert (found.totals.to_sign, found.totals.to_arrive) == (Spread(0, None, None), Spread(0, None, None))


@pytest.mark.parametrize(
    ("values", "median", "p90"),
    [
        ([60], 60, 60),
        ([10, 30], 20, 30),
        ([9, 1, 5], 5, 9),
        (range(1, 11), 5.5, 9),
        (range(1, 12), 6, 10),
        (range(1, 21), 10.5, 18),
    ],
)
def test_median_and_p90_by_hand(values: Any, median: float, p90: float) -> None:
    assert course.spread([float(one) for one in values]) == Spread(len(values), median, p90)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_nine_tenths_do_not_exceed_p90_and_no_lower_value_has_that(values: list[float]) -> None:
    p90 = course.spread(values).p90
    assert p90 in values and sum(one <= p90 for one in values) * 10 >= 9 * len(values)
    assert sum(one < p90 for one in values) * 10 < 9 * len(values)


# --- when


def test_matters_and_calls_are_counted_by_local_hour_without_gaps() -> None:
    found = tallies.tally({"matters": [at(0), at(59), at(185)], "calls": [at(60)]})
    assert [f"{start:%d %H:%M}" for start in found.starts] == ["01 08:00", "01 09:00", "01 10:00", "01 11:00"]
    assert found.counts == {"matters": (2, 0, 0, 1), "calls": (0, 1, 0, 0)}
    assert tallies.tally({"matters": []}).starts == ()


@pytest.mark.parametrize(
    ("hours", "step", "many"),
    [(72, "hour", 73), (73, "day", 4), (24 * 92, "day", 93), (24 * 92 + 1, "month", 4), (24 * 365, "month", 13)],
)
def test_a_long_event_is_counted_by_days_or_months(hours: int, step: str, many: int) -> None:
    found = tallies.tally({"matters": [T0, T0 + dt.timedelta(hours=hours)]})
    assert (found.step, len(found.starts), found.total("matters")) == (step, many, 2)


@given(st.lists(st.integers(0, 40_000_000), max_size=40), st.lists(st.integers(0, 300_000), max_size=20))
def test_every_moment_is_counted_once(matters: list[int], calls: list[int]) -> None:
    moments = {
        "matters": [T0 + dt.timedelta(seconds=one) for one in matters],
        "calls": [T0 + dt.timedelta(seconds=one) for one in calls],
    }
    found = tallies.tally(moments)
    assert (found.total("matters"), found.total("calls")) == (len(matters), len(calls))
    assert list(found.starts) == sorted(set(found.starts))
