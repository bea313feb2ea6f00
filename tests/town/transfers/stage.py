"""The company of phones that plays all tests of transfers, and what a test can ask of it. The phones stay for the whole run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from robots import ear, tones, wav
from robots.handset import Behaviour, Phone, answer, ring
from robots.mailbox import NothingHeard, RobotError
from robots.town import Town
from router.storage.call_records import CallRecord
from telephony import contract
from telephony.machines import words
from telephony.speech.pieces import Speech
from telephony.speech.studio import Studio
from tests.town.look import Look
from tests.town.transfers import phrases

LONGEST_SILENCE = 1.5
"""Seconds that a caller may hear nothing."""
SWITCH = 0.3
"""Seconds after an event in which ears may still hear what was before it (jitter buffers, the tone detector's window)."""
ON_DUTY = ("8001", "9101")
"""Seats that are available when a test begins; the others are off and take only what is given to them by name."""


class Stage:
    """The cast. A test begins with a caller, operator 8001 and the 110 linkage seat 9101 ready; everybody else is off duty."""

    def __init__(self, town: Town, look: Look) -> None:
        self.town = town
        self.look = look
        settings = look.settings
        self._studio = Studio.configured(settings.installation, settings.prompts_dir, settings.data_dir / "cache")
        self.citizen = town.citizen("13800138001", name="citizen")
        self.second = town.citizen("13900139002", name="second")
        self.third = town.citizen("13700137003", name="third")
        self.operator = town.seat("8001", name="operator")
        self.colleague = town.seat("8002", name="colleague")
        self.linkage = town.seat("9101", name="linkage")
        self.police = town.seat("9001", name="police")
        self.county = town.seat("9201", name="county")
        self.supervisor = town.seat("8090", name="supervisor")
        self.duty = town.seat("7001", name="duty")
        self.outside = town.outside(name="outside")
        town.everybody_ready()
        self._seats = [phone for phone in town.phones if phone.registers]
        self._behaviours: dict[Phone, Behaviour] = {}
        for phone in self._seats:
            look.seat_is(phone.user, registered=True)
        self._statuses: dict[str, str] = {}
        self._prompts: dict[str, wav.Samples] = {}
        self._tags = [centre.tag for centre in settings.installation.centres]
        self.began = 0.0
        """Monotonic time at which the test began."""

    # --- between the tests

    def rest(self) -> None:
        """End whatever still runs, and bring everybody back to where a test begins."""
        for phone in self.town.phones:
            _hang_up_all(phone)
        self.look.calls_over()
        for phone in self._seats:
            self.look.seat_is(phone.user, state="idle")
        for phone in self.town.phones:
            self.behave(phone, ring())
            phone.forget()
        self.on_duty(*ON_DUTY)
        self.began = time.monotonic()

    def behave(self, phone: Phone, behaviour: Behaviour) -> None:
        if self._behaviours.get(phone) != behaviour:
            phone.behave(behaviour)
            self._behaviours[phone] = behaviour

    def on_duty(self, *seats: str) -> None:
        """These seats are available, all others of a centre off."""
        for phone in self._seats:
            if phone is not self.duty:
                self.status(phone, "available" if phone.user in seats else "off")

    def status(self, phone: Phone, status: str) -> None:
        if self._statuses.get(phone.user) != status:
            self.look.status(phone.user, status)
            self._statuses[phone.user] = status

    # --- acting

    def talk(self, number: str = "12345", caller: Phone | None = None, staff: Phone | None = None) -> str:
        """A caller dials and is answered; returns the id of the call when the caller hears who answered."""
        caller, staff = caller or self.citizen, staff or self.operator
        self.behave(staff, answer())
        caller.dial(self.town.number(number))
        came = self.rings(staff)
        caller.hear(staff.tone)
        return str(came["headers"]["X-Hotline-Call"])

    def rings(self, phone: Phone, timeout: float = 15) -> dict[str, Any]:
        return phone.wait_for("incoming", timeout)

    def ended(self, phone: Phone, timeout: float = 15) -> dict[str, Any]:
        """Wait until the other side has ended a phone's newest call."""
        came = phone.wait_for("ended", timeout, call=self.newest(phone))
        assert came["by"] != "us", f"{phone} has hung up itself"
        return came

    def do(self, kind: type[contract.Command], /, **fields: Any) -> dict[str, str]:
        """Give a command that must be done."""
        done = self.look.do(kind, **fields)
        assert done.ok, done
        return done.result

    # --- ears

    def newest(self, phone: Phone) -> int:
        """The newest call that a phone has had in this test; waits for the first."""

        def look() -> int:
            begun = [one for one in phone.history if one["event"] in ("incoming", "dialling") and one["t"] >= self.began]
            return int(begun[-1]["call"]) if begun else 0

        return int(self.town.until(look, f"a call of {phone}"))

    def now(self, phone: Phone) -> float:
        """Where the tape of a phone's newest call is now, in seconds."""
        call = self.newest(phone)
        if not phone.seen("recording", call=call):
            phone.wait_for("recording", call=call)
        return phone.on_tape(time.monotonic(), call)

    def hears(self, listener: Phone, *speakers: Phone, seconds: float = 0.3, timeout: float = 15) -> None:
        """Wait until somebody hears each of these from now on."""
        since = self.now(listener)
        for speaker in speakers:
            listener.hear(speaker.tone, seconds, timeout, since=since)

    def all_hear_all(self, *people: Phone) -> None:
        since = {phone: self.now(phone) for phone in people}
        for listener in people:
            for speaker in people:
                if speaker is not listener:
                    listener.hear(speaker.tone, 0.3, since=since[listener])

    def deaf_to(self, listener: Phone, *speakers: Phone, seconds: float = 0.6) -> None:
        """Listen on for a while: none of these is heard."""
        tape, _ = self.listen(listener, seconds)
        for speaker in speakers:
            assert not ear.heard(tape, speaker.tone), f"{listener} hears {speaker}"

    def hears_music(self, listener: Phone, *others: Phone, seconds: float = 0.6) -> None:
        """Listen on for a while: something that is nobody's tone is heard, and none of the others."""
        tape, since = self.listen(listener, seconds)
        for speaker in others:
            assert not ear.heard(tape, speaker.tone), f"{listener} hears {speaker}"
        told = ear.timeline(tape, self.town.tones())
        assert ear.speech_like(tape), f"no music at {since:.1f} s: {told}"
        assert not ear.silences(tape, 0.3), told

    def listen(self, listener: Phone, seconds: float) -> tuple[wav.Samples, float]:
        """What a phone hears from a moment after now, for so long; and where on the tape that begins."""
        start = self.now(listener) + SWITCH
        listener.tape_reaches(start + seconds)
        samples = wav.load(listener.tape())
        return samples[int(start * tones.RATE) : int((start + seconds) * tones.RATE)], start

    def told(self, listener: Phone, prompt: str | Speech, *, since: float = 0, timeout: float = 15) -> float:
        """Wait until a phone's ear has heard a prompt (its name, or any speech); where on the tape it began."""
        name, known = self._known(prompt)
        until = time.monotonic() + timeout
        pause = threading.Event()
        call = self.newest(listener)
        tape = listener.tape(call)
        first, size = since, -1
        while True:
            over = bool(listener.seen("recorded", call=call)) or time.monotonic() > until
            now = tape.stat().st_size if tape.exists() else 0
            if now != size or over:
                size = now
                heard = wav.load(tape) if now else np.zeros(0, dtype=np.int16)
                found = phrases.find(heard[int(first * tones.RATE) :], name, known)
                if found is not None:
                    return first + found
                first = max(since, ear.duration(heard) - 2 * phrases.LENGTH)
            if over:
                raise NothingHeard(f"{listener}: was not told {prompt}; heard {ear.timeline(heard, self.town.tones())}")
            pause.wait(0.05)

    def _known(self, prompt: str | Speech) -> tuple[str, dict[str, wav.Samples]]:
        """The prompt's name, and the samples of all that a call may say."""
        if not self._prompts:
            whole = [name for name in self.look.settings.installation.prompts if not name.endswith(("_prefix", "_suffix"))]
            for speech in (*map(words.clip, whole), *map(words.text, self._tags)):
                self._prompts[_name(speech)] = wav.load(self._studio.render(speech))
        speech = words.clip(prompt) if isinstance(prompt, str) else prompt
        if _name(speech) not in self._prompts:
            self._prompts[_name(speech)] = wav.load(self._studio.render(speech))
        return _name(speech), self._prompts

    # --- the end

    def hangs_up(self, caller: Phone, *others: Phone) -> wav.Samples:
        """A caller hangs up, and these are released; the caller's whole tape, in which there is never silence."""
        caller.hang_up(caller.newest())
        for phone in others:
            self.ended(phone)
        return self.whole(caller)

    def whole(self, caller: Phone) -> wav.Samples:
        """The tape of a caller's newest call, which is over: never silence."""
        path = caller.finished_tape()
        silences = ear.silences(path, LONGEST_SILENCE)
        assert not silences, f"{caller} heard nothing at {silences}: {ear.timeline(path, self.town.tones())}"
        return wav.load(path)

    def record(self, call: str, *, recording: bool = False) -> CallRecord:
        return self.look.ended(call, recording=recording)


def party(record: CallRecord, seat: str) -> contract.PartyFacts:
    """The newest party of a seat in a record; ``caller`` for the caller."""
    found = [p for p in record.parties if seat in (p.seat, p.role)]
    assert found, f"{seat} has no row in {record.parties}"
    return found[-1]


def transfer(record: CallRecord) -> contract.TransferFacts:
    """The only transfer of a call."""
    assert len(record.transfers) == 1, record.transfers
    return record.transfers[0]


def in_order(*moments: float | None) -> bool:
    known: Iterable[float] = [moment for moment in moments if moment is not None]
    return len(list(known)) == len(moments) and list(known) == sorted(known)


def _name(speech: Speech) -> str:
    return repr(speech)


def _hang_up_all(phone: Phone) -> None:
    begun = [int(one["call"]) for one in phone.history if one["event"] in ("incoming", "dialling")]
    over = {int(one["call"]) for one in phone.history if one["event"] == "ended"}
    for call in begun:
        if call not in over:
            try:
                phone.hang_up(call)
            except RobotError:
                continue  # it has just ended
