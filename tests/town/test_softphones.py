"""Phones of other makes, other transports and other codecs: they sign in, talk, and press keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from robots import ear, tones
from robots.handset import Phone, answer
from robots.softphone import Softphone
from robots.town import SECRET, Town
from tests.town.look import Look

TONE = tones.TONES[-1]


@pytest.fixture(params=["udp", "tcp"])
def softphone(request: pytest.FixtureRequest, town: Town, look: Look) -> Iterator[Softphone]:
    """baresip, signed in as seat 8002."""
    with Softphone(
        "8002", SECRET, registrar=town.registrar, transport=request.param, tone=TONE, auto_answer=True, codecs=("PCMA", "PCMU")
    ) as phone:
        phone.registered()
        look.seat_is("8002", status="available")
        yield phone
    look.seat_is("8002", registered=False, state="idle")


def test_baresip_answers_a_citizen_and_brings_110_in_by_key(town: Town, look: Look, softphone: Softphone) -> None:
    police, citizen = town.seat("9101", answer()), town.citizen("13800000701")
    town.everybody_ready()
    citizen.dial(town.number("12345"))
    answered = softphone.wait_for("answered", peer=citizen.user)
    citizen.hear(TONE, 0.6)
    citizen.tape_reaches(citizen.on_tape(answered) + 1.5)
    softphone.keys("*1")
    citizen.hear(police.tone, 0.6)
    softphone.wait_for("ended")
    citizen.hang_up()
    record = look.last(citizen.user)
    assert record.call is not None and record.call.answered_by == "8002"
    assert [t.outcome for t in record.transfers] == ["answered"]
    assert ear.hears(softphone.tapes()[0], citizen.tone)
    assert not ear.silences(citizen.finished_tape(), 1.5)


@pytest.mark.parametrize(
    ("transport", "codec", "method"), [("udp", "PCMU", "info"), ("tcp", "G722", "rfc4733"), ("tls", "PCMA", "info")]
)
def test_seat_talks_and_presses_keys_over(town: Town, look: Look, transport: str, codec: str, method: str) -> None:
    port = town.tls_port if transport == "tls" else town.registrar[1]
    operator = town.seat("8001", answer(), transport=transport, registrar=("127.0.0.1", port), codecs=(codec,))
    police, citizen = town.seat("9101", answer()), town.citizen("13800000702")
    town.everybody_ready()
    citizen.dial(town.number("12345"))
    citizen.hear(operator.tone, 0.6)
    operator.hear(citizen.tone, 0.6)
    assert operator.wait_for("media", state="active")["codec"] == codec
    operator.keys("*1", method=method)
    citizen.hear(police.tone)
    operator.wait_for("ended")
    citizen.hang_up()
    assert [t.by for t in look.last(citizen.user).transfers] == ["key"]


@pytest.mark.parametrize(("transport", "codec"), [("tcp", "PCMU"), ("udp", "G722")])
def test_caller_comes_over_a_trunk_by(town: Town, look: Look, transport: str, codec: str) -> None:
    operator = town.seat("8001", answer())
    citizen = town.citizen("13800000703", transport=transport, codecs=(codec,))
    town.everybody_ready()
    citizen.dial(town.number("12345") + (f";transport={transport}" if transport != "udp" else ""))
    _talk(operator, citizen)
    assert citizen.wait_for("media", state="active")["codec"] == codec
    citizen.hang_up()
    operator.wait_for("ended")
    record = look.last(citizen.user).call
    assert record is not None and record.end_cause == "caller_left"


def _talk(one: Phone, other: Phone) -> None:
    one.hear(other.tone, 0.6)
    other.hear(one.tone, 0.6)
