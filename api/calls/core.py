"""Gives commands to the call core for a request: once for each idempotency key, journalled, its refusals as typed errors.

No transaction is open while the call core is waited for.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from starlette.responses import Response

from api.calls import service
from api.calls.schemas import Done
from api.kit import errors, idempotency, messages, state
from api.kit.deps import CurrentActor, IdempotencyKey, Now
from api.kit.idempotency import Claim
from api.kit.work import Answered
from router import calls_client, calls_now
from router.access import audit, rules
from router.access import calls as reach
from router.access.actor import Actor
from router.calls_client import CallCoreError, CallsClient
from router.errors import Forbidden, NotFound
from telephony import contract

C = TypeVar("C", bound=contract.Command)

WITHIN = 8.0
"""Seconds in which the call core must have answered."""
RESPONSES = errors.responses(502, 504)
STATUS = {
    "call.unknown": 404,
    "number.forbidden": 422,
    "party.unknown": 404,
    "seat.reason": 422,
    "seat.role": 422,
    "seat.unknown": 404,
    "transfer.target": 422,
    "room.none": 503,
    "command.failed": 502,
    "command.unknown": 502,
    "command.unreadable": 502,
}
"""HTTP status of the call core's refusals; all others are conflicts with the state of the call (409)."""


class Refused(errors.HttpError):
    """The call core has said no."""

    def __init__(self, code: str, command: str) -> None:
        known = code if code in messages.ZH else "calls.refused"
        super().__init__(known, code=code, command=command)
        self.code = code
        self.status = STATUS.get(code, 409)


class CoreTrouble(errors.HttpError):
    """The call core can't be asked, or has not answered."""

    def __init__(self, error: CallCoreError, command: str = "") -> None:
        key, self.status = _TROUBLES.get(type(error), ("calls.failed", 502))
        super().__init__(key, headers={"Retry-After": "2"} if self.status == 503 else None, command=command)
        self.code = key


_TROUBLES: dict[type[CallCoreError], tuple[str, int]] = {
    calls_client.NoAnswer: ("calls.no_answer", 504),
    calls_client.StillGoing: ("calls.still_going", 504),
    calls_client.Unreachable: ("calls.unreachable", 503),
}


async def client(request: Request) -> CallsClient:
    return CallsClient(state.of(request).redis)


Calls = Annotated[CallsClient, Depends(client)]


async def lines(request: Request) -> reach.Lines:
    return service.lines(state.of(request))


Lines = Annotated[reach.Lines, Depends(lines)]


@dataclass(slots=True)
class Desk:
    """One request that steers something: who, where, and the call core's ear."""

    request: Request
    actor: Actor
    now: dt.datetime
    calls: CallsClient
    lines: reach.Lines
    key: str | None

    @property
    def found(self) -> state.State:
        return state.of(self.request)

    # --- which call

    async def live(self, call: str) -> contract.LiveCall:
        """The call in progress, if the actor may see it. Raise :class:`NotFound`, or :class:`Refused` for one that is over."""
        try:
            found = await self.calls.live_call(call)
        except CallCoreError as error:
            raise CoreTrouble(error) from error
        async with self.found.database.read() as session:
            if found is None or not await calls_now.still_going(session, [found]):
                await service.record(session, self.calls, self.actor, self.lines, call)
                raise Refused("call.over", "")
        if not reach.sees_live(self.actor, self.lines, found):
            raise rules.Foreign("没有这个通话,或不在您的可见范围", "检查通话编号", subject=call[:64])
        return found

    async def steered(self, call: str) -> contract.LiveCall:
        """The call in progress, if the actor may steer it; raise :class:`Forbidden`."""
        found = await self.live(call)
        if not reach.may_steer(self.actor, self.lines, found):
            raise Forbidden("您的座席不在这个通话中", "由通话中的座席或其班长操作", action="call.control", subject=call)
        return found

    def seat(self, wanted: str | None, *, what: str) -> str:
        """The seat that is meant: the own one, or for supervisors any of their centres'. Raise :class:`Forbidden`."""
        seat = wanted or self.actor.seat
        if not seat:
            raise NotFound("您的账号没有座席", "请管理员为账号登记座席,或由班长指定座席", field="seat")
        known = self.found.settings.seats.get(seat)
        if known is None:
            raise Refused("seat.unknown", "")
        if seat != self.actor.seat and (known.centre or "") not in reach.supervised(self.actor, self.lines):
            raise Forbidden("只能操作本人的座席", "其他座席由其班长操作", action=what, subject=seat)
        return seat

    # --- commands

    async def do(self, kind: type[C], /, *, subject: str, note: str = "", case_chain: str | None = None, **fields: Any) -> Order:
        """Give a command and wait for its answer. ``note``: journalled before, as what the actor did to ``subject``,
        in the chain of a case if ``case_chain`` names one.

        Raise :class:`Refused`, :class:`CoreTrouble`, and :class:`Answered` for a key that has its answer already.
        """
        claim = await self._claimed(subject, note, case_chain, {"command": kind.__name__, **_told(fields)})
        id_ = _id(claim) if claim else calls_client.new_id()
        try:
            done = await self.calls.send(kind(id=id_, **{"by": self.actor.id, **fields}), within=WITHIN)  # type: ignore[arg-type]
        except CallCoreError as error:
            raise CoreTrouble(error, id_) from error
        if not done.ok:
            raise Refused(done.code, id_)
        return Order(id_, dict(done.result), claim)

    async def _claimed(self, subject: str, note: str, case: str | None, detail: dict[str, Any]) -> Claim | None:
        """Claim the key, and write into the journal what is about to be done."""
        if self.key is None and not note:
            return None
        claim: Claim | Response | None = None
        async with self.found.database.write() as session:
            if self.key is not None:
                claim = await idempotency.claim(session, self.request, self.actor.id, self.key, self.now)
            if note and not isinstance(claim, Response):
                await audit.looked(session, self.actor, note, subject, self.now, case=case, detail=detail)
        if isinstance(claim, Response):
            raise Answered(claim)
        return claim

    async def finished(self, order: Order, done: Done) -> Done:
        """Keep the answer for a repetition of the request."""
        if order.claim is not None:
            async with self.found.database.write() as session:
                kept = Response(done.model_dump_json(), 200, media_type="application/json")
                await idempotency.keep(session, order.claim, kept)
        return done


@dataclass(frozen=True, slots=True)
class Order:
    """A command that was carried out."""

    id: str
    result: dict[str, str]
    claim: Claim | None


def _id(claim: Claim) -> str:
    """The same request with the same key is the same command: the call core knows it again."""
    return hashlib.sha256(f"{claim.key}\0{claim.request}".encode()).hexdigest()[:32]


def _told(fields: dict[str, Any]) -> dict[str, Any]:
    """What the journal says of a command: no telephone numbers."""
    return {name: value for name, value in fields.items() if name not in ("number", "by") and value not in ("", None)}


async def _desk(request: Request, actor: CurrentActor, now: Now, calls: Calls, where: Lines, key: IdempotencyKey = None) -> Desk:
    return Desk(request, actor, now, calls, where, key)


AtDesk = Annotated[Desk, Depends(_desk)]
