"""Calls through a room: who hears whom, how legs begin and end, what the room tells of them."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from robots import ear, handset, softphone
from robots.tones import TONES
from telephony.ipc import messages
from tests.room.conftest import Phones
from tests.room.kit import PATIENCE, Forwarder, RoomProcess, bring, enter, listen, until

CITIZEN, OPERATOR, POLICE = TONES[0], TONES[4], TONES[8]


def test_three_parties_hear_as_the_matrix_says(room: RoomProcess, phones: Phones) -> None:
    citizen, operator, police = phones("139", CITIZEN), phones("8001", OPERATOR), phones("9001", POLICE)
    enter(room, citizen, "a")
    bring(room, "b", "8001")
    room.together("a", "b")
    listen(citizen.tape(), OPERATOR)
    listen(operator.tape(), CITIZEN)
    bring(room, "c", "9001")
    room.together("a", "b", "c")
    for phone, tones in ((citizen, (OPERATOR, POLICE)), (operator, (CITIZEN, POLICE)), (police, (CITIZEN, OPERATOR))):
        for tone in tones:
            listen(phone.tape(), tone)
    # A consultation: the caller is apart and the other two hear each other; then a whisper from police to operator only.
    room.send(messages.Mix(hears={"b": ("c", "nobody"), "c": ("b",), "gone": ("a",)}))
    room.ping()
    room.send(messages.HangUp(leg="c"))
    assert police.wait_for("ended")
    room.send(messages.HangUp(leg="a"), messages.HangUp(leg="b"))
    for phone in (citizen, operator):
        own = CITIZEN if phone is citizen else OPERATOR
        assert not ear.hears(phone.finished_tape(), own, 0.1), "nobody hears oneself"


def test_a_change_of_the_matrix_takes_effect_at_once(room: RoomProcess, phones: Phones) -> None:
    citizen, operator = phones("139", CITIZEN), phones("8001", OPERATOR)
    enter(room, citizen, "a")
    bring(room, "b", "8001")
    room.together("a", "b")
    listen(citizen.tape(), OPERATOR)
    room.send(messages.Mix(hears={"b": ("a",)}))
    room.ping()
    before = citizen.tape().stat().st_size
    heard = ear.heard(citizen.tape(), OPERATOR)
    until(lambda: citizen.tape().stat().st_size > before + 16000, "another second on the tape")
    room.send(messages.Clear())
    room.wait(messages.Cleared)
    heard = ear.heard(citizen.finished_tape(), OPERATOR)
    assert len(heard) == 1
    assert ear.silences(citizen.finished_tape(), 0.4), "after the change the caller hears nothing of the operator"
    assert ear.hears(operator.finished_tape(), CITIZEN, 1.0)


@pytest.mark.parametrize("codec", ["PCMA", "PCMU", "G722"])
def test_codecs(room: RoomProcess, phones: Phones, codec: str) -> None:
    citizen, operator = phones("139", CITIZEN, codecs=(codec,)), phones("8001", OPERATOR)
    citizen.dial(f"sip:{room.contact}@{room.door.name}", headers={"X-Hotline-Leg": "a"})
    room.wait(messages.Incoming)
    room.send(messages.Answer(leg="a"))
    assert room.wait(messages.Media, leg="a").codec == codec
    bring(room, "b", "8001")
    assert room.seen(messages.Media, leg="b")[0].codec == "PCMA"
    room.together("a", "b")
    listen(citizen.tape(), OPERATOR)
    listen(operator.tape(), CITIZEN)


def test_a_stranger_without_a_leg_is_refused_and_so_is_a_leg_that_exists(room: RoomProcess, phones: Phones) -> None:
    citizen = phones("139", CITIZEN)
    citizen.dial(f"sip:{room.contact}@{room.door.name}")
    assert citizen.wait_for("ended")["code"] == 403
    enter(room, citizen, "a", answer=False)
    second = citizen.dial(f"sip:{room.contact}@{room.door.name}", headers={"X-Hotline-Leg": "a"})
    assert citizen.wait_for("ended", call=second)["code"] == 403
    assert room.ping().legs == 1


def test_caller_rings_hears_early_media_and_is_answered(room: RoomProcess, phones: Phones) -> None:
    citizen = phones("139", CITIZEN)
    enter(room, citizen, "a", answer=False)
    room.send(messages.Answer(leg="a", code=180))
    citizen.wait_for("progress", code=180)
    room.send(messages.Answer(leg="a", code=183))
    citizen.wait_for("progress", code=183)
    room.wait(messages.Media, leg="a")
    room.send(messages.Answer(leg="a"))
    room.wait(messages.Established, leg="a")
    room.send(messages.Answer(leg="a"))
    assert room.wait(messages.Trouble).command == "Answer"


def test_progress_and_refusals_of_a_phone_are_told(room: RoomProcess, phones: Phones) -> None:
    phones("8001", OPERATOR, handset.reject(486, after=0.2))
    room.dial("a", "8001")
    dialing = room.wait(messages.Dialing, leg="a")
    assert room.wait(messages.Progress, leg="a", code=180)
    ended = room.wait(messages.Ended, leg="a")
    assert (ended.code, ended.by) == (486, "them")
    assert room.door.seen(rf"(?s)^INVITE .*Call-ID: {re.escape(dialing.call_id)}")


def test_a_ringing_phone_is_cancelled_with_a_reason(room: RoomProcess, phones: Phones) -> None:
    operator = phones("8001", OPERATOR, handset.ring())
    room.dial("a", "8001", headers={"X-Hotline-Call": "c1", "X-Hotline-Kind": "queue"}, caller="13800138000")
    incoming = operator.wait_for("incoming")
    assert "13800138000" in str(incoming)
    room.wait(messages.Progress, leg="a", code=180)
    room.send(messages.HangUp(leg="a", code=200, reason='answered "elsewhere"'))
    ended = room.wait(messages.Ended, leg="a")
    assert (ended.code, ended.by) == (487, "us")
    operator.wait_for("ended")
    (cancel,) = room.door.seen("^CANCEL ")[:1]
    assert 'Reason: SIP ;cause=200 ;text="answered \\"elsewhere\\""' in cancel
    (invite,) = room.door.seen("^INVITE ")
    assert "X-Hotline-Call: c1" in invite and f"Contact: <sip:{room.contact}@{room.door.name}>" in invite


def test_caller_gives_up_or_is_refused_before_the_answer(room: RoomProcess, phones: Phones) -> None:
    citizen = phones("139", CITIZEN)
    enter(room, citizen, "a", answer=False)
    citizen.hang_up()
    ended = room.wait(messages.Ended, leg="a")
    assert (ended.code, ended.by) == (487, "them")
    second = enter(room, citizen, "b", answer=False)
    room.send(messages.HangUp(leg="b", code=404))
    assert citizen.wait_for("ended", call=second)["code"] == 404
    assert room.wait(messages.Ended, leg="b").by == "us"


def test_phones_that_have_died_do_not_hold_the_rooms_four_places(room: RoomProcess, phones: Phones) -> None:
    dead, citizen, dying = phones("8001", OPERATOR, handset.mute()), phones("139", CITIZEN), phones("8002", OPERATOR)
    enter(room, citizen, "a")
    bring(room, "b", "8002")
    for leg in "cd":
        room.dial(leg, "8001")
        assert room.wait(messages.Progress, leg=leg).remote is False, "the front door's own 100 is no sign of the phone"
    dead.wait_for("ignored")
    for phone in (citizen, dying):
        phone.kill()
    room.send(*(messages.HangUp(leg=leg) for leg in "abcd"))
    for leg in "abcd":
        assert room.wait(messages.Ended, leg=leg).by == "us"
    operator = phones("8003", OPERATOR)
    for leg in "efgh":
        bring(room, leg, "8003")
    for call in (1, 2, 3, 4):
        operator.wait_for("answered", call=call)
    assert room.door.seen("(?s)^CANCEL .*8001") and len(room.door.seen("^BYE ")) >= 2
    room.send(messages.Clear())
    room.wait(messages.Cleared)


def test_the_fifth_leg_is_refused_and_four_are_enough_for_all(room: RoomProcess, phones: Phones) -> None:
    operator = phones("8001", OPERATOR, handset.ring())
    for leg in "abcd":
        room.dial(leg, "8001")
        room.wait(messages.Progress, leg=leg, code=180)
    room.dial("e", "8001")
    trouble = room.wait(messages.Trouble, leg="e")
    assert trouble.command == "Dial" and "full" in trouble.error
    # An ended leg's place can be taken at once.
    room.send(messages.HangUp(leg="a"))
    room.wait(messages.Ended, leg="a")
    room.dial("f", "8001")
    room.wait(messages.Progress, leg="f", code=180)
    for call in (1, 2, 3, 4, 5):
        operator.wait_for("incoming", call=call)


def test_digits_come_once_by_either_way(room: RoomProcess, phones: Phones) -> None:
    citizen = phones("139", CITIZEN)
    enter(room, citizen, "a")
    for digits, way in (("*1", "rfc4733"), ("07#", "info"), ("55", "rfc4733")):
        citizen.keys(digits, method=way)
        for digit in digits:
            assert room.wait(messages.Digit, leg="a").digit == digit
    room.send(messages.Clear())
    room.wait(messages.Cleared)
    assert [one.digit for one in room.seen(messages.Digit)] == list("*107#55")


def test_a_held_phone_stays_in_the_matrix(room: RoomProcess, phones: Phones) -> None:
    citizen, operator = phones("139", CITIZEN), phones("8001", OPERATOR)
    enter(room, citizen, "a")
    bring(room, "b", "8001")
    room.together("a", "b")
    listen(citizen.tape(), OPERATOR)
    operator.hold()
    assert room.wait(messages.Media, leg="b", held=True).codec == "PCMA"
    operator.wait_for("media", state=lambda state: "hold" in state)  # its own re-INVITE is over
    operator.unhold()
    assert room.wait(messages.Media, leg="b", held=False)
    start = operator.tape().stat().st_size / 16000
    until(
        lambda: sum(end - max(begin, start) for begin, end in ear.heard(operator.tape(), CITIZEN) if end > start) > 0.5,
        "after the hold the operator hears the citizen again",
    )


def test_the_dialog_told_is_good_enough_to_end_it_for_the_room(door: Forwarder, room: RoomProcess, phones: Phones) -> None:
    citizen, operator = phones("139", CITIZEN), phones("8001", OPERATOR)
    citizen.dial(f"sip:{room.contact}@{door.name}", headers={"X-Hotline-Leg": "a"})
    room.wait(messages.Incoming)
    room.send(messages.Answer(leg="a"))
    dialogs = [room.wait(messages.Established, leg="a").dialog]
    room.dial("b", "8001")
    dialogs.append(room.wait(messages.Established, leg="b").dialog)
    assert dialogs[0].cseq == 0 and dialogs[1].cseq > 0
    room.kill()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind(("127.0.0.1", 0))
        out.settimeout(PATIENCE)
        here = "{}:{}".format(*out.getsockname())
        for number, dialog in enumerate(dialogs):
            lines = [
                f"BYE {dialog.target} SIP/2.0",
                f"Via: SIP/2.0/UDP {here};branch=z9hG4bKbye{number}",
                *(f"Route: {route}" for route in dialog.routes),
                f"From: <{dialog.local_uri}>;tag={dialog.local_tag}",
                f"To: <{dialog.remote_uri}>;tag={dialog.remote_tag}",
                f"Call-ID: {dialog.call_id}",
                f"CSeq: {dialog.cseq + 1000} BYE",
                "Max-Forwards: 70",
                "Content-Length: 0",
            ]
            out.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), door.address)
            assert out.recv(65535).startswith(b"SIP/2.0 200")
    assert citizen.wait_for("ended") and operator.wait_for("ended")


def test_a_transfer_is_told_to_the_phone_and_refer_is_never_obeyed(room: RoomProcess, phones: Phones) -> None:
    operator = phones("8001", OPERATOR)
    bring(room, "b", "8001")
    operator.refer("sip:9001@seats.hotline.invalid")
    assert operator.wait_for("reply", method="REFER")["code"] == 403
    room.send(messages.Notify(leg="b", status="200\r\nEvil: 1"), messages.Notify(leg="b", status="OK"))
    assert "control" in room.wait(messages.Trouble, command="Notify").error
    assert "status line" in room.wait(messages.Trouble, command="Notify").error
    room.send(
        messages.Notify(leg="b", status="SIP/2.0 100 Trying"),
        messages.Notify(leg="b", status="SIP/2.0 200 OK", final=True),
    )
    until(lambda: len(room.door.seen("^NOTIFY ")) >= 2, "both NOTIFYs")
    first, last = room.door.seen("^NOTIFY ")[0], room.door.seen("terminated;reason=noresource")[0]
    assert "Event: refer" in first and "Subscription-State: active;expires=60" in first
    assert "message/sipfrag;version=2.0" in last and last.rstrip().endswith("SIP/2.0 200 OK")
    assert room.seen(messages.Dialing) and len(room.seen(messages.Dialing)) == 1


def test_headers_cannot_be_smuggled_in(room: RoomProcess) -> None:
    for bad in ({"X-A": "1\r\nX-Evil: 2"}, {"X A": "1"}, {"X-A\r\nEvil": "1"}):
        room.dial("a", "8001", headers=bad)
        assert room.wait(messages.Trouble, leg="a").command == "Dial"
    room.send(messages.Dial(leg="a", uri="sip:8001@x\r\nEvil: 1", caller="1"))
    room.send(messages.Dial(leg="a", uri="http://8001", caller="1"))
    for _ in range(2):
        assert "URI" in room.wait(messages.Trouble, leg="a").error
    assert not room.door.seen("Evil")


def test_long_requests_stay_on_udp(room: RoomProcess, phones: Phones) -> None:
    operator = phones("8001", OPERATOR)
    room.dial("a", "8001", headers={f"X-Hotline-Long-{number}": "x" * 200 for number in range(12)})
    room.wait(messages.Established, leg="a")
    assert operator.wait_for("incoming")


def test_anonymous_and_odd_callers(room: RoomProcess, phones: Phones, tmp_path: Path) -> None:
    phones("8001", OPERATOR, handset.reject(486))
    for leg, caller, display, wanted in (
        ("a", "", "", '"Anonymous" <sip:anonymous@anonymous.invalid>'),
        ("b", "a b@c", '张 "三"', '"张 \\"三\\"" <sip:a%20b%40c@hotline.invalid>'),
        ("c", "+8613800138000", "", "<sip:+8613800138000@hotline.invalid>"),
    ):
        room.send(messages.Dial(leg=leg, uri="sip:8001@seats.hotline.invalid", caller=caller, display=display))
        room.wait(messages.Ended, leg=leg)
        assert room.door.seen(f"(?m)^From: {re.escape(wanted)};tag="), leg


def test_another_make_of_phone_talks_holds_and_presses_keys(door: Forwarder, room: RoomProcess, phones: Phones) -> None:
    citizen = phones("139", CITIZEN)
    with softphone.Softphone("8001", tone=OPERATOR, auto_answer=True) as operator:
        door.users["8001"] = ("127.0.0.1", operator.port)
        enter(room, citizen, "a")
        room.dial("b", "8001")
        dialog = room.wait(messages.Established, leg="b").dialog
        room.wait(messages.Media, leg="b")
        assert dialog.target and dialog.remote_tag and dialog.routes == (f"<sip:{door.name};lr>",)
        room.together("a", "b")
        listen(citizen.tape(), OPERATOR)
        operator.keys("*1")
        assert [room.wait(messages.Digit, leg="b").digit for _ in "*1"] == ["*", "1"]
        operator.hold()
        room.wait(messages.Media, leg="b", held=True)
        operator.unhold()
        room.wait(messages.Media, leg="b", held=False)
        room.send(messages.HangUp(leg="b"))
        assert operator.wait_for("ended")
        assert ear.hears(operator.tapes()[-1], CITIZEN)
