"""Drives a robot phone from a test or the demo: commands as methods, events to wait for. Plain threads, no reactor.

A program that runs a Twisted reactor in the same thread calls :meth:`Phone.wait_for` through ``deferToThread``; the other
methods only wait some milliseconds for the phone's own process.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from robots import ear, tones, wav
from robots.mailbox import Event, Mailbox, NothingHeard, RobotError

T = TypeVar("T")

Behaviour = dict[str, Any]


def answer(after: float = 0.0) -> Behaviour:
    """Ring for ``after`` seconds (0: not at all), then answer."""
    return {"kind": "answer", "after": after}


def ring() -> Behaviour:
    """Say 180 and wait for :meth:`Phone.answer`, for ever."""
    return {"kind": "ring"}


def reject(code: int = 486, after: float = 0.0) -> Behaviour:
    """Refuse with a code (486 busy, 603 decline) after ringing so many seconds."""
    return {"kind": "reject", "code": code, "after": after}


def stall() -> Behaviour:
    """Say 100 and nothing more."""
    return {"kind": "stall"}


def mute() -> Behaviour:
    """No reply to anything, as from a phone whose cable is pulled. Over UDP each message told as ``ignored`` is lost for good."""
    return {"kind": "mute"}


class Phone(Mailbox):
    """A robot phone. The constructor returns at once, so that many start side by side; :meth:`ready` waits.

    ``registrar`` None makes an independent phone: a citizen behind a trunk who dials whole URIs, or (with ``listen_port``) an
    outside line that takes calls for any user. ``tone`` in Hz is spoken in every call; 0 is silence. With ``folder`` each
    call's ear is taped to ``<name>-<call>.wav``. Further ``settings`` are those of :class:`robots.settings.Settings`:
    ``name``, ``display``, ``transport`` (udp, tcp, tls), ``proxy``, ``preload_route``, ``domain``, ``listen_port``,
    ``rtp_ports``, ``level``, ``codecs``, ``lines``, ``expires``, ``refer_code``, ``ca_file``, ``log_file``.

    Events are dictionaries with ``event``, ``t`` (monotonic seconds) and mostly ``call`` (1, 2, … per phone): ``registered``,
    ``registration_failed``, ``unregistered``, ``incoming``, ``ignored``, ``dialling``, ``progress``, ``answered``, ``media``,
    ``recording``, ``digit``, ``refer``, ``refer_asked``, ``reply`` (to REFER or INFO), ``spoken``, ``ended``, ``recorded``,
    ``error``, ``bye``.
    """

    def __init__(
        self,
        user: str,
        secret: str | None = None,
        *,
        registrar: tuple[str, int] | None = None,
        tone: int = 0,
        behaviour: Behaviour | None = None,
        folder: Path | None = None,
        register: bool | None = None,
        **settings: Any,
    ) -> None:
        """``register``: do so at start; by default when there is a registrar and a secret."""
        self.user = user
        super().__init__(str(settings.get("name") or user))
        self.tone = tone
        self.folder = folder
        self.host = str(settings.get("host", "127.0.0.1"))
        self._writing = threading.Lock()
        self._ids = itertools.count(1)
        self.sip_port = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "robots.phone"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).resolve().parent.parent,
        )
        self.pid = self.process.pid
        self._reader = threading.Thread(target=self._read, name=f"robot {self.name}", daemon=True)
        self._reader.start()
        self._send(
            {
                "do": "start",
                "id": 0,
                "user": user,
                "secret": secret,
                "registrar": registrar,
                "tone": tone,
                "behaviour": behaviour or ring(),
                "folder": str(folder.resolve()) if folder else "",
                **settings,
            }
        )
        self.registers = register if register is not None else (registrar is not None and secret is not None)
        """Whether it registers by itself at start."""
        if self.registers:
            self._send({"do": "register", "id": next(self._ids)})

    # --- life

    def ready(self, timeout: float = 30.0) -> Self:
        """Wait until the phone runs. Raises :class:`RobotError` if it could not start (a port in use, say)."""
        if not self.sip_port:
            self.sip_port = int(self.wait_for("ready", timeout)["sip_port"])
        return self

    @property
    def uri(self) -> str:
        """Where this phone is reached directly."""
        self.ready()
        return f"sip:{self.user}@{self.host}:{self.sip_port}"

    def close(self, timeout: float = 6.0) -> None:
        """Hang up, unregister, finish the tapes, end the process."""
        if self.process.poll() is None:
            try:
                self._send({"do": "quit", "id": next(self._ids)})
            except RobotError:
                pass  # it is ending already
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._buried()

    def kill(self) -> None:
        """End the process at once, as a crash would: no BYE, no unregistration, tapes without a header."""
        self.process.kill()
        self._buried()

    def _buried(self) -> None:
        self.process.wait(10)
        self._reader.join(10)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass  # what was still to be written has nobody to read it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Phone({self.name})"

    # --- wire

    def _send(self, command: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        line = json.dumps(command).encode() + b"\n"
        try:
            with self._writing:
                self.process.stdin.write(line)
                self.process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise RobotError(f"{self.name}: its process has ended") from error

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # the last line of a killed process
            self.deliver(event)
        self.shut()

    def do(self, command: str, timeout: float = 15.0, **arguments: Any) -> Event:
        """Send a command and wait until the phone has taken it. Raises :class:`RobotError` if it refuses."""
        token = next(self._ids)
        self._send({"do": command, "id": token, **arguments})
        came = self.wait_for(("done", "error"), timeout, id=token)
        if came["event"] == "error":
            raise RobotError(f"{self.name}: {command}: {came['error']}")
        return came

    # --- what a phone can do

    def register(self) -> None:
        """Told by ``registered`` or ``registration_failed`` (``code``)."""
        self.do("register")

    def unregister(self) -> None:
        self.do("unregister")

    def registered(self, timeout: float = 15.0) -> Self:
        """Wait until registered; raises :class:`RobotError` with the code when refused."""
        came = self.wait_for(("registered", "registration_failed"), timeout)
        if came["event"] != "registered":
            raise RobotError(f"{self.name}: registration failed with {came['code']} {came['reason']}")
        return self

    def behave(self, behaviour: Behaviour) -> None:
        """What to do with calls that come in from now on: :func:`answer`, :func:`ring`, :func:`reject` and so on."""
        self.do("behave", behaviour=behaviour)

    def dial(self, to: str, *, headers: dict[str, str] | None = None, caller: str = "", display: str = "") -> int:
        """Call a URI, or a number at the registrar; the number of the new call. ``caller``, ``display``: another From."""
        return int(self.do("dial", to=to, headers=headers or {}, caller=caller, display=display)["call"])

    def answer(self, call: int = 0, code: int = 200) -> None:
        """Answer an incoming call (0: the newest), or send 180, 183 or a failure."""
        self.do("answer", call=call, code=code)

    def hang_up(self, call: int = 0, code: int = 0) -> None:
        """End a call in whatever state; ``code`` refuses an unanswered incoming one."""
        self.do("hang_up", call=call, code=code)

    def keys(self, digits: str, call: int = 0, *, method: str = "rfc4733", milliseconds: int = 100) -> None:
        """Press keys; ``method``: ``rfc4733`` or ``info``."""
        self.do("keys", digits=digits, call=call, method=method, milliseconds=milliseconds)

    def hold(self, call: int = 0) -> None:
        self.do("hold", call=call)

    def unhold(self, call: int = 0) -> None:
        self.do("unhold", call=call)

    def refer(self, to: str, call: int = 0) -> None:
        """Ask the other side to call ``to`` instead; ``reply`` (method REFER) and ``refer`` events tell how it goes."""
        self.do("refer", to=to, call=call)

    def speak(self, tone: int | None = None, *, level: float = tones.LEVEL) -> None:
        """Speak a tone from now on; None: the phone's own."""
        self.do("speak", tone=self.tone if tone is None else tone, level=level)

    def hush(self) -> None:
        """Silence from now on."""
        self.do("speak")

    def say(self, file: Path, loop: bool = False) -> None:
        """Speak a WAV file, then silence; ``spoken`` tells its end."""
        self.do("speak", file=str(file.resolve()), loop=loop)

    # --- tapes

    def tape(self, call: int = 0) -> Path:
        """Where what the ear hears in that call (0: the newest) is recorded."""
        if self.folder is None:
            raise RobotError(f"{self.name}: has no folder for tapes")
        return self.folder / f"{self.name}-{call or self.newest()}.wav"

    def newest(self, timeout: float = 15.0) -> int:
        """Number of the newest call, made or received, over or not; waits for the first. Raises :class:`NothingHeard`."""

        def looked() -> int:
            return next((int(one["call"]) for one in reversed(self.history) if one["event"] in ("incoming", "dialling")), 0)

        with self._came:
            if not self._came.wait_for(lambda: looked() or self._over, timeout) or not looked():
                raise NothingHeard(f"{self.name}: has had no call yet")
            return looked()

    def finished_tape(self, call: int = 0, timeout: float = 15.0) -> Path:
        """The tape of a call, once that call has ended and the file is complete."""
        call = call or self.newest()
        if not self.seen("recorded", call=call):
            self.wait_for("recorded", timeout, call=call)
        return self.tape(call)

    def hear(self, hz: int, seconds: float = 0.3, timeout: float = 15.0, *, call: int = 0, since: float = 0.0) -> ear.Interval:
        """Wait until the ear of a call has heard a tone for so long without a break, at or after ``since`` seconds on its tape;
        when that was (seconds on the tape). Raises :class:`NothingHeard`."""

        def found(samples: wav.Samples) -> ear.Interval | None:
            first = int(since * tones.RATE)
            for start, end in ear.heard(samples[first:], hz):
                if end - start >= seconds:
                    return round(since + start, 3), round(since + end, 3)
            return None

        return self._listen(found, call, timeout, f"{hz} Hz for {seconds:g} s")

    def tape_reaches(self, seconds: float, timeout: float = 60.0, *, call: int = 0) -> None:
        """Wait until a call's tape is so long: how a test lets a conversation go on for a while."""
        self._listen(lambda samples: len(samples) >= seconds * tones.RATE or None, call, timeout, f"{seconds:g} s of tape")

    def _listen(self, look: Callable[[wav.Samples], T | None], call: int, timeout: float, what: str) -> T:
        """Look at the growing tape each time a little more of it is written (about four times a second)."""
        call = call or self.newest()
        until = time.monotonic() + timeout
        pause = threading.Event()
        seen = -1
        while True:
            closed = bool(self.seen("recorded", call=call)) or self.process.poll() is not None
            path = self.tape(call)
            size = path.stat().st_size if path.exists() else 0
            if size != seen or closed:
                seen = size
                found = look(wav.load(path)) if size else None
                if found is not None:
                    return found
            if closed or time.monotonic() > until:
                told = ear.timeline(path, {}) if size else []
                raise NothingHeard(f"{self.name}: call {call}: no {what}; heard {told}")
            pause.wait(0.05)

    def on_tape(self, event: Event | float, call: int = 0) -> float:
        """Seconds from the start of a call's tape to an event of any phone on this machine (or to a monotonic time)."""
        call = call or self.newest()
        started = self.seen("recording", call=call)
        if not started:
            raise RobotError(f"{self.name}: call {call} has no tape")
        moment = event if isinstance(event, float) else float(event["t"])
        return round(moment - float(started[0]["t"]), 3)
