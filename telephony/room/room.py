"""The room itself: carries out commands, turns what the legs report into events, and keeps bridge, tapes and players in step."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import pjsua2 as pj

from telephony.ipc import messages
from telephony.room import dialing, dialogs, engine, farewell, handles, legs, mixer, players, pulse, sources, tapes

log = logging.getLogger("room")
LOOK_AT_SOURCES = 1.0
"""Seconds between looks at where audio comes from."""
DEVICE_REST = 5.0
"""Seconds after the last audio when the bridge's clock stops."""
SIP_LINGER = 32.0
"""Seconds after the last leg in which SIP timers still run (64*T1, RFC 3261 17)."""
LOST_CODE = 408
"""With which a lost phone's leg ends."""
NOBODY_THERE = (408, 430, 480, 481, 503)
"""Replies to OPTIONS that the front door or pjsip gives in place of the phone, or that say the phone has forgotten the call."""
LEAVE_WITHIN = 4.0


class CannotDo(Exception):
    """A command that can't be carried out; the text becomes :class:`~telephony.ipc.messages.Trouble`."""


class Room:
    """``emit`` numbers and sends an event; ``tell`` sends what is not an event."""

    def __init__(
        self,
        name: str,
        core: engine.Engine,
        emit: Callable[[messages.Event], object],
        tell: Callable[[messages.Message], None],
    ) -> None:
        self.name = name
        self._engine = core
        self._emit = emit
        self._tell = tell
        self._legs: dict[str, legs.Leg] = {}
        self._refused: list[legs.Leg] = []
        self._waiting: list[tuple[messages.Dial, float]] = []
        self._gone: list[str] = []
        self._sources: dict[str, sources.Source] = {}
        self._pulses: dict[str, pulse.Pulse] = {}
        self._felt_at = 0.0
        self._handles = handles.Handles()
        self._farewells = farewell.Farewells(core.address)
        self._mixer = mixer.Mixer()
        self._players = players.Players(self._mixer, self._played, self._play_failed)
        self._tapes = tapes.Tapes(self._mixer, lambda recording: self._say(messages.Taped(recording=recording)))
        self._dirty = False
        self._calls = 0
        self._clearing = False
        self._leaving_since = 0.0
        self._busy_at = time.monotonic() - SIP_LINGER  # no call yet: no SIP timers to run
        self._looked_at = 0.0
        self._do: dict[type[messages.Message], Callable[..., None]] = {
            messages.Answer: self._answer,
            messages.Dial: self._dial,
            messages.HangUp: self._hang_up,
            messages.Mix: self._mix,
            messages.Play: self._play,
            messages.StopPlay: self._stop_play,
            messages.Tape: self._tape,
            messages.StopTape: self._stop_tape,
            messages.Notify: self._notify,
            messages.Ping: self._ping,
            messages.Clear: self._clear,
            messages.Quit: self._quit,
        }

    # --- for the loop

    def command(self, command: messages.Message) -> None:
        """Carry out a command; whatever goes wrong becomes a Trouble event."""
        try:
            self._do[type(command)](command)
        except (CannotDo, dialing.Unfit, OSError) as error:
            self._trouble(command, str(error))
        except pj.Error as error:
            self._trouble(command, f"{error.title or 'pjsip'}: {error.reason}")
        except Exception as error:
            log.exception("a command failed", extra={"command": type(command).__name__})
            self._trouble(command, f"{type(error).__name__}: {error}")

    def tick(self, now: float) -> None:
        """After each pump and at least once per :meth:`rest`: everything that callbacks have left to do, and what is due."""
        while self._gone:
            self._players.stop(self._gone.pop())
            self._dirty = True
        if self._waiting:
            self._dial_waiting(now)
        if self._players.busy:
            self._dirty |= self._players.tick(now)
        if self._dirty:
            self._dirty = False
            self._reconcile()
        self._tapes.tick(now)
        self._farewells.tick(now)
        if self._legs and now - self._looked_at >= LOOK_AT_SOURCES:
            self._looked_at = now
            self._look_at_sources(now)
        if self._legs and now - self._felt_at >= pulse.LOOK:
            self._felt_at = now
            self._feel_pulses(now)
        if self.busy:
            self._busy_at = now
        elif self._clearing:
            if self._leaving_since or self._handles.allow(now, handles.MOST_FOR_NEXT_CALL):
                self._cleared()
        elif self._engine.device_open and now - self._busy_at > DEVICE_REST:
            self._engine.close_device()

    def rest(self, now: float) -> float:
        """Seconds until the next tick is due."""
        if self.busy or self._clearing:
            return 0.02
        return 0.1 if now - self._busy_at < SIP_LINGER else 1.0

    @property
    def busy(self) -> bool:
        return bool(self._legs or self._refused or self._waiting or self._tapes.busy)

    @property
    def names(self) -> tuple[str, ...]:
        """The legs there are."""
        return tuple(self._legs)

    def may_leave(self, now: float) -> bool:
        """After Quit: everything has ended, or has been given its time."""
        if not self._leaving_since:
            return False
        return not (self.busy or self._clearing) or now - self._leaving_since > LEAVE_WITHIN

    def close(self) -> None:
        """Drop everything that pjsua2 owns; before ``Engine.stop``."""
        self._players.close()
        self._tapes.close()
        self._mixer.close()
        for leg in (*self._legs.values(), *self._refused):
            if leg.call is not None:
                leg.call.forget()
            leg.call = leg.media = None
        self._legs.clear()
        self._refused.clear()

    # --- an INVITE from the front door (called in a callback)

    def invited(self, call_id: int, invite: str) -> None:
        self._handles.took(time.monotonic())
        notes = dialogs.Notes(caller=False)
        head = notes.saw(invite, sent=False)
        name = head.first("x-hotline-leg")
        leg = legs.Leg(name, notes)
        assert self._engine.account is not None
        leg.call = legs.PhoneCall(self._engine.account, leg, self, call_id)
        if not name or name in self._legs or self._clearing:
            code = 503 if self._clearing else 403
            log.warning("INVITE refused", extra={"code": code, "leg": name})
            leg.hanging = True
            self._refused.append(leg)
            leg.call.hangup(_code(code))
            return
        self._legs[name] = leg
        self._calls += 1
        self._emit(messages.Incoming(leg=name, call_id=notes.call_id))

    # --- reports of the legs (called in callbacks)

    def leg_progress(self, leg: legs.Leg, code: int, remote: bool) -> None:
        if self._known(leg):
            self._emit(messages.Progress(leg=leg.name, code=code, remote=remote))

    def leg_established(self, leg: legs.Leg) -> None:
        if self._known(leg):
            self._emit(messages.Established(leg=leg.name, dialog=leg.notes.dialog()))

    def leg_media(self, leg: legs.Leg) -> None:
        if not self._known(leg):
            return
        key = ("leg", leg.name)
        if leg.media is None:
            self._mixer.remove(key)
        else:
            self._mixer.add(key, leg.media)
            self._negotiated(leg)
        self._dirty = True
        if leg.codec and leg.told != (leg.codec, leg.held):
            leg.told = (leg.codec, leg.held)
            self._emit(messages.Media(leg=leg.name, codec=leg.codec, held=leg.held))

    def leg_digit(self, leg: legs.Leg, digit: str) -> None:
        if self._known(leg):
            self._emit(messages.Digit(leg=leg.name, digit=digit))

    def leg_ended(self, leg: legs.Leg, code: int, reason: str, by: str) -> None:
        if not self._known(leg):
            self._refused = [refused for refused in self._refused if refused is not leg]
            return
        del self._legs[leg.name]
        self._sources.pop(leg.name, None)
        self._pulses.pop(leg.name, None)
        self._mixer.remove(("leg", leg.name))
        self._gone.append(leg.name)
        code = LOST_CODE if leg.lost else code
        self._emit(messages.Ended(leg=leg.name, code=code, reason=reason, by=by))

    def leg_replied(self, leg: legs.Leg, status: int) -> None:
        felt = self._pulses.get(leg.name)
        if felt is not None and self._known(leg) and status not in NOBODY_THERE:
            self._act_on(leg, felt.answered(time.monotonic()))

    # --- commands

    def _answer(self, command: messages.Answer) -> None:
        leg, call = self._call(command.leg)
        if not leg.incoming or leg.established:
            raise CannotDo("only a leg that came in and is not answered can be answered")
        if not (100 < command.code < 200 or command.code == 200):
            raise CannotDo(f"{command.code} is no answer; 180, 183 and 200 are")
        call.answer(_code(command.code))

    def _dial(self, command: messages.Dial) -> None:
        if self._clearing:
            raise CannotDo("the room is being cleared")
        if not command.leg or command.leg in self._legs or any(command.leg == dial.leg for dial, _ in self._waiting):
            raise CannotDo(f"the leg {command.leg!r} exists already")
        if len(self._legs) + len(self._waiting) >= engine.MOST_CALLS:
            raise CannotDo(f"the room is full: it holds {engine.MOST_CALLS} legs")
        dialing.check(command)
        self._waiting.append((command, time.monotonic()))
        self._dial_waiting(time.monotonic())

    def _dial_waiting(self, now: float) -> None:
        waiting, self._waiting = self._waiting, []
        for command, since in waiting:
            try:
                if not self._handles.allow(now) or not self._place(command):
                    if now - since > dialing.PLACE_WITHIN:
                        raise CannotDo("no call could be placed: all are taken")
                    self._waiting.append((command, since))
            except CannotDo as error:
                self._trouble(command, str(error))
            except pj.Error as error:
                self._trouble(command, f"{error.title or 'pjsip'}: {error.reason}")

    def _place(self, command: messages.Dial) -> bool:
        """Send the INVITE; False if pjsua has not let go of an ended call yet."""
        leg = legs.Leg(command.leg, dialogs.Notes(caller=True))
        assert self._engine.account is not None
        call = legs.PhoneCall(self._engine.account, leg, self)
        leg.call = call
        self._legs[command.leg] = leg
        try:
            call.makeCall(command.uri, dialing.parameters(command))
        except pj.Error as error:
            call.forget()
            leg.call = None
            gone = self._legs.pop(command.leg, None) is None
            if error.status == dialing.TOO_MANY and not gone:
                return False
            self._handles.took(time.monotonic())
            if gone:
                return True  # its end was reported already
            raise
        self._handles.took(time.monotonic())
        if leg.call is not None:
            self._calls += 1
            self._emit(messages.Dialing(leg=command.leg, call_id=call.getInfo().callIdString))
        return True

    def _hang_up(self, command: messages.HangUp) -> None:
        for waiting in self._waiting:
            if waiting[0].leg == command.leg:
                self._waiting.remove(waiting)
                self._emit(messages.Ended(leg=command.leg, code=487, reason="Not placed yet", by="us"))
                return
        leg, call = self._call(command.leg)
        if leg.hanging:
            return
        code = 0
        if leg.incoming and not leg.established:
            code = command.code if 300 <= command.code <= 699 else 480
        parameters = _code(code)
        if command.reason:
            dialing.add_header(parameters.txOption, "Reason", dialing.reason_value(command.code or 200, command.reason))
        leg.hanging = True
        try:
            call.hangup(parameters)  # its end is reported from within
        except pj.Error:
            leg.hanging = False
            raise
        self._farewells.after(time.monotonic(), farewell.owed(leg.notes, leg.request))

    def _mix(self, command: messages.Mix) -> None:
        self._mixer.hears = dict(command.hears)
        self._dirty = True

    def _play(self, command: messages.Play) -> None:
        if command.leg not in self._legs and all(command.leg != dial.leg for dial, _ in self._waiting):
            raise CannotDo(f"there is no leg {command.leg!r}")
        self._players.play(command)
        self._dirty = True

    def _stop_play(self, command: messages.StopPlay) -> None:
        self._players.stop(command.leg)
        self._dirty = True

    def _tape(self, command: messages.Tape) -> None:
        if self._clearing:
            raise CannotDo("the room is being cleared")
        self._tapes.tape(command)
        self._dirty = True

    def _stop_tape(self, command: messages.StopTape) -> None:
        if not self._tapes.stop(command.recording):
            raise CannotDo(f"there is no recording {command.recording!r}")

    def _notify(self, command: messages.Notify) -> None:
        leg, call = self._call(command.leg)
        if not leg.established or leg.hanging:
            raise CannotDo("NOTIFY needs a confirmed dialog")
        call.sendRequest(dialing.notify(command))

    def _ping(self, command: messages.Ping) -> None:
        rss = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024
        self._tell(messages.Pong(nonce=command.nonce, rss_kb=rss, legs=len(self._legs), calls=self._calls))

    def _clear(self, command: messages.Message) -> None:
        self._clearing = True
        for dial, _ in self._waiting:
            self._emit(messages.Ended(leg=dial.leg, code=487, reason="Not placed yet", by="us"))
        self._waiting.clear()
        self._players.clear()
        self._tapes.close()
        for name in list(self._legs):
            try:
                self._hang_up(messages.HangUp(leg=name))
            except pj.Error as error:
                log.warning("a leg could not be hung up", extra={"leg": name, "error": error.reason})

    def _cleared(self) -> None:
        self._clearing = False
        self._mixer.hears = {}
        self._emit(messages.Cleared())

    def _quit(self, command: messages.Message) -> None:
        if not self._leaving_since:
            self._leaving_since = time.monotonic()
            self._clear(command)

    # --- inside

    def _known(self, leg: legs.Leg) -> bool:
        return self._legs.get(leg.name) is leg

    def _call(self, name: str) -> tuple[legs.Leg, legs.PhoneCall]:
        leg = self._legs.get(name)
        if leg is None or leg.call is None:
            raise CannotDo(f"there is no leg {name!r}")
        return leg, leg.call

    def _reconcile(self) -> None:
        if self._tapes.busy or any(leg.media is not None for leg in self._legs.values()):
            self._engine.open_device()
        # A play whose leg has just got media starts here rather than a tick later.
        self._players.tick(time.monotonic())
        self._mixer.reconcile(self._tapes.pairs() + self._players.pairs(self._tapes.prompted()))

    def _negotiated(self, leg: legs.Leg) -> None:
        if leg.call is None:
            return
        address, now = leg.call.getStreamInfo(leg.index).remoteRtpAddress, time.monotonic()
        source = self._sources.get(leg.name)
        if source is None:
            self._sources[leg.name] = sources.Source(address, now)
        else:
            source.renegotiated(address, now)

    def _look_at_sources(self, now: float) -> None:
        for name, leg in list(self._legs.items()):
            source = self._sources.get(name)
            if source is None or leg.call is None or leg.media is None or leg.hanging:
                continue
            try:
                moved = source.seen(leg.call.getMedTransportInfo(leg.index).srcRtpName, now)
                if moved is None or not self._handles.allow(now):
                    continue
                self._handles.took(now)
                leg.call.reinvite(dialing.fresh_port())
            except pj.Error as error:
                log.info("a leg's audio source will be looked at again", extra={"leg": name, "error": error.reason})
                continue
            source.renegotiated(source.negotiated, now)
            log.warning("a leg's audio came from elsewhere", extra={"leg": name, "was": moved[0], "now": moved[1]})
            self._emit(messages.RtpMoved(leg=name, was=moved[0], now=moved[1]))

    def _feel_pulses(self, now: float) -> None:
        for leg in list(self._legs.values()):
            if leg.call is None or leg.media is None or leg.hanging or not leg.established:
                continue
            felt = self._pulses.setdefault(leg.name, pulse.Pulse(now))
            try:
                packets = leg.call.getStreamStat(leg.index).rtcp.rxStat.pkt
                self._act_on(leg, felt.look(packets, leg.held, now))
            except pj.Error as error:
                log.info("a leg's pulse will be felt again", extra={"leg": leg.name, "error": error.reason})

    def _act_on(self, leg: legs.Leg, verdict: pulse.Verdict) -> None:
        if verdict == "ask" and leg.call is not None:
            leg.call.sendRequest(dialing.question())
        elif verdict in ("stalled", "back"):
            self._emit(messages.Stalled(leg=leg.name, on=verdict == "stalled"))
        elif verdict == "lost":
            log.warning("a leg's phone is lost", extra={"leg": leg.name})
            leg.lost = True
            self._hang_up(messages.HangUp(leg=leg.name))

    def _played(self, leg: str, play: str) -> None:
        self._emit(messages.Played(leg=leg, play=play))

    def _play_failed(self, leg: str, play: str, error: str) -> None:
        log.error("a prompt could not be played", extra={"leg": leg, "play": play, "error": error})
        self._emit(messages.PlayFailed(leg=leg, play=play, error=error))

    def _say(self, event: messages.Event) -> None:
        self._emit(event)

    def _trouble(self, command: messages.Message, error: str) -> None:
        kind, leg = type(command).__name__, getattr(command, "leg", "")
        log.warning("a command could not be carried out", extra={"command": kind, "leg": leg, "error": error})
        self._emit(messages.Trouble(leg=leg, command=kind, error=error))


def _code(code: int) -> pj.CallOpParam:
    parameters = pj.CallOpParam()
    if code:
        parameters.statusCode = code
    return parameters
