"""Attempts to reach somebody: every call, message and notice is a row, from the decision to how it ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from router import ids
from router.casework.work import Work
from router.linkage.emergency import events
from router.linkage.notifying.ladder import Channel, Number, Try
from router.storage import sealed
from router.storage.base import table_of
from router.storage.emergencies import EmergencyEvent
from router.storage.notifying import LinkageAttempt, LinkageRequest

ATTEMPT = table_of(LinkageAttempt)
AT_WORK = ("queued", "sent")
STOP = "linkage.stop"
"""Topic of the news that a page need not go on."""
MESSAGE = "linkage.message"
"""Topic of the news that a text message is to be sent."""


def print_of(number: str) -> str:
    """Fingerprint of a number: two attempts for it are known to be for one telephone."""
    return sealed.fingerprint("number", number)


async def queue(
    work: Work,
    *,
    channel: Channel,
    number: Number,
    text: str,
    post: str,
    urgent: bool,
    rung: int = 0,
    place: int = 0,
    event: str | None = None,
    request: str | None = None,
    notice: str | None = None,
    test: str | None = None,
) -> LinkageAttempt:
    """Have somebody rung (:mod:`router.linkage.notifying.calling`) or written to (:mod:`router.linkage.notifying.texting`)
    after the commit."""
    row = _row(
        work, channel=channel, state="queued", rung=rung, place=place, post=post, event=event, request=request,
        notice_id=notice, test_id=test, contact_id=number.contact, number=number.number,
        number_print=print_of(number.number), words=text, urgent=urgent,
    )  # fmt: skip
    work.session.add(row)
    if event is not None:
        events.note(work, event, "attempt.decided", row.id, channel=channel, post=post, rung=rung, request=request)
    if channel == "sms":
        work.tell(MESSAGE, None, [], attempt=row.id)
    return row


async def record(
    work: Work,
    event: EmergencyEvent,
    request: LinkageRequest,
    *,
    channel: Channel,
    rung: int,
    outcome: str,
    post: str | None = None,
    text: str = "",
    by: str | None = None,
) -> LinkageAttempt:
    """An attempt that is over at once: a notice on a desk, a webhook's news, an answer given on a desk."""
    row = _row(
        work, channel=channel, state="done", rung=rung, place=0, post=post or request.post_id, event=event.id,
        request=request.id, words=text, urgent=True, outcome=outcome, sent_at=work.now, ended_at=work.now,
        answered_at=work.now if outcome != "delivered" else None, note=by,
    )  # fmt: skip
    work.session.add(row)
    return row


def _row(
    work: Work,
    *,
    channel: Channel,
    state: str,
    rung: int,
    place: int,
    post: str,
    event: str | None,
    request: str | None,
    words: str,
    urgent: bool,
    **more: Any,
) -> LinkageAttempt:
    columns: dict[str, Any] = dict.fromkeys(
        (
            *("notice_id", "test_id", "contact_id", "number", "number_print", "page_id", "call_id", "outcome", "digit", "note"),
            *("sent_at", "answered_at", "ended_at", "lease_until", "lease_owner"),
        )
    )
    return LinkageAttempt(
        **{
            **columns, "id": ids.new(), "channel": channel, "state": state, "rung": rung, "place": place, "post_id": post,
            "event_id": event, "request_id": request, "words": words, "urgent": urgent, "at": work.now, **more,
        }
    )  # fmt: skip


async def call_off(work: Work, requests: Sequence[str]) -> int:
    """Nobody is rung about these requests any more: what waits is cancelled, what rings is hung up; return how many."""
    if not requests:
        return 0
    which = (ATTEMPT.c.request_id.in_(requests), ATTEMPT.c.state.in_(AT_WORK))
    return await _call_off(work, *which)


async def call_off_notice(work: Work, notice: str) -> int:
    """The same for a mutual notice."""
    return await _call_off(work, ATTEMPT.c.notice_id == notice, ATTEMPT.c.state.in_(AT_WORK))


async def _call_off(work: Work, *which: Any) -> int:
    waiting = update(ATTEMPT).where(*which, ATTEMPT.c.state == "queued", ATTEMPT.c.page_id.is_(None))
    gone = await work.session.execute(waiting.values(state="cancelled", ended_at=work.now).returning(ATTEMPT.c.id))
    count = len(gone.all())
    on_air = select(ATTEMPT.c.id, ATTEMPT.c.page_id).where(*which, ATTEMPT.c.page_id.is_not(None))
    for row in (await work.session.execute(on_air)).all():
        others = select(ATTEMPT.c.id).where(
            ATTEMPT.c.page_id == row.page_id, ATTEMPT.c.id != row.id, ATTEMPT.c.state.in_(AT_WORK)
        )
        await work.session.execute(update(ATTEMPT).where(ATTEMPT.c.id == row.id).values(state="cancelled", ended_at=work.now))
        if (await work.session.execute(others.limit(1))).first() is None:
            work.tell(STOP, None, [], page=row.page_id)  # nothing that it speaks of matters any more
        count += 1
    return count


async def tries(work: Work, requests: Sequence[str]) -> dict[str, list[Try]]:
    """All attempts of requests as the ladder reads them."""
    found: dict[str, list[Try]] = {one: [] for one in requests}
    columns = (
        ATTEMPT.c.request_id,
        ATTEMPT.c.channel,
        ATTEMPT.c.rung,
        ATTEMPT.c.place,
        ATTEMPT.c.at,
        ATTEMPT.c.ended_at,
        ATTEMPT.c.outcome,
        ATTEMPT.c.contact_id,
    )
    query = select(*columns).where(ATTEMPT.c.request_id.in_(requests), ATTEMPT.c.state != "cancelled").order_by(ATTEMPT.c.at)
    for row in (await work.session.execute(query)).all():
        one = Try(row.channel, row.rung, row.place, row.at, row.ended_at, row.outcome, row.contact_id)
        found[row.request_id].append(one)
    return found


async def of_event(work: Work, event: str) -> list[LinkageAttempt]:
    query = select(LinkageAttempt).where(LinkageAttempt.event_id == event).order_by(LinkageAttempt.at, LinkageAttempt.id)
    return list((await work.session.scalars(query)).all())


def seconds(since: dt.datetime | None, until: dt.datetime | None) -> float | None:
    """Between two moments; None if either is not known."""
    return None if since is None or until is None else (until - since).total_seconds()
