"""Tables of the call records: one row of facts per call, party, transfer, recording and page.

Columns mirror the records of ``telephony.contract``; where a field's name is SQL's own (``case``) or names another row
(``call``), the column is ``case_id``, ``call_id``. Rows refer to calls without foreign keys on purpose: events of one
call may arrive in any order, and a party that comes before its call is kept. Texts have no length limit on purpose as
well: what a phone or a trunk sends never costs a record.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from router.storage.base import Base


class Call(Base):
    """One call (通话); ``rev`` says how new the row's facts are."""

    __tablename__ = "call"
    __table_args__ = (
        Index(None, "started_at"),
        Index(None, "centre", "started_at"),
        Index(None, "caller", "started_at"),
        Index(None, "case_id"),
        Index(None, "after"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    centre: Mapped[str]
    called: Mapped[str]
    caller: Mapped[str | None]
    origin: Mapped[str]
    started_at: Mapped[dt.datetime]
    queued_at: Mapped[dt.datetime | None]
    answered_at: Mapped[dt.datetime | None]
    answered_by: Mapped[str]
    ended_at: Mapped[dt.datetime | None]
    waited: Mapped[float | None]
    end_cause: Mapped[str]
    overflowed_to: Mapped[str]
    after: Mapped[str]
    case_id: Mapped[str]
    sip_call_id: Mapped[str]


class Party(Base):
    """One party of a call (通话方): who, from when to when, and why it ended."""

    __tablename__ = "party"
    __table_args__ = (Index(None, "call_id"), Index(None, "seat", "invited_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str]
    rev: Mapped[int] = mapped_column(BigInteger)
    role: Mapped[str]
    seat: Mapped[str]
    number: Mapped[str | None]
    centre: Mapped[str]
    home: Mapped[str] = mapped_column(server_default="")
    invited_at: Mapped[dt.datetime]
    ringing_at: Mapped[dt.datetime | None]
    joined_at: Mapped[dt.datetime | None]
    left_at: Mapped[dt.datetime | None]
    held_seconds: Mapped[float]
    end_cause: Mapped[str]
    sip_code: Mapped[int]
    via_transfer: Mapped[str]
    mode: Mapped[str]


class Transfer(Base):
    """One attempt to bring another party in (转接)."""

    __tablename__ = "transfer"
    __table_args__ = (Index(None, "call_id"), Index(None, "started_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str]
    rev: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    dangerous: Mapped[bool]
    by: Mapped[str]
    asker: Mapped[str]
    asker_seat: Mapped[str]
    from_centre: Mapped[str]
    target: Mapped[str]
    to_centre: Mapped[str]
    started_at: Mapped[dt.datetime]
    ringing_at: Mapped[dt.datetime | None]
    answered_at: Mapped[dt.datetime | None]
    answered_by: Mapped[str]
    ended_at: Mapped[dt.datetime | None]
    outcome: Mapped[str]
    asker_left_at: Mapped[dt.datetime | None]
    went_back_to: Mapped[str]
    step: Mapped[int]
    case_id: Mapped[str]


class Recording(Base):
    """A recording that is complete on disk (录音); ``path`` is relative to the data folder, ``size`` in bytes.

    ``at`` is the event's time: a later word about the same recording (repaired) replaces an earlier one.
    """

    __tablename__ = "recording"
    __table_args__ = (Index(None, "call_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str]
    at: Mapped[dt.datetime]
    path: Mapped[str]
    started_at: Mapped[dt.datetime]
    seconds: Mapped[float]
    sha256: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    repaired: Mapped[bool]
    caller_silent: Mapped[bool]


class Page(Base):
    """How a page ended (叫应): a number rung, spoken to, and the key that was pressed."""

    __tablename__ = "page"
    __table_args__ = (Index(None, "call_id"), Index(None, "ended_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str]
    number: Mapped[str]
    outcome: Mapped[str]
    digit: Mapped[str]
    rang_at: Mapped[dt.datetime | None]
    answered_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime]


class SeatChange(Base):
    """History of a seat's status and state (座席状态); ``id`` is the event's."""

    __tablename__ = "seat_change"
    __table_args__ = (Index(None, "seat", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime]
    node: Mapped[str]
    call_id: Mapped[str]
    seat: Mapped[str]
    centre: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str]
    state: Mapped[str]
    owner: Mapped[str]


class CallNote(Base):
    """What else happened in a call: a key that commanded something, a stranger's audio; ``id`` is the event's."""

    __tablename__ = "call_note"
    __table_args__ = (Index(None, "call_id", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str]
    at: Mapped[dt.datetime]
    kind: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class ConsumedEvent(Base):
    """An event that a consumer has handled, written in the transaction that handled it, so that it is known again."""

    __tablename__ = "consumed_event"
    __table_args__ = (Index(None, "consumed_at"),)

    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    consumed_at: Mapped[dt.datetime]


class DeadLetter(Base):
    """An entry of the stream that could not be understood or handled, and why; ``id`` is a hash of entry and body."""

    __tablename__ = "dead_letter"
    __table_args__ = (Index(None, "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    consumer: Mapped[str]
    entry_id: Mapped[str]
    at: Mapped[dt.datetime]
    reason: Mapped[str]
    body: Mapped[bytes]
