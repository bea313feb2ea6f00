"""An installation as a peer of another: its desk, what it sends, what it takes."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from sqlalchemy import select, update

from router.exchange import incoming, outgoing
from router.exchange.incoming import Local, Received
from router.exchange.services import Services
from router.journal import relay
from router.storage.base import table_of
from router.storage.exchange import ExchangeMessage
from router.storage.journal import Outbox
from router.storage.organisation import Account, Peer
from tests.casework.parts import KUNMING, Desk
from tests.storage.parts import run

OUTBOX = table_of(Outbox)


class Installation:
    """One of two systems; ``desk`` does its casework."""

    def __init__(self, desk: Desk, system: str) -> None:
        self.desk = desk
        self.local = Local(system, frozenset(desk.town.desks))
        self.services = Services(desk.town)
        self.outgoing = outgoing.Outgoing(system, desk.town.attachments)

    @property
    def system(self) -> str:
        return self.local.system

    def add_peer(
        self, peer: str, centre: str, transport: str = "rest", url: str | None = "https://peer.example.cn/exchange"
    ) -> None:
        now = self.desk.now

        async def step() -> None:
            async with self.desk.database.write() as session:
                names = {"username": f"peer-{peer}", "name": "对接", "role": "integration", "unit": centre, "city": KUNMING}
                session.add(Account(id=f"account-{peer}", rev=1, failures=0, created_at=now, updated_at=now, **names))
                more = {"transport": transport, "url": url, "token": "token", "account": f"account-{peer}"}
                side = "110" if centre.startswith("110") else "12345"
                session.add(Peer(id=peer, rev=1, name="对端", side=side, centre=centre, created_at=now, **more))

        run(step())

    def peer(self) -> Peer:
        (found,) = self.desk.rows(Peer)
        return found

    def publish(self) -> list[str]:
        """What the relay does: find receivers of what is not published; return the topics."""

        async def step() -> list[str]:
            async with self.desk.database.write() as session:
                query = select(OUTBOX).where(OUTBOX.c.published_at.is_(None)).order_by(OUTBOX.c.serial)
                items = [relay.item(row) for row in (await session.execute(query)).all()]
                await self.outgoing.route(session, items)
                await session.execute(update(OUTBOX).values(published_at=self.desk.now))
                return [one.topic for one in items]

        return run(step())

    def sent(self) -> list[dict[str, Any]]:
        """All messages that were written for the peer, in their order."""
        rows = self.desk.rows(ExchangeMessage, ExchangeMessage.direction == "out")
        return [json.loads(row.document or "") for row in sorted(rows, key=lambda row: row.order)]

    def take(self, document: Any) -> Received:
        """Take one message of the peer, in a transaction."""

        async def step() -> Received:
            async with self.desk.database.write() as session:
                (peer,) = (await session.scalars(select(Peer))).all()
                text = document if isinstance(document, bytes) else json.dumps(document).encode()
                return await incoming.receive(session, peer, text, self.desk.now, local=self.local, casework=self.services)

        return run(step())

    def wait(self, **time: float) -> None:
        self.desk.now += dt.timedelta(**time)


def exchange(*both: Installation) -> list[tuple[str, str]]:
    """Carry messages to and fro until there are none; return sender and kind of each. Every message is taken."""
    first, second = both
    told: list[tuple[str, str]] = []
    done: dict[str, int] = getattr(first, "carried", {first.system: 0, second.system: 0})
    first.carried = second.carried = done  # type: ignore[attr-defined]
    while True:
        moved = 0
        for one, other in ((first, second), (second, first)):
            one.publish()
            fresh = one.sent()[done[one.system] :]
            for document in fresh:
                result = other.take(document)
                assert result.refusal is None, (document["kind"], result.refusal)
                told.append((one.system, document["kind"]))
            done[one.system] += len(fresh)
            moved += len(fresh)
        if not moved:
            return told
