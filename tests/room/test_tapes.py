"""Recordings: two files of equal length on a true time line."""

from __future__ import annotations

import time
from pathlib import Path

from robots import ear, wav
from robots.tones import TONES
from telephony.ipc import messages, spool
from tests.room.conftest import Phones
from tests.room.kit import RoomProcess, bring, enter, frames, listen, tone_file, until

CITIZEN, OPERATOR, POLICE, PROMPT, MUSIC = TONES[0], TONES[4], TONES[8], TONES[10], TONES[14]


def test_each_side_is_on_its_file_and_prompts_of_the_caller_with_the_staff(
    room: RoomProcess, phones: Phones, tmp_path: Path
) -> None:
    citizen, operator, _ = phones("139", CITIZEN), phones("8001", OPERATOR), phones("9001", POLICE)
    enter(room, citizen, "a")
    caller_file, staff_file = room.tape("rec", tmp_path / "deep" / "er", ("a",), ())
    started = time.monotonic()
    room.send(messages.Play(leg="a", play="p", files=(tone_file(tmp_path / "p.wav", PROMPT, 0.5),)))
    room.wait(messages.Played)
    room.send(messages.Play(leg="a", play="m", files=(tone_file(tmp_path / "m.wav", MUSIC, 0.5),), loop=True))
    listen(citizen.tape(), MUSIC, 0.3)
    room.send(messages.StopPlay(leg="a"))
    bring(room, "b", "8001")
    bring(room, "c", "9001")
    room.tape("rec", tmp_path / "deep" / "er", ("a",), ("b",))
    # The police whisper to the operator: nothing of it on the tape. A prompt of the operator's isn't on it either.
    room.send(messages.Mix(hears={"a": ("b",), "b": ("a", "c"), "c": ("a", "b")}))
    room.send(messages.Play(leg="b", play="tag", files=(tone_file(tmp_path / "t.wav", PROMPT, 0.4),)))
    room.wait(messages.Played, play="tag")
    listen(operator.tape(), POLICE, 0.5)
    listen(citizen.tape(), OPERATOR, 0.5)
    length = time.monotonic() - started
    room.send(messages.StopTape(recording="rec"))
    room.wait(messages.Taped, recording="rec")
    assert frames(caller_file) == frames(staff_file)
    assert abs(frames(caller_file) / 8000 - length) < 0.3
    assert ear.hears(caller_file, CITIZEN, 1.0)
    assert not any(ear.hears(caller_file, tone, 0.06) for tone in (OPERATOR, POLICE, PROMPT, MUSIC))
    assert ear.hears(staff_file, OPERATOR, 0.5)
    (prompt,) = ear.heard(staff_file, PROMPT)
    assert abs(prompt[1] - prompt[0] - 0.5) <= 0.06
    assert not any(ear.hears(staff_file, tone, 0.06) for tone in (CITIZEN, POLICE, MUSIC))


def test_the_time_line_stays_true_over_hold_silence_and_an_empty_room(room: RoomProcess, phones: Phones, tmp_path: Path) -> None:
    citizen = phones("139", CITIZEN)
    files = room.tape("rec", tmp_path, ("a",), ("b",))
    begun = time.monotonic()
    enter(room, citizen, "a")
    until(lambda: files[0].stat().st_size > 8000 and ear.hears(files[0], CITIZEN, 0.3), "the caller on the tape")
    citizen.hold()
    room.wait(messages.Media, leg="a", held=True)
    citizen.wait_for("media", state=lambda state: "hold" in state)  # its own re-INVITE is over
    held_at = time.monotonic() - begun
    size = files[0].stat().st_size
    until(lambda: files[0].stat().st_size > size + 12000, "a while of hold")
    citizen.unhold()
    room.wait(messages.Media, leg="a", held=False)
    back_at = time.monotonic() - begun
    until(lambda: len(ear.heard(files[0], CITIZEN)) > 1, "the caller again")
    citizen.hang_up()
    room.wait(messages.Ended, leg="a")
    size = files[0].stat().st_size
    until(lambda: files[0].stat().st_size > size + 8000, "a while with nobody")
    length = time.monotonic() - begun
    room.send(messages.StopTape(recording="rec"))
    room.wait(messages.Taped)
    assert frames(files[0]) == frames(files[1])
    assert abs(frames(files[0]) / 8000 - length) < 0.4
    before, after = ear.heard(files[0], CITIZEN, bridge=0.2)
    assert abs(before[1] - held_at) < 0.4 and abs(after[0] - back_at) < 0.4


def test_a_recording_stopped_at_once_is_whole_and_names_can_be_used_again(room: RoomProcess, tmp_path: Path) -> None:
    for _ in range(3):
        files = room.tape("rec", tmp_path, (), ())
        room.send(messages.StopTape(recording="rec"))
        room.wait(messages.Taped, recording="rec")
        assert frames(files[0]) == frames(files[1])
    room.send(messages.StopTape(recording="rec"))
    assert room.wait(messages.Trouble).command == "StopTape"


def test_a_tape_that_cannot_be_written_is_trouble_and_nothing_else(room: RoomProcess, phones: Phones, tmp_path: Path) -> None:
    enter(room, phones("139", CITIZEN), "a")
    (tmp_path / "file").write_text("")
    room.tape("rec", tmp_path / "file", ("a",), ())
    assert room.wait(messages.Trouble).command == "Tape"
    room.send(messages.Tape(recording="rec", caller_file=str(tmp_path), staff_file=str(tmp_path / "s.wav"), caller=(), staff=()))
    assert room.wait(messages.Trouble).command == "Tape"
    files = room.tape("rec", tmp_path, ("a",), ())
    until(lambda: files[0].exists() and files[0].stat().st_size > 8000, "a recording that works")


def test_clear_finishes_what_is_being_recorded(room: RoomProcess, phones: Phones, tmp_path: Path) -> None:
    enter(room, phones("139", CITIZEN), "a")
    files = room.tape("rec", tmp_path, ("a",), ())
    until(lambda: files[0].stat().st_size > 8000 if files[0].exists() else False, "some recording")
    room.send(messages.Clear())
    room.wait(messages.Cleared)
    assert room.seen(messages.Taped)
    assert frames(files[0]) == frames(files[1]) > 0


def test_a_killed_room_leaves_its_events_and_its_sound(room: RoomProcess, phones: Phones, tmp_path: Path) -> None:
    citizen = phones("139", CITIZEN)
    enter(room, citizen, "a")
    room.send(messages.Ack(seq=room.seen(messages.Media)[0].seq))
    files = room.tape("rec", tmp_path, ("a",), ())
    until(lambda: files[0].exists() and files[0].stat().st_size > 16000, "some recording")
    citizen.keys("1")
    room.wait(messages.Digit)
    told = [event for event in room.events if isinstance(event, messages.Event)]
    room.kill()
    (left,) = spool.files(room.spool, room.name)
    assert spool.read(left) == told
    assert not wav.finished(files[0])
    assert wav.repair(files[0]) and ear.hears(files[0], CITIZEN)
