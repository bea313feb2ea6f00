"""Tables of emergency resources (应急资源) and of seats that help from elsewhere."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from router.storage.base import Base
from router.storage.sealed import Sealed


class Resource(Base):
    """A team, material, expert, shelter, hazard or protected object (应急资源)."""

    __tablename__ = "resource"
    __table_args__ = (Index(None, "city", "kind", "active"), UniqueConstraint("city", "kind", "code"))

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    city: Mapped[str]
    kind: Mapped[str]
    """team | material | expert | shelter | hazard | protected."""
    code: Mapped[str]
    """The owner's own number of it: importing it again changes it."""
    sort: Mapped[str]
    """What kind of team, which of the eight kinds of shelter, field of an expert …"""
    name: Mapped[str]
    division: Mapped[str | None]
    place: Mapped[str]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    owner: Mapped[str]
    """Agency that keeps it."""
    contact: Mapped[str | None] = mapped_column(Sealed)
    phone: Mapped[str | None] = mapped_column(Sealed)
    amount: Mapped[float | None]
    """People of a team, places of a shelter, stock of a material."""
    measure: Mapped[str | None]
    """Unit of the amount: 人, 顶, 吨 …"""
    least: Mapped[float | None]
    """Below this amount somebody is reminded."""
    expires_on: Mapped[dt.date | None]
    note: Mapped[str] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(default=True)
    checked_at: Mapped[dt.datetime]
    checked_by: Mapped[str]
    updated_at: Mapped[dt.datetime]


class StockChange(Base):
    """Material that came or went (出入库)."""

    __tablename__ = "stock_change"
    __table_args__ = (Index(None, "resource_id", "at"), Index(None, "event_id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    resource_id: Mapped[str] = mapped_column(ForeignKey("resource.id"))
    event_id: Mapped[str | None]
    amount: Mapped[float]
    """Positive: came; negative: went."""
    left: Mapped[float]
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[dt.datetime]
    by: Mapped[str]


class Reinforcement(Base):
    """Seats of another region that help a queue (异地座席支援)."""

    __tablename__ = "reinforcement"
    __table_args__ = (Index(None, "centre", "state"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    centre: Mapped[str]
    """Centre that is helped."""
    event_id: Mapped[str | None]
    state: Mapped[str]
    """proposed | active | withdrawn | declined."""
    seats: Mapped[list[str]] = mapped_column(JSON)
    region: Mapped[str | None]
    """Home division of the seats."""
    reason: Mapped[str] = mapped_column(Text)
    measured: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What the proposal was made on: waiting, longest wait, abandonment."""
    proposed_at: Mapped[dt.datetime]
    decided_at: Mapped[dt.datetime | None]
    decided_by: Mapped[str | None]
    withdrawn_at: Mapped[dt.datetime | None]
    withdrawn_by: Mapped[str | None]
