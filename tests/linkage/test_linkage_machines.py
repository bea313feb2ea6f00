"""Life cycles of linkage: what is in the table happens, nothing else does, and nobody gets stuck."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.casework import machines as casework
from router.casework.machines import Machine
from router.errors import ImpossibleTransition
from router.linkage.machines import DRILL, EVENT, IMPROVEMENT, MACHINES, NOTICE, REINFORCEMENT, REPORT, REQUEST, TASK
from router.linkage.notifying import ladder

EACH = pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda one: one.name)


def reached(machine: Machine, *begin: str) -> set[str]:
    found, todo = set(begin), list(begin)
    while todo:
        state = todo.pop()
        for (at, _), after in machine.steps.items():
            if at == state and after not in found:
                found.add(after)
                todo.append(after)
    return found


@EACH
def test_every_state_has_a_name_and_is_reached(machine: Machine) -> None:
    used = {at for at, _ in machine.steps} | set(machine.steps.values()) | set(machine.initial)
    assert used == set(machine.names)
    assert reached(machine, *machine.initial) == set(machine.names)


@EACH
def test_every_state_leads_to_where_it_may_rest(machine: Machine) -> None:
    assert machine.final <= set(machine.names)
    rests = machine.final or {"done", "scored"}
    for state in machine.names:
        assert reached(machine, state) & rests, f"nothing ends after {state}"


def test_machines_of_linkage_and_of_casework_have_names_of_their_own() -> None:
    assert set(MACHINES).isdisjoint(casework.MACHINES)
    assert len(MACHINES) == 8


@given(st.data())
def test_any_sequence_of_steps_stays_in_the_table(data: st.DataObject) -> None:
    machine = data.draw(st.sampled_from(list(MACHINES.values())))
    state = data.draw(st.sampled_from(machine.initial))
    every = sorted({step for _, step in machine.steps})
    for step in data.draw(st.lists(st.sampled_from([*every, "无此步骤"]), max_size=20)):
        if machine.can(state, step):
            state = machine.step(state, step)
            assert state in machine.names
        else:
            with pytest.raises(ImpossibleTransition) as told:
                machine.step(state, step)
            assert (told.value.facts["state"], told.value.facts["allowed"]) == (state, machine.allowed(state))


@pytest.mark.parametrize(
    ("machine", "state", "step"),
    [
        (EVENT, "registered", "end"),
        (EVENT, "proposed", "start"),
        (EVENT, "ended", "raise"),
        (EVENT, "dismissed", "start"),
        (EVENT, "responding", "dismiss"),
        (NOTICE, "signed", "withdraw"),
        (REQUEST, "accepted", "refuse"),
        (REQUEST, "accepted", "accept"),
        (REQUEST, "arrived", "send-out"),
        (REQUEST, "cancelled", "accept"),
        (REQUEST, "fed-back", "accept"),
        (TASK, "arrived", "refuse"),
        (TASK, "sent", "finish"),
        (TASK, "done", "cancel"),
        (REPORT, "submitted", "submit"),
        (REPORT, "phoned", "void"),
        (IMPROVEMENT, "done", "drop"),
        (DRILL, "prepared", "score"),
        (REINFORCEMENT, "withdrawn", "approve"),
    ],
)
def test_what_must_not_happen_does_not(machine: Machine, state: str, step: str) -> None:
    with pytest.raises(ImpossibleTransition):
        machine.step(state, step)


@pytest.mark.parametrize(
    ("machine", "state", "step", "after"),
    [
        (EVENT, "ended", "restart", "responding"),
        (EVENT, "reviewed", "restart", "responding"),
        (EVENT, "dismissed", "confirm", "registered"),
        (REQUEST, "unanswered", "accept", "accepted"),
        (REQUEST, "refused", "accept", "accepted"),
        (REQUEST, "accepted", "feed-back", "fed-back"),
        (TASK, "refused", "sign", "signed"),
        (REPORT, "due", "submit", "submitted"),
        (IMPROVEMENT, "dropped", "reopen", "open"),
        (DRILL, "scored", "score", "scored"),
    ],
)
def test_there_is_a_way_back_and_no_detour(machine: Machine, state: str, step: str, after: str) -> None:
    assert machine.step(state, step) == after


def test_a_request_never_goes_back_behind_what_was_done() -> None:
    order = ["accepted", "sent-out", "arrived", "fed-back"]
    for (at, _), after in REQUEST.steps.items():
        if at in order and after != "cancelled":
            assert order.index(after) > order.index(at)


def test_the_ladder_knows_every_state_of_a_request() -> None:
    assert ladder.OPEN | set(ladder.MOVING) | ladder.FINAL == set(REQUEST.names)
    assert REQUEST.final < ladder.FINAL, "a refusal may still be taken back"


def test_what_waits_for_an_answer_can_be_called_off_and_taken() -> None:
    for state in ladder.OPEN:
        assert {"accept", "cancel"} <= set(REQUEST.allowed(state))
