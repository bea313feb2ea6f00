"""Tables of emergency events (突发事件) and what hangs on them.

Names of states are in ``router.linkage.machines``. A row that two people may edit carries ``rev``, which rises with each change.
What belongs to a drill hangs on an event that has ``drill_id``: no statistic counts it.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from router.storage.base import Base
from router.storage.sealed import Sealed


class EmergencyEvent(Base):
    """Something grave that many must act on (突发事件)."""

    __tablename__ = "emergency_event"
    __table_args__ = (
        Index(None, "city", "state", "registered_at"),
        Index(None, "registered_at", "id"),
        Index(None, "parent_id"),
        Index(None, "drill_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    number: Mapped[str] = mapped_column(unique=True)
    city: Mapped[str]
    state: Mapped[str]
    """proposed | registered | responding | ended | reviewed | dismissed."""
    category: Mapped[str]
    """natural (自然灾害) | accident (事故灾难) | health (公共卫生) | security (社会安全)."""
    kind: Mapped[str]
    """Type of event, by which plans are found, e.g. ``gas-leak``."""
    title: Mapped[str]
    level: Mapped[int | None]
    """1 特别重大 to 4 一般; None: without a level."""
    level_proposed: Mapped[int | None]
    level_reason: Mapped[str | None] = mapped_column(Text)
    """Why a person chose another level than was proposed."""
    response: Mapped[int | None]
    """Level of the response (响应级别) while it responds."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What levels are reckoned from: ``deaths``, ``injured``, ``loss_yuan``, ``households`` …
    (:mod:`router.linkage.emergency.levels`)."""
    sensitive: Mapped[list[str]] = mapped_column(JSON)
    """time | place | people: each lifts the duty to report."""
    happened_at: Mapped[dt.datetime]
    place: Mapped[str] = mapped_column(Sealed)
    division: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    radius: Mapped[float | None]
    """Metres around the place that are affected."""
    situation: Mapped[str] = mapped_column(Text)
    """What is known: nature, extent, trend, what has been done."""
    answer: Mapped[str] = mapped_column(Text)
    """What callers are told (统一答复口径)."""
    centre: Mapped[str]
    """Centre that registered it."""
    parent_id: Mapped[str | None]
    """Event that this one follows from (次生, 衍生)."""
    drill_id: Mapped[str | None]
    plan_version: Mapped[str | None]
    plan: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """The plan as it was when the response started: later versions change nothing here."""
    registered_at: Mapped[dt.datetime]
    registered_by: Mapped[str]
    started_at: Mapped[dt.datetime | None]
    started_by: Mapped[str | None]
    ended_at: Mapped[dt.datetime | None]
    ended_by: Mapped[str | None]
    reviewed_at: Mapped[dt.datetime | None]
    looked_at: Mapped[dt.datetime | None]
    """When the engine last went through it."""
    updated_at: Mapped[dt.datetime]


class EventStep(Base):
    """A step of an event's life that somebody answers for: response started, raised, lowered, ended (启动、调整、终止)."""

    __tablename__ = "event_step"
    __table_args__ = (Index(None, "event_id", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(ForeignKey("emergency_event.id"))
    step: Mapped[str]
    """start | raise | lower | end | dismiss | confirm | review."""
    level: Mapped[int | None]
    reason: Mapped[str] = mapped_column(Text)
    approver: Mapped[str]
    """Who approved it (批准人), as said by whoever entered it."""
    by: Mapped[str]
    at: Mapped[dt.datetime]


class EventCase(Base):
    """A matter that belongs to an event."""

    __tablename__ = "event_case"
    __table_args__ = (Index(None, "case_id"),)

    event_id: Mapped[str] = mapped_column(ForeignKey("emergency_event.id"), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), primary_key=True)
    how: Mapped[str]
    """source (it began here) | gathered (like the others) | added (by a person)."""
    at: Mapped[dt.datetime]
    by: Mapped[str]


class MutualNotice(Base):
    """One line tells the other of an event (互相通报), which must be signed."""

    __tablename__ = "mutual_notice"
    __table_args__ = (Index(None, "event_id"), Index(None, "to_centre", "state"))

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    event_id: Mapped[str] = mapped_column(ForeignKey("emergency_event.id"))
    from_centre: Mapped[str]
    to_centre: Mapped[str]
    state: Mapped[str]
    """sent | signed | withdrawn."""
    text: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[dt.datetime]
    due_at: Mapped[dt.datetime]
    climbs: Mapped[int] = mapped_column(default=0)
    signed_at: Mapped[dt.datetime | None]
    signed_by: Mapped[str | None]


class EventTask(Base):
    """An order to somebody (指令): sent, signed, on the way, arrived, done."""

    __tablename__ = "event_task"
    __table_args__ = (Index(None, "event_id"), Index(None, "unit", "state", "sent_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    number: Mapped[str] = mapped_column(unique=True)
    event_id: Mapped[str] = mapped_column(ForeignKey("emergency_event.id"))
    unit: Mapped[str]
    post_id: Mapped[str | None]
    text: Mapped[str] = mapped_column(Text)
    from_plan: Mapped[str | None]
    """Step of the plan that it comes from."""
    state: Mapped[str]
    """sent | signed | on-the-way | arrived | done | refused | cancelled."""
    due_at: Mapped[dt.datetime | None]
    overdue_at: Mapped[dt.datetime | None]
    sent_at: Mapped[dt.datetime]
    sent_by: Mapped[str]
    signed_at: Mapped[dt.datetime | None]
    signed_by: Mapped[str | None]
    on_the_way_at: Mapped[dt.datetime | None]
    arrived_at: Mapped[dt.datetime | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    """Where they said that they had arrived."""
    accuracy: Mapped[float | None]
    """Metres."""
    done_at: Mapped[dt.datetime | None]
    result: Mapped[str | None] = mapped_column(Text)


class EventFile(Base):
    """A photo or other file of an event; its bytes lie in the data folder under their hash."""

    __tablename__ = "event_file"
    __table_args__ = (Index(None, "event_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(ForeignKey("emergency_event.id"))
    task_id: Mapped[str | None]
    report_id: Mapped[str | None]
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    at: Mapped[dt.datetime]
    by: Mapped[str]


class EventCall(Base):
    """A call of an event besides the notifying ones: a conference, a call to a post."""

    __tablename__ = "event_call"
    __table_args__ = (Index(None, "call_id"),)

    event_id: Mapped[str] = mapped_column(ForeignKey("emergency_event.id"), primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """conference | phone."""
    at: Mapped[dt.datetime]
    by: Mapped[str]


class SituationReport(Base):
    """A report to the higher level (信息报送): first (初报), follow-up (续报), final (终报)."""

    __tablename__ = "situation_report"
    __table_args__ = (Index(None, "event_id"), Index(None, "state", "due_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    number: Mapped[str] = mapped_column(unique=True)
    event_id: Mapped[str] = mapped_column(ForeignKey("emergency_event.id"))
    kind: Mapped[str]
    """first | follow-up | final."""
    serial: Mapped[int]
    """Of follow-ups: 续报一, 续报二 …; 0 for the others."""
    state: Mapped[str]
    """due | phoned | submitted | void (不再需要)."""
    phone_by: Mapped[dt.datetime | None]
    """Until when it must be told by phone."""
    due_at: Mapped[dt.datetime | None]
    """Until when it must be there in writing; None: no duty, somebody wrote it anyway."""
    phoned_at: Mapped[dt.datetime | None]
    phoned_by: Mapped[str | None]
    phoned_to: Mapped[str | None]
    submitted_at: Mapped[dt.datetime | None]
    submitted_by: Mapped[str | None]
    late: Mapped[list[str]] = mapped_column(JSON)
    """phone | written: what came too late, or has not come though its time is over."""
    was_late: Mapped[bool] = mapped_column(default=False)
    """Any of these: lists ask for it."""
    receivers: Mapped[list[str]] = mapped_column(JSON)
    copies: Mapped[list[str]] = mapped_column(JSON)
    """抄报."""
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)
    text: Mapped[str | None] = mapped_column(Text)
    """As it was submitted."""


class EventReview(Base):
    """What was learnt from an event (复盘)."""

    __tablename__ = "event_review"

    event_id: Mapped[str] = mapped_column(ForeignKey("emergency_event.id"), primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    state: Mapped[str]
    """open | concluded."""
    conclusions: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[dt.datetime]
    concluded_at: Mapped[dt.datetime | None]
    concluded_by: Mapped[str | None]
    updated_at: Mapped[dt.datetime]
    updated_by: Mapped[str]


class Improvement(Base):
    """Something to be done better (改进项)."""

    __tablename__ = "improvement"
    __table_args__ = (Index(None, "event_id"), Index(None, "unit", "state", "due_on"))

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    event_id: Mapped[str] = mapped_column(ForeignKey("emergency_event.id"))
    text: Mapped[str] = mapped_column(Text)
    unit: Mapped[str]
    due_on: Mapped[dt.date]
    state: Mapped[str]
    """open | done | dropped."""
    result: Mapped[str | None] = mapped_column(Text)
    at: Mapped[dt.datetime]
    by: Mapped[str]
    done_at: Mapped[dt.datetime | None]
    done_by: Mapped[str | None]


class Drill(Base):
    """An exercise (演练)."""

    __tablename__ = "drill"
    __table_args__ = (Index(None, "city", "created_at"), Index(None, "plan_version"))

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    city: Mapped[str]
    name: Mapped[str]
    form: Mapped[str]
    """table-top (桌面) | live (实战) | no-notice (双盲)."""
    script: Mapped[str | None]
    plan_version: Mapped[str | None]
    state: Mapped[str]
    """prepared | running | ended | scored."""
    numbers: Mapped[dict[str, str] | None] = mapped_column(JSON)
    """Post to the number that is rung instead of its own; a post that is not among them is not rung. None: real numbers."""
    score: Mapped[dict[str, Any]] = mapped_column(JSON)
    note: Mapped[str] = mapped_column(Text)
    created_at: Mapped[dt.datetime]
    created_by: Mapped[str]
    started_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
