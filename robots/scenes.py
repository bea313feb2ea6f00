"""The scenes of ``make demo``: what the call core promises, played on real SIP phones and proved from their ears."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from robots import ear, emergency, matter
from robots.handset import Phone, answer, reject, ring
from robots.town import Town

LONGEST_SILENCE = 1.5
"""Seconds that a caller may hear nothing."""


@dataclass
class Scene:
    """One scene: its events on a common clock, what each ear heard, and what was promised."""

    title: str
    began: float = field(default_factory=time.monotonic)
    events: list[tuple[float, str]] = field(default_factory=list)
    ears: list[tuple[str, list[tuple[float, float, str]]]] = field(default_factory=list)
    promises: list[tuple[bool, str]] = field(default_factory=list)
    recordings: list[str] = field(default_factory=list)

    def note(self, moment: float, what: str) -> None:
        self.events.append((moment - self.began, what))

    def promise(self, kept: Any, what: str) -> None:
        self.promises.append((bool(kept), what))

    @property
    def kept(self) -> bool:
        return bool(self.promises) and all(kept for kept, _ in self.promises)


class Play:
    """The cast and how it acts; each scene is a method named in :data:`SCENES`."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.operator = town.seat("8001", answer(0.5), name="operator 8001")
        self.colleague = town.seat("8002", ring(), name="operator 8002")
        self.police = town.seat("9001", ring(), name="police 9001")
        self.linkage = town.seat("9101", answer(0.5), name="police 9101 (linkage)")
        self.supervisor = town.seat("8090", answer(0), name="supervisor 8090")
        self.duty = town.seat("7001", answer(0.5), name="duty 7001")
        self.citizen = town.citizen("13800138001", name="citizen A")
        self.second = town.citizen("13900139002", name="citizen B")
        self.reachable = town.outside(user="13700137003", behaviour=answer(0.5), name="citizen C")
        town.everybody_ready()
        for seat in ("8002", "9001"):
            town.hotline("calls", "seat", seat, "off")
        self._calls: dict[Phone, int] = {}

    # --- acting

    def dials(self, scene: Scene, phone: Phone, number: str) -> None:
        self._calls[phone] = phone.dial(self.town.number(number))
        scene.note(time.monotonic(), f"{phone.name} dials {number}")

    def rings(self, scene: Scene, phone: Phone, timeout: float = 15) -> dict[str, Any]:
        came = phone.wait_for("incoming", timeout)
        self._calls[phone] = int(came["call"])
        scene.note(came["t"], f"{phone.name} rings: {came['display'] or came['caller']}")
        return came

    def answers(self, scene: Scene, phone: Phone, timeout: float = 15) -> float:
        came = phone.wait_for("answered", timeout, call=self._calls[phone])
        scene.note(came["t"], f"{phone.name} is answered" if phone in self._callers else f"{phone.name} answers")
        return float(came["t"])

    @property
    def _callers(self) -> tuple[Phone, ...]:
        return (self.citizen, self.second, self.reachable)

    def presses(self, scene: Scene, phone: Phone, keys: str) -> float:
        began = time.monotonic()
        phone.keys(keys, self._calls[phone])
        scene.note(began, f"{phone.name} presses {keys}")
        return began

    def hangs_up(self, scene: Scene, phone: Phone) -> None:
        phone.hang_up(self._calls[phone])
        scene.note(time.monotonic(), f"{phone.name} hangs up")

    def leaves(self, scene: Scene, phone: Phone, timeout: float = 20) -> None:
        came = phone.wait_for("ended", timeout, call=self._calls[phone])
        scene.note(came["t"], f"{phone.name} is released")

    def hears(self, listener: Phone, speaker: Phone, seconds: float = 0.6, timeout: float = 20, since: float = 0) -> None:
        """Wait until somebody has really heard somebody."""
        listener.hear(speaker.tone, seconds, timeout, call=self._calls[listener], since=since)

    def now_on_tape(self, phone: Phone) -> float:
        return phone.on_tape(time.monotonic(), self._calls[phone])

    # --- proving

    def tape(self, scene: Scene, phone: Phone) -> Any:
        """The finished tape of a phone's newest call, entered into the scene."""
        path = phone.finished_tape(self._calls[phone])
        scene.ears.append((phone.name, ear.timeline(path, self.town.tones())))
        return path

    def not_silent(self, scene: Scene, tape: Any, who: str) -> None:
        quiet = ear.silences(tape, LONGEST_SILENCE)
        scene.promise(not quiet, f"{who}'s ear is never silent for {LONGEST_SILENCE} s")

    def record(self, scene: Scene, caller: Phone, kind: str = "inbound", number: str = "") -> dict[str, Any]:
        """The stored record of a caller's newest call, complete with its recording."""
        wanted = number or caller.user

        def look() -> Any:
            found = self.town.calls("list", "--caller", wanted, "--kind", kind)["calls"]
            if not found or not found[0]["ended_at"]:
                return None
            shown = self.town.calls("show", found[0]["id"])
            return shown if shown["recordings"] else None

        shown: dict[str, Any] = self.town.until(look, f"the record of {caller.name}'s call")
        scene.recordings += [str(self.town.data / one["path"]) for one in shown["recordings"]]
        return shown

    def free(self, *seats: Phone) -> None:
        """End the wrap-up of seats, so that the next scene begins rested."""
        for seat in seats:
            self.town.hotline("calls", "seat", seat.user, "available")

    # --- the scenes

    def normal(self, scene: Scene) -> None:
        """A citizen dials 12345, an operator answers."""
        self.dials(scene, self.citizen, "12345")
        rang = self.rings(scene, self.operator)
        self.answers(scene, self.operator)
        self.hears(self.citizen, self.operator)
        self.hears(self.operator, self.citizen)
        self.hangs_up(scene, self.citizen)
        self.leaves(scene, self.operator)
        heard = self.tape(scene, self.citizen)
        self.tape(scene, self.operator)
        scene.promise(rang["t"] - scene.began < 1.5, "the operator's phone rings within a second of the call")
        scene.promise(ear.speech_like(heard), "the caller hears the greeting")
        scene.promise(ear.hears(heard, self.operator.tone), "the caller hears the operator")
        self.not_silent(scene, heard, "the caller")
        shown = self.record(scene, self.citizen)
        scene.promise(shown["call"]["answered_by"] == "8001", "the record says who answered")
        recording = shown["recordings"][0]
        scene.promise(_digest(self.town, recording) == recording["sha256"], "the recording is on disk, its SHA-256 fits")
        self.free(self.operator)

    def waiting(self, scene: Scene) -> None:
        """The only operator is busy: the second caller waits with music, and comes next."""
        self.dials(scene, self.citizen, "12345")
        self.rings(scene, self.operator)
        self.answers(scene, self.operator)
        self.hears(self.citizen, self.operator)
        self.dials(scene, self.second, "12345")
        self.answers(scene, self.second)
        self.second.tape_reaches(4, call=self._calls[self.second])
        scene.note(time.monotonic(), "citizen B has waited 4 seconds, with greeting and music")
        self.hangs_up(scene, self.citizen)
        self.leaves(scene, self.operator)
        self.tape(scene, self.citizen)
        self.rings(scene, self.operator)
        self.answers(scene, self.operator)
        self.hears(self.second, self.operator)
        self.hangs_up(scene, self.second)
        self.leaves(scene, self.operator)
        heard = self.tape(scene, self.second)
        self.not_silent(scene, heard, "the waiting caller")
        shown = self.record(scene, self.second)
        scene.promise(shown["call"]["waited"] > 3.5, "the record says how long the caller waited for a person")
        self.free(self.operator)

    def one_key(self, scene: Scene) -> None:
        """12345 hands over to 110 with one key."""
        self.dials(scene, self.citizen, "12345")
        self.rings(scene, self.operator)
        self.answers(scene, self.operator)
        self.hears(self.citizen, self.operator)
        pressed = self.presses(scene, self.operator, "*1")
        came = self.rings(scene, self.linkage)
        self.answers(scene, self.linkage)
        self.leaves(scene, self.operator)
        self.hears(self.citizen, self.linkage)
        self.hears(self.linkage, self.citizen)
        self.hangs_up(scene, self.citizen)
        self.leaves(scene, self.linkage)
        heard = self.tape(scene, self.citizen)
        scene.promise(came["t"] - pressed < 1, "the 110 linkage seat (专席) rings within a second of the key")
        scene.promise(came["caller"] == self.citizen.user, "its screen shows the citizen's number")
        scene.promise(came["headers"].get("X-Hotline-Asker") == "8001", "and who hands over")
        tape = self.tape(scene, self.linkage)
        scene.promise(_first(tape, self.town) == "prompt", "the dispatcher hears “12345 转接” first")
        scene.promise(ear.hears(heard, self.linkage.tone), "the caller hears the dispatcher, without dialling again")
        self.not_silent(scene, heard, "the caller")
        shown = self.record(scene, self.citizen)
        transfer = shown["transfers"][0]
        scene.promise(transfer["outcome"] == "answered" and transfer["answered_by"] == "9101", "the transfer is on record")
        self.free(self.operator, self.linkage)

    def three_way(self, scene: Scene) -> None:
        """It is unclear whose it is: caller, 12345 and 110 in one call."""
        self.dials(scene, self.citizen, "12345")
        self.rings(scene, self.operator)
        self.answers(scene, self.operator)
        self.hears(self.citizen, self.operator)
        self.presses(scene, self.operator, "*3")
        self.rings(scene, self.linkage)
        self.answers(scene, self.linkage)
        for listener, speaker in (
            (self.citizen, self.linkage),
            (self.operator, self.linkage),
            (self.linkage, self.citizen),
            (self.linkage, self.operator),
        ):
            self.hears(listener, speaker)
        scene.note(time.monotonic(), "all three hear each other")
        self.hangs_up(scene, self.operator)
        since = self.now_on_tape(self.citizen)
        self.hears(self.citizen, self.linkage, since=since)
        self.hangs_up(scene, self.citizen)
        self.leaves(scene, self.linkage)
        heard = self.tape(scene, self.citizen)
        tape = self.tape(scene, self.linkage)
        self.tape(scene, self.operator)
        together = [label for _, _, label in ear.timeline(heard, self.town.tones()) if "8001" in label and "9101" in label]
        scene.promise(together, "the caller hears operator and dispatcher at once")
        scene.promise(ear.hears(tape, self.operator.tone), "the dispatcher hears the operator")
        scene.promise(not [g for g in ear.silences(heard, 0.3) if g[0] > since - 1], "one leaves, the others notice nothing")
        self.record(scene, self.citizen)
        self.free(self.operator, self.linkage)

    def from_110(self, scene: Scene) -> None:
        """A matter that is not the police's: 110 hands over to 12345."""
        self.dials(scene, self.citizen, "110")
        self.rings(scene, self.linkage, timeout=20)
        self.answers(scene, self.linkage)
        self.hears(self.citizen, self.linkage)
        self.presses(scene, self.linkage, "*1")
        self.rings(scene, self.operator, timeout=20)
        self.answers(scene, self.operator)
        self.leaves(scene, self.linkage)
        self.hears(self.citizen, self.operator)
        self.hangs_up(scene, self.citizen)
        self.leaves(scene, self.operator)
        heard = self.tape(scene, self.citizen)
        scene.promise(ear.hears(heard, self.operator.tone), "the caller hears the 12345 operator")
        self.not_silent(scene, heard, "the caller")
        transfer = self.record(scene, self.citizen)["transfers"][0]
        scene.promise((transfer["from_centre"], transfer["to_centre"]) == ("110", "12345"), "the direction is on record")
        self.free(self.operator, self.linkage)

    def unanswered(self, scene: Scene) -> None:
        """Nobody at 110 answers: the call comes back to the one who asked."""
        self.linkage.behave(ring())
        self.dials(scene, self.citizen, "12345")
        self.rings(scene, self.operator)
        self.answers(scene, self.operator)
        self.hears(self.citizen, self.operator)
        self.presses(scene, self.operator, "*1")
        self.rings(scene, self.linkage)
        self.leaves(scene, self.linkage)
        since = self.now_on_tape(self.citizen)
        scene.note(time.monotonic(), "nobody answered: back to operator 8001, who hears why")
        self.hears(self.citizen, self.operator, since=since)
        self.operator.tape_reaches(self.now_on_tape(self.operator) + 2, call=self._calls[self.operator])
        self.hangs_up(scene, self.citizen)
        self.leaves(scene, self.operator)
        heard = self.tape(scene, self.citizen)
        asker = self.tape(scene, self.operator)
        scene.promise(not ear.gaps(heard, self.operator.tone, 0.5), "the caller heard the operator all the time")
        scene.promise(ear.speech_like(asker), "the operator is told why")
        transfer = self.record(scene, self.citizen)["transfers"][0]
        scene.promise(transfer["outcome"] == "no_answer" and transfer["went_back_to"] == "asker", "the return is on record")
        self.linkage.behave(answer(0.5))
        self.free(self.operator, self.linkage)

    def asker_left(self, scene: Scene) -> None:
        """The operator hangs up while 110 rings, then 110 refuses: the caller goes to the head of the queue."""
        self.linkage.behave(reject(603, after=2.5))
        self.colleague.behave(answer(0.5))
        self.dials(scene, self.citizen, "12345")
        self.rings(scene, self.operator)
        self.answers(scene, self.operator)
        self.hears(self.citizen, self.operator)
        self.dials(scene, self.second, "12345")
        self.answers(scene, self.second)
        scene.note(time.monotonic(), "citizen B waits already")
        self.presses(scene, self.operator, "*1")
        self.rings(scene, self.linkage)
        self.town.hotline("calls", "seat", "8001", "paused")
        self.hangs_up(scene, self.operator)
        self.leaves(scene, self.linkage)
        scene.note(time.monotonic(), "110 refused, and nobody speaks with citizen A any more")
        self.town.hotline("calls", "seat", "8002", "available")
        came = self.rings(scene, self.colleague)
        self.answers(scene, self.colleague)
        self.hears(self.citizen, self.colleague)
        scene.promise(came["caller"] == self.citizen.user, "the returned caller comes before the one who waited longer")
        self.hangs_up(scene, self.citizen)
        self.leaves(scene, self.colleague)
        self.hangs_up(scene, self.second)
        heard = self.tape(scene, self.citizen)
        self.not_silent(scene, heard, "the caller")
        self.tape(scene, self.second)
        transfer = self.record(scene, self.citizen)["transfers"][0]
        scene.promise(transfer["went_back_to"] == "queue", "the return to the queue is on record")
        self.linkage.behave(answer(0.5))
        self.colleague.behave(ring())
        self.town.hotline("calls", "seat", "8002", "off")
        self.free(self.operator, self.linkage)

    def whisper(self, scene: Scene) -> None:
        """A supervisor whispers to the operator; the caller doesn't hear it."""
        self.dials(scene, self.citizen, "12345")
        self.rings(scene, self.operator)
        self.answers(scene, self.operator)
        self.hears(self.citizen, self.operator)
        self._calls[self.supervisor] = self.supervisor.dial("*228001")
        scene.note(time.monotonic(), "supervisor 8090 dials *228001 (whisper)")
        self.hears(self.operator, self.supervisor)
        self.hears(self.supervisor, self.citizen)
        self.hears(self.supervisor, self.operator)
        self.hangs_up(scene, self.supervisor)
        self.hangs_up(scene, self.citizen)
        self.leaves(scene, self.operator)
        heard = self.tape(scene, self.citizen)
        asked = self.tape(scene, self.operator)
        self.tape(scene, self.supervisor)
        scene.promise(ear.hears(asked, self.supervisor.tone), "the operator hears the supervisor")
        scene.promise(not ear.hears(heard, self.supervisor.tone, 0.1), "the caller does not")
        shown = self.record(scene, self.citizen)
        path = self.town.data / shown["recordings"][0]["path"]
        scene.promise(not any(ear.hears(side, self.supervisor.tone, 0.1) for side in _sides(path)), "nor does the recording")
        self.free(self.operator)

    def page(self, scene: Scene) -> None:
        """A duty officer is called, hears a spoken text and takes it with a key."""
        text = "五华区人民中路燃气泄漏，请立即派人到场。"
        reply = self.town.calls("page", "7001", "--text", text)
        scene.note(time.monotonic(), f"duty 7001 is paged: {text}")
        self.rings(scene, self.duty)
        self.answers(scene, self.duty)
        self.duty.tape_reaches(4, call=self._calls[self.duty])
        self.presses(scene, self.duty, "1")
        self.leaves(scene, self.duty)
        heard = self.tape(scene, self.duty)
        scene.promise(ear.speech_like(heard), "the officer hears the text")
        page = reply["result"]["page"]

        def look() -> Any:
            found = [one for one in self.town.calls("list", "--kind", "page")["calls"] if one["ended_at"]]
            return self.town.calls("show", found[0]["id"]) if found else None

        shown = self.town.until(lambda: (s := look()) and s["pages"] and s, "the result of the page")
        scene.promise(shown["pages"][0]["id"] == page, "the page is on record")
        scene.promise(shown["pages"][0]["outcome"] == "accepted", "as accepted with key 1")

    def room_killed(self, scene: Scene) -> None:
        """The process that carries a call is killed: its legs end, the caller is rung back and speaks with the same operator."""
        bystander = self.second
        self.colleague.behave(answer(0.2))
        self.dials(scene, self.reachable, "12345")
        self.rings(scene, self.operator)
        self.answers(scene, self.operator)
        self.hears(self.reachable, self.operator)
        self.town.hotline("calls", "seat", "8002", "available")
        self.dials(scene, bystander, "12345")
        self.rings(scene, self.colleague)
        self.hears(bystander, self.colleague)
        live = self.town.calls("list", "--live")["calls"]
        mine = next(one for one in live if one["caller"] == self.reachable.user)
        first = self._calls[self.reachable]
        other = self.now_on_tape(bystander)
        room = self.town.calls("show", mine["id"])["running"]["room_pid"]
        os.kill(room, signal.SIGKILL)
        killed = time.monotonic()
        scene.note(killed, f"room process {room} is killed (kill -9)")
        self.leaves(scene, self.reachable)
        self.leaves(scene, self.operator)
        back = self.rings(scene, self.reachable)
        scene.promise(back["t"] - killed < 1, f"the caller's phone rings {1000 * (back['t'] - killed):.0f} ms after the kill")
        self.answers(scene, self.reachable)
        self.rings(scene, self.operator)
        self.hears(self.reachable, self.operator)
        scene.promise(True, "the caller speaks with the same operator again")
        self.hears(bystander, self.colleague, since=other + 1)
        self.hangs_up(scene, self.reachable)
        self.leaves(scene, self.operator)
        self.hangs_up(scene, bystander)
        self.leaves(scene, self.colleague)
        scene.ears.append(("citizen C before", self.town.heard(self.reachable, first)))
        self.tape(scene, self.reachable)
        quiet = self.tape(scene, bystander)
        scene.promise(not ear.gaps(quiet, self.colleague.tone, 0.1), "another call beside it has no gap")
        shown = self.record(scene, self.reachable)
        recording = shown["recordings"][0]
        scene.promise(shown["call"]["end_cause"] == "room_lost", "the record says what happened")
        scene.promise(
            any(ear.hears(side, self.operator.tone) for side in _sides(self.town.data / recording["path"])),
            "the recording up to the kill is kept and readable",
        )
        again = self.record(scene, self.reachable, kind="ringback")
        scene.promise(again["call"]["after"] == shown["call"]["id"], "and the new call is linked to the old one")


def _digest(town: Town, recording: dict[str, Any]) -> str:
    import hashlib

    return hashlib.sha256((town.data / recording["path"]).read_bytes()).hexdigest()


def _first(tape: Any, town: Town) -> str:
    labels = [label for _, _, label in ear.timeline(tape, town.tones()) if label != "silence"]
    return labels[0] if labels else ""


def _sides(path: Any) -> list[Any]:
    """Caller's and staff's side of a stereo recording, as samples."""
    import wave

    import numpy as np

    with wave.open(str(path)) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
    return [both[:, 0].copy(), both[:, 1].copy()]


SCENES: tuple[tuple[str, str, Callable[[Play, Scene], None]], ...] = (
    ("normal", "A normal call", Play.normal),
    ("queue", "A wait in the queue", Play.waiting),
    ("one-key", "One key brings 110 (一键转接)", Play.one_key),
    ("three-way", "A three-way call (三方通话)", Play.three_way),
    ("from-110", "110 hands over to 12345", Play.from_110),
    ("matter", "A matter goes its way: ticket, handoff, police order (工单、流转、警单)", matter.act),
    ("unanswered", "A transfer nobody answers comes back", Play.unanswered),
    ("asker-left", "A transfer that fails after the asker has left", Play.asker_left),
    ("whisper", "A supervisor whispers (耳语)", Play.whisper),
    ("page", "A page acknowledged by key (呼叫通知)", Play.page),
    ("emergency", "Gas in a street: an emergency runs its course (突发事件与应急联动)", emergency.act),
    ("room-killed", "A room is killed in mid-call", Play.room_killed),
)
