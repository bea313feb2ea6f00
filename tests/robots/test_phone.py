"""Robot phones call each other on loopback without any server between them."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from robots import ear, wav
from robots.handset import NothingHeard, RobotError, answer, mute, reject, ring, stall
from tests.robots.conftest import MakePhone

CALLER, OPERATOR = 1750, 2350
LATE = 0.3
"""Seconds by which a loaded machine may move an edge on a tape."""


def test_both_hear_each_other_from_the_answer_to_the_end(phone: MakePhone) -> None:
    citizen = phone("13800001111", tone=CALLER)
    operator = phone("8001", tone=OPERATOR, behaviour=answer(0.3))
    headers = {"X-Hotline-Call": "c-1", "X-Hotline-Kind": "one-key", "Subject": "x"}
    call = citizen.dial(operator.uri, headers=headers, display='张 "三"')
    came = operator.wait_for("incoming")
    assert (came["caller"], came["display"], came["dialled"]) == ("13800001111", '张 "三"', "8001")
    assert came["headers"] == headers
    assert citizen.wait_for("progress")["code"] == 180
    answered = citizen.wait_for("answered", call=call)
    assert answered["t"] - came["t"] >= 0.3
    operator.tape_reaches(1.5)
    citizen.tape_reaches(1.5)
    operator.hang_up()
    ended = citizen.wait_for("ended")
    assert (ended["code"], ended["by"]) == (200, "them")
    assert operator.wait_for("ended")["by"] == "us"
    for one, hz, name in ((citizen, OPERATOR, "operator"), (operator, CALLER, "caller")):
        tape = one.finished_tape()
        assert abs(ear.duration(tape) - one.on_tape(ended)) < LATE
        ((start, end),) = ear.heard(tape, hz)
        assert start < LATE and ear.duration(tape) - end < LATE
        assert [label for *_, label in ear.timeline(tape, {hz: name}) if label != "silence"] == [name]


def test_dialling_with_another_number_shows_it_to_the_called(phone: MakePhone) -> None:
    trunk, desk = phone("trunk"), phone("8001")
    trunk.dial(desk.uri, caller="02766668888", display="座机")
    came = desk.wait_for("incoming")
    assert (came["caller"], came["display"]) == ("02766668888", "座机")


def test_voice_can_change_during_a_call(phone: MakePhone, tmp_path: Path) -> None:
    one, other = phone("1", tone=1850), phone("2", behaviour=answer())
    one.dial(other.uri)
    other.hear(1850)
    one.speak(2650)
    began, _ = other.hear(2650)
    one.hush()
    hushed = one.history[-1]["t"]
    other.tape_reaches(other.on_tape(hushed) + 1.0)
    one.speak()
    other.hear(1850, since=other.on_tape(hushed))
    one.hang_up()
    tape = other.finished_tape()
    assert began < other.on_tape(hushed) + LATE
    assert [label for *_, label in ear.timeline(tape, {1850: "a", 2650: "b"}, shortest=0.3)] == ["a", "b", "silence", "a"]


def test_file_is_spoken_once_and_its_end_is_told(phone: MakePhone, tmp_path: Path) -> None:
    one, other = phone("1"), phone("2", behaviour=answer())
    one.dial(other.uri)
    one.wait_for("media", state="active")
    wav.save(tmp_path / "said.wav", (ear.np.sin(2 * ear.np.pi * 2950 * ear.np.arange(8000) / 8000) * 5000).astype("i2"))
    one.say(tmp_path / "said.wav")
    spoken = one.wait_for("spoken")
    other.tape_reaches(other.on_tape(spoken) + 0.6)
    one.hang_up()
    ((start, end),) = ear.heard(other.finished_tape(), 2950)
    assert end - start == pytest.approx(1.0, abs=0.1)
    with pytest.raises(RobotError, match=r"speak: .*[Nn]ot found"):
        one.say(tmp_path / "nothing.wav")


def test_keys_arrive_once_each_by_both_ways_and_in_both_directions(phone: MakePhone) -> None:
    one, other = phone("1", tone=CALLER), phone("2", tone=OPERATOR, behaviour=answer())
    one.dial(other.uri)
    one.wait_for("answered")
    other.wait_for("media", state="active")
    for sender, receiver in ((one, other), (other, one)):
        sender.keys("*10#")
        sender.keys("73", method="info")
        for digit, method in (*((digit, "rfc4733") for digit in "*10#"), ("7", "info"), ("3", "info")):
            receiver.wait_for("digit", digit=digit, method=method)
        assert len(receiver.seen("digit")) == 6
        assert [event["digit"] for event in receiver.seen("digit", method="rfc4733")] == list("*10#")
        assert [event["code"] for event in sender.seen("reply", method="INFO")] == [200, 200]


def test_hold_gives_silence_and_the_tape_keeps_time(phone: MakePhone) -> None:
    one, other = phone("1", tone=CALLER), phone("2", tone=OPERATOR, behaviour=answer())
    one.dial(other.uri)
    other.hear(CALLER, 0.5)
    one.hold()
    held = other.wait_for("media", state="remote_hold")
    one.wait_for("media", state="local_hold")
    one.tape_reaches(one.on_tape(held) + 1.0)
    one.unhold()
    resumed = other.wait_for("media", state="active", t=lambda t: t > held["t"])
    other.hear(CALLER, 0.6, since=other.on_tape(resumed))
    one.hang_up()
    ended = other.wait_for("ended")
    for phone_, hz in ((one, OPERATOR), (other, CALLER)):
        tape = phone_.finished_tape()
        assert abs(ear.duration(tape) - phone_.on_tape(ended)) < LATE
        (pause,) = ear.silences(tape, 0.5)
        assert pause == pytest.approx((phone_.on_tape(held), phone_.on_tape(resumed)), abs=LATE)
        assert ear.gaps(tape, hz, 0.5) == [pytest.approx(pause, abs=0.06)]


@pytest.mark.parametrize(("code", "after"), [(486, 0.0), (603, 0.2)])
def test_refusal_carries_its_code(phone: MakePhone, code: int, after: float) -> None:
    one, other = phone("1"), phone("2", behaviour=reject(code, after))
    one.dial(other.uri)
    ended = one.wait_for("ended")
    assert (ended["code"], ended["by"]) == (code, "them")
    assert len(one.seen("progress")) == (1 if after else 0)
    assert other.wait_for("ended")["by"] == "us"


def test_unanswered_phone_rings_until_the_caller_gives_up(phone: MakePhone) -> None:
    one, other = phone("1"), phone("2", behaviour=ring())
    one.dial(other.uri)
    one.wait_for("progress", code=180)
    one.hang_up()
    assert one.wait_for("ended")["code"] == 487
    assert other.wait_for("ended")["by"] == "them"
    assert not other.seen("answered")


def test_ringing_phone_answers_or_refuses_on_command(phone: MakePhone) -> None:
    one, other = phone("1"), phone("2")
    one.dial(other.uri)
    other.wait_for("incoming")
    other.answer()
    one.wait_for("answered")
    one.hang_up()
    other.wait_for("ended")
    one.dial(other.uri)
    other.wait_for("incoming")
    other.hang_up(code=480)
    assert one.wait_for("ended", code=480)["reason"]


def test_stalling_phone_never_says_that_it_rings(phone: MakePhone) -> None:
    one, other = phone("1"), phone("2", behaviour=stall())
    one.dial(other.uri)
    other.wait_for("incoming")
    with pytest.raises(NothingHeard, match="no progress"):
        one.wait_for("progress", timeout=1.0)
    other.behave(answer())
    other.answer()
    one.wait_for("answered")


def test_mute_phone_replies_to_nothing_until_it_wakes(phone: MakePhone) -> None:
    one, other = phone("1"), phone("2", behaviour=mute())
    one.dial(other.uri)
    ignored = other.wait_for("ignored", method="INVITE")
    other.wait_for("ignored", method="INVITE", sip_call_id=ignored["sip_call_id"])  # the retransmission
    assert not one.seen("progress") and not other.seen("incoming")
    other.behave(answer())
    one.wait_for("answered")


def test_refused_refer_is_reported_and_the_call_goes_on(phone: MakePhone) -> None:
    one, other = phone("1", tone=CALLER), phone("2", behaviour=answer(), refer_code=403)
    one.dial(other.uri)
    one.wait_for("answered")
    one.refer("sip:9001@127.0.0.1:9")
    assert other.wait_for("refer_asked")["uri"] == "sip:9001@127.0.0.1:9"
    assert one.wait_for("reply", method="REFER")["code"] == 403
    report = one.wait_for("refer")
    assert (report["code"], report["final"]) == (403, True)
    other.hear(CALLER, since=other.on_tape(report))
    assert not one.seen("ended")


def test_outside_line_takes_calls_for_any_user_on_its_port(phone: MakePhone) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    line = phone("carrier", listen_port=port, behaviour=answer()).ready()
    assert line.sip_port == port
    caller = phone("1")
    for number in ("119", "120"):
        caller.dial(f"sip:{number}@127.0.0.1:{port}")
        assert line.wait_for("incoming")["dialled"] == number
        caller.wait_for("answered")
        caller.hang_up()
        caller.wait_for("ended")
    twin = phone("carrier", listen_port=port, name="twin")
    with pytest.raises(RobotError, match=r"ended without ready.*in use"):
        twin.ready()


def test_phone_without_another_line_is_busy(phone: MakePhone) -> None:
    desk = phone("8001", behaviour=answer(), lines=1)
    first, second = phone("1"), phone("2")
    first.dial(desk.uri)
    first.wait_for("answered")
    second.dial(desk.uri)
    assert second.wait_for("ended")["code"] == 486
    assert not first.seen("ended")


def test_calls_follow_each_other_without_a_pause(phone: MakePhone) -> None:
    one, other = phone("1", folder=None), phone("2", folder=None, behaviour=answer())
    for _ in range(12):
        call = one.dial(other.uri)
        one.wait_for("answered", call=call)
        one.hang_up()
        one.wait_for("ended", call=call)
    assert len(other.seen("incoming")) == 12 and not one.seen("error") and not other.seen("error")


def test_four_calls_at_once_are_taped_apart(phone: MakePhone) -> None:
    desk = phone("8001", tone=OPERATOR, behaviour=answer())
    callers = [phone(str(number), tone=hz) for number, hz in enumerate((1750, 1950, 2450, 3050))]
    for number, caller in enumerate(callers, 1):
        caller.dial(desk.uri)
        caller.wait_for("answered")
        desk.hear(caller.tone, call=number)
        caller.hear(OPERATOR)
    for number, caller in enumerate(callers, 1):
        others = {one.tone for one in callers} - {caller.tone}
        assert all(not ear.heard(desk.tape(number), hz) for hz in others)


def test_killed_phone_leaves_a_tape_that_can_be_read(phone: MakePhone) -> None:
    one, other = phone("1", tone=CALLER), phone("2", tone=OPERATOR, behaviour=answer())
    one.dial(other.uri)
    other.hear(CALLER, 0.8)
    other.kill()
    assert ear.hears(other.tape(), CALLER, 0.7)
    assert wav.repair(other.tape())
    assert ear.hears(other.tape(), CALLER, 0.7)
    with pytest.raises(RobotError, match="ended without"):
        other.wait_for("ended")


def test_closing_a_phone_hangs_up_and_finishes_the_tape(phone: MakePhone) -> None:
    one, other = phone("1", tone=CALLER), phone("2", behaviour=answer())
    one.dial(other.uri)
    other.hear(CALLER)
    other.close()
    assert other.process.returncode == 0
    assert one.wait_for("ended")["by"] == "them"
    assert not wav.repair(other.tape())


def test_nonsense_is_refused_with_a_reason_and_the_phone_lives(phone: MakePhone) -> None:
    one = phone("1")
    for match, command in (
        ("no call", one.hang_up),
        ("no registrar", one.register),
        ("no URI", lambda: one.dial("110")),
        ("unknown behaviour", lambda: one.behave({"kind": "dance"})),
        ("do_fly", lambda: one.do("fly")),
        ("makeCall|make_call", lambda: one.dial("sip:nobody@[not-an-address")),
    ):
        with pytest.raises(RobotError, match=match):
            command()
    assert not one.seen("bye")


def test_many_phones_start_side_by_side(phone: MakePhone) -> None:
    began = time.monotonic()
    phones = [phone(str(number), folder=None) for number in range(10)]
    assert time.monotonic() - began < 5
    assert len({one.ready().sip_port for one in phones}) == 10
