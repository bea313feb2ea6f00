"""The job that reads the databases shared with peers: takes what is there for us, answers it, reads what our messages got.

One process polls at a time, under a lease. A message is taken in our database first and answered in the shared one after: if the
process dies between the two, it is read again, known again, and answered.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router import job
from router.errors import CaseworkError
from router.exchange import errors, incoming, message, peers, shared, validate, words
from router.exchange.casework import Casework
from router.exchange.incoming import Local, actor_of
from router.journal import journal, lease
from router.journal.journal import Note
from router.storage.base import moment, table_of
from router.storage.engine import Database
from router.storage.exchange import ExchangeMessage
from router.storage.organisation import Peer
from router.timers.runner import Due, Handle

log = structlog.get_logger()

LEASE = "exchange-poll"
MESSAGE = table_of(ExchangeMessage)
BATCH = 50
OVERLAP = 1000
"""So many of the newest messages are looked at again: a slow writer's may appear after later ones."""


@dataclass(slots=True)
class Poller(job.Looped):
    """The job. ``then`` is set when something was taken: there is news."""

    database: Database
    owner: str
    shared: shared.Pool
    local: Local
    casework: Casework
    rules: job.Rules = field(default_factory=job.Rules)
    clock: Callable[[], float] = time.time
    then: asyncio.Event = field(default_factory=asyncio.Event)
    name: str = LEASE
    taken: int = 0
    loop: job.Loop = field(init=False)
    _lease: lease.Holder = field(init=False)
    _away: set[str] = field(default_factory=set)
    _done: dict[str, int] = field(default_factory=dict)
    """Serials up to which everything has a receipt, by peer; at the start all is looked at."""

    def __post_init__(self) -> None:
        self.loop = job.Loop(self.name, self.once, self.rules)
        self._lease = lease.Holder(self.database, LEASE, self.owner, clock=self.clock)

    async def run(self, stop: asyncio.Event) -> None:
        await self.loop.run(stop)
        try:
            await self._lease.give_back()
        except job.OUTAGES:
            pass  # it runs out by itself
        await self.shared.close()

    async def once(self) -> float:
        """Look at every shared database; return the seconds until the next look."""
        async with self.database.read() as session:
            query = select(Peer).where(Peer.active, Peer.transport == "database").order_by(Peer.id)
            peers = (await session.scalars(query)).all()
        for peer in peers:
            if not await self._lease.take():
                break
            try:
                await self._look(peer)
                self._back(peer)
            except shared.Away as error:
                if peer.id not in self._away:
                    hint = "it goes on by itself when the database is back"
                    log.warning("exchange.database_lost", peer=peer.id, error=str(error), hint=hint)
                    self._away.add(peer.id)
        return self.rules.poll

    def _back(self, peer: Peer) -> None:
        if peer.id in self._away:
            log.info("exchange.database_back", peer=peer.id)
            self._away.discard(peer.id)

    async def _look(self, peer: Peer) -> None:
        last = await self.shared.last(peer)
        while waiting := await self.shared.waiting(peer, self._done.get(peer.id, 0), BATCH):
            for one in waiting:
                status, receipt = await self._take(peer, one.message_id, one.document)
                await self.shared.answer(peer, one.message_id, status, receipt)
            self.taken += len(waiting)
            self.then.set()
            if len(waiting) < BATCH:
                break
        self._done[peer.id] = max(0, last - OVERLAP)
        await self._answer_waiting(peer)
        await self._read_receipts(peer)

    async def _take(self, peer: Peer, message_id: str, document: str) -> tuple[str, str]:
        """Take one message; return status and receipt."""
        now: dt.datetime = moment(self.clock())
        try:
            if _id_of(document) not in (message_id, None):
                raise errors.Changed(words.OTHER_ID.format(id=message_id), words.OTHER_ID_REMEDY, field="id")
            async with self.database.write() as session:
                result = await incoming.receive(session, peer, document, now, local=self.local, casework=self.casework)
                await peers.seen(session, peer, now)
        except CaseworkError as error:
            return "refused", refusal(error)
        found = result.receipt
        if found is None:
            assert result.refusal is not None
            return "refused", refusal(result.refusal)
        return ("waiting" if found.status == "waiting" else "taken"), message.encode(found).decode()

    async def _answer_waiting(self, peer: Peer) -> None:
        """Messages that waited and were carried out since."""
        unsettled = await self.shared.unsettled(peer)
        if not unsettled:
            return
        async with self.database.read() as session:
            query = select(ExchangeMessage).where(
                ExchangeMessage.peer == peer.id,
                ExchangeMessage.direction == "in",
                ExchangeMessage.message_id.in_(unsettled),
                ExchangeMessage.state != "waiting",
            )
            rows = (await session.scalars(query)).all()
        for row in rows:
            said = row.receipt or {}
            text = json.dumps({"message": row.message_id, "status": row.state, **said}, ensure_ascii=False)
            await self.shared.answer(peer, row.message_id, row.state, text)

    async def _read_receipts(self, peer: Peer) -> None:
        """What the peer says to messages of ours."""
        mine = (MESSAGE.c.peer == peer.id, MESSAGE.c.direction == "out", MESSAGE.c.state == "sent")
        async with self.database.read() as session:
            query = select(MESSAGE.c.message_id).where(*mine).order_by(MESSAGE.c.order).limit(4 * BATCH)
            sent = list((await session.execute(query)).scalars())
        if not sent:
            return
        now: dt.datetime = moment(self.clock())
        for message_id, (status, text) in (await self.shared.receipts(peer, sent)).items():
            if status not in ("taken", "refused"):
                continue
            async with self.database.write() as session:
                values = {"state": status, "receipt": _said(text), "done_at": now}
                await session.execute(update(MESSAGE).where(*mine, MESSAGE.c.message_id == message_id).values(**values))
                if status == "refused":
                    detail = {"peer": peer.id, "code": str(_said(text).get("code", ""))[:100]}
                    note = Note("exchange.refused_by_peer", message_id, detail)
                    await journal.write(session, journal.SYSTEM, actor_of(peer), [note], now)
            if status == "refused":
                log.error("exchange.refused_by_peer", peer=peer.id, message=message_id)


def _id_of(document: str) -> str | None:
    """The message's own id; None if it has none, which the validator tells better."""
    try:
        parsed = validate.parse(document)
    except ValueError:
        return None
    found = parsed.get("id") if isinstance(parsed, dict) else None
    return found if isinstance(found, str) else None


def refusal(error: CaseworkError) -> str:
    """A refusal as a receipt."""
    said: dict[str, Any] = {"status": "refused", "code": error.code, "what": error.what, "remedy": error.remedy}
    if "problems" in error.facts:
        said["problems"] = error.facts["problems"]
    return json.dumps(said, ensure_ascii=False)


def _said(text: str) -> dict[str, Any]:
    """What of a peer's receipt is kept."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    known = ("code", "what", "remedy", "case", "face", "status")
    return {name: str(found[name])[:500] for name in known if found.get(name) is not None} if isinstance(found, dict) else {}


def handlers(local: Local, casework: Casework) -> dict[str, Handle]:
    """Timer handlers: messages that waited for one that never came are carried out."""

    async def on_gap(session: AsyncSession, due: Due, now: dt.datetime) -> None:
        peer = await session.get(Peer, str(due.payload["peer"]))
        if peer is not None:
            key = message.CaseKey(system=str(due.payload["system"]), number=str(due.payload["number"]))
            await incoming.stop_waiting(session, peer, key, now, local=local, casework=casework)

    return {incoming.GAP: on_gap}
