"""Prompts and music in one ear."""

from __future__ import annotations

import wave
from pathlib import Path

from robots import ear
from robots.tones import TONES
from telephony.ipc import messages
from tests.room.conftest import Phones
from tests.room.kit import RoomProcess, bring, enter, listen, tone_file, until

CITIZEN, OPERATOR, FIRST, SECOND, MUSIC = TONES[0], TONES[4], TONES[6], TONES[9], TONES[12]


def test_files_play_in_turn_with_hardly_a_gap_and_the_end_is_told(room: RoomProcess, phones: Phones, tmp_path: Path) -> None:
    enter(room, phones("139", CITIZEN), "a")
    files = (
        tone_file(tmp_path / "1.wav", FIRST, 0.51),
        tone_file(tmp_path / "2.wav", SECOND, 0.333),
        tone_file(tmp_path / "3.wav", FIRST, 0.2),
    )
    # Measured on the room's own tape: no packet is late there.
    _, tape = room.tape("rec", tmp_path, ("a",), ())
    room.send(messages.Play(leg="a", play="p1", files=files))
    assert room.wait(messages.Played, leg="a").play == "p1"
    room.send(messages.StopTape(recording="rec"))
    room.wait(messages.Taped)
    (one, three), (two,) = ear.heard(tape, FIRST), ear.heard(tape, SECOND)
    assert abs(one[1] - one[0] - 0.51) <= 0.04 and abs(two[1] - two[0] - 0.333) <= 0.04 and abs(three[1] - three[0] - 0.2) <= 0.04
    # Some 40 ms on a machine with nothing else to do; a loaded one adds its own delays to both clocks.
    assert 0 <= two[0] - one[1] <= 0.2 and 0 <= three[0] - two[1] <= 0.2


def test_music_goes_on_until_it_is_stopped_and_then_at_once(room: RoomProcess, phones: Phones, tmp_path: Path) -> None:
    citizen = phones("139", CITIZEN)
    enter(room, citizen, "a")
    room.send(messages.Play(leg="a", play="m", files=(tone_file(tmp_path / "m.wav", MUSIC, 0.3),), loop=True))
    listen(citizen.tape(), MUSIC, 1.0)
    room.send(messages.StopPlay(leg="a"))
    room.ping()
    size = citizen.tape().stat().st_size
    until(lambda: citizen.tape().stat().st_size > size + 12000, "more of the tape")
    room.send(messages.HangUp(leg="a"))
    tape = citizen.finished_tape()
    heard = ear.heard(tape, MUSIC)
    assert len(heard) == 1, "a loop without a break"
    assert ear.duration(tape) - heard[0][1] > 0.5
    assert not room.seen(messages.Played)


def test_a_loop_of_several_files_comes_round(room: RoomProcess, phones: Phones, tmp_path: Path) -> None:
    citizen = phones("139", CITIZEN)
    enter(room, citizen, "a")
    files = (tone_file(tmp_path / "1.wav", FIRST, 0.2), tone_file(tmp_path / "2.wav", SECOND, 0.2))
    room.send(messages.Play(leg="a", play="m", files=files, loop=True))
    until(lambda: citizen.tape().stat().st_size > 4000 and len(ear.heard(citizen.tape(), FIRST)) >= 3, "the third round")
    assert len(ear.heard(citizen.tape(), SECOND)) >= 2


def test_a_new_play_takes_the_place_of_the_old_one(room: RoomProcess, phones: Phones, tmp_path: Path) -> None:
    citizen = phones("139", CITIZEN)
    enter(room, citizen, "a")
    room.send(messages.Play(leg="a", play="m", files=(tone_file(tmp_path / "m.wav", MUSIC, 0.5),), loop=True))
    listen(citizen.tape(), MUSIC)
    room.send(messages.Play(leg="a", play="p", files=(tone_file(tmp_path / "p.wav", FIRST, 0.5),)))
    assert room.wait(messages.Played).play == "p"
    room.send(messages.HangUp(leg="a"))
    (music,), (prompt,) = ear.heard(citizen.finished_tape(), MUSIC), ear.heard(citizen.tape(), FIRST)
    assert -0.04 <= prompt[0] - music[1] <= 0.1


def test_a_prompt_is_mixed_with_what_the_leg_hears_and_heard_by_it_alone(
    room: RoomProcess, phones: Phones, tmp_path: Path
) -> None:
    citizen, operator = phones("139", CITIZEN), phones("8001", OPERATOR)
    enter(room, citizen, "a")
    bring(room, "b", "8001")
    room.together("a", "b")
    listen(operator.tape(), CITIZEN)
    room.send(messages.Play(leg="b", play="tag", files=(tone_file(tmp_path / "t.wav", FIRST, 0.4),)))
    room.wait(messages.Played)
    room.send(messages.Clear())
    (tag,) = ear.heard(operator.finished_tape(), FIRST)
    assert any(start <= tag[0] and end >= tag[1] for start, end in ear.heard(operator.tape(), CITIZEN))
    assert not ear.hears(citizen.finished_tape(), FIRST, 0.06)


def test_a_play_waits_for_the_legs_media(room: RoomProcess, phones: Phones, tmp_path: Path) -> None:
    operator = phones("8001", OPERATOR)
    room.dial("b", "8001")
    room.send(messages.Play(leg="b", play="tag", files=(tone_file(tmp_path / "t.wav", FIRST, 0.4),)))
    room.wait(messages.Played, leg="b")
    room.send(messages.HangUp(leg="b"))
    assert ear.hears(operator.finished_tape(), FIRST, 0.35)


def test_unfit_files_are_reported_and_do_no_harm(room: RoomProcess, phones: Phones, tmp_path: Path) -> None:
    citizen = phones("139", CITIZEN)
    enter(room, citizen, "a")
    fast = tmp_path / "fast.wav"
    with wave.open(str(fast), "wb") as file:
        file.setparams((2, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(64000))
    short = tmp_path / "short.wav"
    with wave.open(str(short), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(100))
    text = tmp_path / "text.wav"
    text.write_bytes(b"RIFF no sound here")
    good = tone_file(tmp_path / "good.wav", FIRST, 0.3)
    for files in (
        (str(tmp_path / "none.wav"),),
        (good, str(fast)),
        (str(short),),
        (str(text),),
        (str(tmp_path),),
        ("/dev/null",),
        (),
    ):
        room.send(messages.Play(leg="a", play="p", files=files))
        failed = room.wait(messages.PlayFailed, leg="a", play="p")
        assert failed.error
    room.send(messages.Play(leg="nobody", play="p", files=(good,)))
    assert room.wait(messages.Trouble).leg == "nobody"
    room.send(messages.Play(leg="a", play="after", files=(good,)))
    assert room.wait(messages.Played).play == "after"
