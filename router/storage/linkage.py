"""Tables of linkage (应急联动): emergency events, their plans, who is on duty, who was told, what was reported and learnt.

Names of states are in ``router.linkage.machines``. A row that two people may edit carries ``rev``, which rises with each change.
What belongs to a drill hangs on an event that has ``drill_id``: no statistic counts it.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Text, UniqueConstraint, text
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
    """What :func:`router.linkage.plans.parse` reads."""
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
    """What levels are reckoned from: ``deaths``, ``injured``, ``loss_yuan``, ``households`` … (:mod:`router.linkage.levels`)."""
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
    """Times and channels (:class:`router.linkage.ladder.Rules`)."""
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
