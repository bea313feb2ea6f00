"""The steps of a plan: who is told when, in parallel or in turn, and who need not answer any more."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.linkage import machines
from router.linkage.notifying import ladder, steps
from router.linkage.notifying.steps import Member, Step

T0 = dt.datetime(2026, 12, 1, 8, 0, tzinfo=dt.UTC)
LATER = T0 + dt.timedelta(seconds=600)
PARALLEL = Step("lead")
IN_TURN = Step("lead", order="in-turn")


def members(*states: str, step: str = "lead") -> list[Member]:
    """Requests ``a``, ``b``, … in these states; ``asking+`` has gone beyond its post."""
    return [Member("abcdefgh"[at], step, state.removesuffix("+"), climbed=state.endswith("+")) for at, state in enumerate(states)]


def look(step: Step, *states: str) -> tuple[str, str]:
    """Who is told and who is called off, of a step that has begun."""
    found = steps.moves([(step, T0)], members(*states), T0)
    return "".join(found.begin), "".join(found.cancel)


# --- in parallel


def test_in_parallel_all_are_told_at_once() -> None:
    assert look(PARALLEL, "waiting", "waiting", "waiting") == ("abc", "")


def test_who_is_told_already_is_not_told_again() -> None:
    assert look(PARALLEL, "asking", "waiting", "unanswered") == ("b", "")


def test_without_a_number_of_acks_all_must_sign() -> None:
    assert look(PARALLEL, "accepted", "asking", "unanswered") == ("", "")


@pytest.mark.parametrize("state", ["accepted", "sent-out", "arrived", "fed-back"])
def test_when_enough_have_signed_the_rest_are_called_off(state: str) -> None:
    step = replace(PARALLEL, acks=1)
    assert look(step, "asking", "asking", "waiting", "unanswered") == ("c", "")
    assert look(step, "asking", state, "waiting", "unanswered") == ("", "acd")


def test_two_of_three_are_enough_where_the_plan_says_so() -> None:
    step = replace(PARALLEL, acks=2)
    assert look(step, "accepted", "asking", "asking") == ("", "")
    assert look(step, "accepted", "asking", "arrived") == ("", "b")


def test_who_refused_or_was_called_off_does_not_count_as_signed() -> None:
    assert look(replace(PARALLEL, acks=1), "refused", "cancelled", "asking") == ("", "")


def test_who_has_signed_is_never_called_off() -> None:
    assert look(replace(PARALLEL, acks=1), "accepted", "sent-out", "fed-back", "refused") == ("", "")


# --- in turn


def test_in_turn_the_first_is_told_alone() -> None:
    assert look(IN_TURN, "waiting", "waiting", "waiting") == ("a", "")
    assert look(IN_TURN, "asking", "waiting", "waiting") == ("", "")


@pytest.mark.parametrize("state", ["accepted", "sent-out", "refused", "cancelled", "asking+", "unanswered", "unanswered+"])
def test_in_turn_the_next_is_told_when_the_one_before_has_taken_it_refused_or_climbed(state: str) -> None:
    assert look(IN_TURN, state, "waiting", "waiting") == ("b", "")


def test_in_turn_a_post_without_a_leader_that_nobody_answers_holds_nobody_up() -> None:
    assert look(replace(IN_TURN, acks=1), "unanswered", "waiting", "waiting") == ("b", "")


def test_in_turn_so_many_are_asked_at_a_time_as_are_wanted() -> None:
    step = replace(IN_TURN, acks=2)
    assert look(step, "waiting", "waiting", "waiting", "waiting") == ("ab", "")
    assert look(step, "accepted", "asking", "waiting", "waiting") == ("", "")
    assert look(step, "asking+", "asking", "waiting", "waiting") == ("c", "")
    assert look(step, "refused", "asking+", "waiting", "waiting") == ("cd", "")


def test_in_turn_nobody_more_is_told_while_more_are_asked_than_wanted() -> None:
    assert look(replace(IN_TURN, acks=1), "asking", "asking", "waiting", "waiting") == ("", "")


def test_in_turn_the_rest_are_called_off_when_enough_have_signed() -> None:
    assert look(replace(IN_TURN, acks=1), "unanswered", "accepted", "waiting", "asking+") == ("", "acd")


def test_in_turn_everybody_is_told_when_nobody_takes_it() -> None:
    assert look(replace(IN_TURN, acks=1), "refused", "unanswered", "asking+", "waiting") == ("d", "")


# --- when a step begins


def test_a_step_begins_so_long_after_the_response() -> None:
    assert steps.begins(replace(PARALLEL, after=600), T0, T0) == LATER


def test_a_step_of_a_graver_level_begins_when_the_response_is_raised_to_it() -> None:
    grave = replace(PARALLEL, level=2, after=60)
    assert steps.begins(grave, T0, LATER) == LATER
    assert steps.begins(replace(grave, after=900), T0, LATER) == T0 + dt.timedelta(seconds=900)


def test_nobody_is_told_before_the_step_begins_and_it_says_when_to_come_again() -> None:
    found = steps.moves([(PARALLEL, LATER)], members("waiting", "waiting"), T0)
    assert (found.begin, found.again) == ([], LATER)
    found = steps.moves([(PARALLEL, LATER)], members("waiting", "waiting"), LATER)
    assert (found.begin, found.again) == (["a", "b"], None)


def test_the_next_step_is_looked_for_that_still_has_somebody_to_tell() -> None:
    first, second = Step("first"), Step("second")
    both = [*members("waiting", step="second"), Member("x", "first", "accepted")]
    found = steps.moves([(second, LATER), (first, T0 + dt.timedelta(seconds=60))], both, T0)
    assert found.again == LATER
    soon, third = T0 + dt.timedelta(seconds=9), Step("third")
    for due in ([(second, LATER), (third, soon)], [(third, soon), (second, LATER)]):
        assert steps.moves(due, [*both, Member("y", "third", "waiting")], T0).again == soon


def test_steps_do_not_count_each_others_signatures() -> None:
    lead, assist = Step("lead", acks=1), Step("assist", acks=1)
    people = [Member("a", "lead", "accepted"), Member("b", "assist", "asking"), Member("c", "lead", "asking")]
    found = steps.moves([(lead, T0), (assist, T0)], people, T0)
    assert found.cancel == ["c"]


def test_steps_that_the_present_level_does_not_have_are_left_alone() -> None:
    people = [Member("a", "lead", "waiting"), Member("b", "grave", "waiting"), Member("c", "manual-1", "waiting")]
    assert steps.moves([(PARALLEL, T0)], people, LATER).begin == ["a"]


# --- whatever the states

STATES = st.sampled_from(sorted(machines.REQUEST.names))
STEPS = st.builds(
    Step, key=st.just("lead"), order=st.sampled_from(["parallel", "in-turn"]), acks=st.sampled_from([None, 1, 2, 3])
)
MEMBERS = st.lists(st.tuples(STATES, st.booleans()), max_size=6).map(
    lambda drawn: [Member(str(at), "lead", state, climbed) for at, (state, climbed) in enumerate(drawn)]
)


@given(STEPS, MEMBERS)
def test_only_who_waits_is_told_and_only_who_has_not_signed_is_called_off(step: Step, people: list[Member]) -> None:
    found = steps.moves([(step, T0)], people, T0)
    states = {one.id: one.state for one in people}
    assert {states[one] for one in found.begin} <= {"waiting"}
    assert {states[one] for one in found.cancel} <= ladder.OPEN
    assert not (found.begin and found.cancel)


@given(STEPS, MEMBERS)
def test_looking_again_after_the_moves_finds_nothing_to_do(step: Step, people: list[Member]) -> None:
    found = steps.moves([(step, T0)], people, T0)
    told = {**dict.fromkeys(found.begin, "asking"), **dict.fromkeys(found.cancel, "cancelled")}
    after = [replace(one, state=told.get(one.id, one.state), climbed=one.climbed and one.id not in told) for one in people]
    again = steps.moves([(step, T0)], after, T0)
    assert (again.begin, again.cancel) == ([], [])


@given(STEPS, st.integers(1, 6))
def test_as_long_as_not_enough_have_signed_somebody_is_asked_until_all_were(step: Step, count: int) -> None:
    people = [Member(str(at), "lead", "waiting") for at in range(count)]
    for _ in range(count + 1):
        begun = set(steps.moves([(step, T0)], people, T0).begin)
        assert begun or not any(one.state == "waiting" for one in people)
        people = [replace(one, state="asking") if one.id in begun else replace(one, climbed=True) for one in people]
        people = [replace(one, climbed=one.state == "asking") for one in people]
    assert {one.state for one in people} == {"asking"}
