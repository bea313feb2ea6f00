"""What each ear hears and what is taped, as the scene derives it from the record."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.machines import inputs, records, scene
from tests.machines.world import World

PARTY = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["operator", "police", "duty", "outside", "supervisor"]),
        "mode": st.sampled_from(["listen", "whisper", "barge"]),
        "state": st.sampled_from(["invited", "ringing", "up", "gone"]),
        "joined": st.booleans(),
        "leaving": st.booleans(),
        "muted": st.booleans(),
        "held": st.booleans(),
        "phone_held": st.booleans(),
        "said": st.booleans(),
    }
)


def record(caller: dict[str, bool], others: list[dict[str, object]]) -> records.Call:
    call = records.Call(
        id="c",
        kind="inbound",
        centre="12345",
        called="12345",
        caller_number=None,
        origin="trunk:pstn",
        started_at=0,
        stage="talking",
    )
    call.parties["caller"] = records.Party(id="caller", role="caller", incoming=True, state="up", **caller)
    for number, traits in enumerate(others):
        said = traits.pop("said")
        if traits["role"] != "supervisor":
            traits["mode"] = ""
        party = records.Party(id=f"p{number}", beside="p0", **traits)  # type: ignore[arg-type]
        party.says = [records.Say("say", ())] if said else []
        call.parties[party.id] = party
    return call


@given(st.fixed_dictionaries({k: st.booleans() for k in ("joined", "muted", "held")}), st.lists(PARTY, max_size=3))
@settings(max_examples=500, deadline=None)
def test_whatever_the_record_says_no_ear_is_silent_and_nobody_hears_what_is_not_meant_for_it(
    caller: dict[str, bool], others: list[dict[str, object]]
) -> None:
    call = record(caller, others)
    found = scene.derive(call)
    for party in call.parties.values():
        heard = found.hears.get(party.id, ())
        if not party.up:
            assert party.id not in found.hears
            assert party.id not in found.plays
        elif not party.phone_held:
            persons = [q for q in heard if call.parties[q].mode != "whisper"]
            assert persons or party.id in found.plays, f"{party.id} hears nothing"
        if party.held or party.phone_held or not party.joined:
            assert not heard
        if party.phone_held:
            assert party.id not in found.plays
    for one, other in itertools.permutations(call.parties.values(), 2):
        hears = other.id in found.hears.get(one.id, ())
        if other.role == "supervisor" and other.mode == "listen":
            assert not hears
        if other.role == "supervisor" and other.mode == "whisper" and one.id != "p0":
            assert not hears
        if other.muted:
            assert not hears
        if not one.watching and not other.watching and not one.muted and not other.muted:
            assert hears == (one.id in found.hears.get(other.id, ())), "hearing is mutual"
    assert set(found.tape_caller).isdisjoint(found.tape_staff)


def test_a_prompt_comes_before_music_and_does_not_hide_the_persons() -> None:
    world = World()
    world.arrive()
    leg = world.answer("8001")
    assert world.plays("caller") == "seat_prefix"
    assert world.hears("caller") == {leg}


def test_music_begins_anew_for_nobody_while_nothing_changes() -> None:
    world = World()
    world.arrive()
    world.hear_out("caller")
    before = world.machine.scene().plays["caller"].id
    world.ring("8001")
    assert world.machine.scene().plays["caller"].id == before


def test_the_tape_begins_with_the_first_leg_and_stops_with_the_last() -> None:
    world = World()
    world.give(inputs.Arrived("caller"))
    assert world.machine.scene().tape == ""
    world.give(inputs.Up("caller"))
    assert world.machine.scene().tape == "c1-1"
    assert world.machine.scene().tape_caller == ("caller",)
    leg = world.answer("8001")
    assert world.machine.scene().tape_staff == (leg,)
    world.hang_up("caller")
    assert world.machine.scene().tape == "c1-1"
    world.settle()
    assert world.machine.scene().tape == ""


def test_the_tape_begins_with_the_seat_when_we_dial_the_citizen() -> None:
    world = World.callback()
    world.grant()
    assert world.machine.scene().tape == ""
    world.give(inputs.Up(world.call.attempt.leg))  # type: ignore[union-attr]
    assert world.machine.scene().tape == "c1-1"


def test_all_staff_are_on_one_track_and_the_caller_on_the_other() -> None:
    world = World()
    asker = world.talk()
    receiver = world.bring(asker, "*3")
    found = world.machine.scene()
    assert (found.tape_caller, set(found.tape_staff)) == (("caller",), {asker, receiver})


def test_two_members_of_staff_are_on_a_track_each() -> None:
    world = World.internal("8001", "8002")
    world.grant()
    leg = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(leg))
    found = world.machine.scene()
    assert (found.tape_caller, found.tape_staff) == (("caller",), (leg,))
