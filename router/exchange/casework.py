"""What the exchange needs of casework, as a protocol; :mod:`router.exchange.services` is the real one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import Actor
from router.exchange import message
from router.storage.organisation import Peer


@dataclass(frozen=True, slots=True)
class Visit:
    """A peer's message being carried out: by whom, when, in which transaction."""

    session: AsyncSession
    peer: Peer
    actor: Actor
    """The peer's integration account, working at the centre that the peer stands for."""
    now: dt.datetime
    to_centre: str
    """Centre of ours that the message is for."""


class Casework(Protocol):
    """Each method raises :class:`router.errors.CaseworkError` for what can't be done; the message is then refused with it."""

    async def register(self, visit: Visit, key: message.CaseKey, matter: message.Matter) -> str:
        """Register the peer's matter, once for each key; return the id of our case."""

    async def offer(self, visit: Visit, case: str, handoff: message.Handoff) -> str:
        """The peer offers the case to ``visit.to_centre``; return the id of our handoff."""

    async def accept(self, visit: Visit, handoff: str, body: message.Acceptance) -> None:
        """The peer accepts our offer."""

    async def return_(self, visit: Visit, handoff: str, body: message.Return) -> None:
        """The peer sends our offer back."""

    async def cancel(self, visit: Visit, handoff: str, body: message.Cancellation) -> None:
        """The peer takes its offer back."""

    async def opinion(self, visit: Visit, handoff: str, body: message.Opinion) -> None:
        """The peer says whose it is."""

    async def settle(self, visit: Visit, handoff: str, body: message.Settlement) -> None:
        """The peer says how the negotiation ended."""

    async def follow_ticket(self, visit: Visit, case: str, ticket: message.Ticket) -> None:
        """How the peer's ticket stands."""

    async def follow_order(self, visit: Visit, case: str, order: message.Order) -> None:
        """How the peer's police order stands."""

    async def feedback(self, visit: Visit, case: str, handoff: str | None, body: message.Feedback) -> None:
        """What came of it at the peer's."""

    async def supervise(self, visit: Visit, case: str, body: message.Supervision) -> str:
        """The peer demands an answer; return the id of our supervision order."""

    async def answer(self, visit: Visit, supervision: str, body: message.Answer) -> None:
        """The peer answers our supervision order."""

    async def attach(self, visit: Visit, case: str, attachment: message.Attachment, content: bytes) -> None:
        """Keep a file with the case; one of a kind that is not taken is noted and left."""
