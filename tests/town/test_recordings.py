"""What a call's recording holds: the caller left, the staff right, on a true time line; and what it does not."""

from __future__ import annotations

import hashlib
import stat
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robots import ear
from robots.handset import Phone, answer
from robots.town import Town
from router.storage.call_records import CallRecord
from telephony import contract
from tests.town.look import Look


def recorded(town: Town, record: CallRecord) -> tuple[Path, Any, Any]:
    """File, caller's side and staff's side of a call's one recording."""
    (recording,) = record.recordings
    path = town.data / recording.path
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        both = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
    return path, both[:, 0].copy(), both[:, 1].copy()


def talk(town: Town, look: Look, operator: Phone, citizen: Phone, number: str = "12345") -> str:
    citizen.dial(town.number(number))
    citizen.hear(operator.tone)
    return look.live_call(citizen.user).call.id


def test_caller_is_left_and_staff_right_and_the_file_is_what_the_record_says(town: Town, look: Look) -> None:
    operator, police = town.seat("8001", answer()), town.seat("9101", answer())
    citizen = town.citizen("13800000601")
    town.everybody_ready()
    call = talk(town, look, operator, citizen)
    operator.hear(citizen.tone, 0.6)
    operator.keys("*1")
    citizen.hear(police.tone, 0.6)
    police.hear(citizen.tone, 0.6)
    citizen.hang_up()
    record = look.ended(call, recording=True)
    path, left, right = recorded(town, record)
    assert ear.hears(left, citizen.tone, 0.6)
    assert not ear.hears(left, operator.tone, 0.1) and not ear.hears(left, police.tone, 0.1)
    assert ear.hears(right, operator.tone) and ear.hears(right, police.tone), "who took over is on the same tape"
    assert not ear.hears(right, citizen.tone, 0.1)
    facts = record.recordings[0]
    assert path.is_relative_to(town.data / "recordings")
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts.size == path.stat().st_size
    assert facts.seconds == pytest.approx(len(left) / 8000, abs=0.05)
    assert not facts.repaired and not facts.caller_silent
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, "nobody else may listen"
    assert town.hotline("calls", "recording", call).strip() == str(path)


def test_recording_keeps_true_time_over_a_hold(town: Town, look: Look) -> None:
    operator, citizen = town.seat("8001", answer()), town.citizen("13800000602")
    town.everybody_ready()
    call = talk(town, look, operator, citizen)
    answered = time.monotonic()
    assert look.do(contract.HoldParty, call=call, party="caller").ok
    citizen.tape_reaches(citizen.on_tape(time.monotonic()) + 1.5)
    assert look.do(contract.HoldParty, call=call, party="caller", on=False).ok
    operator.hear(citizen.tone, since=operator.on_tape(time.monotonic()))
    citizen.hang_up()
    lasted = time.monotonic() - answered
    _, left, right = recorded(town, look.ended(call, recording=True))
    assert len(left) == len(right)
    assert len(left) / 8000 >= lasted - 0.3
    assert ear.heard(left, citizen.tone)[-1][1] >= len(left) / 8000 - 0.5, "the caller is heard to the end"


def test_silent_caller_is_flagged_and_listed_with_the_number(town: Town, look: Look) -> None:
    police, citizen = town.seat("9001", answer()), town.citizen("13800000603", tone=0)
    town.everybody_ready()
    call = talk(town, look, police, citizen, "110")
    citizen.tape_reaches(citizen.on_tape(time.monotonic()) + 1)
    citizen.hang_up()
    assert look.ended(call, recording=True).recordings[0].caller_silent
    listed = town.calls("list", "--silent", "--centre", "110")["calls"]
    assert [(one["id"], one["caller"]) for one in listed if one["id"] == call] == [(call, citizen.user)]


def test_whisper_is_not_in_the_recording_but_a_barge_is(town: Town, look: Look) -> None:
    operator, citizen = town.seat("8001", answer()), town.citizen("13800000604")
    supervisor = town.seat("8090", name="supervisor")
    town.everybody_ready()
    call = talk(town, look, operator, citizen)
    supervisor.dial("*228001")
    operator.hear(supervisor.tone, 0.6)
    supervisor.hang_up()
    supervisor.wait_for("ended")
    citizen.hang_up()
    _, left, right = recorded(town, look.ended(call, recording=True))
    assert not ear.hears(left, supervisor.tone, 0.1) and not ear.hears(right, supervisor.tone, 0.1)
    look.seat_is("8001", status="available", state="idle")
    call = talk(town, look, operator, citizen)
    supervisor.dial("*238001")
    citizen.hear(supervisor.tone, 0.6)
    citizen.hang_up()
    _, _, right = recorded(town, look.ended(call, recording=True))
    assert ear.hears(right, supervisor.tone)
