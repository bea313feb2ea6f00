"""The call records: puts events into rows, and answers who called whom, when, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Table, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from router.storage import calls, upsert
from router.storage.base import moment, seconds, table_of
from telephony import contract

RENAMED = {"call": "call_id", "case": "case_id"}
LARGEST_PAGE = 1000
_ABANDONED = ("abandoned", "caller_left")
_FROM_CITIZENS = ("inbound", "ringback")

S = TypeVar("S", bound=msgspec.Struct)


class CallSummary(contract.CallFacts, frozen=True, kw_only=True):
    """A call as a list shows it."""

    abandoned: bool = False
    """The citizen hung up before a person answered."""
    silent: bool = False
    """Nothing was to be heard from the citizen."""
    live: bool = False
    """Still going on, as far as this row knows."""


class CallList(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    page: int
    calls: list[CallSummary]


class RecordingFacts(msgspec.Struct, frozen=True, kw_only=True):
    """See :class:`telephony.contract.RecordingReady`."""

    id: str
    call: str
    path: str
    started_at: float
    seconds: float
    sha256: str
    size: int
    repaired: bool
    caller_silent: bool


class PageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """See :class:`telephony.contract.PageDone`."""

    id: str
    call: str
    number: str
    outcome: str
    digit: str
    rang_at: float | None
    answered_at: float | None
    ended_at: float


class Note(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    at: float
    kind: str
    detail: dict[str, Any]


class SeatHistory(msgspec.Struct, frozen=True, kw_only=True):
    """See :class:`telephony.contract.SeatChanged`."""

    at: float
    node: str
    call: str
    seat: str
    centre: str
    status: str
    reason: str
    state: str
    owner: str


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one call. ``call`` is None as long as only its parties have been heard of."""

    call: CallSummary | None
    parties: list[contract.PartyFacts] = []
    transfers: list[contract.TransferFacts] = []
    recordings: list[RecordingFacts] = []
    pages: list[PageFacts] = []
    notes: list[Note] = []


class CallFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls; empty fields don't count, ``abandoned`` and ``silent`` together mean either of them."""

    since: float | None = None
    """Started at or after (seconds since 1970)."""
    until: float | None = None
    """Started before."""
    ids: tuple[str, ...] = ()
    centres: tuple[str, ...] = ()
    caller: str = ""
    kind: contract.CallKind | Literal[""] = ""
    case: str = ""
    answered: bool | None = None
    """By a person."""
    abandoned: bool = False
    silent: bool = False
    ended: bool | None = None


# --- events into rows


def _row(table: Table, record: msgspec.Struct, **more: Any) -> dict[str, Any]:
    """A record of the contract as a row; fields that the table does not have are left out."""
    row: dict[str, Any] = {}
    for name, value in {**msgspec.structs.asdict(record), **more}.items():
        column = RENAMED.get(name, name)
        if column in table.c:
            if column == "at" or column.endswith("_at"):
                value = moment(value)
            elif isinstance(value, str):
                value = value.replace("\0", "")  # PostgreSQL can't keep it; a hostile header must not cost the record
            row[column] = value
    return row


CALL, PARTY, TRANSFER = table_of(calls.Call), table_of(calls.Party), table_of(calls.Transfer)
RECORDING, PAGE = table_of(calls.Recording), table_of(calls.Page)
SEAT_CHANGE, CALL_NOTE = table_of(calls.SeatChange), table_of(calls.CallNote)


async def apply(session: AsyncSession, event: contract.AnyEvent) -> None:
    """Put one event into its row; see :func:`apply_all`."""
    await apply_all(session, [event])


async def apply_all(session: AsyncSession, events: Iterable[contract.AnyEvent]) -> None:
    """Put events into their rows, in any order and as often as you like: facts with an older ``rev`` never replace newer
    ones, and what only happens once (a page's end, a seat's change) is kept as it came first. Answers to commands leave
    no row.

    Raise ValueError or OverflowError for a time that no calendar knows, and SQLAlchemy's errors.
    """
    newer: dict[Table, list[dict[str, Any]]] = {CALL: [], PARTY: [], TRANSFER: [], RECORDING: []}
    once: dict[Table, list[dict[str, Any]]] = {PAGE: [], SEAT_CHANGE: [], CALL_NOTE: []}
    for event in events:
        match event:
            case contract.CallChanged():
                newer[CALL].append(_row(CALL, event.facts))
            case contract.PartyChanged():
                newer[PARTY].append(_row(PARTY, event.facts))
            case contract.TransferChanged():
                newer[TRANSFER].append(_row(TRANSFER, event.facts))
            case contract.RecordingReady():
                newer[RECORDING].append(_row(RECORDING, event, id=event.recording))
            case contract.PageDone():
                once[PAGE].append(_row(PAGE, event, id=event.page, number=event.to))
            case contract.SeatChanged():
                once[SEAT_CHANGE].append(_row(SEAT_CHANGE, event))
            case contract.DigitPressed() | contract.RtpIntruder():
                known = {"id", "at", "node", "call"}
                detail = {name: value for name, value in msgspec.structs.asdict(event).items() if name not in known}
                once[CALL_NOTE].append(_row(CALL_NOTE, event, kind=type(event).__name__, detail=detail))
            case contract.CommandDone():
                pass
    for table, rows in newer.items():
        await upsert.replace_older(session, table, rows, newer_by="at" if table is RECORDING else "rev")
    for table, rows in once.items():
        await upsert.insert_new(session, table, rows)


# --- rows into answers


def facts(kind: type[S], row: Any) -> S:
    values: dict[str, Any] = {}
    for name in kind.__struct_fields__:
        column = RENAMED.get(name, name)
        if hasattr(row, column):
            value = getattr(row, column)
            values[name] = seconds(value) if column == "at" or column.endswith("_at") else value
    return kind(**values)


def is_abandoned() -> ColumnElement[bool]:
    return and_(
        CALL.c.kind.in_(_FROM_CITIZENS),
        CALL.c.answered_at.is_(None),
        CALL.c.ended_at.is_not(None),
        CALL.c.end_cause.in_(_ABANDONED),
    )


def is_silent() -> ColumnElement[bool]:
    return exists().where(RECORDING.c.call_id == CALL.c.id, RECORDING.c.caller_silent)


def _conditions(wanted: CallFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(CALL.c.started_at >= moment(wanted.since))
    if wanted.until is not None:
        found.append(CALL.c.started_at < moment(wanted.until))
    if wanted.ids:
        found.append(CALL.c.id.in_(wanted.ids))
    if wanted.centres:
        found.append(CALL.c.centre.in_(wanted.centres))
    if wanted.caller:
        found.append(CALL.c.caller == wanted.caller)
    if wanted.kind:
        found.append(CALL.c.kind == wanted.kind)
    if wanted.case:
        found.append(CALL.c.case_id == wanted.case)
    if wanted.answered is not None:
        found.append(CALL.c.answered_at.is_not(None) if wanted.answered else CALL.c.answered_at.is_(None))
    if wanted.ended is not None:
        found.append(CALL.c.ended_at.is_not(None) if wanted.ended else CALL.c.ended_at.is_(None))
    either = [*([is_abandoned()] if wanted.abandoned else []), *([is_silent()] if wanted.silent else [])]
    if either:
        found.append(or_(*either))
    return found


def _summary(row: Any) -> CallSummary:
    return msgspec.structs.replace(facts(CallSummary, row), live=row.ended_at is None)


_SUMMARY = select(CALL, is_abandoned().label("abandoned"), is_silent().label("silent"))


async def list_calls(session: AsyncSession, wanted: CallFilter, *, limit: int = 50, page: int = 1) -> CallList:
    """Calls that fit, the newest first; ``page`` counts from 1. Raise ValueError for a page or limit out of range."""
    if not 1 <= limit <= LARGEST_PAGE or page < 1:
        raise ValueError(f"limit must be 1 to {LARGEST_PAGE} and page 1 or more, not {limit} and {page}")
    conditions = _conditions(wanted)
    total = await session.scalar(select(func.count()).select_from(CALL).where(*conditions))
    rows = await session.execute(
        _SUMMARY.where(*conditions).order_by(CALL.c.started_at.desc(), CALL.c.id.desc()).limit(limit).offset((page - 1) * limit)
    )
    return CallList(total=total or 0, page=page, calls=[_summary(row) for row in rows])


async def abandoned_and_silent(
    session: AsyncSession, centres: Sequence[str], *, since: float | None = None, limit: int = 200
) -> list[CallSummary]:
    """Calls to these centres that deserve a call-back, the newest first: given up before a person answered, or silent."""
    wanted = CallFilter(centres=tuple(centres), since=since, abandoned=True, silent=True)
    return (await list_calls(session, wanted, limit=limit)).calls


async def show_call(session: AsyncSession, call: str) -> CallRecord | None:
    """All that is known of a call; None if nothing is."""
    row = (await session.execute(_SUMMARY.where(CALL.c.id == call))).one_or_none()

    async def of_call(table: Table, *order: Any) -> Sequence[Any]:
        return (await session.execute(select(table).where(table.c.call_id == call).order_by(*order))).all()

    record = CallRecord(
        call=_summary(row) if row else None,
        parties=[facts(contract.PartyFacts, r) for r in await of_call(PARTY, PARTY.c.invited_at, PARTY.c.id)],
        transfers=[facts(contract.TransferFacts, r) for r in await of_call(TRANSFER, TRANSFER.c.started_at)],
        recordings=[facts(RecordingFacts, r) for r in await of_call(RECORDING, RECORDING.c.started_at)],
        pages=[facts(PageFacts, r) for r in await of_call(PAGE, PAGE.c.ended_at)],
        notes=[facts(Note, r) for r in await of_call(CALL_NOTE, CALL_NOTE.c.at, CALL_NOTE.c.id)],
    )
    known = record.call or record.parties or record.transfers or record.recordings or record.pages or record.notes
    return record if known else None


async def show_recording(session: AsyncSession, recording: str) -> RecordingFacts | None:
    row = (await session.execute(select(RECORDING).where(RECORDING.c.id == recording))).one_or_none()
    return facts(RecordingFacts, row) if row else None


async def recordings_of(session: AsyncSession, call: str) -> list[RecordingFacts]:
    rows = await session.execute(select(RECORDING).where(RECORDING.c.call_id == call).order_by(RECORDING.c.started_at))
    return [facts(RecordingFacts, row) for row in rows]


async def seat_history(
    session: AsyncSession, seat: str, *, since: float | None = None, until: float | None = None, limit: int = 200
) -> list[SeatHistory]:
    """A seat's changes of status and state, the newest first."""
    query = select(SEAT_CHANGE).where(SEAT_CHANGE.c.seat == seat)
    if since is not None:
        query = query.where(SEAT_CHANGE.c.at >= moment(since))
    if until is not None:
        query = query.where(SEAT_CHANGE.c.at < moment(until))
    rows = await session.execute(query.order_by(SEAT_CHANGE.c.at.desc(), SEAT_CHANGE.c.id.desc()).limit(limit))
    return [facts(SeatHistory, row) for row in rows]


class SeatNow(SeatHistory, frozen=True, kw_only=True):
    """A seat's newest change, and since when it has had its status."""

    since: float | None


async def seats_now(session: AsyncSession, seats: Sequence[str]) -> dict[str, SeatNow]:
    """The newest change of each of these seats that has one."""
    found: dict[str, SeatNow] = {}
    for begin in range(0, len(seats), SEATS_AT_A_TIME):
        for row in await session.execute(_seats_now(seats[begin : begin + SEATS_AT_A_TIME])):
            found[row.seat] = msgspec.structs.replace(facts(SeatNow, row), since=seconds(row.since))
    return found


SEATS_AT_A_TIME = 100


def _seats_now(seats: Sequence[str]) -> Any:
    now, other, same = SEAT_CHANGE.alias("now"), SEAT_CHANGE.alias("other"), SEAT_CHANGE.alias("same")
    newest = [
        select(other.c.id).where(other.c.seat == seat).order_by(other.c.at.desc(), other.c.id.desc()).limit(1).scalar_subquery()
        for seat in seats
    ]
    differs = or_(other.c.status != now.c.status, other.c.reason != now.c.reason)
    before = select(other.c.at).where(other.c.seat == now.c.seat, differs).order_by(other.c.at.desc()).limit(1)
    began = (
        select(same.c.at)
        .where(same.c.seat == now.c.seat, same.c.at > func.coalesce(before.correlate(now).scalar_subquery(), moment(0)))
        .order_by(same.c.at)
        .limit(1)
        .correlate(now)
        .scalar_subquery()
    )
    return select(now, began.label("since")).where(now.c.id.in_(newest))
