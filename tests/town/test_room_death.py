"""A room is killed (kill -9) in every phase of a call: its legs end at once, the caller is rung back, others notice nothing."""

from __future__ import annotations

import os
import signal
import time
import wave
from typing import Any

import numpy as np
import psutil

from robots import ear
from robots.handset import Phone, answer, reject, ring
from robots.town import Town
from router.storage.call_records import CallRecord
from telephony import contract
from tests.town.look import Look

REACHABLE = "13700137003"
"""A citizen who is reached at the same place that the calls come from, beyond the trunk."""


def kill_room(look: Look, call: str) -> float:
    """End the process that carries a call, as a crash would; when that was."""

    def look_for() -> int:
        return next((one.room_pid for one in look.live() if one.call.id == call), 0)

    os.kill(look.town.until(look_for, f"the room of {call}"), signal.SIGKILL)
    return time.monotonic()


def dials(look: Look, caller: Phone, number: str = "12345") -> tuple[int, str]:
    """A caller dials and is in the queue; number of the phone's call and id of ours."""
    call = caller.dial(look.town.number(number))
    caller.wait_for("answered", call=call)
    return call, look.live_call(caller.user).call.id


def only_call(look: Look) -> contract.LiveCall:
    found: list[contract.LiveCall] = look.town.until(look.live, "a live call")
    assert len(found) == 1
    return found[0]


def rung_back(caller: Phone, killed: float) -> int:
    came = caller.wait_for("incoming", 20)
    assert came["t"] > killed - 0.1  # a death is seen, and answered, before whoever killed has noted the time
    caller.wait_for("answered", call=came["call"])
    return int(came["call"])


def sides(town: Town, record: CallRecord) -> list[Any]:
    """Caller's and staff's side of a call's recording."""
    with wave.open(str(town.data / record.recordings[0].path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        both = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
    return [both[:, 0].copy(), both[:, 1].copy()]


def test_killed_in_mid_talk_the_caller_is_rung_back_to_the_same_operator(town: Town, look: Look) -> None:
    operator = town.seat("8001", answer())
    caller = town.outside(user=REACHABLE, behaviour=answer(0.2))
    town.everybody_ready()
    first, call = dials(look, caller)
    caller.hear(operator.tone, 0.6)
    operator.hear(caller.tone, 0.6)
    bystander, colleague = town.citizen("13800000501"), town.seat("8002", answer())
    bystander.ready()
    colleague.ready().registered()
    dials(look, bystander)
    bystander.hear(colleague.tone)
    killed = kill_room(look, call)
    assert caller.wait_for("ended", call=first)["by"] == "them", "a BYE in the dead room's name"
    assert operator.wait_for("ended")["by"] == "them"
    back = rung_back(caller, killed)
    caller.hear(operator.tone, call=back)
    operator.hear(caller.tone)
    bystander.tape_reaches(bystander.on_tape(killed) + 1.5)
    caller.hang_up(back)
    bystander.hang_up()
    assert not ear.gaps(bystander.finished_tape(), colleague.tone, 0.1)
    record = look.ended(call, recording=True)
    assert record.call is not None and record.call.end_cause == "room_lost"
    assert {p.end_cause for p in record.parties} == {"room_lost"}
    (recording,) = record.recordings
    assert recording.repaired
    left, right = sides(town, record)
    assert ear.hears(left, caller.tone) and ear.hears(right, operator.tone)
    again = look.last(REACHABLE, "ringback")
    assert again.call is not None
    assert (again.call.after, again.call.answered_by, again.call.end_cause) == (call, "8001", "caller_left")
    look.seat_is("8001", state="idle")


def test_killed_while_the_caller_waits_the_caller_comes_back_at_the_head(town: Town, look: Look) -> None:
    operator = town.seat("8001", answer())
    caller, other = town.outside(user=REACHABLE, behaviour=answer()), town.citizen("13800000502")
    town.everybody_ready()
    look.seat_is("8001", status="available")
    look.status("8001", "paused", "meal")
    dials(look, other)
    first, call = dials(look, caller)
    killed = kill_room(look, call)
    caller.wait_for("ended", call=first)
    back = rung_back(caller, killed)
    look.status("8001", "available")
    assert operator.wait_for("incoming")["caller"] == REACHABLE, "before the one who waited longer"
    caller.hear(operator.tone, call=back)
    caller.hang_up(back)
    other.hear(operator.tone)
    other.hang_up()
    assert not ear.silences(caller.finished_tape(back), 1.5)


def test_killed_while_a_seat_rings_the_seat_stops_ringing(town: Town, look: Look) -> None:
    operator = town.seat("8001", ring())
    caller = town.outside(user=REACHABLE, behaviour=answer())
    town.everybody_ready()
    _, call = dials(look, caller)
    rang = operator.wait_for("incoming")
    look.seat_is("8001", state="ringing")
    killed = kill_room(look, call)
    ended = operator.wait_for("ended", call=rang["call"])
    assert ended["by"] == "them" and ended["t"] - killed < 5
    back = rung_back(caller, killed)
    again = operator.wait_for("incoming")
    operator.answer(again["call"])
    caller.hear(operator.tone, call=back)
    caller.hang_up(back)
    look.seat_is("8001", state="idle")


def test_killed_in_a_three_way_all_legs_end_and_the_caller_is_rung_back(town: Town, look: Look) -> None:
    operator, police = town.seat("8001", answer()), town.seat("9101", answer())
    caller = town.outside(user=REACHABLE, behaviour=answer())
    town.everybody_ready()
    first, call = dials(look, caller)
    caller.hear(operator.tone)
    operator.keys("*3")
    caller.hear(police.tone)
    killed = kill_room(look, call)
    for phone in (operator, police):
        assert phone.wait_for("ended")["by"] == "them"
    caller.wait_for("ended", call=first)
    back = rung_back(caller, killed)
    caller.hear(police.tone, call=back)
    caller.hang_up(back)
    record = look.ended(call)
    assert [t.outcome for t in record.transfers] == ["answered"]
    assert all(t.ended_at is not None for t in record.transfers)
    for seat in ("8001", "9101"):
        look.seat_is(seat, state="idle")


def test_killed_during_a_consultation_the_caller_is_rung_back(town: Town, look: Look) -> None:
    operator, police = town.seat("8001", answer()), town.seat("9101", answer())
    caller = town.outside(user=REACHABLE, behaviour=answer())
    town.everybody_ready()
    _, call = dials(look, caller)
    caller.hear(operator.tone)
    operator.keys("*7")
    operator.hear(police.tone)
    killed = kill_room(look, call)
    police.wait_for("ended")
    operator.wait_for("ended")
    back = rung_back(caller, killed)
    caller.hear(operator.tone, call=back)
    caller.hang_up(back)
    assert not ear.silences(caller.finished_tape(back), 1.5)


def test_anonymous_caller_can_not_be_rung_back_but_everything_ends(town: Town, look: Look) -> None:
    operator, caller = town.seat("8001", answer()), town.citizen("anonymous")
    town.everybody_ready()
    caller.dial(town.number("12345"), display="Anonymous")
    caller.hear(operator.tone)
    live = only_call(look)
    assert live.call.caller is None
    kill_room(look, live.call.id)
    assert caller.wait_for("ended")["by"] == "them"
    assert operator.wait_for("ended")["by"] == "them"
    record = look.ended(live.call.id, recording=True).call
    assert record is not None and record.end_cause == "room_lost"
    look.seat_is("8001", state="idle")
    look.calls_over()


def test_caller_who_does_not_take_the_ringback_is_tried_twice(town: Town, look: Look) -> None:
    operator = town.seat("8001", answer())
    caller = town.outside(user=REACHABLE, behaviour=reject(486))
    town.everybody_ready()
    _, call = dials(look, caller)
    caller.hear(operator.tone)
    kill_room(look, call)
    for _ in range(2):
        caller.wait_for("incoming", 20)
    record = look.last(REACHABLE, "ringback")
    assert record.call is not None
    assert (record.call.after, record.call.end_cause, record.call.answered_by) == (call, "failed", "")
    assert [p.end_cause for p in record.parties] == ["busy", "busy"]
    look.seat_is("8001", state="idle")


def test_seat_that_calls_a_seat_goes_on_in_another_room(town: Town, look: Look) -> None:
    one, other = town.seat("8001", answer()), town.seat("8002", ring())
    town.everybody_ready()
    one.dial("8002")
    rang = other.wait_for("incoming")
    live = only_call(look)
    kill_room(look, live.call.id)
    other.wait_for("ended", call=rang["call"])
    again = other.wait_for("incoming")
    other.answer(again["call"])
    one.hear(other.tone)
    other.hear(one.tone)
    assert not one.seen("ended"), "the seat that called has noticed nothing"
    one.hang_up()
    look.ended(live.call.id)


def test_dead_idle_rooms_are_replaced_and_calls_go_on(town: Town, look: Look) -> None:
    operator, caller = town.seat("8001", answer()), town.citizen("13800000503")
    town.everybody_ready()
    look.calls_over()
    rooms = _rooms(town)
    for room in rooms:
        room.kill()
    psutil.wait_procs(rooms, 10)
    dials(look, caller)
    caller.hear(operator.tone)
    caller.hang_up()
    town.until(
        lambda: len(_rooms(town)) >= len(rooms) and not {r.pid for r in rooms} & {r.pid for r in _rooms(town)}, "new rooms"
    )


def _rooms(town: Town) -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if _is_room(town, one.info["cmdline"] or [])]


def _is_room(town: Town, command: list[str]) -> bool:
    return "telephony.room" in command and any(str(town.data) in part for part in command)
