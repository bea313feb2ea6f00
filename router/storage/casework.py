"""Tables of the matter: case, its faces (ticket and police order), handoffs, and what hangs on them.

Names of states are in ``router.casework.machines``; codes of items in the catalog. A row that two people may edit carries
``rev``, which rises with each change.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from router.storage.base import Base
from router.storage.sealed import Sealed


class Counter(Base):
    """The last number given out of a kind and day."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class Case(Base):
    """One matter (事项): who asked, where, in what words. Its faces are :class:`Ticket` and :class:`PoliceOrder`."""

    __tablename__ = "case_file"
    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "city", "created_at", "id"),
        Index(None, "item", "created_at", "id"),
        Index(None, "division", "created_at", "id"),
        Index(None, "created_by", "created_at"),
        Index(None, "caller_print", "created_at"),
        Index(None, "place_print", "created_at"),
        Index(None, "state", "created_at"),
        Index(None, "call_id"),
        Index(None, "closed_at"),
        UniqueConstraint("origin", "origin_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    number: Mapped[str] = mapped_column(unique=True)
    city: Mapped[str]
    """Division code of the city (州市) whose rules hold."""
    state: Mapped[str]
    """draft | open | closed."""
    channel: Mapped[str]
    """phone | web | app | sms | mail | other-hotline | agency | peer."""
    origin: Mapped[str | None]
    """System that the matter came from, with ``origin_id`` its own id there: a second push makes no second case."""
    origin_id: Mapped[str | None]
    first_centre: Mapped[str]
    """Centre that first answered (首接)."""
    first_answered_at: Mapped[dt.datetime]
    call_id: Mapped[str | None]
    """Call that the draft was opened from."""
    caller_number: Mapped[str | None] = mapped_column(Sealed)
    caller_print: Mapped[str | None]
    caller_name: Mapped[str | None] = mapped_column(Sealed)
    place: Mapped[str | None] = mapped_column(Sealed)
    place_print: Mapped[str | None]
    division: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    words: Mapped[str] = mapped_column(Text, default="")
    asked: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Elements that were asked of the caller: name to answer."""
    item: Mapped[str | None]
    item_chosen: Mapped[bool] = mapped_column(default=False)
    """A person chose the item; else it is what the engine suggested."""
    kind: Mapped[str | None]
    urgency: Mapped[str]
    """normal | urgent | danger."""
    confidentiality: Mapped[str]
    """open | caller (the caller wants to stay unknown to agencies) | stability (稳定线索, police and named people only)."""
    catalog_version: Mapped[str | None]
    merged_into: Mapped[str | None]
    legal_hold: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime]
    created_by: Mapped[str]
    updated_at: Mapped[dt.datetime]
    closed_at: Mapped[dt.datetime | None]
    erased_at: Mapped[dt.datetime | None]
    """When its personal data was erased because its time was over; the bare facts stay."""


class CaseCall(Base):
    """A call of a case; its recordings are found by it."""

    __tablename__ = "case_call"
    __table_args__ = (Index(None, "call_id"),)

    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime]


class CaseLink(Base):
    """Two cases that belong together (关联); ``kind``: related | repeat | duplicate."""

    __tablename__ = "case_link"
    __table_args__ = (Index(None, "other_id"),)

    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), primary_key=True)
    other_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), primary_key=True)
    kind: Mapped[str]
    at: Mapped[dt.datetime]
    by: Mapped[str]


class Attachment(Base):
    """A file that came with a matter (附件); its bytes lie in the data folder under their hash."""

    __tablename__ = "attachment"
    __table_args__ = (Index(None, "case_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"))
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    police_only: Mapped[bool] = mapped_column(default=False)
    at: Mapped[dt.datetime]
    by: Mapped[str]


class Allocation(Base):
    """One decision about where a case belongs (分配), with everything that it was made on."""

    __tablename__ = "allocation"
    __table_args__ = (Index(None, "case_id", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"))
    at: Mapped[dt.datetime]
    by: Mapped[str]
    where: Mapped[str]
    item: Mapped[str | None]
    agency: Mapped[str | None]
    desk: Mapped[str | None]
    urgency: Mapped[str]
    catalog_version: Mapped[str]
    engine_version: Mapped[str]
    decision: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The whole :class:`router.allocation.decision.Decision`: reasons with rule and evidence, verdict, facts."""
    overrules: Mapped[str | None]
    """Allocation that a person put this one in place of, and why."""
    overrule_reason: Mapped[str | None]


class Ticket(Base):
    """The 12345 face of a case (工单)."""

    __tablename__ = "ticket"
    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "state", "created_at", "id"),
        Index(None, "agency", "created_at", "id"),
        Index(None, "agency", "state", "created_at", "id"),
        Index(None, "item", "created_at", "id"),
        Index(None, "division", "created_at", "id"),
        Index(None, "platform", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    number: Mapped[str] = mapped_column(unique=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), unique=True)
    state: Mapped[str]
    platform: Mapped[str]
    """Centre that accepted it, supervises and assesses it (谁受理、谁督办、谁考核)."""
    agency: Mapped[str | None]
    """Code of the (lead) agency that handles it (承办单位)."""
    item: Mapped[str | None]
    kind: Mapped[str | None]
    division: Mapped[str | None]
    urgency: Mapped[str]
    returned: Mapped[int] = mapped_column(default=0)
    """How often an agency sent it back (退单)."""
    reopened: Mapped[int] = mapped_column(default=0)
    result: Mapped[str | None] = mapped_column(Text)
    guidance: Mapped[str | None] = mapped_column(Text)
    """Standard answer that was given when nobody takes it (引导解释)."""
    satisfaction: Mapped[int | None]
    """1 to 5, from the call-back (回访)."""
    resolution: Mapped[str | None] = mapped_column(Text)
    """How a dispute was settled at its source (化解结果)."""
    created_at: Mapped[dt.datetime]
    accepted_at: Mapped[dt.datetime | None]
    """When the platform accepted it (受理); None: it only waits for the other side."""
    dispatched_at: Mapped[dt.datetime | None]
    signed_at: Mapped[dt.datetime | None]
    feedback_at: Mapped[dt.datetime | None]
    closed_at: Mapped[dt.datetime | None]
    updated_at: Mapped[dt.datetime]


class Assignment(Base):
    """One agency's share of a ticket (承办): several make a joint handling (联合调处), one of them leads (牵头)."""

    __tablename__ = "assignment"
    __table_args__ = (Index(None, "ticket_id"), Index(None, "agency", "case_id"), Index(None, "agency", "state", "dispatched_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), index=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"))
    agency: Mapped[str]
    lead: Mapped[bool]
    state: Mapped[str]
    dispatched_at: Mapped[dt.datetime]
    dispatched_by: Mapped[str]
    signed_at: Mapped[dt.datetime | None]
    signed_by: Mapped[str | None]
    ended_at: Mapped[dt.datetime | None]
    extensions: Mapped[int] = mapped_column(default=0)
    """How often it was given more time."""
    extension_asked: Mapped[str | None]
    """More time that the agency asks for (延期申请), e.g. ``3 working-days``."""
    extension_reason: Mapped[str | None] = mapped_column(Text)
    pause_reason: Mapped[str | None] = mapped_column(Text)
    return_reason: Mapped[str | None] = mapped_column(Text)
    dispute: Mapped[str | None] = mapped_column(Text)
    """What the centre answered to a return (退单争议)."""
    feedback: Mapped[str | None] = mapped_column(Text)


class PoliceOrder(Base):
    """The 110 face of a case (警单)."""

    __tablename__ = "police_order"
    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "state", "created_at", "id"),
        Index(None, "platform", "state", "created_at", "id"),
        Index(None, "unit", "state", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    number: Mapped[str] = mapped_column(unique=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), unique=True)
    state: Mapped[str]
    platform: Mapped[str]
    """110 desk that accepted it, dispatches and supervises."""
    kind: Mapped[str]
    """dispatch (出警) | assist (协助) | inform (知会) | complaint (警务投诉)."""
    police_class: Mapped[str]
    """Class of the catalog (警情类别), two or more digits."""
    lead: Mapped[str]
    """Line that leads: 110, 119, 120 or 122."""
    services: Mapped[list[str]] = mapped_column(JSON)
    """All lines that should set out or be told."""
    unit: Mapped[str | None]
    """Code of the police unit that was sent."""
    complained_of: Mapped[str | None]
    """Code of the unit that a complaint is about: it never gets the order (回避)."""
    danger_by: Mapped[str | None]
    """person | peer | classifier | None: nobody speaks of danger."""
    climbs: Mapped[int] = mapped_column(default=0)
    """How often an unconfirmed order has been raised."""
    withdrawn_reason: Mapped[str | None] = mapped_column(Text)
    police_notes: Mapped[str | None] = mapped_column(Sealed)
    """For police only (警务敏感)."""
    result: Mapped[str | None] = mapped_column(Text)
    result_public: Mapped[str | None] = mapped_column(Text)
    """What 12345 and the caller may be told."""
    created_at: Mapped[dt.datetime]
    accepted_at: Mapped[dt.datetime | None]
    """When the desk accepted it (受理); None: it is offered, awaits confirmation, or waits for the other side."""
    confirmed_at: Mapped[dt.datetime | None]
    confirmed_by: Mapped[str | None]
    dispatched_at: Mapped[dt.datetime | None]
    signed_at: Mapped[dt.datetime | None]
    arrived_at: Mapped[dt.datetime | None]
    feedback_at: Mapped[dt.datetime | None]
    closed_at: Mapped[dt.datetime | None]
    updated_at: Mapped[dt.datetime]


class Handoff(Base):
    """A matter offered to the other side (流转): how, when, and how it ended."""

    __tablename__ = "handoff"
    __table_args__ = (
        Index(None, "case_id"),
        Index(None, "to_centre", "state", "offered_at"),
        Index(None, "from_centre", "state", "offered_at"),
        Index(None, "transfer_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    number: Mapped[str] = mapped_column(unique=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"))
    mode: Mapped[str]
    """call | online | agency (found while handling, D4) | peer."""
    state: Mapped[str]
    from_centre: Mapped[str]
    to_centre: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    basis: Mapped[str | None]
    """Catalog item or rule that it rests on."""
    dangerous: Mapped[bool]
    call_id: Mapped[str | None]
    transfer_id: Mapped[str | None]
    outcome: Mapped[str | None]
    """How the transfer ended: answered | refused | busy | no_answer | unreachable | …, as the call core says it."""
    went_back_to: Mapped[str | None]
    """Who got the caller back: asker | queue | nobody."""
    by: Mapped[str]
    offered_at: Mapped[dt.datetime]
    rung_at: Mapped[dt.datetime | None]
    answered_at: Mapped[dt.datetime | None]
    arrived_at: Mapped[dt.datetime | None]
    """When the receiver's desk first showed it."""
    accepted_at: Mapped[dt.datetime | None]
    accepted_by: Mapped[str | None]
    returned_at: Mapped[dt.datetime | None]
    returned_by: Mapped[str | None]
    return_reason: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[dt.datetime | None]
    negotiating_at: Mapped[dt.datetime | None]
    settled_at: Mapped[dt.datetime | None]
    settled_by: Mapped[str | None]
    owner: Mapped[str | None]
    """Centre that the negotiation, or its failure, made the owner."""
    conclusion: Mapped[str | None] = mapped_column(Text)
    by_first_receiver: Mapped[bool] = mapped_column(default=False)
    feedback_at: Mapped[dt.datetime | None]
    feedback: Mapped[str | None] = mapped_column(Text)


class Opinion(Base):
    """What one side or agency says in a negotiation or consultation (意见); ``subject_id`` is the handoff or consultation."""

    __tablename__ = "opinion"
    __table_args__ = (Index(None, "subject_id", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[str]
    unit: Mapped[str]
    by: Mapped[str]
    at: Mapped[dt.datetime]
    owner: Mapped[str | None]
    """Centre or agency that the speaker thinks it belongs to."""
    text: Mapped[str] = mapped_column(Text)


class Consultation(Base):
    """Departments settle whose an item is (会商)."""

    __tablename__ = "consultation"
    __table_args__ = (Index(None, "state", "created_at"), Index(None, "case_id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    number: Mapped[str] = mapped_column(unique=True)
    city: Mapped[str]
    subject: Mapped[str] = mapped_column(Text)
    item: Mapped[str | None]
    case_id: Mapped[str | None]
    """Matter that is consulted about while it is handled (处置中会商)."""
    agencies: Mapped[list[str]] = mapped_column(JSON)
    state: Mapped[str]
    minutes: Mapped[str | None] = mapped_column(Text)
    conclusion: Mapped[str | None] = mapped_column(Text)
    catalog_version: Mapped[str | None]
    """Version that the conclusion became."""
    created_at: Mapped[dt.datetime]
    created_by: Mapped[str]
    concluded_at: Mapped[dt.datetime | None]
    concluded_by: Mapped[str | None]


_RUNNING = text("ended_at IS NULL")
"""Few of all deadlines run."""


class Deadline(Base):
    """A duty and the time it must be done by (时限); it stands still while paused."""

    __tablename__ = "deadline"
    __table_args__ = (
        Index(None, "subject_id"),
        Index(None, "case_id"),
        Index("ix_deadline_running", "case_id", postgresql_where=_RUNNING, sqlite_where=_RUNNING),
        Index(None, "ended_at", "due_at"),
        Index(None, "unit", "ended_at", "due_at"),
        Index(None, "provisional"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str | None]
    subject_id: Mapped[str]
    """Row of the duty: ticket, assignment, police order, handoff or supervision order."""
    duty: Mapped[str]
    """accept | sign | handle | feedback | confirm | answer."""
    unit: Mapped[str]
    """Centre or agency whose duty it is."""
    allowed: Mapped[str]
    """The limit as the catalog writes it, e.g. ``5 working days``, ``2 hours``."""
    city: Mapped[str]
    started_at: Mapped[dt.datetime]
    due_at: Mapped[dt.datetime]
    provisional: Mapped[bool] = mapped_column(default=False)
    paused_at: Mapped[dt.datetime | None]
    left: Mapped[float | None]
    """Seconds (of working time, if the limit is in working time) that were left when it was paused."""
    ended_at: Mapped[dt.datetime | None]
    reminded_at: Mapped[dt.datetime | None]
    overdue_at: Mapped[dt.datetime | None]
    """When it was noticed to be over."""


class SupervisionOrder(Base):
    """A demand that needs an answer (督办单)."""

    __tablename__ = "supervision_order"
    __table_args__ = (Index(None, "case_id"), Index(None, "to_unit", "state"), Index(None, "state", "issued_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(default=1)
    number: Mapped[str] = mapped_column(unique=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"))
    subject_id: Mapped[str]
    """Ticket or police order that it is about."""
    platform: Mapped[str]
    to_unit: Mapped[str]
    demand: Mapped[str] = mapped_column(Text)
    state: Mapped[str]
    """issued | answered | closed."""
    issued_at: Mapped[dt.datetime]
    issued_by: Mapped[str]
    answer: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[dt.datetime | None]
    answered_by: Mapped[str | None]
    closed_at: Mapped[dt.datetime | None]


class Notice(Base):
    """Something that the right people must see (提醒): a danger in a text, a deadline near or over, an order that climbs."""

    __tablename__ = "notice"
    __table_args__ = (Index(None, "unit", "done_at", "at"), Index(None, "case_id"), Index(None, "event_id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str | None]
    event_id: Mapped[str | None]
    """Emergency event that it is about."""
    subject_id: Mapped[str | None]
    """Request, notice or report of the event that it asks for."""
    unit: Mapped[str]
    """Centre or agency whose people are told; with ``role`` only those."""
    role: Mapped[str | None]
    kind: Mapped[str]
    """call-back-now | confirm-danger | due-soon | overdue | handoff | supervision | climb."""
    level: Mapped[int]
    """0 to be seen, 1 urgent, 2 alarm with sound."""
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[dt.datetime]
    done_at: Mapped[dt.datetime | None]
    done_by: Mapped[str | None]


class NuisanceMark(Base):
    """One word of a person that a number calls to harass (骚扰标识)."""

    __tablename__ = "nuisance_mark"
    __table_args__ = (Index(None, "number_print", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(Sealed)
    number_print: Mapped[str]
    centre: Mapped[str]
    case_id: Mapped[str | None]
    call_id: Mapped[str | None]
    note: Mapped[str] = mapped_column(Text)
    at: Mapped[dt.datetime]
    by: Mapped[str]
    withdrawn_at: Mapped[dt.datetime | None]
    withdrawn_by: Mapped[str | None]
