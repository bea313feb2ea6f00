"""What ``hotline calls`` asks: checks of what was typed, the database, and the call core."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar, get_args

import msgspec
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import Settings, load
from hotline.errors import CommandError
from router import bus, calls_client
from router.calls_client import CallsClient
from router.calls_now import newer_than, newest
from router.storage import call_records, errors
from router.storage.call_records import CallFilter, CallList, CallRecord, CallSummary, RecordingFacts
from router.storage.engine import Database
from telephony import contract

T = TypeVar("T")
KINDS = get_args(contract.CallKind)
TRANSFERS = get_args(contract.TransferKind)
STATUSES = ("available", "paused", "off")
LONGEST_TEXT = 600
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def settings() -> Settings:
    """The configuration; raises ``ConfigError`` with every problem."""
    return load()


# --- what was typed


def moment(given: str, now: float | None = None) -> float | None:
    """``2h`` (ago), ``08:30`` (today), a date, or a date with time (local unless it has a zone), as seconds since 1970."""
    if not given:
        return None
    now = time.time() if now is None else now
    if match := re.fullmatch(r"(\d{1,6})([smhd])", given):
        return now - int(match[1]) * _UNITS[match[2]]
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", given):
            today = dt.datetime.fromtimestamp(now).date()
            return dt.datetime.combine(today, dt.time.fromisoformat(given.zfill(5))).timestamp()
        return dt.datetime.fromisoformat(given).timestamp()
    except (ValueError, OverflowError):
        raise CommandError(
            f"calls.bad_time: {given!r} is no time", "write 2h, 08:30, 2026-05-01 or 2026-05-01T08:00", 2
        ) from None


def number(given: str) -> str:
    """A telephone number without blanks, dashes and the country's prefix."""
    bare = re.sub(r"[\s()-]", "", given)
    bare = re.sub(r"^(\+86|0086)", "", bare)
    if not re.fullmatch(r"\+?\d{3,20}", bare):
        raise CommandError(f"calls.bad_number: {given!r} is no telephone number", "write 3 to 20 digits", 2)
    return bare


def seat(settings: Settings, given: str) -> str:
    if given not in settings.seats:
        some = ", ".join(list(settings.seats)[:4])
        raise CommandError(f"calls.unknown_seat: there is no seat {given!r}", f"`seats` of the configuration has {some} …", 2)
    return given


def reason(settings: Settings, status: str, given: str) -> str:
    known = settings.installation.pause_reasons
    if given and status != "paused":
        raise CommandError("calls.bad_reason: only a pause has a reason", "leave --reason out", 2)
    if given and known and given not in known:
        raise CommandError(f"calls.bad_reason: there is no reason {given!r}", f"choose one of {', '.join(known)}", 2)
    return given


def centres(settings: Settings, given: str) -> tuple[str, ...]:
    """Ids of centres: all of a kind for ``110`` and ``12345``, else the one named by id or number."""
    if not given:
        return ()
    found = [one.id for one in settings.installation.centres if given in (one.id, one.kind) or given in one.numbers]
    if not found:
        raise _no_centre(settings, given)
    return tuple(found)


def centre(settings: Settings, given: str) -> str:
    """Id of the one centre that has this id or number."""
    found = [one.id for one in settings.installation.centres if given == one.id or given in one.numbers]
    if not found:
        raise _no_centre(settings, given)
    return found[0]


def _no_centre(settings: Settings, given: str) -> CommandError:
    names = ", ".join(f"{one.id} {one.name}" for one in settings.installation.centres)
    return CommandError(f"calls.unknown_centre: there is no centre {given!r}", f"the configuration has {names}", 2)


def target(settings: Settings, given: str) -> str:
    """Target of a transfer, checked against the configuration."""
    kind, _, name = given.rpartition(":")
    if kind == "seat":
        seat(settings, name)
    elif kind == "line":
        lines = [line.id for line in settings.installation.outside]
        if name not in lines:
            raise CommandError(
                f"calls.unknown_line: there is no line {name!r}", f"the configuration has {', '.join(lines) or 'none'}", 2
            )
    elif kind:
        raise CommandError(f"calls.bad_target: {given!r} is no target", "write a centre, seat:ID or line:ID", 2)
    elif given:
        centres(settings, given)
    return given


def speech(settings: Settings, text: str, prompt: str) -> contract.Speech:
    """What a page says: free text or a prompt of the configuration."""
    if bool(text.strip()) == bool(prompt):
        raise CommandError("calls.no_speech: a page says one thing", "give either --text or --prompt", 2)
    if prompt and prompt not in settings.installation.prompts:
        raise CommandError(f"calls.unknown_prompt: there is no prompt {prompt!r}", "see `prompts` of the configuration", 2)
    if len(text) > LONGEST_TEXT:
        raise CommandError(f"calls.long_text: {len(text)} characters are too many", f"say it in {LONGEST_TEXT}", 2)
    return (contract.Clip(prompt),) if prompt else (contract.Text(text.strip()),)


async def party(client: CallsClient, call: str, given: str) -> str:
    """Id of a party of a live call, named by id, by its seat, or as ``caller``; what is unknown is passed on as it is."""
    found = await client.live_call(call)
    for one in found.parties if found else ():
        if one.left_at is None and (given in (one.id, one.seat) or (given == "caller" and one.role == "caller")):
            return one.id
    return given


# --- asking


def run(question: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(question)


async def with_client(settings: Settings, question: Callable[[CallsClient], Awaitable[T]]) -> T:
    client = bus.connect(settings.redis_url, name="hotline-cli")
    try:
        return await question(CallsClient(client))
    finally:
        await client.aclose()


async def _with_session(settings: Settings, question: Callable[[AsyncSession], Awaitable[T]]) -> T:
    from router.storage import migrations  # Alembic takes its time to import, and only questions to SQL need it

    try:
        await asyncio.to_thread(migrations.check, settings.database_url)
        database = Database(settings.database_url)
        try:
            async with database.read() as session:
                return await question(session)
        finally:
            await database.close()
    except errors.StorageError as error:
        raise CommandError(f"{error.code}: {error}", "start `hotline up`, or run `hotline doctor`") from error
    except SQLAlchemyError as error:
        raise CommandError(f"storage.unreachable: {errors.reason(error)}", "run `hotline doctor`") from error


async def _live(settings: Settings) -> tuple[list[contract.LiveCall], str]:
    """Calls in progress, or none and a warning."""
    try:
        return await with_client(settings, lambda client: client.live_calls()), ""
    except calls_client.CallCoreError as error:
        return [], f"{error.code}: calls in progress are shown as far as recorded: {error.what}"


async def list_calls(settings: Settings, wanted: CallFilter, *, limit: int, page: int) -> tuple[CallList, str]:
    """Recorded calls and, before those, live ones that the records don't know better; a warning if Redis is away."""
    live, warning = await _live(settings) if not (wanted.abandoned or wanted.silent) else ([], "")

    async def question(session: AsyncSession) -> CallList:
        listed = await call_records.list_calls(session, wanted, limit=limit, page=page)
        if not live:
            return listed
        ids = tuple(one.call.id for one in live)[: call_records.LARGEST_PAGE]
        stored = await call_records.list_calls(session, CallFilter(ids=ids), limit=len(ids))
        recorded = {one.id: one for one in stored.calls}
        newer = {one.call.id: summary(one) for one in live if newer_than(one.call, recorded.get(one.call.id))}
        return merged(listed, newer, recorded, wanted)

    return await _with_session(settings, question), warning


class LiveSummary(CallSummary, frozen=True, kw_only=True):
    """A call in progress, and where it runs."""

    node: str = ""
    room: str = ""
    room_pid: int = 0


def summary(live: contract.LiveCall) -> LiveSummary:
    where = {name: value for name, value in running(live).items() if name in LiveSummary.__struct_fields__}
    return LiveSummary(**msgspec.structs.asdict(live.call), live=live.call.ended_at is None, **where)


def running(live: contract.LiveCall) -> dict[str, Any]:
    """Where a live call runs, and when its node said so."""
    records = ("call", "parties", "transfers")
    return {name: value for name, value in msgspec.structs.asdict(live).items() if name not in records}


def merged(
    listed: CallList, newer: Mapping[str, CallSummary], recorded: Mapping[str, CallSummary], wanted: CallFilter
) -> CallList:
    """Put snapshots in place of their rows; those without a row come first on the first page."""
    calls = [newer.get(one.id, one) for one in listed.calls]
    calls = [one for one in calls if one.id not in newer or fits(one, wanted)]
    missing = [one for key, one in newer.items() if key not in recorded and fits(one, wanted)]
    missing.sort(key=lambda one: one.started_at, reverse=True)
    shown = missing if listed.page == 1 else []
    return CallList(total=listed.total + len(missing), page=listed.page, calls=[*shown, *calls])


def fits(call: CallSummary, wanted: CallFilter) -> bool:
    """The same question that SQL answers for recorded calls."""
    return (
        (wanted.since is None or call.started_at >= wanted.since)
        and (wanted.until is None or call.started_at < wanted.until)
        and (not wanted.centres or call.centre in wanted.centres)
        and (not wanted.caller or call.caller == wanted.caller)
        and (not wanted.kind or call.kind == wanted.kind)
        and (not wanted.case or call.case == wanted.case)
        and (wanted.answered is None or (call.answered_at is not None) == wanted.answered)
        and (wanted.ended is None or (call.ended_at is not None) == wanted.ended)
        and not wanted.abandoned
        and not wanted.silent
    )


class ShownCall(CallRecord, frozen=True, kw_only=True):
    """A record, and for a call in progress where it runs: node, room process, and when that was said."""

    running: dict[str, Any] | None = None


async def show_call(settings: Settings, call: str) -> tuple[ShownCall | None, str]:
    """The record, with what the live call's node says where that is newer; a warning if Redis is away."""
    live, warning = await _live(settings)
    now = next((one for one in live if one.call.id == call), None)
    record = await _with_session(settings, lambda session: call_records.show_call(session, call))
    shown = ShownCall(**msgspec.structs.asdict(record)) if record else None
    if now is None or not newer_than(now.call, record.call if record else None):
        return shown, warning
    shown = shown or ShownCall(call=None)
    return (
        msgspec.structs.replace(
            shown,
            call=summary(now),
            parties=newest(shown.parties, now.parties),
            transfers=newest(shown.transfers, now.transfers),
            running=running(now),
        ),
        warning,
    )


async def recordings(settings: Settings, id: str) -> list[RecordingFacts]:
    """The recording of this id, or those of the call of this id."""

    async def question(session: AsyncSession) -> list[RecordingFacts]:
        one = await call_records.show_recording(session, id)
        return [one] if one else await call_records.recordings_of(session, id)

    return await _with_session(settings, question)
