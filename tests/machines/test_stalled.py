"""A phone that shows no sign of life for a moment, and one that never comes back."""

from __future__ import annotations

from telephony.machines import inputs
from tests.machines.world import World


def test_caller_hears_music_while_the_operators_phone_does_not_answer() -> None:
    world = World()
    operator = world.talk()
    world.give(inputs.Stalled(operator, True))
    assert world.plays("caller") == "music"
    world.give(inputs.Stalled(operator, False))
    assert world.hears("caller") == {operator}
    assert world.plays("caller") == ""


def test_in_a_three_way_call_the_others_still_hear_each_other() -> None:
    world = World()
    operator = world.talk()
    world.press(operator, "*3")
    police = world.answer("9001")
    world.hear_out(police)
    world.hear_out("caller")
    world.give(inputs.Stalled(police, True))
    assert world.hears("caller") == {operator}
    assert world.plays("caller") == ""


def test_caller_of_a_lost_operator_goes_to_the_head_of_the_queue() -> None:
    world = World()
    operator = world.talk()
    world.give(inputs.Stalled(operator, True))
    world.give(inputs.Gone(operator, 408, "error"))
    attempt = world.call.attempt
    assert attempt is not None
    assert (attempt.rank, attempt.target.id) == (0, "12345")
    assert world.plays("caller") == "seat_lost"
