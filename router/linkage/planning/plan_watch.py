"""Reminds of plans whose review is due (到期修订提醒, K8): the supervisors of the city's lines see it once for each version."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import system
from router.casework.work import Town, Work, operation
from router.journal import journal
from router.linkage import words
from router.linkage.planning import plan_versions
from router.supervision import notices
from router.timers import timers
from router.timers.runner import Due, Handle

WATCH = "plan.watch"
DAY = 86400.0
AHEAD = 30
"""Days: a review needs a meeting of all who are named in the plan."""
NOTICE = "plan-review"


@operation
async def look(work: Work) -> None:
    """Tell of each plan that is due and was not told of; what was revised or retired meanwhile is settled."""
    await journal.lock(work.session, journal.SYSTEM)
    today = work.now.astimezone(words.HERE).date()
    due = await plan_versions.due_for_review(work.session, today, ahead=AHEAD)
    notice = notices.NOTICE
    told = set(await work.session.scalars(select(notice.c.subject_id).where(notice.c.kind == NOTICE)))
    for plan in due:
        if plan.id in told:
            continue
        when = "评审期限已过" if plan.review_by < today else f"须在{plan.review_by:%Y年%m月%d日}前评审修订"
        text = f"预案“{plan.name}”(第{plan.serial}版){when},请组织评审后发布新版本"
        for centre in work.town.mains(plan.city):
            await notices.raise_(work, unit=centre, role="supervisor", kind=NOTICE, text=text, subject=plan.id)
        work.note_in(journal.SYSTEM, "plan.review_due", plan.id, review_by=plan.review_by.isoformat())
    await notices.settle_others(work, NOTICE, [plan.id for plan in due])


def handlers(town: Town) -> dict[str, Handle]:
    """What the timer of the look does."""

    async def on_watch(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        await look(Work(session, system("plans"), now, town))

    return {WATCH: on_watch}


def standing(now: dt.datetime) -> list[timers.Plan]:
    """Timers that every installation has."""
    return [timers.Plan(WATCH, WATCH, now, every=DAY)]
