"""A room's life: start, attaching again, clearing, leaving, and any odd sequence of commands."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from robots import ear
from robots.tones import TONES
from telephony.ipc import messages, spool
from tests.room.conftest import Phones, Rooms
from tests.room.kit import PATIENCE, Forwarder, RoomProcess, bring, enter, listen, tone_file, until

CITIZEN, OPERATOR, PROMPT = TONES[0], TONES[4], TONES[8]


def test_hello_tells_where_the_room_is(rooms: Rooms) -> None:
    room = rooms(attach=False)
    hello = room.attach()
    assert (hello.room, hello.pid, hello.host, hello.port) == ("r1", room.process.pid, "127.0.0.1", room.ready["port"])
    assert hello.legs == () and hello.seq == 0
    pong = room.ping()
    assert pong.rss_kb > 1000 and (pong.legs, pong.calls) == (0, 0)
    assert room.socket_path.stat().st_mode & 0o777 == 0o600


def test_a_call_goes_on_without_a_switchboard_and_the_next_one_learns_all(
    room: RoomProcess, phones: Phones, tmp_path: Path
) -> None:
    citizen, operator = phones("139", CITIZEN), phones("8001", OPERATOR)
    enter(room, citizen, "a")
    bring(room, "b", "8001")
    room.together("a", "b")
    listen(citizen.tape(), OPERATOR)
    known = max(event.seq for event in room.events if isinstance(event, messages.Event))
    room.send(messages.Ack(seq=known - 1))
    room.ping()
    room.detach()
    citizen.keys("7")
    operator.hang_up()
    citizen_size = citizen.tape().stat().st_size
    until(lambda: citizen.tape().stat().st_size > citizen_size + 8000, "the call goes on")
    hello = room.attach(after=known)
    assert hello.legs == ("a",) and hello.seq > known
    assert room.wait(messages.Digit).digit == "7"
    assert room.wait(messages.Ended, leg="b").by == "them"
    assert [event.seq for event in room.events if isinstance(event, messages.Event)] == list(range(known + 1, hello.seq + 1))
    # What was not acknowledged is repeated to one who remembers nothing.
    room.detach()
    room.attach(after=0)
    room.wait(messages.Ended, leg="b")
    assert min(event.seq for event in room.events if isinstance(event, messages.Event)) == known
    room.send(messages.Ack(seq=hello.seq))
    room.ping()
    assert spool.files(room.spool) == []
    room.detach()
    assert room.attach(after=0).seq == hello.seq
    room.ping()
    assert [event for event in room.events if isinstance(event, messages.Event)] == []


def test_a_second_switchboard_takes_over_and_rubbish_ends_only_its_connection(room: RoomProcess, phones: Phones) -> None:
    enter(room, phones("139", CITIZEN), "a")
    old = room._connection
    assert room.attach().legs == ("a",)
    assert old is not None and old.recv(1) == b""
    assert room._connection is not None
    room._connection.sendall(b"\x00\x00\x00\x05hello")
    room._reader.join(PATIENCE)
    assert room.attach().legs == ("a",)
    room._connection.sendall(b"\xff" * 64)
    room._reader.join(PATIENCE)
    assert room.attach().legs == ("a",)
    assert room.ping().legs == 1


def test_clear_makes_ready_for_another_call(room: RoomProcess, phones: Phones, tmp_path: Path) -> None:
    citizen, operator = phones("139", CITIZEN), phones("8001", OPERATOR)
    for turn in range(3):
        enter(room, citizen, f"a{turn}")
        bring(room, f"b{turn}", "8001")
        room.together(f"a{turn}", f"b{turn}")
        room.send(messages.Play(leg=f"a{turn}", play="m", files=(tone_file(tmp_path / "m.wav", PROMPT, 0.4),), loop=True))
        room.send(messages.Clear())
        room.wait(messages.Cleared)
        assert {one.leg: one.by for one in room.seen(messages.Ended)}[f"b{turn}"] == "us"
        assert room.ping().legs == 0
    assert room.ping().calls == 6
    for phone in (citizen, operator):
        for call in (1, 2, 3):
            phone.finished_tape(call)


@pytest.mark.parametrize("way", ["quit", "sigterm"])
def test_a_room_leaves_tidily(room: RoomProcess, phones: Phones, tmp_path: Path, way: str) -> None:
    citizen = phones("139", CITIZEN)
    enter(room, citizen, "a")
    files = room.tape("rec", tmp_path, ("a",), ())
    until(lambda: files[0].exists() and files[0].stat().st_size > 8000, "some recording")
    room.process.send_signal(signal.SIGINT)  # a terminal's Ctrl-C is for the one who started it
    assert room.ping().legs == 1
    if way == "quit":
        room.send(messages.Quit())
    else:
        room.process.terminate()
    assert room.wait(messages.Ended, leg="a").by == "us"
    assert room.process.wait(PATIENCE) == 0
    assert citizen.wait_for("ended")
    assert ear.hears(files[0], CITIZEN)
    assert not room.socket_path.exists()
    assert room.wait(messages.Taped)
    (left,) = spool.files(room.spool)  # nobody has acknowledged them
    assert [type(event) for event in spool.read(left)][-1] is messages.Cleared


def test_a_room_that_nobody_wants_leaves_by_itself(rooms: Rooms) -> None:
    room = rooms(attach=False, alone="0.5")
    assert room.process.wait(PATIENCE) == 0
    assert not room.socket_path.exists() and spool.files(room.spool) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"rtp": "5-9"}, "20000-20063"),
        ({"door": "somewhere"}, "address:port"),
        ({"socket": "/proc/none/x.sock"}, "could not start"),
    ],
)
def test_bad_arguments_end_with_a_word(tmp_path: Path, door: Forwarder, wrong: dict[str, str], told: str) -> None:
    given = {
        "name": "r",
        "socket": str(tmp_path / "s"),
        "door": door.name,
        "contact": "t",
        "rtp": "20000-20063",
        "spool": str(tmp_path),
    }
    arguments = [f"--{key}={value}" for key, value in (given | wrong).items()]
    done = subprocess.run([sys.executable, "-m", "telephony.room", *arguments], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode != 0 and told in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_log_lines_are_json_and_hold_no_number(room: RoomProcess, phones: Phones, tmp_path: Path) -> None:
    enter(room, phones("13812345678", CITIZEN), "a")
    room.dial("b", "13800000001")
    room.send(messages.HangUp(leg="nobody"), messages.Play(leg="a", play="p", files=("none.wav",)))
    room.wait(messages.PlayFailed)
    lines = (tmp_path / "r1.log").read_text().splitlines()
    assert lines and all(json.loads(line)["room"] == "r1" for line in lines)
    assert "138" not in "".join(lines)


def test_an_idle_room_sleeps(room: RoomProcess) -> None:
    room.ping()
    process = psutil.Process(room.process.pid)
    begun, switches = process.cpu_times(), process.num_ctx_switches().voluntary
    until(lambda: process.num_ctx_switches().voluntary - switches >= 2, "two ticks of an idle room")
    spent = process.cpu_times()
    assert spent.user + spent.system - begun.user - begun.system <= 0.02


def test_a_storm_of_calls_does_not_use_up_the_handles(room: RoomProcess, phones: Phones) -> None:
    """Forty set-ups at once: pjlib would abort at the 32nd within half a second."""
    phones("8001", OPERATOR)
    for turn in range(20):
        room.send(*(messages.Dial(leg=f"{turn}{leg}", uri="sip:8001@x", caller="1") for leg in "ab"), messages.Clear())
        room.wait(messages.Cleared)
    assert len(room.seen(messages.Ended)) == 40
    bring(room, "last", "8001")


def test_no_sequence_of_commands_harms_a_room(room: RoomProcess, phones: Phones, tmp_path: Path) -> None:
    """Random commands, sensible and not, over a living call; a fixed seed makes a failure repeatable."""
    dice = random.Random(12345110)
    phones("8001", OPERATOR)
    citizen = phones("139", CITIZEN)
    files = (tone_file(tmp_path / "p.wav", PROMPT, 0.1), tone_file(tmp_path / "q.wav", PROMPT, 0.15), str(tmp_path / "none.wav"))
    legs = ("a", "b", "c", "d", "e", "", "ü\x00x")

    def some(*values: str) -> tuple[str, ...]:
        return tuple(dice.choice(values) for _ in range(dice.randrange(4)))

    def command() -> messages.Message:
        leg, name = dice.choice(legs), dice.choice(("r1", "r2"))
        uri = dice.choice(("sip:8001@seats.hotline.invalid", "sip:nobody@x.invalid", "sip:", ""))
        sides = str(tmp_path / f"{name}c.wav"), str(tmp_path / f"{name}s.wav")
        choices: list[Callable[[], messages.Message]] = [
            lambda: messages.Answer(leg=leg, code=dice.choice((180, 183, 200, 100, 0, -5, 700, 2**40))),
            lambda: messages.Dial(leg=leg, uri=uri, caller=dice.choice(("1", "", "\r", "ü"))),
            lambda: messages.HangUp(leg=leg, code=dice.choice((0, 486, 200, -1, 2**33)), reason=dice.choice(("", "x", "\r\n"))),
            lambda: messages.Mix(hears={ear_: some(*legs) for ear_ in some(*legs)}),
            lambda: messages.Play(leg=leg, play="p", files=some(*files), loop=dice.random() < 0.3),
            lambda: messages.StopPlay(leg=leg),
            lambda: messages.Tape(
                recording=name, caller_file=sides[0], staff_file=sides[1], caller=some(*legs), staff=some(*legs)
            ),
            lambda: messages.StopTape(recording=name),
            lambda: messages.Notify(leg=leg, status=dice.choice(("SIP/2.0 200 OK", "x", "SIP/2.0 999 no"))),
            lambda: messages.Ack(seq=dice.choice((0, 5, 2**40))),
            lambda: messages.Attach(after=dice.randrange(10)),
            lambda: messages.Ping(nonce=0),
        ]
        return dice.choice(choices)()

    def some_commands() -> list[messages.Message]:
        return [command() for _ in range(dice.randrange(1, 12))]

    for turn in range(48):
        if turn % 8 == 0:
            room.send(*some_commands(), messages.Clear(), *some_commands())
            room.wait(messages.Cleared)
            room.send(messages.Clear())  # what was begun behind the first one's back
            room.wait(messages.Cleared)
            citizen.dial(f"sip:{room.contact}@{room.door.name}", headers={"X-Hotline-Leg": "a"})
            room.wait(messages.Incoming)
            room.send(messages.Answer(leg="a"))
        room.send(*some_commands())
        room.ping()
    room.send(messages.Clear())
    room.wait(messages.Cleared)
    enter(room, citizen, "last")
    room.send(messages.Clear())
    room.wait(messages.Ended, leg="last")
    assert room.process.poll() is None
    assert "Traceback" not in (tmp_path / "r1.log").read_text()
