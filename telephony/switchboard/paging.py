"""Pages of this node: those that wait for a line, those in progress, and how each ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
from twisted.internet.defer import Deferred

from telephony import contract
from telephony.ipc import messages
from telephony.machines import effects, inputs, page, pageline
from telephony.switchboard.room import Room

if TYPE_CHECKING:
    from telephony.switchboard.kit import Kit
    from telephony.switchboard.session import CallSession

log = structlog.get_logger()

ROOM_PATIENCE = 2.0
"""Seconds that a page waits for a room, and then until it is tried again."""


class Paging:
    """Makes pages, as many at a time as the configuration allows and in rooms that calls to 110 can spare. A page waits in the
    line until there is a room, so that an urgent one that comes later goes first."""

    def __init__(self, kit: Kit, begin: Callable[[contract.Page], CallSession]) -> None:
        """``begin`` makes the session of a page, which has no room yet."""
        self._kit = kit
        self._begin = begin
        self._line = pageline.PageLine()
        self._running: dict[str, CallSession] = {}
        self._working = False
        self._closed = False

    def add(self, command: contract.Page) -> None:
        """Make a page when its turn comes. Its result is the event ``PageDone``."""
        if command.id in self._running:
            return
        self._line.add(command)
        self._work()

    def stop(self, name: str) -> str:
        """End a page wherever it is; the outcome that it has by that, or empty if it is not in the hands of this node."""
        session = self._running.get(name)
        if session is not None:
            session.give(inputs.Stopped())
            machine = session.machine
            assert isinstance(machine, page.PageMachine)
            return machine.outcome
        waiting = self._line.drop(name)
        if waiting is None:
            return ""
        self.never_made(waiting)
        return page.STOPPED

    def never_made(self, command: contract.Page) -> None:
        """Tell the end of a page that was stopped before it had a line."""
        self._tell(command, "", effects.PageResult(page.STOPPED))

    def done(self, session: CallSession, result: effects.PageResult) -> None:
        """A page's machine has come to its end."""
        machine = session.machine
        assert isinstance(machine, page.PageMachine)
        self._running.pop(machine.command.id, None)
        self._tell(machine.command, session.call.id, result)
        self._kit.reactor.callLater(0, self._work)

    def close(self) -> None:
        """Begin no more; what waits is left to the next life of this node."""
        self._closed = True

    def _tell(self, command: contract.Page, call: str, result: effects.PageResult) -> None:
        now = self._kit.now()
        self._kit.relay.tell(
            contract.PageDone(
                id=self._kit.new_id(),
                at=now,
                node=self._kit.node,
                call=call,
                page=command.id,
                to=command.to,
                outcome=result.outcome,
                digit=result.digit,
                rang_at=result.rang_at,
                answered_at=result.answered_at,
                ended_at=now,
            )
        )
        self._kit.settled(command.id, result.outcome)

    # --- rooms for pages

    @property
    def _may_begin(self) -> bool:
        return not self._closed and bool(self._line) and len(self._running) < self._kit.plan.installation.limits.pages

    def _work(self) -> None:
        if not self._working and self._may_begin:
            self._working = True
            Deferred.fromCoroutine(self._make_pages()).addErrback(self._broken)

    async def _make_pages(self) -> None:
        try:
            while self._may_begin:
                room = await self._kit.pool.take("page", _Nobody(), ROOM_PATIENCE)
                if room is None:
                    await self._kit.seating.pause(ROOM_PATIENCE)
                else:
                    self._make_first(room)
        finally:
            self._working = False

    def _make_first(self, room: Room) -> None:
        """Give the room to the page whose turn it is by now."""
        command = self._line.take() if self._may_begin else None
        if command is None:
            self._kit.pool.give_back(room)
            return
        session = self._begin(command)
        self._running[command.id] = session
        room.tenant = session
        session.use(room)
        session.give(inputs.Started())

    def _broken(self, failure: Any) -> None:
        log.error("paging.failed", error=failure.getTraceback())


class _Nobody:
    """Holds a room for the moment until its page is chosen."""

    def room_event(self, event: messages.Message) -> None:
        pass

    def room_lost(self) -> None:
        pass
