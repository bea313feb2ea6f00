"""Erases what has been kept long enough (保存期限): matters, their files and journals, recordings, numbers of old calls.

Of an erased case the bare facts stay (kind, item, division, times, units) for statistics; whatever a person said, wrote or can be
known by goes, and so does the case's journal, of which the system's chain keeps the end (``case.erased``). A legal hold goes
before every time limit. Files are deleted after the transaction that gave them up, in two steps, so that none is lost that
another case has come to share meanwhile.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import ColumnElement, and_, delete, exists, false, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import Actor, system
from router.journal import journal
from router.journal.journal import Note
from router.storage.base import table_of
from router.storage.calls import Call, Party, Recording
from router.storage.casework import (
    Allocation,
    Assignment,
    Attachment,
    Case,
    CaseCall,
    Handoff,
    Notice,
    NuisanceMark,
    Opinion,
    PoliceOrder,
    SupervisionOrder,
    Ticket,
)
from router.storage.emergencies import EventFile
from router.storage.exchange import ExchangeMessage
from router.storage.journal import Delivery
from router.timers import timers
from router.timers.runner import Due, Handle

if TYPE_CHECKING:
    from config.model import Retention

log = structlog.get_logger()

SWEEP, UNLINK, FORGET = "retention.sweep", "retention.unlink", "retention.forget"
"""Timers: look for what is over; put files out of the way; delete them for good."""
EVERY = 86400.0
AT_ONCE = 50
"""Cases erased in one transaction; of recordings and calls ten times as many."""
GRACE = dt.timedelta(minutes=15)
"""A file lies aside so long, before it is deleted for good."""
_GONE = ".gone-"
_OPEN_STATES = ("open",)

CASE, CALL, PARTY, RECORDING, CASE_CALL = (table_of(one) for one in (Case, Call, Party, Recording, CaseCall))
TICKET, ORDER, HANDOFF, ATTACHMENT = (table_of(one) for one in (Ticket, PoliceOrder, Handoff, Attachment))
EVENT_FILE = table_of(EventFile)


@dataclass(frozen=True, slots=True)
class Times:
    """Days for one kind of thing; None: for ever."""

    default: int | None
    centres: Mapping[str, int | None] = field(default_factory=dict)
    """Centres that differ."""

    @property
    def any(self) -> bool:
        return self.default is not None or any(days is not None for days in self.centres.values())


@dataclass(frozen=True, slots=True)
class Rules:
    cases: Times
    recordings: Times


def rules_of(configured: Retention) -> Rules:
    """The rules of an installation's configuration."""
    cases = {name: one.cases for name, one in configured.centres.items() if one.cases is not None}
    recordings = {name: one.recordings for name, one in configured.centres.items() if one.recordings is not None}
    return Rules(Times(configured.cases, cases), Times(configured.recordings, recordings))


@dataclass(slots=True)
class Over:
    """What is over: ids, or what one sweep has erased."""

    cases: list[str] = field(default_factory=list)
    recordings: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """Calls of no case, of which the numbers are erased."""
    more: bool = False
    """There is more than one sweep takes."""


# --- what is over


def _since(now: dt.datetime, days: int) -> dt.datetime:
    return now - dt.timedelta(days=days)


def _of_others(column: Any, times: Times) -> ColumnElement[bool]:
    return column.not_in(sorted(times.centres)) if times.centres else true()


def cases_over(times: Times, now: dt.datetime) -> ColumnElement[bool]:
    """Cases that no centre concerned wants to keep any longer; the longest time counts."""
    ended = func.coalesce(CASE.c.closed_at, CASE.c.updated_at)
    parts: list[ColumnElement[bool]] = [
        CASE.c.state.not_in(_OPEN_STATES),
        CASE.c.erased_at.is_(None),
        CASE.c.legal_hold.is_(False),
    ]

    def concerned(fits: Any) -> ColumnElement[bool]:
        faces = [exists().where(face.c.case_id == CASE.c.id, fits(face.c.platform)) for face in (TICKET, ORDER)]
        return or_(fits(CASE.c.first_centre), *faces)

    for centre, days in times.centres.items():
        mine = concerned(lambda column, centre=centre: column == centre)
        parts.append(~mine if days is None else or_(ended < _since(now, days), ~mine))
    others = concerned(lambda column: _of_others(column, times))
    parts.append(~others if times.default is None else or_(ended < _since(now, times.default), ~others))
    shortest = [days for days in (times.default, *times.centres.values()) if days is not None]
    parts.append(ended < _since(now, min(shortest)) if shortest else false())
    return and_(*parts)


def _kept_by_a_case(call: Any) -> ColumnElement[bool]:
    """Whether a case that is at work or held has the call."""
    keeps = or_(CASE.c.legal_hold, CASE.c.state.in_(_OPEN_STATES))
    linked = exists().where(CASE_CALL.c.call_id == call, CASE.c.id == CASE_CALL.c.case_id, keeps)
    return or_(linked, exists().where(CASE.c.call_id == call, keeps))


def _by_centre(centre: Any, at: Any, times: Times, now: dt.datetime) -> ColumnElement[bool]:
    parts = [
        and_(centre == name, at < _since(now, days) if days is not None else false()) for name, days in times.centres.items()
    ]
    if times.default is not None:
        parts.append(and_(or_(_of_others(centre, times), centre.is_(None)), at < _since(now, times.default)))
    return or_(false(), *parts)


async def over(session: AsyncSession, rules: Rules, now: dt.datetime, *, limit: int = AT_ONCE) -> Over:
    """What is over now, at most so many cases and ten times as many recordings and calls."""
    found = Over()
    if rules.cases.any:
        query = select(CASE.c.id).where(cases_over(rules.cases, now)).order_by(CASE.c.closed_at, CASE.c.id)
        found.cases = list((await session.execute(query.limit(limit))).scalars())
        numbers = select(CALL.c.id).where(
            CALL.c.caller.is_not(None),
            _by_centre(CALL.c.centre, CALL.c.started_at, rules.cases, now),
            CALL.c.ended_at.is_not(None),
            ~exists().where(CASE_CALL.c.call_id == CALL.c.id),
            ~exists().where(CASE.c.call_id == CALL.c.id),
        )
        found.calls = list((await session.execute(numbers.order_by(CALL.c.started_at).limit(10 * limit))).scalars())
    if rules.recordings.any:
        recordings = (
            select(RECORDING.c.id)
            .outerjoin(CALL, CALL.c.id == RECORDING.c.call_id)
            .where(
                _by_centre(CALL.c.centre, RECORDING.c.started_at, rules.recordings, now), ~_kept_by_a_case(RECORDING.c.call_id)
            )
        )
        found.recordings = list((await session.execute(recordings.order_by(RECORDING.c.started_at).limit(10 * limit))).scalars())
    found.more = len(found.cases) >= limit or max(len(found.calls), len(found.recordings)) >= 10 * limit
    return found


# --- erasing


async def sweep(session: AsyncSession, rules: Rules, now: dt.datetime, actor: Actor | None = None) -> Over:
    """Erase what is over; the files follow by timers. Call again while ``more``."""
    who = actor or system("retention")
    found = await over(session, rules, now)
    done = Over(more=found.more)
    files: list[str] = []
    for case in found.cases:
        erased = await _erase_case(session, case, rules, now, who)
        if erased is not None:
            done.cases.append(case)
            files += erased
    gone = await _erase_recordings(session, found.recordings, now, who)
    done.recordings, files = found.recordings, files + gone
    done.calls = found.calls
    await _erase_numbers(session, found.calls)
    if found.calls:
        await journal.write(session, journal.SYSTEM, who, [Note("calls.erased", "", {"calls": len(found.calls)})], now)
    await _plan(session, UNLINK, files, now, now)
    return done


async def _erase_case(session: AsyncSession, case: str, rules: Rules, now: dt.datetime, actor: Actor) -> list[str] | None:
    """Erase one case; return its files. None: it was reopened or held meanwhile."""
    await journal.lock(session, journal.of_case(case))
    still = select(CASE.c.id).where(CASE.c.id == case, cases_over(rules.cases, now)).with_for_update()
    if (await session.execute(still)).first() is None:
        return None
    blank: dict[str, Any] = dict.fromkeys(
        ("caller_number", "caller_print", "caller_name", "place", "place_print", "latitude", "longitude")
    )
    blank |= {"words": "", "asked": {}, "erased_at": now, "updated_at": now, "rev": CASE.c.rev + 1}
    await session.execute(update(CASE).where(CASE.c.id == case).values(**blank))
    for model, values in _TEXTS:
        table = table_of(model)
        await session.execute(update(table).where(table.c.case_id == case).values(**values))
    opinion = table_of(Opinion)
    subjects = select(HANDOFF.c.id).where(HANDOFF.c.case_id == case)
    await session.execute(update(opinion).where(opinion.c.subject_id.in_(subjects)).values(text=""))
    mark, delivery = table_of(NuisanceMark), table_of(Delivery)
    await session.execute(delete(mark).where(mark.c.case_id == case))
    await session.execute(delete(delivery).where(delivery.c.case_id == case))
    files = [f"attachments/{sha256}" for sha256 in await _delete_attachments(session, case)]
    files += await _erase_calls_of(session, case, now, actor)
    await journal.erase(session, case, actor, now)
    return files


_TEXTS: tuple[tuple[type[Any], dict[str, Any]], ...] = (
    (Ticket, {"result": None, "guidance": None, "resolution": None}),
    (PoliceOrder, {"withdrawn_reason": None, "police_notes": None, "result": None, "result_public": None}),
    (Assignment, {"return_reason": None, "dispute": None, "feedback": None}),
    (Handoff, {"reason": "", "return_reason": None, "conclusion": None, "feedback": None}),
    (Allocation, {"decision": {}, "overrule_reason": None}),
    (SupervisionOrder, {"demand": "", "answer": None}),
    (Notice, {"text": ""}),
    (ExchangeMessage, {"document": None, "receipt": None}),
)
"""Where people's words stand, besides the case itself."""


async def _delete_attachments(session: AsyncSession, case: str) -> list[str]:
    query = delete(ATTACHMENT).where(ATTACHMENT.c.case_id == case).returning(ATTACHMENT.c.sha256)
    return sorted(set((await session.execute(query)).scalars()))


async def _erase_calls_of(session: AsyncSession, case: str, now: dt.datetime, actor: Actor) -> list[str]:
    """Recordings and numbers of the case's calls, unless another case that is not erased has the call too."""
    of_case = select(CASE_CALL.c.call_id).where(CASE_CALL.c.case_id == case)
    own = select(CASE.c.call_id).where(CASE.c.id == case, CASE.c.call_id.is_not(None))
    calls = sorted(set((await session.execute(of_case)).scalars()) | set((await session.execute(own)).scalars()))
    if not calls:
        return []
    shared = select(CASE_CALL.c.call_id).where(
        CASE_CALL.c.call_id.in_(calls), CASE_CALL.c.case_id == CASE.c.id, CASE.c.id != case, CASE.c.erased_at.is_(None)
    )
    left = set((await session.execute(shared)).scalars())
    mine = [call for call in calls if call not in left]
    query = select(RECORDING.c.id).where(RECORDING.c.call_id.in_(mine))
    files = await _erase_recordings(session, list((await session.execute(query)).scalars()), now, actor)
    await _erase_numbers(session, mine)
    return files


async def _erase_recordings(session: AsyncSession, ids: Sequence[str], now: dt.datetime, actor: Actor) -> list[str]:
    """Delete rows of recordings and journal each; return their files."""
    if not ids:
        return []
    query = delete(RECORDING).where(RECORDING.c.id.in_(ids))
    rows = (
        await session.execute(query.returning(RECORDING.c.id, RECORDING.c.call_id, RECORDING.c.path, RECORDING.c.sha256))
    ).all()
    notes = [
        Note("recording.erased", row.id, {"call": row.call_id, "sha256": row.sha256})
        for row in sorted(rows, key=lambda one: one.id)
    ]
    await journal.write(session, journal.SYSTEM, actor, notes, now)
    return sorted(row.path for row in rows)


async def _erase_numbers(session: AsyncSession, calls: Sequence[str]) -> None:
    if calls:
        await session.execute(update(CALL).where(CALL.c.id.in_(calls)).values(caller=None))
        await session.execute(update(PARTY).where(PARTY.c.call_id.in_(calls)).values(number=None))


# --- files


async def _plan(session: AsyncSession, kind: str, files: Sequence[str], due: dt.datetime, now: dt.datetime) -> None:
    if files:
        from router import ids

        plan = timers.Plan(id=f"{kind}:{ids.new()}", kind=kind, due_at=due, payload={"files": sorted(set(files))})
        await timers.set_(session, [plan], now)


def _places(data_dir: Path, name: str) -> tuple[Path, Path] | None:
    """Where a file is and where it lies aside; None for a name that leads out of the data folder."""
    parts = PurePosixPath(name).parts
    if len(parts) < 2 or parts[0] not in ("attachments", "recordings") or ".." in parts:
        log.error("retention.strange_file", file=name[:200])
        return None
    path = data_dir.joinpath(*parts)
    if parts[0] == "attachments":
        path = data_dir / "attachments" / parts[1][:2] / parts[1]
    return path, path.with_name(f"{_GONE}{path.name}")


async def _in_use(session: AsyncSession, name: str) -> bool:
    """Whether a row names the file (again)."""
    folder, _, rest = name.partition("/")
    if folder == "attachments":
        query: Any = select(ATTACHMENT.c.id).where(ATTACHMENT.c.sha256 == rest)
        of_event = select(EVENT_FILE.c.id).where(EVENT_FILE.c.sha256 == rest)
        query = query.union_all(of_event)
    else:
        query = select(RECORDING.c.id).where(RECORDING.c.path == name)
    return (await session.execute(query.limit(1))).first() is not None


async def put_aside(session: AsyncSession, data_dir: Path, files: Sequence[str], now: dt.datetime) -> int:
    """First step: files that nobody uses are given another name; return how many."""
    moved = []
    for name in files:
        places = _places(data_dir, name)
        if places is None or await _in_use(session, name):
            continue
        path, aside = places
        if path.exists():
            path.rename(aside)
        if aside.exists():
            moved.append(name)
    await _plan(session, FORGET, moved, now + GRACE, now)
    return len(moved)


async def forget(session: AsyncSession, data_dir: Path, files: Sequence[str]) -> int:
    """Second step: delete them, unless somebody has begun to use one meanwhile; return how many."""
    deleted = 0
    for name in files:
        places = _places(data_dir, name)
        if places is None or not places[1].exists():
            continue
        path, aside = places
        if not path.exists() and await _in_use(session, name):
            aside.rename(path)
            continue
        aside.unlink()
        deleted += 1
    return deleted


def handlers(rules: Rules, data_dir: Path) -> dict[str, Handle]:
    """Timer handlers: the daily look, and both steps of deleting files."""

    async def on_sweep(session: AsyncSession, due: Due, now: dt.datetime) -> None:
        done = await sweep(session, rules, now)
        if done.cases or done.recordings or done.calls:
            log.info("retention.swept", cases=len(done.cases), recordings=len(done.recordings), calls=len(done.calls))
        if done.more and (done.cases or done.recordings or done.calls):
            again = timers.Plan(id=f"{SWEEP}:rest", kind=SWEEP, due_at=now + dt.timedelta(seconds=1))
            await timers.set_(session, [again], now)

    async def on_unlink(session: AsyncSession, due: Due, now: dt.datetime) -> None:
        await put_aside(session, data_dir, due.payload["files"], now)

    async def on_forget(session: AsyncSession, due: Due, now: dt.datetime) -> None:
        await forget(session, data_dir, due.payload["files"])

    return {SWEEP: on_sweep, UNLINK: on_unlink, FORGET: on_forget}


def standing(now: dt.datetime) -> list[timers.Plan]:
    """The daily look, at half past three in the morning of China."""
    china = dt.timezone(dt.timedelta(hours=8))
    local = now.astimezone(china)
    first = local.replace(hour=3, minute=30, second=0, microsecond=0)
    return [timers.Plan(id=SWEEP, kind=SWEEP, due_at=first if first > local else first + dt.timedelta(days=1), every=EVERY)]
