"""Standing calls through the whole stack: citizens from the trunk, each with a seat of 12345."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from bench.loop import Loop
from bench.media import Media
from bench.phones import Leg
from bench.town import LINKAGE, Crowd

FIRST = 13800000000
CALLER_TONE, SEAT_TONE = 440, 660


@dataclass(eq=False)
class Talk:
    """One citizen's call; after a room's death its legs are those of the new room."""

    number: str
    caller: Leg
    seat: Leg | None = None

    @property
    def up(self) -> bool:
        return self.caller.up and self.seat is not None and self.seat.up

    @property
    def legs(self) -> list[Leg]:
        return [self.caller, *([self.seat] if self.seat else [])]


class Talks:
    """Makes calls and knows which seat serves whom (the seat's phone is shown the caller's number). Phones of 110 answer as well;
    when they ring stands in ``rung``; citizens who are rung back stand in ``back``."""

    _numbers = itertools.count(FIRST)

    def __init__(self, crowd: Crowd, loop: Loop, media: Media | None) -> None:
        self.loop = loop
        self._crowd = crowd
        self.all: dict[str, Talk] = {}
        self.rung: list[Leg] = []
        self.back: list[Leg] = []
        self.public, self.desks = crowd.staff(loop, media)
        self.desks.on_invite = self._desk
        self.public.on_invite = self._citizen

    def _desk(self, leg: Leg) -> None:
        self.desks.ring(leg)
        self.desks.accept(leg, SEAT_TONE)
        if leg.user in LINKAGE:
            self.rung.append(leg)
        elif leg.peer in self.all:
            self.all[leg.peer].seat = leg

    def _citizen(self, leg: Leg) -> None:
        """The citizen's phone rings: we ring back after a room's death."""
        self.public.ring(leg)
        self.public.accept(leg, CALLER_TONE)
        self.back.append(leg)
        if leg.user in self.all:
            self.all[leg.user].caller = leg

    def fill(self, count: int) -> None:
        """Bring the number of talks up to ``count`` and wait until all are up."""
        while len(self.all) < count:
            number = str(next(Talks._numbers))
            talk = self.all[number] = Talk(number, self.public.dial("12345", self._crowd.trunk, number, CALLER_TONE))
            self.loop.until(lambda one=talk: one.up, f"{number} talks to a seat")  # type: ignore[misc]
        self.loop.until(lambda: all(talk.up for talk in self.all.values()), "all talks are up")

    def longest(self) -> Talk:
        """The talk that has been up for the longest time."""
        return next(iter(self.all.values()))

    def finish(self, talk: Talk) -> None:
        """The citizen hangs up."""
        del self.all[talk.number]
        talk.caller.hang_up()
        self.loop.until(lambda: talk.caller.over, f"{talk.number} has hung up")

    def close(self) -> None:
        try:
            for talk in list(self.all.values()):
                self.finish(talk)
            self.loop.until(lambda: all(leg.over for leg in self.desks.legs), "all seats are free")
        finally:
            self.public.close()
            self.desks.close()
