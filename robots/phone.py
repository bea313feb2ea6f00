"""A robot SIP phone in a process of its own: ``python -m robots.phone``, commands on stdin, events on stdout.

The first line on stdin is ``{"do": "start", "id": 0, …}`` with the settings of
:class:`robots.settings.Settings`. Every command is answered by a
``done`` or an ``error`` event that repeats its ``id``. One thread does everything that touches pjsua2.
"""

from __future__ import annotations

import heapq
import itertools
import os
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pjsua2 as pj

from robots import line, siptext, sockets, stack, tones, voice, wire
from robots.settings import Settings

BUSY_TICK = 0.02
"""Longest pause of the loop while there are calls, timers of SIP transactions or unfinished tapes (seconds)."""
IDLE_TICK = 0.25
AFTERGLOW = 8.0
"""Seconds after the last call in which the loop stays quick, for retransmissions."""
TAPE_PATIENCE = 1.0
"""Seconds that a closed tape is given to be written out."""
DEVICE_REST = 2.0
"""Seconds after the last call until the bridge's clock stops."""


class Program:
    """The phone: endpoint, one account, its calls, and the loop."""

    def __init__(self, link: wire.Wire, settings: Settings) -> None:
        self.tell = link.tell
        self._link = link
        self.settings = settings
        self.name = settings.name or settings.user
        self.folder = Path(settings.folder) if settings.folder else None
        self.refer_code = settings.refer_code
        self.behaviour = settings.behaviour
        self.calls: dict[int, line.Line] = {}
        self.sockets_changed = True
        self._numbers = itertools.count(1)
        self._order = itertools.count()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._tapes: dict[int, tuple[Path, float]] = {}
        self._device = False
        self._quick_until = 0.0
        self._registered = False
        self._wants_registration = False
        self._leaving = 0.0
        self._sockets = sockets.Sockets(link.stdin)
        self._deaf = False
        self.endpoint, self.sip_port = stack.open_endpoint(self, settings)
        self.account = stack.open_account(self, settings, self.sip_port)
        self.voice = voice.Voice(lambda path: self.tell("spoken", file=path))
        if settings.tone:
            self.voice.tone(settings.tone, settings.level)
        self._settle_ears()

    # --- what happens

    def registration(self, code: int, reason: str, expires: int) -> None:
        self._registered = code // 100 == 2 and expires > 0
        if code // 100 != 2:
            self.tell("registration_failed", code=code, reason=reason)
        elif self._registered:
            self.tell("registered", expires=expires)
        else:
            self.tell("unregistered")
        self._settle_ears()

    def incoming(self, pj_call: int, message: str, source: str) -> None:
        number = next(self._numbers)
        call = line.Line(self, self.account, number, pj_call)
        self.open_device()
        self.calls[number] = call
        self._quicken()
        caller, display = siptext.address(siptext.header(message, "from"))
        self.tell(
            "incoming",
            call=number,
            caller=caller,
            display=display,
            dialled=siptext.user(siptext.start_line(message)[1]),
            to=siptext.address(siptext.header(message, "to"))[0],
            sip_call_id=siptext.header(message, "call-id"),
            contact=siptext.header(message, "contact"),
            source=source,
            headers=siptext.interesting(message),
        )
        if len(self.calls) > self.settings.lines:
            call.reply(486)
        else:
            self._behave(number, call)

    def _behave(self, number: int, call: line.Line) -> None:
        behaviour = self.behaviour
        kind, after = behaviour["kind"], float(behaviour.get("after", 0))
        code = {"answer": 200, "reject": int(behaviour.get("code", 486))}.get(kind, 0)
        if kind != "stall" and (after > 0 or not code):
            call.reply(180)
        if code and after > 0:
            self.after(after, lambda: self._reply_if_waiting(number, code))
        elif code:
            call.reply(code)

    def _reply_if_waiting(self, number: int, code: int) -> None:
        call = self.calls.get(number)
        if call is not None and call.getInfo().state in (pj.PJSIP_INV_STATE_INCOMING, pj.PJSIP_INV_STATE_EARLY):
            call.reply(code)

    def forget(self, number: int) -> None:
        """Drop the last reference to a call that is over."""
        self.calls.pop(number, None)
        self._quicken()
        if not self.calls:
            self.after(DEVICE_REST, self._close_device)

    def tape_closed(self, number: int, file: Path) -> None:
        """The header follows some ticks of the bridge later, or never if there was not one frame to write."""
        self._tapes[number] = (file, time.monotonic() + TAPE_PATIENCE)

    def open_device(self) -> None:
        """The bridge's clock; must run before a call is made or answered, or pjsua looks for a sound card."""
        if not self._device:
            self.endpoint.audDevManager().setNullDev()
            self._device = True
        self.sockets_changed = True

    def _close_device(self) -> None:
        if self.calls or not self._device:
            return
        if self._tapes:
            self.after(0.1, self._close_device)
            return
        self.endpoint.audDevManager().setNoDev()
        self._device = False
        self.sockets_changed = True

    def _check_tapes(self) -> None:
        for number, (file, deadline) in list(self._tapes.items()):
            done = _header_written(file)
            if done or time.monotonic() > deadline:
                del self._tapes[number]
                seconds = max(0, file.stat().st_size - 44) / 2 / tones.RATE
                self.tell("recorded", call=number, file=str(file), seconds=round(seconds, 3), finished=done)

    def _settle_ears(self) -> None:
        """A mute phone registers first and goes deaf then: no reply, no retransmission, nothing is even read by SIP."""
        pending = self._wants_registration and not self._registered
        deaf = self.behaviour["kind"] == "mute" and not pending and not self._leaving
        if self._deaf and not deaf:
            self._report_ignored()
        self._deaf = deaf
        self.sockets_changed = True

    # --- commands

    def do_register(self, **_: Any) -> None:
        if self.settings.registrar is None:
            raise ValueError("this phone has no registrar")
        self._wants_registration = True
        self._quicken()
        self._settle_ears()
        self.account.setRegistration(True)

    def do_unregister(self, **_: Any) -> None:
        self._wants_registration = False
        self._quicken()
        self.account.setRegistration(False)

    def do_behave(self, *, behaviour: dict[str, Any], **_: Any) -> None:
        if behaviour.get("kind") not in ("answer", "ring", "reject", "stall", "mute"):
            raise ValueError(f"unknown behaviour {behaviour!r}")
        self.behaviour = behaviour
        self._settle_ears()

    def do_dial(
        self, *, to: str, headers: dict[str, str] | None = None, caller: str = "", display: str = "", **_: Any
    ) -> dict[str, Any]:
        target = stack.target(self.settings, to)
        prm = pj.CallOpParam(True)
        for name, value in (headers or {}).items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            prm.txOption.headers.append(header)
        if caller or display:
            prm.txOption.localUri = stack.address(self.settings, self.sip_port, caller or self.settings.user, display)
        number = next(self._numbers)
        self._quicken()
        self.open_device()
        for attempt in itertools.count():
            call = line.Line(self, self.account, number)
            self.calls[number] = call
            try:
                call.makeCall(target, prm)
                break
            except pj.Error as error:
                self.calls.pop(number, None)
                # Right after a disconnect the slot may not be free yet (PJ_ETOOMANY).
                if error.status != 70010 or attempt >= 25:
                    raise
                del call
                self.endpoint.libHandleEvents(20)
        self.sockets_changed = True
        sip_call_id = call.getInfo().callIdString
        self.tell("dialling", call=number, to=target, sip_call_id=sip_call_id)
        return {"call": number}

    def do_answer(self, *, call: int = 0, code: int = 200, reason: str = "", **_: Any) -> None:
        self._call(call).reply(code, reason)

    def do_hang_up(self, *, call: int = 0, code: int = 0, **_: Any) -> None:
        self._call(call).end(code)

    def do_keys(self, *, digits: str, call: int = 0, method: str = "rfc4733", milliseconds: int = 100, **_: Any) -> None:
        self._call(call).keys(digits, method, milliseconds)

    def do_hold(self, *, call: int = 0, **_: Any) -> None:
        self._call(call).hold()

    def do_unhold(self, *, call: int = 0, **_: Any) -> None:
        self._call(call).unhold()

    def do_refer(self, *, to: str, call: int = 0, **_: Any) -> None:
        self._call(call).refer(stack.target(self.settings, to))

    def do_speak(self, *, tone: int = 0, level: float = tones.LEVEL, file: str = "", loop: bool = False, **_: Any) -> None:
        if file:
            self.voice.file(file, loop)
        elif tone:
            self.voice.tone(tone, level)
        else:
            self.voice.silence()

    def do_quit(self, **_: Any) -> None:
        self.leave()

    def _call(self, number: int) -> line.Line:
        """The call of that number, or the newest one for 0."""
        if not number and self.calls:
            number = max(self.calls)
        if number not in self.calls:
            raise ValueError(f"no call {number or ''}".strip())
        return self.calls[number]

    def _obey(self, command: dict[str, Any]) -> None:
        doing, token = command.pop("do", ""), command.pop("id", 0)
        try:
            facts = getattr(self, f"do_{doing}")(**command) or {}
        except Exception as error:  # whatever a command meets, the driver hears of it and the phone lives
            self.tell("error", id=token, command=doing, error=line.describe(error))
        else:
            self.tell("done", id=token, command=doing, **facts)

    # --- loop

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), action))

    def _quicken(self) -> None:
        self._quick_until = time.monotonic() + AFTERGLOW

    def leave(self) -> None:
        """End the calls, finish the tapes, unregister; the loop stops when all that is done, or after two seconds."""
        if self._leaving:
            return
        self._leaving = time.monotonic() + 2
        self._settle_ears()
        self._quicken()
        for call in list(self.calls.values()):
            call.end()
        if self._registered:
            self.do_unregister()

    def _left(self) -> bool:
        if not self._leaving:
            return False
        return time.monotonic() > self._leaving or not (self.calls or self._tapes or self._registered)

    def run(self) -> None:
        while not self._left():
            if self.sockets_changed:
                self.sockets_changed = False
                self._sockets.watch(self.sip_port if self._deaf else 0)
            self.sockets_changed |= self._sockets.wait(self._pause())
            commands = self._link.commands()
            if commands is None:
                self.leave()
            for command in commands or ():
                self._obey(command)
            while self._timers and self._timers[0][0] <= time.monotonic():
                self._run(heapq.heappop(self._timers)[2])
            if self._deaf:
                self._report_ignored()
            else:
                for _ in range(32):
                    if self.endpoint.libHandleEvents(0) <= 0:
                        break
            self._check_tapes()

    def _run(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # a timer's call may be over
            self.tell("error", command="timer", error=line.describe(error))

    def _report_ignored(self) -> None:
        for message in sockets.drain(self.sip_port):
            method = siptext.start_line(message)[0]
            if method.isalpha():
                self.tell("ignored", method=method, sip_call_id=siptext.header(message, "call-id"))

    def _pause(self) -> float:
        now = time.monotonic()
        busy = self.calls or self._tapes or self._leaving or now < self._quick_until
        pause = BUSY_TICK if busy else IDLE_TICK
        if self._timers:
            pause = min(pause, max(0.0, self._timers[0][0] - now))
        return pause


def _header_written(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            head = opened.read(44)
    except OSError:
        return False
    return len(head) == 44 and head[:4] == b"RIFF" and int.from_bytes(head[40:44], "little") > 0


def main() -> None:
    out = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not end up between the events
    link = wire.Wire(0, out)
    commands: list[dict[str, Any]] = []
    while not commands:
        select.select([0], [], [])
        got = link.commands()
        if got is None:
            return
        commands = got
    first = commands.pop(0)
    try:
        if first.pop("do", "") != "start":
            raise ValueError("the first command must be start")
        token = first.pop("id", 0)
        program = Program(link, Settings(**first))
    except Exception as error:
        link.tell("failed", error=line.describe(error))
        sys.exit(1)
    link.tell("ready", id=token, pid=os.getpid(), sip_port=program.sip_port)
    for command in commands:
        program._obey(command)
    program.run()
    link.tell("bye")
    # Calls, tapes and registration are settled; libDestroy would only take another second.
    os._exit(0)


if __name__ == "__main__":
    main()
