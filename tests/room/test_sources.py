"""A stranger's packets do not capture a call."""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import threading

from robots import ear
from robots.tones import TONES
from telephony.ipc import messages
from telephony.room import sources
from tests.room.conftest import Phones
from tests.room.kit import PATIENCE, RoomProcess, bring, enter, listen, until

CITIZEN, OPERATOR = TONES[0], TONES[4]
PHONE, NAT, STRANGER = "10.0.0.1:4000", "192.0.2.1:31000", "203.0.113.9:6666"


def test_the_negotiated_address_and_a_nat_in_the_first_seconds_are_taken() -> None:
    source = sources.Source(PHONE, started=100.0)
    assert source.seen("", 100.5) is None
    assert source.seen(PHONE, 101.0) is None
    assert source.seen(NAT, 102.9) is None
    assert source.seen(NAT, 200.0) is None
    assert source.seen(PHONE, 201.0) is None, "what was negotiated is never a stranger"


def test_a_later_change_is_told_until_a_new_negotiation() -> None:
    source = sources.Source(PHONE, started=100.0)
    source.seen(NAT, 101.0)
    assert source.seen(STRANGER, 110.0) == (NAT, STRANGER)
    source.renegotiated(PHONE, 111.0)
    assert source.seen(NAT, 112.0) is None
    assert sources.Source(PHONE, started=0.0).seen(STRANGER, 50.0) == (PHONE, STRANGER)


def _spray(port: int, out: socket.socket, stop: threading.Event) -> None:
    sequence = 0
    while not stop.wait(0.02):
        sequence += 1
        out.sendto(struct.pack(">BBHII", 0x80, 8, sequence & 0xFFFF, sequence * 160, 0x1234) + b"\xd5" * 160, ("127.0.0.1", port))


def test_a_leg_leaves_the_port_that_a_stranger_has_found(room: RoomProcess, phones: Phones) -> None:
    citizen, operator = phones("139", CITIZEN), phones("8001", OPERATOR)
    enter(room, citizen, "a")
    bring(room, "b", "8001")
    room.together("a", "b")
    listen(citizen.tape(), OPERATOR, sources.SETTLING + 0.5)
    answer = re.search(r"(?s)SIP/2.0 200 OK.*CSeq: \d+ INVITE.*m=audio (\d+) ", room.door.seen("(?s)200 OK.*m=audio")[0])
    assert answer
    port = int(answer[1])
    assert room.rtp[0] <= port <= room.rtp[1]
    assert not room.seen(messages.RtpMoved)
    stop = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.settimeout(0.5)
        here = "{}:{}".format(*stranger.getsockname())
        thread = threading.Thread(target=_spray, args=(port, stranger, stop))
        thread.start()
        try:
            os.kill(citizen.pid, signal.SIGSTOP)  # a phone that says nothing for a while
            try:
                moved = room.wait(messages.RtpMoved, leg="a")
            finally:
                os.kill(citizen.pid, signal.SIGCONT)
            assert moved.now == here and moved.was != here
            # The phone follows to another port; on the old one nobody is left to talk to the stranger.
            until(
                lambda: any(f"m=audio {port} " not in one for one in room.door.seen(r"(?s)^INVITE sip:139@.*m=audio")),
                "re-INVITE",
            )
            size = operator.tape().stat().st_size / 16000
            until(
                lambda: sum(end - max(start, size) for start, end in ear.heard(operator.tape(), CITIZEN) if end > size) > 0.5,
                "the operator hears the citizen again",
            )
            stranger.settimeout(0.3)
            heard = 0
            try:
                while True:
                    stranger.recv(2048)
                    heard += 1
                    assert heard < 500, "the room still talks to the stranger"
            except TimeoutError:
                pass  # silence at last
        finally:
            stop.set()
            thread.join(PATIENCE)
    assert len(room.seen(messages.RtpMoved)) == 1
    assert room.ping().legs == 2
