"""Between calls and the board: seats that come and go, calls that seek one, and the matching of both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

import structlog
from twisted.internet.defer import Deferred

from telephony import contract
from telephony.machines import helping, records
from telephony.machines.errors import Refused
from telephony.queues import changes as news
from telephony.queues import records as rows
from telephony.queues.board import Board
from telephony.queues.errors import BoardUnavailable

if TYPE_CHECKING:
    from telephony.switchboard.kit import Kit

log = structlog.get_logger()

RETRY = 1.0
"""Seconds until Redis is asked again when it was away."""

RENEW_EVERY = 5.0

BREATH = 0.01
"""Seconds from the begin of a match at a centre to the next at the earliest: the first change is acted on at once, and what
follows in a rush is taken together."""


class Seating:
    """Matches when something has changed, wakes by itself when only time has passed, keeps this node's leases."""

    def __init__(self, kit: Kit, board: Board) -> None:
        self.board = board
        self._kit = kit
        self._matching: set[str] = set()
        self._again: set[str] = set()
        self._began: dict[str, float] = {}
        self._soon: dict[str, Any] = {}
        self._wakeups: dict[str, Any] = {}
        self._steps: dict[str, Deferred[None]] = {}
        self._changes: news.Changes | None = None
        self._renewing: Any = None
        self._stopped = False
        self.offered: Callable[[rows.Offer, str], bool] = lambda offer, centre: False
        self.none_left: Callable[[str, str, str], None] = lambda attempt, call, why: None
        self.alive: Callable[[], Iterable[records.Call]] = lambda: ()

    async def start(self) -> None:
        """Bring the board to the configuration, free what this node held in an earlier life, begin to match."""
        plan = self._kit.plan
        known = {seat.id for seat in await self.board.seats()}
        for gone in known - set(plan.seats):
            await self.board.forget(gone)
        for seat in plan.seats.values():
            await self.board.define(seat.id, seat.centre or "", seat.groups, seat.skill_priority)
        await self._review_helpers()
        await self.board.reset_node(self._kit.node)
        for name in plan.seats:
            await self.board.sign_out(name, "restart")
        self._changes = self.board.changes()
        self._watch(self._follow(self._changes))
        self._renew()

    async def _review_helpers(self) -> None:
        """Who helps goes on helping after a restart, unless the configuration does not allow it any more."""
        for seat in await self.board.seats():
            for one in seat.helps:
                try:
                    helping.check(self._kit.plan, seat.id, one.centre, one.groups)
                except Refused as refused:
                    log.warning("seat.helps_no_more", seat=seat.id, centre=one.centre, why=refused.message)
                    self._tell((await self.board.withdraw(seat.id, one.centre)).changes)

    async def stop(self) -> None:
        self._stopped = True
        for timer in (*self._wakeups.values(), *self._soon.values(), self._renewing):
            if timer is not None and timer.active():
                timer.cancel()
        if self._changes is not None:
            await self._changes.close()

    def _watch(self, work: Awaitable[Any]) -> None:
        def failed(failure: Any) -> None:
            log.error("seating.failed", error=failure.getTraceback())

        Deferred.fromCoroutine(work).addErrback(failed)

    async def _follow(self, changes: news.Changes) -> None:
        async for centre in changes:
            if centre == news.EVERY:
                for every in self._kit.plan.centres:
                    self.kick(every)
            else:
                self.kick(centre)

    def _renew(self) -> None:
        if not self._stopped:
            self._watch(self._renew_once())

    async def _renew_once(self) -> None:
        try:
            calls = list(self.alive())
            waiting = {call.attempt.id: call for call in calls if call.attempt and call.attempt.target.kind == "queue"}
            renewal = await self.board.renew(self._kit.node, [call.id for call in calls], waiting)
            held = {(one.seat, one.owner) for one in renewal.held}
            await self._restore([waiting[name] for name in renewal.missing if name in waiting], calls, held)
            self._tell((await self.board.sweep()).changes)
        except BoardUnavailable as problem:
            log.error("board.away", error=str(problem))
        if not self._stopped:
            self._renewing = self._kit.reactor.callLater(RENEW_EVERY, self._renew)

    async def _restore(self, missing: list[records.Call], calls: list[records.Call], held: set[tuple[str, str]]) -> None:
        """Redis has lost something (a crash, a flush): put back who waits and who talks."""
        for call in missing:
            if call.attempt is not None and not call.attempt.leg:
                log.warning("board.restored", call_id=call.id)
                await self.seek(call, call.attempt)
        for call in calls:
            for party in list(call.parties.values()):
                if party.up and party.owner and (party.seat, party.owner) not in held:
                    await self.talking(party.seat, party.owner, call.id)

    # --- seats

    def registered(self, seat: str) -> None:
        """A phone is there: sign the seat in, unless it already is."""
        rules = self._kit.plan.seats[seat]

        async def step() -> None:
            self._tell(
                (
                    await self.board.sign_in(
                        seat, rules.centre or "", rules.groups, rules.skill_priority, rules.available_on_register
                    )
                ).changes
            )

        self._in_order(seat, step)

    def gone(self, seat: str, why: str) -> None:
        async def step() -> None:
            log.info("seat.gone", seat=seat, why=why)
            self._tell((await self.board.sign_out(seat, why)).changes)

        self._in_order(seat, step)

    def _in_order(self, seat: str, step: Callable[[], Awaitable[None]]) -> None:
        """What is told of one seat takes effect in the order it came."""
        before = self._steps.get(seat)

        async def run() -> None:
            if before is not None and not before.called:
                waiter: Deferred[None] = Deferred()
                before.addBoth(lambda _: waiter.callback(None))
                await waiter
            while not self._stopped:
                try:
                    await step()
                    return
                except BoardUnavailable as problem:
                    log.error("board.away", error=str(problem))
                    await self.pause(RETRY)

        done = Deferred.fromCoroutine(run())
        done.addErrback(lambda failure: log.error("seat.failed", seat=seat, error=failure.getTraceback()))
        self._steps[seat] = done

    def pause(self, seconds: float) -> Deferred[None]:
        waiter: Deferred[None] = Deferred()
        self._kit.reactor.callLater(seconds, waiter.callback, None)
        return waiter

    async def set_status(self, seat: str, status: Any, reason: str) -> None:
        """Raise :class:`BoardUnavailable` if Redis is away."""
        self._tell((await self.board.set_status(seat, status, reason)).changes)

    async def join(self, command: contract.JoinQueue) -> None:
        """A seat helps another centre. Raise :class:`Refused`, or :class:`BoardUnavailable` if Redis is away."""
        plan = self._kit.plan
        helping.check(plan, command.seat, command.centre, command.groups)
        home = command.home or plan.seats[command.seat].centre or ""
        self._tell((await self.board.join(command.seat, command.centre, command.groups, home, command.exclusive)).changes)

    async def withdraw(self, command: contract.LeaveQueue) -> None:
        """A seat helps a centre no more. Raises as :meth:`join`."""
        helping.known(self._kit.plan, command.seat, command.centre)
        self._tell((await self.board.withdraw(command.seat, command.centre)).changes)

    async def home(self, seat: str, centre: str) -> str:
        """Where a seat is that helps a centre; empty if it does not."""
        found = await self.board.seat(seat)
        one = found.helping(centre) if found is not None else None
        return one.home if one is not None else ""

    def _tell(self, changes: Iterable[rows.SeatChange]) -> None:
        """Send changes of seats on, for the statistics of times and reasons."""
        for change in changes:
            seat = change.seat
            self._kit.relay.tell(
                contract.SeatChanged(
                    id=self._kit.new_id(),
                    at=change.at,
                    node=self._kit.node,
                    call=seat.call,
                    seat=seat.id,
                    centre=seat.centre,
                    status=seat.status,
                    reason=seat.reason,
                    state=seat.state,
                    owner=seat.owner,
                    helps=tuple(one.centre for one in seat.helps),
                )
            )

    # --- one seat and one call

    async def own_call(self, seat: str, owner: str, call: str) -> bool:
        """A seat dials by itself: nobody rings it meanwhile. False if it is in a talk already, or Redis is away."""
        try:
            outcome = await self.board.busy_by_own_call(seat, owner, call, self._kit.node)
        except BoardUnavailable as problem:
            log.error("board.away", error=str(problem))
            return False
        self._tell(outcome.changes)
        return outcome.ok

    async def claim(self, owner: str, seat: str, call: str, force: bool) -> str:
        """Reserve one named seat; the reason why not, or nothing."""
        if not self._kit.door.is_registered(seat):
            return "unreachable"
        outcome = await self.board.claim(seat, owner, call=call, node=self._kit.node, force=force)
        self._tell(outcome.changes)
        return "" if outcome.ok else outcome.why or "busy"

    async def ringing(self, seat: str, owner: str) -> None:
        self._tell((await self.board.ringing(seat, owner)).changes)

    async def talking(self, seat: str, owner: str, call: str) -> None:
        self._tell((await self.board.talking(seat, owner, call, self._kit.node)).changes)

    async def release(self, seat: str, owner: str, *, talked: bool = False, unreachable: bool = False) -> None:
        """Free a seat, with its wrap-up if it has talked."""
        rules = self._kit.plan.seats.get(seat)
        wrap_up = rules.wrap_up if rules is not None and rules.centre and talked else 0
        until = self._kit.now() + wrap_up if wrap_up else None
        self._tell((await self.board.release(seat, owner, until, unreachable)).changes)

    # --- calls that seek

    async def seek(self, call: records.Call, attempt: records.Attempt) -> None:
        """Put an attempt on the board; an offer, or that nobody can serve it, follows from the match."""
        centre = attempt.target.id
        rules = self._kit.plan.centres[centre].queue
        steps = rules.transfer if attempt.steps == "transfer" else rules.direct
        waiting = rows.Waiting(
            id=attempt.id,
            call=call.id,
            centre=centre,
            steps=tuple(rows.Step(tuple(step.groups), step.wait) for step in steps),
            rank=attempt.rank,
            since=attempt.since,
            node=self._kit.node,
            exclude=tuple(attempt.tried),
            again=attempt.purpose != "transfer",
        )
        if attempt.rank == 0:
            await self.board.requeue_at_head(waiting)
        else:
            await self.board.enqueue(waiting)
        self.kick(centre)

    async def leave(self, attempt: str) -> None:
        await self.board.leave(attempt)

    async def position(self, attempt: str) -> int:
        return await self.board.position(attempt)

    def kick(self, centre: str) -> None:
        """There may be a match at this centre now."""
        if self._stopped or centre not in self._kit.plan.centres:
            return
        if centre in self._matching:
            self._again.add(centre)
        elif centre not in self._soon:
            pause = self._began.get(centre, 0.0) + BREATH - self._kit.reactor.seconds()
            if pause > 0:
                self._soon[centre] = self._kit.reactor.callLater(pause, self._begin, centre)
            else:
                self._begin(centre)

    def _begin(self, centre: str) -> None:
        self._soon.pop(centre, None)
        if self._stopped:
            return
        self._began[centre] = self._kit.reactor.seconds()
        self._matching.add(centre)
        self._watch(self._match(centre))

    async def _match(self, centre: str) -> None:
        wakeup: float | None = None
        self._again.discard(centre)
        try:
            found = await self.board.match(centre, node=self._kit.node)
            self._tell(found.changes)
            for offer in found:
                if not self.offered(offer, centre):
                    await self.board.leave(offer.attempt)
                    await self.board.release(offer.seat, offer.attempt)
            for hopeless in found.hopeless:
                self.none_left(hopeless.attempt, hopeless.call, hopeless.why)
            wakeup = found.wakeup
        except BoardUnavailable as problem:
            log.error("board.away", error=str(problem))
            wakeup = self._kit.now() + RETRY
        finally:
            self._matching.discard(centre)
        if centre in self._again:
            self.kick(centre)
        else:
            self._set_wakeup(centre, wakeup)

    def _set_wakeup(self, centre: str, at: float | None) -> None:
        timer = self._wakeups.pop(centre, None)
        if timer is not None and timer.active():
            timer.cancel()
        if at is not None and not self._stopped:
            after = max(at - self._kit.now(), 0.005)
            self._wakeups[centre] = self._kit.reactor.callLater(after, self.kick, centre)
