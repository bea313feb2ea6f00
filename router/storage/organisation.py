"""Tables of who works here: agencies, people, sessions, duty contacts, posts and grants; and the catalog's versions."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from router.storage.base import Base
from router.storage.sealed import Sealed


class Agency(Base):
    """A unit that handles tickets or police orders (承办单位); centres are in the configuration."""

    __tablename__ = "agency"
    __table_args__ = (Index(None, "city", "kind"),)

    code: Mapped[str] = mapped_column(primary_key=True)
    """Unified social credit code (统一社会信用代码, GB 32100-2015), checked."""
    rev: Mapped[int] = mapped_column(default=1)
    city: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]
    """Type of agency that the catalog's items name, e.g. 人社, 城管, 公安."""
    level: Mapped[str]
    """department | township | front-line | police."""
    divisions: Mapped[list[str]] = mapped_column(JSON)
    """Divisions (GB/T 2260) that it serves."""
    parent: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]


class DutyContact(Base):
    """Who answers round the clock (24小时值班值守)."""

    __tablename__ = "duty_contact"
    __table_args__ = (Index(None, "unit"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    unit: Mapped[str]
    """Agency code or id of an outside line."""
    name: Mapped[str] = mapped_column(Sealed)
    phone: Mapped[str] = mapped_column(Sealed)
    backup_phone: Mapped[str | None] = mapped_column(Sealed)
    post: Mapped[str]
    verified_at: Mapped[dt.datetime]


class Account(Base):
    """A person or program that signs in (账号)."""

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("oidc_issuer", "oidc_subject"), Index(None, "unit"))

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    username: Mapped[str] = mapped_column(unique=True)
    """Lower case."""
    name: Mapped[str] = mapped_column(Sealed)
    role: Mapped[str]
    """operator | police | agency | supervisor | administrator | integration."""
    unit: Mapped[str]
    """Home unit: id of a centre or code of an agency; empty for administrators of the installation."""
    city: Mapped[str]
    seat: Mapped[str | None]
    """SIP seat that the person signs in at."""
    password: Mapped[str | None]
    """Argon2id in PHC form; None: signs in by OIDC only."""
    must_change: Mapped[bool] = mapped_column(default=False)
    oidc_issuer: Mapped[str | None]
    oidc_subject: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]


class Posting(Base):
    """A person posted to another unit (进驻): works there, counts as from the home unit."""

    __tablename__ = "posting"
    __table_args__ = (Index(None, "account"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str]
    unit: Mapped[str]
    role: Mapped[str]
    """Role while working there."""
    since: Mapped[dt.datetime]
    until: Mapped[dt.datetime]
    revoked_at: Mapped[dt.datetime | None]
    by: Mapped[str]


class SignIn(Base):
    """A browser session or a program's refresh token (会话); only its hash is kept."""

    __tablename__ = "sign_in"
    __table_args__ = (Index(None, "account"), Index(None, "family"), Index(None, "expires_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of the secret."""
    account: Mapped[str]
    kind: Mapped[str]
    """browser | program."""
    family: Mapped[str]
    """Refresh tokens that follow one another: a used one coming back revokes all."""
    desk: Mapped[str | None]
    """Unit that the person works for in this session, if posted."""
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime]
    replaced_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]


class Grant(Base):
    """What one unit may see of another's for a time (授权)."""

    __tablename__ = "sharing_grant"
    __table_args__ = (Index(None, "to_unit", "until"), Index(None, "case_id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    from_unit: Mapped[str]
    to_unit: Mapped[str]
    case_id: Mapped[str | None]
    """One case; None: all cases of ``from_unit``."""
    fields: Mapped[list[str]] = mapped_column(JSON)
    """E.g. ``caller``, ``place``, ``recordings``, ``attachments``."""
    purpose: Mapped[str] = mapped_column(Text)
    since: Mapped[dt.datetime]
    until: Mapped[dt.datetime]
    revoked_at: Mapped[dt.datetime | None]
    by: Mapped[str]


class IdempotencyKey(Base):
    """The answer that a write with a key got, for its repetition."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index(None, "at"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    """Hash of account and key."""
    request: Mapped[str]
    """Hash of method, path and body: another request with the same key is refused."""
    status: Mapped[int]
    headers: Mapped[dict[str, str]] = mapped_column(JSON)
    body: Mapped[bytes]
    at: Mapped[dt.datetime]


class CatalogVersion(Base):
    """One version of a city's catalog (事项清单), whole and unchanging."""

    __tablename__ = "catalog_version"
    __table_args__ = (UniqueConstraint("city", "serial"), Index(None, "city", "effective_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    """``<city>-<serial>``, e.g. ``530100-3``."""
    city: Mapped[str]
    serial: Mapped[int]
    effective_at: Mapped[dt.datetime]
    note: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What :func:`router.catalog.plain.parse` reads."""
    created_at: Mapped[dt.datetime]
    created_by: Mapped[str]
    consultation: Mapped[str | None]
    """Consultation whose conclusion made it."""


class CalendarDay(Base):
    """A day that the working calendar has wrong, or does not know yet."""

    __tablename__ = "calendar_day"

    city: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    working: Mapped[bool]
    note: Mapped[str]
    at: Mapped[dt.datetime]
    by: Mapped[str]


class Peer(Base):
    """A 110 or 12345 system of another maker (对端)."""

    __tablename__ = "peer"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Short name, e.g. ``kunming-110``."""
    rev: Mapped[int] = mapped_column(default=1)
    name: Mapped[str]
    side: Mapped[str]
    """12345 | 110: which line it is."""
    centre: Mapped[str]
    """Centre of ours that it stands for."""
    transport: Mapped[str]
    """rest | database."""
    url: Mapped[str | None]
    token: Mapped[str | None] = mapped_column(Sealed)
    """What we show when we push (REST) or the URL's password (database)."""
    account: Mapped[str]
    """Integration account by which it signs in here."""
    active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[str | None]
    """How far its shared tables have been read."""
    last_seen_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime]
