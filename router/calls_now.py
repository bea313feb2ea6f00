"""What the records and the snapshots of calls in progress say together; the newer word counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from router.storage import call_records
from router.storage.call_records import CallRecord, CallSummary
from telephony import contract

F = TypeVar("F", contract.PartyFacts, contract.TransferFacts)


def newer_than(live: contract.CallFacts, recorded: CallSummary | None) -> bool:
    """A snapshot that was left behind by a node that died is older than the record of the call's end."""
    return recorded is None or (recorded.ended_at is None and live.rev >= recorded.rev)


def newest(recorded: Iterable[F], live: Iterable[F]) -> list[F]:
    """Facts by id, each as it was told last."""
    found = {one.id: one for one in recorded}
    for one in live:
        if one.id not in found or found[one.id].rev <= one.rev:
            found[one.id] = one
    return list(found.values())


async def still_going(session: AsyncSession, found: Sequence[contract.LiveCall]) -> list[contract.LiveCall]:
    """Snapshots without those that a node which died has left behind."""
    if not found:
        return []
    column = call_records.CALL.c
    query = select(column.id).where(column.id.in_([one.call.id for one in found]), column.ended_at.is_not(None))
    over = set((await session.scalars(query)).all())
    return [one for one in found if one.call.id not in over and one.call.ended_at is None]


def together(record: CallRecord | None, live: contract.LiveCall | None) -> CallRecord | None:
    """A call as record and snapshot know it; None: neither does."""
    if live is None or not newer_than(live.call, record.call if record else None):
        return record
    record = record or CallRecord(call=None)
    summary = CallSummary(**msgspec.structs.asdict(live.call), live=live.call.ended_at is None)
    return msgspec.structs.replace(
        record,
        call=summary,
        parties=newest(record.parties, live.parties),
        transfers=newest(record.transfers, live.transfers),
    )
