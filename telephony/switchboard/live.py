"""Snapshots of calls in progress in Redis, for whoever wants to see them; what could not be written is written later."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import redis.exceptions
import structlog
from twisted.internet.defer import Deferred

from telephony import contract
from telephony.aio import wait
from telephony.machines import records
from telephony.switchboard.room import Room

log = structlog.get_logger()

GATHER = 0.03
"""Seconds that a change waits for others to go with it: a call being set up changes ten times in a moment."""
AGAIN = 0.5
"""Seconds until what could not be written is tried again: the end of a call has no later snapshot that would replace it."""


class Live:
    """Writes at most one snapshot at a time; what changes meanwhile goes with the next."""

    def __init__(self, client: Any, node: str, now: Any) -> None:
        self._redis = client
        self._node = node
        self._now = now
        self._waiting: dict[str, bytes | None] = {}
        self.writing = False
        """Something is still on its way."""

    def put(self, call: records.Call, facts: dict[str, Any], room: Room | None) -> None:
        known = facts.values()
        snapshot = contract.LiveCall(
            call=facts[call.id],
            parties=tuple(f for f in known if isinstance(f, contract.PartyFacts)),
            transfers=tuple(f for f in known if isinstance(f, contract.TransferFacts)),
            node=self._node,
            room=room.name if room is not None else "",
            room_pid=room.pid if room is not None else 0,
            at=self._now(),
        )
        self._waiting[call.id] = contract.encode(snapshot)
        self._wake()

    def drop(self, call: str) -> None:
        self._waiting[call] = None
        self._wake()

    def _wake(self) -> None:
        if not self.writing:
            self.writing = True
            Deferred.fromCoroutine(self._write()).addErrback(lambda f: log.error("live.failed", error=str(f.value)))

    async def _write(self) -> None:
        away: set[str] = set()
        try:
            while self._waiting:
                await wait(asyncio.sleep(AGAIN if away else GATHER))
                batch, self._waiting = self._waiting, {}
                try:
                    await wait(self._push(batch))
                except (redis.exceptions.RedisError, OSError) as problem:
                    log.debug("live.away", error=str(problem))
                    self._waiting = batch | self._waiting
                    away |= batch.keys()
                    continue
                # A command that timed out may have been carried out after this: what has ended is taken away once more.
                ended = [call for call in away if batch.get(call, b"") is None]
                away.clear()
                for call in ended:
                    self._waiting.setdefault(call, None)
        finally:
            self.writing = False

    async def _push(self, batch: dict[str, bytes | None]) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for call, snapshot in batch.items():
                if snapshot is None:
                    pipe.hdel(contract.LIVE, call)
                else:
                    pipe.hset(contract.LIVE, call, snapshot)
            await pipe.execute()

    async def clear(self) -> list[contract.LiveCall]:
        """At start: take away the snapshots of this node's former life, and return them. An asyncio coroutine."""
        found = []
        for call, data in (await self._redis.hgetall(contract.LIVE)).items():
            try:
                snapshot = contract.decode_live(data)
            except msgspec.MsgspecError:
                await self._redis.hdel(contract.LIVE, call)
                continue
            if snapshot.node == self._node:
                found.append(snapshot)
                await self._redis.hdel(contract.LIVE, call)
        return found


NODE_LOST = "node_lost"
_LATER = 1000
"""Added to the revision: higher than whatever the former life has told after its last snapshot."""


def closing(snapshot: contract.LiveCall, now: float) -> list[contract.CallFacts | contract.PartyFacts | contract.TransferFacts]:
    """The facts that end a call whose node died with it, so that nobody is shown as talking for ever. Pure."""
    found: list[contract.CallFacts | contract.PartyFacts | contract.TransferFacts] = []
    if snapshot.call.ended_at is None:
        found.append(msgspec.structs.replace(snapshot.call, ended_at=now, end_cause=NODE_LOST, rev=snapshot.call.rev + _LATER))
    for party in snapshot.parties:
        if party.left_at is None:
            found.append(msgspec.structs.replace(party, left_at=now, end_cause=NODE_LOST, rev=party.rev + _LATER))
    for transfer in snapshot.transfers:
        if transfer.ended_at is None:
            outcome = transfer.outcome or "failed"
            found.append(msgspec.structs.replace(transfer, ended_at=now, outcome=outcome, rev=transfer.rev + _LATER))
    return found
