"""Tables of who is told of an emergency, by what, and how each answered."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from router.storage.base import Base
from router.storage.sealed import Sealed


class LinkageRequest(Base):
    """What one post is asked to do about an event (联动请求): told, signed, sent out, arrived, reported back."""

    __tablename__ = "linkage_request"
    __table_args__ = (
        Index(None, "event_id", "state"),
        Index(None, "unit", "state", "asked_at"),
        UniqueConstraint("event_id", "step", "post_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    event_id: Mapped[str] = mapped_column(ForeignKey("emergency_event.id"))
    step: Mapped[str]
    """Step of the plan; ``manual-…`` for posts that a person asked."""
    post_id: Mapped[str]
    post_name: Mapped[str]
    unit: Mapped[str]
    part: Mapped[str]
    """lead (主) | assist (配) | inform (知)."""
    task: Mapped[str] = mapped_column(Text)
    rules: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Times and channels (:class:`router.linkage.notifying.ladder.Rules`)."""
    state: Mapped[str]
    """waiting | asking | accepted | sent-out | arrived | fed-back | refused | unanswered | cancelled."""
    rung: Mapped[int] = mapped_column(default=0)
    """How far it has climbed: 0 the post itself, 1 its leader, …"""
    asked_at: Mapped[dt.datetime]
    begun_at: Mapped[dt.datetime | None]
    """When the post was first told."""
    rung_at: Mapped[dt.datetime | None]
    """When the present rung began."""
    accepted_at: Mapped[dt.datetime | None]
    accepted_by: Mapped[str | None]
    """Person, or post that was rung."""
    accepted_via: Mapped[str | None]
    """phone | desk | sms | webhook."""
    sent_out_at: Mapped[dt.datetime | None]
    arrived_at: Mapped[dt.datetime | None]
    fed_back_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    late: Mapped[list[str]] = mapped_column(JSON)
    """Duties whose time was over before they were done: sign, send-out, arrive, feedback."""
    reason: Mapped[str | None] = mapped_column(Text)
    """Why it was refused."""
    feedback: Mapped[str | None] = mapped_column(Text)
    reopened: Mapped[int] = mapped_column(default=0)
    """How often it was taken and did not move."""
    chasing: Mapped[str | None]
    """Duty that is asked for because it does not move."""
    chase_after: Mapped[dt.datetime | None]


_AT_WORK = text("state IN ('queued', 'sent')")
"""Few of all attempts are at work."""


class LinkageAttempt(Base):
    """One try to reach somebody: a call, a message, a notice on a desk."""

    __tablename__ = "linkage_attempt"
    __table_args__ = (
        Index(None, "request_id"),
        Index(None, "event_id"),
        Index(None, "page_id"),
        Index("ix_linkage_attempt_at_work", "channel", "at", postgresql_where=_AT_WORK, sqlite_where=_AT_WORK),
        Index(None, "number_print", "at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str | None] = mapped_column(ForeignKey("linkage_request.id"))
    event_id: Mapped[str | None]
    notice_id: Mapped[str | None]
    """Mutual notice that it is about, where it is about no request."""
    test_id: Mapped[str | None]
    """Test call that it is."""
    channel: Mapped[str]
    """phone | desk | sms | webhook."""
    state: Mapped[str]
    """queued | sent | done | cancelled."""
    rung: Mapped[int]
    place: Mapped[int]
    """Which of the rung's numbers, from 0."""
    post_id: Mapped[str]
    contact_id: Mapped[str | None]
    number: Mapped[str | None] = mapped_column(Sealed)
    number_print: Mapped[str | None]
    words: Mapped[str] = mapped_column(Text)
    """What is said or written."""
    urgent: Mapped[bool]
    page_id: Mapped[str | None]
    """The page that carries it: several attempts for one number share one."""
    call_id: Mapped[str | None]
    outcome: Mapped[str | None]
    """accepted | refused | escalated | no_key | no_answer | busy | rejected | unreachable | failed | lost | delivered."""
    digit: Mapped[str | None]
    note: Mapped[str | None] = mapped_column(Text)
    """E.g. why a gateway refused it, or that the answer came after somebody else's."""
    at: Mapped[dt.datetime]
    """When it was decided."""
    sent_at: Mapped[dt.datetime | None]
    answered_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    lease_until: Mapped[dt.datetime | None]
    lease_owner: Mapped[str | None]
