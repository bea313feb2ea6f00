"""Text messages (短信): news of a message becomes a delivery, and a provider takes it to the telephone.

A provider (:class:`Provider`) is what speaks to one gateway; :mod:`router.linkage.notifying.gateway` has the one for
gateways with HTTP and
JSON. The number stays in the attempt's row, sealed; a delivery knows the attempt's id only. When to try again is decided by
:mod:`router.journal.deliver`: a message that the gateway refuses has failed, one that finds the gateway away is tried until it is
:data:`STALE` or called off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import structlog
from prometheus_client import Counter
from sqlalchemy import update

from router.access.actor import system
from router.journal import journal
from router.journal.journal import Note
from router.journal.routes import Parcel
from router.journal.sending import Outcome, Sending
from router.linkage.emergency import events
from router.linkage.notifying import attempts
from router.storage.base import moment
from router.storage.engine import Database
from router.storage.notifying import LinkageAttempt

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from config.settings import Settings
    from router.jobs import Parts
    from router.journal.news import Item
    from router.journal.sending import Sender

log = structlog.get_logger()

KIND = "sms"
RECEIVER = "linkage.sms"
"""All messages have one receiver, the gateway: while it is away, it is left alone as a whole."""
STALE = 900.0
"""Seconds after which a message that no gateway has taken is given up: whoever nobody has reached was told again since."""
NO_PROVIDER = "未配置短信网关"
NO_NUMBER = "没有短信号码"
MORE = "…(详见工作台)"
LONGEST_NOTE = 200

TEXTS = Counter("hotline_linkage_texts", "Text messages, by what came of them", ["outcome"])


@dataclass(frozen=True, slots=True)
class Limits:
    """What a gateway can do."""

    characters: int
    """Of one message; longer ones are cut."""
    receipts: bool
    """``taken`` means that the telephone has it; else, that the gateway has."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message."""

    id: str
    """The same at every try: by it a gateway knows what it has taken already."""
    number: str
    text: str


class Provider(Protocol):
    """Speaks to a gateway."""

    @property
    def limits(self) -> Limits:
        """What the gateway can do."""

    async def send(self, message: Message) -> Outcome:
        """Try once, within 10 seconds. ``taken``: done; ``refused`` or ``gone``: it will never go, ``error`` says why; ``later``:
        try this one again; ``away``: the gateway takes nothing now. What it raises counts as ``later``. ``error`` holds neither
        number nor secret."""

    async def close(self) -> None:
        """Free what it holds."""


async def route(_session: AsyncSession, items: Sequence[Item]) -> list[Parcel]:
    """The relay's route of messages."""
    return [Parcel(KIND, RECEIVER, one, {"attempt": str(one.body["attempt"])}) for one in items if one.topic == attempts.MESSAGE]


@dataclass(slots=True)
class Texts:
    """Sends what the attempts of deliveries say; without a provider each fails once, and says so."""

    database: Database
    provider: Provider | None = None
    clock: Callable[[], float] = time.time
    width: int = 4
    strict: bool = False

    async def send(self, sending: Sending) -> Outcome:
        async with self.database.read() as session:
            row = await session.get(LinkageAttempt, str(sending.body["attempt"]))
        if row is None or row.state not in attempts.AT_WORK:
            return Outcome("gone")
        if self.provider is None or row.number is None:
            return await self._failed(row, NO_NUMBER if row.number is None else NO_PROVIDER, Outcome("gone"))
        if self.clock() - row.at.timestamp() > STALE:
            return await self._failed(row, f"短信网关{STALE / 60:g}分钟内未能发出", Outcome("gone"))
        limits = self.provider.limits
        outcome = await self.provider.send(Message(row.id, row.number, shortened(row.words, limits.characters)))
        if outcome.verdict == "taken":
            await self._end(row, "delivered", None if limits.receipts else "已交短信网关")
        elif outcome.verdict in ("refused", "gone"):
            status = f"(HTTP {outcome.status})" if outcome.status else ""
            note = f"短信网关拒绝{status}:{outcome.error}"
            return await self._failed(row, note[:LONGEST_NOTE].rstrip(":"), Outcome("gone", outcome.status, outcome.error))
        return outcome

    async def _failed(self, row: LinkageAttempt, note: str, outcome: Outcome) -> Outcome:
        log.warning("linkage.text_failed", event_id=row.event_id, attempt=row.id, status=outcome.status)
        await self._end(row, "failed", note)
        return outcome

    async def _end(self, row: LinkageAttempt, outcome: Literal["delivered", "failed"], note: str | None) -> None:
        """Write down how it ended, unless it was called off meanwhile."""
        now = moment(self.clock())
        mine = (attempts.ATTEMPT.c.id == row.id, attempts.ATTEMPT.c.state.in_(attempts.AT_WORK))
        ended = {"state": "done", "outcome": outcome, "note": note, "ended_at": now}
        if outcome == "delivered":
            ended["sent_at"] = now
        async with self.database.write() as session:
            if row.event_id is not None:
                await journal.lock(session, events.chain(row.event_id))
            query = update(attempts.ATTEMPT).where(*mine).values(**ended).returning(attempts.ATTEMPT.c.id)
            if (await session.execute(query)).first() is None:
                return
            TEXTS.labels(outcome).inc()
            if row.event_id is not None:
                detail = {"channel": row.channel, "outcome": outcome, "post": row.post_id, "rung": row.rung}
                note_ = Note("attempt.ended", row.id, detail)
                await journal.write(session, events.chain(row.event_id), system("linkage"), [note_], now)

    async def close(self) -> None:
        if self.provider is not None:
            await self.provider.close()


def shortened(text: str, characters: int) -> str:
    """The beginning of a text that is too long, and where to read the rest."""
    return text if len(text) <= characters else text[: characters - len(MORE)] + MORE


def senders(settings: Settings) -> dict[str, Callable[[Parts], Sender]]:
    """By kind of delivery. Raise :class:`config.errors.ConfigError` if a secret is missing that the gateway asks for."""
    from router.linkage.notifying import gateway

    rules = settings.installation.linkage.sms
    if rules is None:
        return {KIND: lambda parts: Texts(parts.database)}
    secret = gateway.secret_of(settings)
    return {KIND: lambda parts: Texts(parts.database, gateway.HttpGateway(rules, secret))}
