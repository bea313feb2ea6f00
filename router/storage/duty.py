"""Tables of duty (值班): plans, posts, who is on duty when, test calls."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from router.storage.base import Base
from router.storage.sealed import Sealed


class PlanVersion(Base):
    """One version of a city's emergency plan (预案), whole and unchanging."""

    __tablename__ = "plan_version"
    __table_args__ = (UniqueConstraint("city", "plan", "serial"), Index(None, "city", "retired_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    """``<city>-<plan>-<serial>``, e.g. ``530100-gas-leak-2``."""
    city: Mapped[str]
    plan: Mapped[str]
    """Name that stays the same over all versions, e.g. ``gas-leak``."""
    serial: Mapped[int]
    name: Mapped[str]
    filing_number: Mapped[str]
    """备案号."""
    review_by: Mapped[dt.date]
    """By this day it must be looked through (评审)."""
    note: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What :func:`router.linkage.planning.plans.parse` reads."""
    created_at: Mapped[dt.datetime]
    created_by: Mapped[str]
    retired_at: Mapped[dt.datetime | None]
    """When a newer version took its place."""


class DutyPost(Base):
    """A place that answers round the clock (值班岗): of an agency, a utility, an outside line or a leader."""

    __tablename__ = "duty_post"
    __table_args__ = (Index(None, "city", "active"), Index(None, "unit"))

    id: Mapped[str] = mapped_column(primary_key=True)
    """Short name that plans use, e.g. ``gas`` or ``yingji-zhiban``."""
    rev: Mapped[int] = mapped_column(default=1)
    city: Mapped[str]
    unit: Mapped[str]
    """Agency code, or id of an outside line or centre."""
    name: Mapped[str]
    kind: Mapped[str]
    """Type of agency as in the catalog (燃气, 应急 …), an outside line (119 …), or 领导."""
    divisions: Mapped[list[str]] = mapped_column(JSON)
    """Divisions that it serves; empty: the whole city."""
    main: Mapped[str] = mapped_column(Sealed)
    """Number or seat that is rung."""
    reserve: Mapped[str | None] = mapped_column(Sealed)
    sms: Mapped[str | None] = mapped_column(Sealed)
    """Mobile number that gets text messages."""
    leader: Mapped[str | None]
    """Post that what nobody here takes climbs to."""
    fallback: Mapped[str | None]
    """Post that stands in where the roster has a gap and no number answers."""
    zone: Mapped[str]
    """Time zone of its rosters, e.g. ``Asia/Shanghai``."""
    active: Mapped[bool] = mapped_column(default=True)
    verified_at: Mapped[dt.datetime]
    """When somebody last made sure that the numbers are right."""
    updated_at: Mapped[dt.datetime]
    updated_by: Mapped[str]


class DutyRotation(Base):
    """People of a post who relieve each other in turn (轮班); half-open in time."""

    __tablename__ = "duty_rotation"
    __table_args__ = (Index(None, "post_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    post_id: Mapped[str] = mapped_column(ForeignKey("duty_post.id"))
    contacts: Mapped[list[str]] = mapped_column(JSON)
    """Duty contacts in their order."""
    first_day: Mapped[dt.date]
    last_day: Mapped[dt.date | None]
    """The last day on which a shift begins; None: for ever."""
    handovers: Mapped[list[str]] = mapped_column(JSON)
    """Local times of day at which a shift begins, e.g. ``["08:00", "20:00"]``."""
    by: Mapped[str]
    at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]
    """When it was struck off."""


class DutyShift(Base):
    """One person's shift (班次), or what takes a shift's place (替班, 换班); half-open in time."""

    __tablename__ = "duty_shift"
    __table_args__ = (Index(None, "post_id", "until"), Index(None, "swap_id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    post_id: Mapped[str] = mapped_column(ForeignKey("duty_post.id"))
    contact_id: Mapped[str]
    kind: Mapped[str]
    """shift (排班) | override (替班) | swap (换班): the later two go before the first, and that before a rotation."""
    since: Mapped[dt.datetime]
    until: Mapped[dt.datetime]
    swap_id: Mapped[str | None]
    """Both halves of a swap have it."""
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str]
    at: Mapped[dt.datetime]
    cancelled_at: Mapped[dt.datetime | None]


class DutyTest(Base):
    """A test call to a post (拨测)."""

    __tablename__ = "duty_test"
    __table_args__ = (Index(None, "post_id", "due_at"), Index(None, "month"))

    id: Mapped[str] = mapped_column(primary_key=True)
    post_id: Mapped[str] = mapped_column(ForeignKey("duty_post.id"))
    month: Mapped[str]
    """``2026-12``."""
    due_at: Mapped[dt.datetime]
    called_at: Mapped[dt.datetime | None]
    number: Mapped[str | None] = mapped_column(Sealed)
    contact_id: Mapped[str | None]
    """Who was on duty."""
    outcome: Mapped[str | None]
    """accepted | refused | no_key | no_answer | busy | unreachable | rejected | failed | lost."""
    waited: Mapped[float | None]
    """Seconds until it was answered."""
    ended_at: Mapped[dt.datetime | None]
    by: Mapped[str]
