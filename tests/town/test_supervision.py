"""Supervisors listen, whisper and barge in; parties are dropped, muted, held; calls are hung up. Proved from the ears."""

from __future__ import annotations

import dataclasses
import time

import pytest

from robots import ear
from robots.handset import Phone, answer
from robots.town import Town
from telephony import contract
from tests.town.look import Look
from tests.town.prompts import Prompts

SETTLE = 0.4
"""Seconds for what is under way (jitter buffers, the tone detector's window) after a change of who hears whom."""


@dataclasses.dataclass
class Talk:
    """An operator in a talk with a citizen, and a supervisor beside."""

    town: Town
    look: Look
    operator: Phone
    citizen: Phone
    supervisor: Phone
    call: str

    def hears(self, listener: Phone, speaker: Phone, since: float = 0.0) -> None:
        listener.hear(speaker.tone, 0.5, since=since)

    def now(self, phone: Phone) -> float:
        return phone.on_tape(time.monotonic()) + SETTLE

    def does_not_hear(self, listener: Phone, speaker: Phone, since: float = 0.0) -> None:
        """A second and a half from ``since`` on without the speaker."""
        listener.tape_reaches(since + 1.5)
        heard = [span for span in ear.heard(listener.tape(), speaker.tone) if span[1] > since]
        assert not heard, f"{listener.name} heard {speaker.name} at {heard}"


@pytest.fixture
def talk(town: Town, look: Look) -> Talk:
    operator, supervisor = town.seat("8001", answer()), town.seat("8090", answer(), name="supervisor")
    citizen = town.citizen("13800000301")
    town.everybody_ready()
    citizen.dial(town.number("12345"))
    citizen.hear(operator.tone)
    operator.hear(citizen.tone)
    return Talk(town, look, operator, citizen, supervisor, look.live_call(citizen.user).call.id)


def supervises(talk: Talk, mode: str, by: str) -> None:
    """The supervisor comes into the call, by a dialled key or rung by a command."""
    if by == "key":
        talk.supervisor.dial({"listen": "*21", "whisper": "*22", "barge": "*23"}[mode] + "8001")
    else:
        talk.town.calls(mode, talk.call, "--seat", "8090")
    talk.supervisor.wait_for("answered")


@pytest.mark.parametrize("by", ["key", "command"])
def test_listener_hears_both_and_is_heard_by_nobody(talk: Talk, by: str) -> None:
    supervises(talk, "listen", by)
    talk.hears(talk.supervisor, talk.citizen)
    talk.hears(talk.supervisor, talk.operator)
    talk.does_not_hear(talk.citizen, talk.supervisor, talk.now(talk.citizen))
    talk.does_not_hear(talk.operator, talk.supervisor, talk.now(talk.operator))
    talk.citizen.hang_up()
    talk.supervisor.wait_for("ended")
    party = next(p for p in talk.look.ended(talk.call).parties if p.seat == "8090")
    assert (party.role, party.mode) == ("supervisor", "listen")


@pytest.mark.parametrize("by", ["key", "command"])
def test_whisper_reaches_the_operator_alone(talk: Talk, by: str) -> None:
    supervises(talk, "whisper", by)
    talk.hears(talk.operator, talk.supervisor)
    talk.hears(talk.supervisor, talk.citizen)
    talk.supervisor.hang_up()
    talk.hears(talk.citizen, talk.operator, talk.now(talk.citizen))
    talk.citizen.hang_up()
    assert not ear.hears(talk.citizen.finished_tape(), talk.supervisor.tone, 0.1)


@pytest.mark.parametrize("by", ["key", "command"])
def test_barge_makes_a_call_of_three(talk: Talk, by: str) -> None:
    supervises(talk, "barge", by)
    for listener, speaker in (
        (talk.citizen, talk.supervisor),
        (talk.operator, talk.supervisor),
        (talk.supervisor, talk.citizen),
        (talk.supervisor, talk.operator),
    ):
        talk.hears(listener, speaker)
    talk.supervisor.hang_up()
    since = talk.now(talk.citizen)
    talk.hears(talk.citizen, talk.operator, since)
    talk.does_not_hear(talk.citizen, talk.supervisor, since)


def test_only_supervisors_may_watch_and_only_calls_that_are(talk: Talk, prompts: Prompts) -> None:
    told = talk.town.hotline("calls", "listen", talk.call, "--seat", "8001", ok=False)
    assert "seat.role" in told
    other = talk.town.seat("8002", answer())
    other.registered()
    forbidden = other.dial("*218001")
    prompts.hear(other, "forbidden", call=forbidden, seconds=0.8)
    nobody = talk.supervisor.dial("*218003")
    prompts.hear(talk.supervisor, "no_call", call=nobody, seconds=0.8)
    unknown = talk.supervisor.dial("*218888")
    prompts.hear(talk.supervisor, "no_such_seat", call=unknown, seconds=0.8)


def test_muted_party_hears_and_is_not_heard(talk: Talk) -> None:
    talk.town.hotline("calls", "mute", talk.call, "caller")
    since = talk.now(talk.operator)
    talk.does_not_hear(talk.operator, talk.citizen, since)
    talk.hears(talk.citizen, talk.operator, talk.now(talk.citizen))
    done = talk.look.do(contract.MuteParty, call=talk.call, party="caller", on=False)
    assert done.ok
    talk.hears(talk.operator, talk.citizen, since + 1)


def test_held_caller_hears_music_until_taken_back(talk: Talk) -> None:
    talk.town.hotline("calls", "hold", talk.call, "caller")
    since = talk.now(talk.citizen)
    talk.does_not_hear(talk.citizen, talk.operator, since)
    assert talk.look.do(contract.HoldParty, call=talk.call, party="caller", on=False).ok
    back, _ = talk.citizen.hear(talk.operator.tone, since=since)
    talk.citizen.hang_up()
    tape = talk.citizen.finished_tape()
    music = [span for span in ear.speech_like(tape) if span[1] > since and span[0] < back]
    assert sum(end - start for start, end in music) > 1
    assert not ear.silences(tape, 1.5)
    caller = next(p for p in talk.look.ended(talk.call).parties if p.role == "caller")
    assert caller.held_seconds == pytest.approx(back - since + SETTLE, abs=1.0)


def test_dropped_party_leaves_and_the_others_go_on(talk: Talk) -> None:
    supervises(talk, "barge", "key")
    talk.hears(talk.citizen, talk.supervisor)
    talk.town.hotline("calls", "drop", talk.call, "8090")
    talk.supervisor.wait_for("ended")
    talk.hears(talk.citizen, talk.operator, talk.now(talk.citizen))
    talk.town.hotline("calls", "drop", talk.call, "caller")
    talk.citizen.wait_for("ended")
    talk.operator.wait_for("ended")
    record = talk.look.ended(talk.call)
    causes = {p.seat or p.role: p.end_cause for p in record.parties}
    assert causes["8090"] == "dropped" and causes["caller"] == "dropped"


def test_call_is_hung_up_by_command(talk: Talk) -> None:
    talk.town.hotline("calls", "hangup", talk.call)
    talk.citizen.wait_for("ended")
    talk.operator.wait_for("ended")
    record = talk.look.ended(talk.call).call
    assert record is not None and record.end_cause == "completed"
    told = talk.town.hotline("calls", "hangup", talk.call, ok=False)
    assert "call.unknown" in told
