"""One call on one room: feeds the call's machine, carries out what it wants, keeps the room's sound as the scene says."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog
from twisted.internet.defer import Deferred

from telephony import contract
from telephony.ipc import messages
from telephony.machines import effects, facts, inputs, records
from telephony.queues.errors import BoardUnavailable
from telephony.speech.errors import SpeechError
from telephony.switchboard import addresses, sounds, tapes
from telephony.switchboard.kit import Kit
from telephony.switchboard.room import Room

log = structlog.get_logger()

MUSIC_REST = 0.3
"""Seconds until music that was made anew is played."""
MUSIC_RETRY = 5.0
"""Seconds until music that can't be made is tried again."""

BOARD_RETRY = 0.5
"""Seconds until the board is asked again when Redis is away."""


class Machine(Protocol):
    call: records.Call

    @property
    def over(self) -> bool: ...

    def handle(self, given: inputs.AnyInput, now: float) -> list[effects.Effect]: ...

    def scene(self) -> effects.Scene: ...


class Owner(Protocol):
    """What a session asks of the exchange."""

    def ring_back(self, lost: CallSession, effect: effects.RingBack) -> None: ...

    def page_done(self, session: CallSession, result: effects.PageResult) -> None: ...

    def closed(self, session: CallSession) -> None: ...


class CallSession:
    """Tenant of a room for the length of a call."""

    def __init__(self, kit: Kit, owner: Owner, machine: Machine, *, record: bool = True) -> None:
        self.kit = kit
        self._owner = owner
        self.machine = machine
        self.call = machine.call
        self.room: Room | None = None
        self.dialogs: dict[str, messages.Dialog] = {}
        self._record = record
        self._timers: dict[str, Any] = {}
        self._inputs: deque[inputs.AnyInput] = deque()
        self._busy = False
        self._chain: deque[Callable[[], Awaitable[None]]] = deque()
        self._chaining = False
        self._hears: dict[str, tuple[str, ...]] = {}
        self._plays: dict[str, str] = {}
        self._rendering: set[str] = set()
        self._tape: tapes.Tape | None = None
        self._taped: messages.Tape | None = None
        self._facts: dict[str, Any] = {}
        self._told: dict[str, Any] = {}
        self._rev = 0
        self._closing = False
        self.log = log.bind(call_id=self.call.id)

    # --- from outside

    def use(self, room: Room) -> None:
        self.room = room
        self._hears, self._plays, self._taped = {}, {}, None

    def give(self, given: inputs.AnyInput) -> None:
        """Feed the machine; inputs that arise meanwhile are taken in order."""
        self._inputs.append(given)
        if self._busy:
            return
        self._busy = True
        try:
            while self._inputs:
                for effect in self.machine.handle(self._inputs.popleft(), self.kit.now()):
                    self._carry_out(effect)
                self._refresh()
                self._publish()
        finally:
            self._busy = False
        if self.machine.over and not self._closing:
            self._close()

    def room_event(self, event: messages.Message) -> None:
        match event:
            case messages.Incoming(leg=leg):
                self.give(inputs.Arrived(leg))
            case messages.Progress(leg=leg, code=code):
                self.give(inputs.Reached(leg, ringing=code in (180, 181, 182, 183)))
            case messages.Established(leg=leg, dialog=dialog):
                self.dialogs[leg] = dialog
                self.give(inputs.Up(leg))
            case messages.Media(leg=leg, held=held):
                self.give(inputs.PhoneHeld(leg, held))
            case messages.Stalled(leg=leg, on=on):
                self.log.warning("leg.stalled" if on else "leg.back", leg=leg)
                self.give(inputs.Stalled(leg, on))
            case messages.Ended(leg=leg, code=code, by=by):
                self.dialogs.pop(leg, None)
                self.give(inputs.Gone(leg, code, by))
            case messages.Digit(leg=leg, digit=digit):
                self.give(inputs.Pressed(leg, digit))
            case messages.Played(leg=leg, play=play):
                self._played(leg, play)
                self.give(inputs.Heard(leg, play))
            case messages.PlayFailed(leg=leg, play=play, error=error):
                self.log.error("prompt.unplayable", error=error)
                self._unplayable(leg, play)
            case messages.Taped():
                if self._tape is not None:
                    self._tape.written()
            case messages.RtpMoved(leg=leg, was=was, now=now):
                self.log.warning("rtp.intruder", leg=leg)
                self._tell(contract.RtpIntruder(**self._header(), party=leg, was=was, now=now))
            case messages.Trouble(leg=leg, command=command, error=error):
                if command == "Dial" and leg:
                    self.log.error("room.trouble", leg=leg, command=command, error=error)
                    self.give(inputs.Gone(leg, 0, "error"))
                else:  # mostly a leg that ended while the command was on its way
                    self.log.info("room.trouble", leg=leg, command=command, error=error)
            case _:
                pass

    def room_lost(self) -> None:
        """The room died: end its legs in its name, keep its recording, go on as the machine says."""
        room, self.room = self.room, None
        assert room is not None
        self._cancel_timers()
        orphans = self.kit.door.room_died(room.name)
        for dialog in self.dialogs.values():
            self.kit.door.end_dialog(dialog)
        self.dialogs.clear()
        if self._tape is not None:
            self._tape.room_lost()
        if self._closing:
            self._owner.closed(self)
            return
        unanswered = [o.leg for o in orphans if o.kind == "incoming" and self._unanswered(o.leg)]
        if len(unanswered) == 1 and not any(p.state == "up" for p in self.call.parties.values()):
            Deferred.fromCoroutine(self._move(unanswered[0])).addErrback(self._broken)
        else:
            self.give(inputs.RoomLost())

    def _unanswered(self, leg: str) -> bool:
        party = self.call.parties.get(leg)
        return party is not None and party.incoming and party.state in ("invited", "ringing")

    async def _move(self, leg: str) -> None:
        """A caller whom nobody has answered yet goes on in another room."""
        purpose = addresses.purpose(self.kit.plan, self.call.centre)
        room = await self.kit.pool.take(purpose, self, patience=3)
        if room is None or not self.kit.door.replace(leg, room.name):
            if room is not None:
                self.use(room)
            self.give(inputs.RoomLost())
            return
        self.use(room)
        self.give(inputs.Moved())

    # --- effects

    def _carry_out(self, effect: effects.Effect) -> None:
        kit = self.kit
        match effect:
            case effects.Dial():
                self._dial(effect)
            case effects.Answer(leg=leg, code=code):
                self._send(messages.Answer(leg=leg, code=code))
            case effects.HangUp(leg=leg, code=code, reason=reason):
                self._send(messages.HangUp(leg=leg, code=code, reason=reason))
            case effects.Notify(leg=leg, status=status, final=final):
                self._send(messages.Notify(leg=leg, status=status, final=final))
            case effects.Seek(attempt=attempt):
                self._then(lambda: self._seek(attempt))
            case effects.Unseek(attempt=name, target=target):
                if target.kind == "queue":
                    self._then(lambda: kit.seating.leave(name))
            case effects.Claim(attempt=name, seat=seat, force=force):
                self._then(lambda: self._claim(name, seat, force))
            case effects.AskPosition(attempt=name):
                self._then(lambda: self._position(name))
            case effects.SeatRinging(seat=seat, owner=owner):
                self._then(lambda: kit.seating.ringing(seat, owner))
            case effects.SeatTalking(seat=seat, owner=owner):
                self._then(lambda: kit.seating.talking(seat, owner, self.call.id))
            case effects.SeatRelease(seat=seat, owner=owner, talked=talked, unreachable=unreachable):
                self._then(lambda: kit.seating.release(seat, owner, talked=talked, unreachable=unreachable))
            case effects.Timer(name=name, after=after):
                self._set_timer(name, after)
            case effects.CancelTimer(name=name):
                self._drop_timer(name)
            case effects.Reply():
                kit.replied(
                    effect.command,
                    contract.CommandDone(
                        **self._header(),
                        command=effect.command,
                        ok=effect.ok,
                        code=effect.code,
                        message=effect.message,
                        result=effect.result,
                    ),
                )
            case effects.KeyMeant(leg=leg, digits=digits, meaning=meaning):
                self._tell(contract.DigitPressed(**self._header(), party=leg, digits=digits, meaning=meaning))
            case effects.RingBack():
                self._owner.ring_back(self, effect)
            case effects.PageResult():
                self._owner.page_done(self, effect)

    def _dial(self, effect: effects.Dial) -> None:
        try:
            uri, caller = addresses.uri(self.kit.plan, effect)
        except LookupError as problem:
            self.log.error("dial.nowhere", error=str(problem))
            self._inputs.append(inputs.Gone(effect.leg, 404, "error"))
            return
        self._send(messages.Dial(leg=effect.leg, uri=uri, caller=caller, display=effect.display, headers=effect.headers))

    def _send(self, message: messages.Message) -> None:
        if self.room is not None:
            self.room.send(message)

    def _set_timer(self, name: str, after: float) -> None:
        self._drop_timer(name)

        def due() -> None:
            self._timers.pop(name, None)
            self.give(inputs.Due(name))

        self._timers[name] = self.kit.reactor.callLater(after, due)

    def _drop_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None and timer.active():
            timer.cancel()

    def _cancel_timers(self) -> None:
        for name in list(self._timers):
            self._drop_timer(name)

    # --- the board, one step after the other

    def _then(self, step: Callable[[], Awaitable[None]]) -> None:
        self._chain.append(step)
        if not self._chaining:
            self._chaining = True
            Deferred.fromCoroutine(self._run_chain()).addErrback(self._broken)

    async def _run_chain(self) -> None:
        try:
            while self._chain:
                step = self._chain[0]
                try:
                    await step()
                except BoardUnavailable as problem:
                    self.log.error("board.away", error=str(problem))
                    await self.kit.seating.pause(BOARD_RETRY)
                    if self._closing and len(self._chain) > 50:
                        self._chain.popleft()
                    continue
                except Exception:
                    self.log.exception("board.step_failed")
                self._chain.popleft()
        finally:
            self._chaining = False

    async def _seek(self, attempt: records.Attempt) -> None:
        if self.call.attempt is not attempt:
            return
        await self.kit.seating.seek(self.call, attempt)

    async def _claim(self, attempt: str, seat: str, force: bool) -> None:
        why = await self.kit.seating.claim(attempt, seat, self.call.id, force)
        sought = self.call.attempt
        helps = sought.target.id if sought is not None and sought.id == attempt and sought.target.kind == "queue" else ""
        home = await self.kit.seating.home(seat, helps) if helps and not why else ""
        offered = inputs.Offered(attempt, seat, helps=helps if home else "", home=home)
        self.give(inputs.NoneLeft(attempt, why) if why else offered)

    async def _position(self, attempt: str) -> None:
        current = self.call.attempt
        if current is not None and current.id == attempt:
            self.give(inputs.Position(attempt, await self.kit.seating.position(attempt)))

    # --- sound

    def _refresh(self) -> None:
        """Bring the room to what the scene says; send what differs."""
        if self.room is None:
            return
        scene = self.machine.scene()
        if scene.hears != self._hears:
            self._hears = scene.hears
            self._send(messages.Mix(hears=scene.hears))
        for leg in [leg for leg in self._plays if leg not in scene.plays]:
            del self._plays[leg]
            party = self.call.parties.get(leg)
            if party is not None and party.up:
                self._send(messages.StopPlay(leg=leg))
        for leg, playing in scene.plays.items():
            if self._plays.get(leg) != playing.id:
                self._play(leg, playing)
        self._keep_tape(scene)

    def _play(self, leg: str, playing: effects.Playing) -> None:
        if playing.loop:
            file: Path | None = self.kit.sounds.music if playing.loop == "music" else self.kit.sounds.ringback
        else:
            file = self.kit.studio.ready(playing.speech)
        if file is not None:
            self._plays[leg] = playing.id
            self._send(messages.Play(leg=leg, play=playing.id, files=(str(file),), loop=bool(playing.loop)))
        elif playing.id not in self._rendering:
            self._rendering.add(playing.id)
            Deferred.fromCoroutine(self._render(leg, playing)).addErrback(self._broken)

    async def _render(self, leg: str, playing: effects.Playing) -> None:
        """A speech that is not on disk yet; what was playing goes on meanwhile."""
        try:
            await self.kit.studio.fetch(playing.speech)
        except SpeechError as problem:
            self.log.error("prompt.unspeakable", error=str(problem))
            self._unplayable(leg, playing.id)
            return
        finally:
            self._rendering.discard(playing.id)
        self._refresh()

    def _played(self, leg: str, play: str) -> None:
        """A play is over; late news of one that was replaced says nothing of what plays now."""
        if self._plays.get(leg) == play:
            del self._plays[leg]

    def _unplayable(self, leg: str, play: str) -> None:
        """A one-shot that can't be heard counts as heard, so that the call goes on; music is made anew."""
        party = self.call.parties.get(leg)
        say = next((say for say in party.says if say.id == play), None) if party is not None else None
        if say is None:
            Deferred.fromCoroutine(self._restore(leg, play)).addErrback(self._broken)
            return
        self._played(leg, play)
        self.kit.studio.forget(say.speech)
        self.give(inputs.Heard(leg, play))

    async def _restore(self, leg: str, play: str) -> None:
        """Until the music is back, this leg's play stands as playing, so that it isn't tried in a circle."""
        try:
            await sounds.restore(self.kit)
            await self.kit.seating.pause(MUSIC_REST)
        except SpeechError as problem:
            self.log.error("music.unplayable", error=str(problem))
            await self.kit.seating.pause(MUSIC_RETRY)
        self._played(leg, play)
        self._refresh()

    def _keep_tape(self, scene: effects.Scene) -> None:
        if not self._record or not self.kit.recording:
            return
        if scene.tape and self._tape is None:
            self._tape = tapes.Tape(self.kit, self.call.id, scene.tape, self._recorded)
        if self._tape is None:
            return
        if scene.tape:
            wanted = self._tape.message(scene.tape_caller, scene.tape_staff)
            if wanted != self._taped:
                self._taped = wanted
                self._send(wanted)
        elif self._taped is not None:
            self._taped = None
            self._send(messages.StopTape(recording=self._tape.recording))

    def _recorded(self, ready: contract.RecordingReady) -> None:
        self._tell(ready)

    # --- facts

    def _header(self) -> dict[str, Any]:
        return {"id": self.kit.new_id(), "at": self.kit.now(), "node": self.kit.node, "call": self.call.id}

    def _tell(self, event: contract.Event) -> None:
        self.kit.relay.tell(event)

    def _publish(self) -> None:
        """Send the facts that have changed, and the snapshot of the live call."""
        if not self._record:
            return
        changed = []
        for fact in facts.of_call(self.call):
            if self._facts.get(fact.id) == fact:
                continue
            self._facts[fact.id] = fact
            self._rev += 1
            self._told[fact.id] = msgspec.structs.replace(fact, rev=self._rev)
            changed.append(self._told[fact.id])
        if changed:
            tell_facts(self.kit, self.call.id, changed)
            self.kit.live.put(self.call, self._told, self.room)

    def _close(self) -> None:
        """The call is over: let the room go when its recording is written."""
        self._closing = True
        self._cancel_timers()
        if self._record:
            self.kit.live.drop(self.call.id)
        if self.room is not None:
            self.kit.pool.give_back(self.room)
        self._owner.closed(self)

    def _broken(self, failure: Any) -> None:
        self.log.error("session.failed", error=failure.getTraceback())


def tell_facts(kit: Kit, call: str, changed: Iterable[Any]) -> None:
    """Send facts (of :mod:`telephony.machines.facts`, numbered) as events of the contract."""
    for fact in changed:
        kit.relay.tell(_EVENTS[type(fact)](id=kit.new_id(), at=kit.now(), node=kit.node, call=call, facts=fact))


_EVENTS: dict[type, Any] = {
    contract.CallFacts: contract.CallChanged,
    contract.PartyFacts: contract.PartyChanged,
    contract.TransferFacts: contract.TransferChanged,
}
