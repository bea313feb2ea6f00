"""Between calls and the board: seats that come and go, calls that seek one, and the matching of both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from twisted.internet.defer import Deferred

from telephony import contract
from telephony.machines import plan, records
from telephony.queues.board import Board
from telephony.queues.errors import BoardUnavailable

log = structlog.get_logger()

RETRY = 1.0
NO_CENTRE = "-"
"""Where seats without a centre (duty posts) stand on the board."""


class Seating:
    """Matches when something has changed, wakes by itself when only time has passed."""

    def __init__(self, reactor: Any, board: Board, installation: plan.Plan, node: str, now: Callable[[], float]) -> None:
        self._reactor = reactor
        self.board = board
        self._plan = installation
        self._node = node
        self._now = now
        self._matching: set[str] = set()
        self._again: set[str] = set()
        self._wakeups: dict[str, Any] = {}
        self._steps: dict[str, Deferred[None]] = {}
        self.offered: Callable[[str, str, str, int], bool] = lambda attempt, call, seat, step: False
        self.told: Callable[[contract.Event], None] = lambda event: None
        self.new_id: Callable[[], str] = lambda: ""

    # --- seats

    def registered(self, seat: str) -> None:
        """A phone is there: sign the seat in, unless it already is."""
        self._in_order(seat, lambda: self._sign_in(seat))

    def gone(self, seat: str, why: str) -> None:
        self._in_order(seat, lambda: self._sign_out(seat, why))

    def _in_order(self, seat: str, step: Callable[[], Awaitable[None]]) -> None:
        """Registrations of one seat take effect in the order they came."""
        before = self._steps.get(seat)

        async def run() -> None:
            if before is not None:
                await before
            while True:
                try:
                    await step()
                    return
                except BoardUnavailable as problem:
                    log.error("board.away", error=str(problem))
                    waiter: Deferred[None] = Deferred()
                    self._reactor.callLater(RETRY, waiter.callback, None)
                    await waiter

        done = Deferred.fromCoroutine(run())
        done.addErrback(lambda f: log.error("seat.failed", seat=seat, error=f.getTraceback()))
        self._steps[seat] = done

    async def _sign_in(self, seat: str) -> None:
        rules = self._plan.seats[seat]
        centre = rules.centre or NO_CENTRE
        changed = await self.board.sign_in(
            seat, centre, tuple(rules.groups), rules.skill_priority, available=rules.available_on_register
        )
        await self._tell(seat, changed)
        self.kick(centre)

    async def _sign_out(self, seat: str, why: str) -> None:
        log.info("seat.gone", seat=seat, why=why)
        await self._tell(seat, await self.board.sign_out(seat, why))

    async def set_status(self, seat: str, status: str, reason: str) -> None:
        await self._tell(seat, await self.board.set_status(seat, status, reason))
        self.kick(self._plan.seats[seat].centre or NO_CENTRE)

    async def _tell(self, seat: str, changed: Any) -> None:
        """Send the seat's status on, for the statistics of times and reasons."""
        view = await self.board.seat(seat)
        if view is None:
            return
        self.told(
            contract.SeatChanged(
                id=self.new_id(),
                at=self._now(),
                node=self._node,
                seat=seat,
                centre=view.centre if view.centre != NO_CENTRE else "",
                status=view.status,
                reason=view.reason,
                state=view.state,
                owner=view.owner or "",
            )
        )

    async def own_call(self, seat: str, owner: str, call: str) -> bool:
        """A seat dials by itself: nobody rings it meanwhile."""
        try:
            return bool(await self.board.busy_by_own_call(seat, owner, call))
        except BoardUnavailable as problem:
            log.error("board.away", error=str(problem))
            return False

    async def claim(self, owner: str, seat: str, call: str, force: bool) -> str:
        """Reserve one named seat; the reason why not, or nothing."""
        rules = self._plan.seats.get(seat)
        if rules is None:
            return "unreachable"
        return await self.board.claim(seat, owner, call, self._node, force=force) or ""

    # --- calls that seek

    async def seek(self, call: records.Call, attempt: records.Attempt) -> str:
        """Put an attempt on the board and match; why nobody can serve it, or nothing."""
        centre = attempt.target.id
        rules = self._plan.centres[centre].queue
        steps = rules.transfer if attempt.steps == "transfer" else rules.direct
        await self.board.enqueue(
            attempt=attempt.id,
            call=call.id,
            centre=centre,
            steps=[(tuple(s.groups), s.wait) for s in steps],
            rank=attempt.rank,
            since=attempt.since,
            node=self._node,
            exclude=tuple(attempt.tried),
        )
        groups = {g for s in steps for g in s.groups}
        seats = [s for s in await self.board.seats(centre) if groups & set(s.groups) and s.status != "off"]
        self.kick(centre)
        if not seats:
            return "no_seats"
        if all(s.id in attempt.tried for s in seats):
            return "tried"
        return ""

    def kick(self, centre: str) -> None:
        """There may be a match at this centre now."""
        if centre in self._matching:
            self._again.add(centre)
            return
        self._matching.add(centre)
        Deferred.fromCoroutine(self._match(centre)).addErrback(
            lambda f: log.error("match.failed", centre=centre, error=f.getTraceback())
        )

    async def _match(self, centre: str) -> None:
        try:
            while True:
                self._again.discard(centre)
                for offer in await self.board.match(centre):
                    if offer.node != self._node:
                        continue
                    if not self.offered(offer.attempt, offer.call, offer.seat, offer.step):
                        await self.board.leave(offer.attempt)
                        await self.board.release(offer.seat, offer.attempt, None, unreachable=False)
                        self._again.add(centre)
                if centre not in self._again:
                    break
            self._set_wakeup(centre, await self.board.next_wakeup(centre))
        except BoardUnavailable as problem:
            log.error("board.away", error=str(problem))
            self._set_wakeup(centre, self._now() + RETRY)
        finally:
            self._matching.discard(centre)

    def _set_wakeup(self, centre: str, at: float | None) -> None:
        timer = self._wakeups.pop(centre, None)
        if timer is not None and timer.active():
            timer.cancel()
        if at is not None:
            self._wakeups[centre] = self._reactor.callLater(max(at - self._now(), 0.01), self.kick, centre)
