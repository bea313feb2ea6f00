"""Tables of the journal, the outbox and what is delivered from it, and durable timers."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from router.storage.base import Base
from router.storage.sealed import Sealed

_Serial = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts by itself in INTEGER PRIMARY KEY columns only."""


class ChainHead(Base):
    """The last link of a chain; whoever appends to the chain locks this row first."""

    __tablename__ = "chain_head"
    __table_args__ = (Index("ix_chain_head_unsealed", "unsealed"),)

    chain: Mapped[str] = mapped_column(primary_key=True)
    """``case:<id>``, ``user:<id>`` or ``system``."""
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str]
    unsealed: Mapped[bool] = mapped_column(default=True)
    """Changed since the last checkpoint."""


class CheckpointBook(Base):
    """How far the checkpoints of one journal folder have got: so that lines cut off a folder's end are missed."""

    __tablename__ = "checkpoint_book"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Every line of the folder names it."""
    number: Mapped[int] = mapped_column(BigInteger)
    """Of the last line, with its ``hash``."""
    hash: Mapped[str]
    key: Mapped[str]
    """Id of the key that signed it."""
    at: Mapped[dt.datetime]


class JournalEntry(Base):
    """One change or access (留痕). Never updated; deleted only by the retention job, which journals that."""

    __tablename__ = "journal_entry"
    __table_args__ = (Index(None, "at"), Index(None, "actor", "at"), Index(None, "action", "at"))

    chain: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[dt.datetime]
    actor: Mapped[str]
    """User id, or ``system:<what>``."""
    unit: Mapped[str]
    """Home unit of the actor (归属单位), also when posted elsewhere."""
    desk: Mapped[str]
    """Unit that the actor worked for at that moment."""
    action: Mapped[str]
    """E.g. ``ticket.dispatched``, ``recording.read``."""
    subject: Mapped[str]
    """Row that it is about."""
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Facts without personal data: that is referenced by salted hash."""
    previous: Mapped[str]
    hash: Mapped[str]


class Outbox(Base):
    """An event of casework, written in the transaction of the change and published after it."""

    __tablename__ = "outbox"
    __table_args__ = (Index(None, "published_at", "serial"),)

    serial: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    at: Mapped[dt.datetime]
    topic: Mapped[str]
    case_id: Mapped[str | None]
    audience: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Who may see it: ``{"units": [...], "roles": [...], "users": [...]}``; an empty list: everybody of the other lists."""
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    """No personal data: ids, numbers, states. Who wants more asks the API, which knows who may see it."""
    published_at: Mapped[dt.datetime | None]


class Subscription(Base):
    """A webhook (订阅): where events of some topics are sent."""

    __tablename__ = "subscription"

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    name: Mapped[str]
    url: Mapped[str]
    topics: Mapped[list[str]] = mapped_column(JSON)
    """Names or prefixes ending in ``.*``."""
    secret: Mapped[str] = mapped_column(Sealed)
    units: Mapped[list[str]] = mapped_column(JSON)
    """Only events that one of these units may see; empty: all."""
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[dt.datetime]
    created_by: Mapped[str]


_WAITING = text("done_at IS NULL")
"""What has been delivered stays a while, and would only slow the search for what has not."""


class Delivery(Base):
    """One event on its way to one receiver: a webhook or a peer; retried until it is taken."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index(None, "done_at"),
        Index(None, "receiver", "created_at"),
        Index("ix_delivery_waiting", "receiver", "next_at", postgresql_where=_WAITING, sqlite_where=_WAITING),
        Index("ix_delivery_order", "receiver", "case_id", "order", postgresql_where=_WAITING, sqlite_where=_WAITING),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    """Hash of receiver and event: the same delivery is written once."""
    kind: Mapped[str]
    """webhook | peer."""
    receiver: Mapped[str]
    """Subscription or peer."""
    topic: Mapped[str]
    case_id: Mapped[str | None]
    order: Mapped[int] = mapped_column(BigInteger)
    """Serial of the event: what goes to a peer about one case goes in this order."""
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[dt.datetime]
    next_at: Mapped[dt.datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None]
    lease_until: Mapped[dt.datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    refused: Mapped[bool] = mapped_column(default=False)
    """The receiver said that it will never take it (4xx): a person must look."""
    done_at: Mapped[dt.datetime | None]


class Timer(Base):
    """Something to do at a time, once or again and again."""

    __tablename__ = "timer"
    __table_args__ = (Index(None, "state", "due_at"), Index(None, "subject_id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    """Whoever sets a timer may choose it, so that setting it twice makes one."""
    kind: Mapped[str]
    subject_id: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(default="pending")
    """pending | done | skipped (too late, by its policy) | cancelled | failed (a person must look)."""
    due_at: Mapped[dt.datetime]
    every: Mapped[float | None]
    """Seconds between runs of a recurring timer."""
    misfire: Mapped[str] = mapped_column(default="run")
    """What a late timer does: ``run`` once however late, ``skip`` if later than ``grace`` seconds."""
    grace: Mapped[float] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    """Failed ones of the present run."""
    lease_owner: Mapped[str | None]
    lease_until: Mapped[dt.datetime | None]
    """Nobody else takes it until then; without an owner: when it is tried again after a failure."""
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]


class Lease(Base):
    """A job that one process at a time may do."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    until: Mapped[dt.datetime]


class KeyCheck(Base):
    """A known text under the data keys of this installation: a process with other keys is refused before it seals anything."""

    __tablename__ = "key_check"

    id: Mapped[str] = mapped_column(primary_key=True)
    """``data``."""
    sealed: Mapped[str] = mapped_column(Sealed)
    print: Mapped[str]
    """Fingerprint of the known text: shows the key of fingerprints."""
