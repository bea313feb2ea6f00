"""The life cycles: what is in the table happens, nothing else does, and nobody gets stuck."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.casework.machines import ASSIGNMENT, HANDOFF, MACHINES, ORDER, TICKET, Machine
from router.errors import ImpossibleTransition

EACH = pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda one: one.name)


@EACH
def test_every_state_has_a_name_and_every_name_is_reached(machine: Machine) -> None:
    used = {at for at, _ in machine.steps} | set(machine.steps.values()) | set(machine.initial)
    assert used == set(machine.names)


@EACH
def test_every_state_can_be_reached_and_leads_to_an_end(machine: Machine) -> None:
    reached = _closure(machine, set(machine.initial))
    assert reached == set(machine.names)
    for state in machine.names:
        assert _closure(machine, {state}) & machine.final, f"nothing ends after {state}"


def _closure(machine: Machine, begin: set[str]) -> set[str]:
    found, todo = set(begin), list(begin)
    while todo:
        state = todo.pop()
        for (at, _), after in machine.steps.items():
            if at == state and after not in found:
                found.add(after)
                todo.append(after)
    return found


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
            assert told.value.facts["allowed"] == machine.allowed(state)
            assert told.value.facts["state"] == state


@pytest.mark.parametrize(
    ("machine", "state", "step"),
    [
        (TICKET, "registered", "close"),
        (TICKET, "dispatched", "feedback"),
        (TICKET, "waiting", "close"),
        (TICKET, "closed", "feedback"),
        (ASSIGNMENT, "dispatched", "feedback"),
        (ASSIGNMENT, "feedback", "sign"),
        (ORDER, "awaiting", "close"),
        (ORDER, "dispatched", "close"),
        (ORDER, "withdrawn", "close"),
        (HANDOFF, "returned", "feedback"),
        (HANDOFF, "offered", "feedback"),
        (HANDOFF, "fed-back", "return"),
    ],
)
def test_shortcuts_around_a_duty_do_not_exist(machine: Machine, state: str, step: str) -> None:
    with pytest.raises(ImpossibleTransition):
        machine.step(state, step)


def test_an_order_awaiting_confirmation_ends_by_a_person_only() -> None:
    assert {step for at, step in ORDER.steps if at == "awaiting"} == {"confirm", "withdraw", "dispatch"}
