"""How pages ended, as the call core tells it: a key takes a request, signs a notice, or ends a test call."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import system
from router.casework.work import Town, Work, operation
from router.consumer import Group, Handle
from router.linkage.duty import dutytests
from router.linkage.emergency import events, mutual
from router.linkage.notifying import engine, requests
from router.storage.base import moment
from router.storage.notifying import LinkageAttempt
from telephony import contract

NAME = "linkage"


def group(town: Town) -> Group:
    """The consumer of pages' ends."""
    return Group(NAME, handler(town), tells=True)


def handler(town: Town) -> Handle:
    async def handle(session: AsyncSession, told: Sequence[contract.AnyEvent]) -> None:
        for event in told:
            if isinstance(event, contract.PageDone):
                work = Work(session, system("linkage"), dt.datetime.fromtimestamp(event.at, dt.UTC), town)
                await page_done(work, event)

    return handle


@operation
async def page_done(work: Work, told: contract.PageDone) -> None:
    """Write down how the page ended for all that it carried, and do what its key says."""
    query = select(LinkageAttempt).where(LinkageAttempt.page_id == told.page)
    rows = (await work.session.scalars(query.order_by(LinkageAttempt.event_id, LinkageAttempt.id))).all()
    for row in rows:
        if row.event_id is not None:
            await events.hold(work, row.event_id)
            await work.session.refresh(row)
        if row.outcome is not None:
            continue
        too_late = row.state == "cancelled"
        row.state, row.outcome, row.digit = "done" if not too_late else "cancelled", told.outcome, told.digit or None
        row.call_id = told.call
        row.answered_at, row.ended_at = moment(told.answered_at), moment(told.ended_at)
        row.lease_until = None
        await work.session.flush()
        await _follow(work, row, told)


async def _follow(work: Work, row: LinkageAttempt, told: contract.PageDone) -> None:
    if row.test_id is not None:
        await dutytests.finished(
            work, row.test_id, told.outcome, rang_at=moment(told.rang_at), answered_at=moment(told.answered_at),
            ended_at=dt.datetime.fromtimestamp(told.ended_at, dt.UTC),
        )  # fmt: skip
        return
    if row.event_id is None:
        return
    events.note(
        work, row.event_id, "attempt.ended", row.id, outcome=told.outcome, post=row.post_id, rung=row.rung, call=told.call
    )
    if told.outcome == "accepted" and row.request_id is not None:
        await requests.accept(work, row.request_id, via="phone", who=row.contact_id or row.post_id, attempt=row.id)
    elif told.outcome == "accepted" and row.notice_id is not None:
        await mutual.sign(work, row.notice_id, by=row.contact_id or row.post_id, via="phone")
    else:
        await engine.wake(work.session, row.event_id, work.now)
