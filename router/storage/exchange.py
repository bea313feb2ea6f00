"""Tables of the exchange with systems of other makers: every message in and out, and what belongs together on both sides."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from router.storage.base import Base
from router.storage.sealed import Sealed


class ExchangeCase(Base):
    """A matter that is exchanged with a peer. Whoever handles a message about it locks this row first."""

    __tablename__ = "exchange_case"
    __table_args__ = (Index(None, "case_id"),)

    peer: Mapped[str] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(primary_key=True)
    """System that the matter came from: the peer's, or ours."""
    number: Mapped[str] = mapped_column(primary_key=True)
    """Its number there."""
    case_id: Mapped[str | None]
    """Our case; None until a message opens it."""
    received: Mapped[int] = mapped_column(BigInteger, default=0)
    """All of the peer's messages up to this sequence have been handled."""
    sent: Mapped[int] = mapped_column(BigInteger, default=0)
    """Sequence of our last message."""


class ExchangeMessage(Base):
    """One message to or from a peer. ``document`` is the whole text, sealed; None once it was erased."""

    __tablename__ = "exchange_message"
    __table_args__ = (
        UniqueConstraint("peer", "direction", "message_id"),
        Index(None, "peer", "direction", "system", "number", "sequence"),
        Index(None, "peer", "direction", "order"),
        Index(None, "case_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    peer: Mapped[str]
    direction: Mapped[str]
    """in | out."""
    message_id: Mapped[str]
    kind: Mapped[str]
    system: Mapped[str]
    number: Mapped[str]
    sequence: Mapped[int] = mapped_column(BigInteger)
    order: Mapped[int] = mapped_column(BigInteger)
    """Outgoing: serial of the event that it tells of, by which peers pull. Incoming: 0."""
    case_id: Mapped[str | None]
    at: Mapped[dt.datetime]
    body_hash: Mapped[str]
    """Of the message without ``sent_at``: a repetition is equal."""
    document: Mapped[str | None] = mapped_column(Sealed)
    state: Mapped[str]
    """In: waiting (for earlier ones) | taken | refused. Out: ready | sent | taken | refused."""
    receipt: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What was answered, without personal data."""
    done_at: Mapped[dt.datetime | None]


class ExchangeNumber(Base):
    """A peer's own number of a handoff, ticket, order or supervision order, and our row."""

    __tablename__ = "exchange_number"
    __table_args__ = (Index(None, "peer", "kind", "ours"),)

    peer: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    theirs: Mapped[str] = mapped_column(primary_key=True)
    ours: Mapped[str]
    note: Mapped[str | None] = mapped_column(Text)
