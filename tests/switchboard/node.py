"""A node in miniature: the real exchange, rooms handed out by hand, a clock moved by hand, and all that it tells."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from telephony import contract
from telephony.ipc import messages
from telephony.switchboard.exchange import Exchange
from telephony.switchboard.kit import Kit
from telephony.switchboard.room import Room
from tests.machines import world


class HandyRoom(Room):
    """Keeps what it was told, and says what the test lets it say."""

    def __init__(self, name: str) -> None:
        super().__init__(name, Path(f"/nowhere/{name}.sock"), (0, 0), Path("/nowhere"))
        self.told: list[messages.Message] = []

    def send(self, command: messages.Message) -> None:
        self.told.append(command)

    def sent(self, kind: type[messages.Message]) -> list[Any]:
        return [one for one in self.told if isinstance(one, kind)]

    @property
    def leg(self) -> str:
        return str(self.sent(messages.Dial)[0].leg)

    @property
    def dialled(self) -> str:
        """The number that this room calls."""
        return str(self.sent(messages.Dial)[0].uri).removeprefix("sip:").partition("@")[0]

    def say(self, event: messages.Message) -> None:
        assert self.tenant is not None
        self.tenant.room_event(event)

    def answer(self) -> None:
        """The phone that it calls answers."""
        nobody = messages.Dialog(call_id="", local_tag="", remote_tag="", local_uri="", remote_uri="", cseq=0)
        self.say(messages.Established(leg=self.leg, dialog=nobody))

    def play_out(self) -> list[str]:
        """What plays is heard to its end, and so is what follows; the names of it all."""
        heard: list[str] = []
        while (play := self.sent(messages.Play)[-1]) is not None and play.play not in heard:
            heard.append(play.play)
            self.say(messages.Played(leg=self.leg, play=play.play))
        return [Path(one.files[0]).name for one in self.sent(messages.Play) if one.play in heard]


class Rooms:
    """A pool that has a room whenever the test says so."""

    def __init__(self, ready: int) -> None:
        self._ready = ready
        self._waiting: list[Deferred[Room | None]] = []
        self.used: list[HandyRoom] = []
        self.back: list[Room] = []

    async def take(self, purpose: str, tenant: Any, patience: float) -> Room | None:
        assert purpose == "page"
        if not self._ready:
            waiter: Deferred[Room | None] = Deferred()
            self._waiting.append(waiter)
            return await waiter
        self._ready -= 1
        room = HandyRoom(f"r{len(self.used)}")
        room.tenant = tenant
        self.used.append(room)
        return room

    def free(self, room: Room | None) -> None:
        """One becomes free for whoever waits longest; None: the wait was in vain."""
        self._waiting.pop(0).callback(room)

    def give_back(self, room: Room) -> None:
        self.back.append(room)


class Board:
    """A board that is never asked: pages here go to public numbers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def pause(self, seconds: float) -> Deferred[None]:
        waiter: Deferred[None] = Deferred()
        self._clock.callLater(seconds, waiter.callback, None)
        return waiter


class Voice:
    """Everything has been spoken into a file already."""

    music = ringback = Path("/nowhere/music.wav")

    def ready(self, speech: contract.Speech) -> Path:
        return Path("/nowhere") / "+".join(getattr(piece, "name", "text") for piece in speech)


class Sink:
    """Takes whatever is told, and drawings of live calls."""

    def __init__(self) -> None:
        self.told: list[contract.Event] = []

    def tell(self, event: contract.Event) -> None:
        self.told.append(event)

    def put(self, *_: Any) -> None:
        pass

    def drop(self, *_: Any) -> None:
        pass


class Node:
    """``pages``: how many at a time; ``ready``: how many rooms are there at once."""

    def __init__(self, *, pages: int = 20, ready: int = 100) -> None:
        self.clock = Clock()
        self.rooms = Rooms(ready)
        self.sink = Sink()
        self.answers: dict[str, contract.CommandDone] = {}
        self.ended: dict[str, str] = {}
        ids = itertools.count(1)
        voice: Any = Voice()
        sink: Any = self.sink
        self.kit = Kit(
            reactor=self.clock,
            node="n1",
            plan=world.altered(limits={"pages": pages}),
            studio=voice,
            sounds=voice,
            relay=sink,
            data_dir=Path("/nowhere"),
            recording=False,
            new_id=lambda: f"i{next(ids)}",
        )
        board: Any = Board(self.clock)
        rooms: Any = self.rooms
        self.kit.seating, self.kit.pool, self.kit.live = board, rooms, sink
        self.kit.replied = self.answers.__setitem__
        self.kit.settled = self.ended.__setitem__
        self.kit.ended = self._ended
        self.exchange = Exchange(self.kit)

    async def _ended(self, page: str) -> str:
        return self.ended.get(page, "unknown")

    def give(self, command: contract.AnyCommand) -> contract.CommandDone:
        """Give a command, and return its answer."""
        Deferred.fromCoroutine(self.exchange.command(command)).addErrback(_fail)
        return self.answers[command.id]

    def page(self, name: str, to: str = "", **more: Any) -> contract.CommandDone:
        speech = (contract.Text("请注意。"),)
        return self.give(contract.Page(id=name, to=to or f"1390000000{name[-1]}", speech=speech, **more))

    def stop(self, page: str) -> str:
        """Stop a page; how it ended, as the answer says."""
        done = self.give(contract.StopPage(id=f"stop{len(self.answers)}", page=page))
        assert done.ok
        return done.result["ended"]

    def done(self, page: str) -> contract.PageDone | None:
        found = [one for one in self.sink.told if isinstance(one, contract.PageDone) and one.page == page]
        assert len(found) <= 1, "a page has one end"
        return found[0] if found else None

    def end(self, room: HandyRoom, code: int = 486) -> None:
        """The phone that a room called does not answer, and the room is free for the next."""
        room.say(messages.Ended(leg=room.leg, code=code, reason="", by="them"))
        self.clock.advance(0)


def _fail(failure: Any) -> None:
    failure.raiseException()
