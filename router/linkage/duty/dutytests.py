"""Test calls (拨测) to duty posts: once a month each is rung at a moment that nobody can foresee, also at night, and the answers
are counted. A post that has an emergency in hand is left alone."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from router import ids
from router.access.actor import system
from router.casework.work import Town, Work, operation
from router.errors import Conflict, Invalid
from router.journal import journal
from router.linkage import words
from router.linkage.duty import posts, rosters, watch
from router.linkage.notifying import attempts, ladder
from router.linkage.notifying.ladder import Number
from router.storage.duty import DutyPost, DutyTest
from router.storage.notifying import LinkageAttempt, LinkageRequest
from router.supervision import notices
from router.timers import timers
from router.timers.runner import Due, Handle

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

TESTS = "duty.tests"
TEST = "duty.test"
NOTICE = "duty-test"
DAY = 86400.0
PLANNER = system("duty")
AHEAD = dt.timedelta(days=2)
"""A month is planned so long before it begins, so that its first hours have tests as well."""
REST = dt.timedelta(days=3)
"""A post that is new when less of the month is left waits for the next."""
LOOK = dt.timedelta(minutes=10)
"""After a call, until somebody sees whether its end was told."""
AGAIN = dt.timedelta(hours=1)
"""Until a call is tried anew that could not be made, or that an emergency put off."""
TRIES = 3
BUSY = dt.timedelta(days=1)
"""A post that was asked about an emergency within this time, and has not reported back, is not tested."""
OURS = frozenset({"failed", "lost", "stopped"})
"""Outcomes that say nothing of the post: the call was not made, or nobody knows its end."""
STOPPED = "测试呼叫被中止"


# --- planning


def moments(found: Sequence[str], since: dt.datetime, until: dt.datetime, chance: random.Random) -> dict[str, dt.datetime]:
    """A moment for each: the time is cut into as many equal parts, dealt out by chance, and each moment lies
    anywhere in its part. Pure."""
    order = sorted(found)
    chance.shuffle(order)
    part = (until - since) / max(1, len(order))
    return {
        one: since + place * part + dt.timedelta(seconds=int(chance.random() * part.total_seconds()))
        for place, one in enumerate(order)
    }


def month_of(at: dt.datetime) -> str:
    """``2026-12``, on the clock here."""
    return f"{at.astimezone(words.HERE):%Y-%m}"


def bounds(month: str) -> tuple[dt.datetime, dt.datetime]:
    """When a month begins and ends; raise :class:`Invalid` for what is none."""
    try:
        year, number = (int(part) for part in month.split("-"))
        if len(month) != 7 or year not in rosters.YEARS:
            raise ValueError(month)
        begin = dt.datetime(year, number, 1, tzinfo=words.HERE)
        after = dt.datetime(year + number // 12, number % 12 + 1, 1, tzinfo=words.HERE)
    except ValueError:
        raise Invalid(f"“{month[:20]}”不是月份", "写成 2026-12", field="month") from None
    return begin.astimezone(dt.UTC), after.astimezone(dt.UTC)


@operation
async def plan(work: Work, month: str, chance: random.Random) -> list[DutyTest]:
    """Give each active post that has none its test of a month, and set the timers; return the new ones."""
    await journal.lock(work.session, journal.SYSTEM)
    begin, end = bounds(month)
    since = max(begin, work.now)
    planned = select(DutyTest.post_id).where(DutyTest.month == month, DutyTest.by == PLANNER.id)
    query = select(DutyPost.id).where(DutyPost.active, DutyPost.id.not_in(planned))
    found = (await work.session.scalars(query)).all() if since < end - REST else []
    made = [_test(PLANNER.id, post, month, at) for post, at in moments(found, since, end, chance).items()]
    if made:
        work.session.add_all(made)
        await work.session.flush()
        await timers.set_(work.session, [_timer(one.id, one.due_at) for one in made], work.now)
        work.note_in(journal.SYSTEM, "duty.tests_planned", month, posts=len(made))
    return made


def _test(by: str, post: str, month: str, at: dt.datetime) -> DutyTest:
    return DutyTest(
        id=ids.new(),
        post_id=post,
        month=month,
        due_at=at,
        called_at=None,
        number=None,
        contact_id=None,
        outcome=None,
        waited=None,
        ended_at=None,
        by=by,
    )


def _timer(test: str, at: dt.datetime) -> timers.Plan:
    return timers.Plan(id=f"{TEST}:{test}", kind=TEST, due_at=at, subject=test)


@operation
async def order(work: Work, post: str) -> DutyTest:
    """A supervisor has a post tested now (抽查). Raise :class:`Conflict` while it is being tested or has an emergency in hand."""
    await journal.lock(work.session, journal.SYSTEM)
    row = await posts.get(work.session, post)
    if not row.active:
        raise Conflict("值班岗已停用", "请选择在用的值班岗", post=post)
    going = select(DutyTest.id).where(DutyTest.post_id == post, DutyTest.called_at.is_not(None), DutyTest.ended_at.is_(None))
    if (await work.session.scalar(going.limit(1))) is not None:
        raise Conflict("正在拨测这个值班岗", "请等待结果", post=post)
    if await _in_emergency(work, row):
        raise Conflict("该岗正在处置突发事件", "请在处置结束后再拨测", post=post)
    test = _test(work.actor.id, post, month_of(work.now), work.now)
    work.session.add(test)
    await work.session.flush()
    work.note_in(journal.SYSTEM, "duty.test_ordered", post, test=test.id)
    await _call(work, test, row)
    await timers.set_(work.session, [_timer(test.id, work.now + LOOK)], work.now)
    return test


# --- a test at its time


@operation
async def ring(work: Work, test: str) -> dt.datetime | None:
    """A test's timer has come: call, or see what became of the call. Return when to come again, if at all."""
    row = await _held(work, test)
    if row is None or row.ended_at is not None:
        return None
    post = await posts.get(work.session, row.post_id)
    if row.called_at is None:
        if not post.active:
            row.ended_at = work.now
            return None
        if await _in_emergency(work, post):
            return work.now + AGAIN
        await _call(work, row, post)
        return work.now + LOOK
    last = await _last_attempt(work, test)
    if last is not None and last.state in attempts.AT_WORK:
        return work.now + LOOK
    outcome = last.outcome if last is not None and last.state == "done" and last.outcome else "lost"
    ended = last.ended_at if last is not None and last.ended_at else work.now
    return await _end(work, row, post, outcome, None, last.answered_at if last is not None else None, ended)


async def _held(work: Work, test: str) -> DutyTest | None:
    await journal.lock(work.session, journal.SYSTEM)
    return await work.session.get(DutyTest, test, populate_existing=True)


async def _in_emergency(work: Work, post: DutyPost) -> bool:
    request, attempt = LinkageRequest, LinkageAttempt
    states = (*ladder.OPEN, *ladder.MOVING)
    asked = select(request.id).where(request.post_id == post.id, request.state.in_(states), request.asked_at > work.now - BUSY)
    print_ = attempts.print_of(post.main)
    ringing = select(attempt.id).where(
        attempt.number_print == print_, attempt.state.in_(attempts.AT_WORK), attempt.test_id.is_(None)
    )
    for query in (asked, ringing):
        if (await work.session.scalar(query.limit(1))) is not None:
            return True
    return False


async def _call(work: Work, row: DutyTest, post: DutyPost) -> None:
    """Have the post's number rung; whoever is on duty should take it."""
    duty = rosters.on_duty(await posts.roster(work.session, post, work.now), work.now)
    known = (await posts.people(work.session, [post.unit]))[post.unit]
    row.contact_id = duty.contact if duty is not None and duty.contact in known else None
    row.called_at, row.number = work.now, post.main
    await work.session.flush()
    number = Number(post.main, row.contact_id)
    text = f"值班电话拨测,没有突发事件。{post.name}的值班人员,听到请按1。"
    await attempts.queue(work, channel="phone", number=number, text=text, post=post.id, urgent=False, test=row.id)


async def _last_attempt(work: Work, test: str) -> LinkageAttempt | None:
    query = select(LinkageAttempt).where(LinkageAttempt.test_id == test).order_by(LinkageAttempt.at.desc())
    return await work.session.scalar(query.limit(1))


@operation
async def finished(
    work: Work,
    test: str,
    outcome: str,
    *,
    rang_at: dt.datetime | None = None,
    answered_at: dt.datetime | None = None,
    ended_at: dt.datetime | None = None,
) -> None:
    """The call of a test is over. Told twice it counts once."""
    row = await _held(work, test)
    if row is None or row.called_at is None or row.ended_at is not None:
        return
    post = await posts.get(work.session, row.post_id)
    again = await _end(work, row, post, outcome, rang_at, answered_at, ended_at or work.now)
    if again is None:
        await timers.cancel(work.session, test, work.now, kinds=[TEST])
    else:
        await timers.set_(work.session, [_timer(test, again)], work.now)


async def _end(
    work: Work,
    row: DutyTest,
    post: DutyPost,
    outcome: str,
    rang_at: dt.datetime | None,
    answered_at: dt.datetime | None,
    ended_at: dt.datetime,
) -> dt.datetime | None:
    """Write down how a call ended; return when it is tried anew, if nobody could be reached for reasons of our own."""
    work.note_in(journal.SYSTEM, "duty.test_ended", post.id, test=row.id, outcome=outcome)
    if outcome in OURS and await _tried(work, row.id) < TRIES:
        row.called_at = None
        return work.now + AGAIN
    row.outcome, row.ended_at = outcome, ended_at
    row.waited = attempts.seconds(rang_at or row.called_at, answered_at)
    await work.session.flush()
    supervisors = work.town.mains(post.city)
    work.tell("duty.tested", None, [post.unit, *supervisors], post=post.id, test=row.id, outcome=outcome)
    if outcome == "accepted":
        await posts.answered(work, post)
        await watch.settle(work, [post.unit, *supervisors], [NOTICE], only=post.id)
        return None
    await _tell(work, row, post, outcome, supervisors)
    return None


async def _tried(work: Work, test: str) -> int:
    query = select(func.count()).select_from(LinkageAttempt).where(LinkageAttempt.test_id == test)
    return (await work.session.execute(query)).scalar_one()


async def _tell(work: Work, row: DutyTest, post: DutyPost, outcome: str, supervisors: Sequence[str]) -> None:
    """Nobody took it: the unit and the city's supervisors see it. What was no fault of the post, supervisors only."""
    at = f"{(row.called_at or work.now).astimezone(words.HERE):%m-%d %H:%M}"
    how = words.OUTCOMES.get(outcome, STOPPED)
    ours = outcome in OURS
    text = f"值班岗“{post.name}”{at}拨测{'未能完成' if ours else '未通过'}:{how}"
    if not ours:
        await notices.raise_(work, unit=post.unit, kind=NOTICE, text=text, level=notices.URGENT, subject=post.id)
    for unit in supervisors:
        await notices.raise_(work, unit=unit, kind=NOTICE, text=text, level=notices.URGENT, role="supervisor", subject=post.id)


# --- results


@dataclass(slots=True)
class Tally:
    """Tests of a month that were made, of one post or of all."""

    outcomes: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)

    def add(self, row: DutyTest) -> None:
        self.outcomes[row.outcome or ""] += 1
        if row.outcome == "accepted" and row.waited is not None:
            self.waits.append(row.waited)

    @property
    def made(self) -> int:
        """Without those that say nothing of the post."""
        return sum(count for outcome, count in self.outcomes.items() if outcome not in OURS)

    @property
    def rate(self) -> float | None:
        """Share that was answered and confirmed; None: none was made."""
        return self.outcomes["accepted"] / self.made if self.made else None

    @property
    def waited(self) -> float | None:
        """Mean seconds until it was answered."""
        return sum(self.waits) / len(self.waits) if self.waits else None


async def results(
    session: AsyncSession, city: str, month: str, *, unit: str | None = None
) -> tuple[Tally, list[tuple[DutyPost, Tally]]]:
    """What came of a month's tests: of all posts of a city (or a unit) together, and of each that is active or was tested."""
    bounds(month)
    query = select(DutyPost).where(DutyPost.city == city).order_by(DutyPost.id)
    rows = (await session.scalars(query if unit is None else query.where(DutyPost.unit == unit))).all()
    tallies = {row.id: Tally() for row in rows}
    whole = Tally()
    tests = select(DutyTest).where(DutyTest.month == month, DutyTest.outcome.is_not(None), DutyTest.post_id.in_(tallies))
    for test in await session.scalars(tests):
        tallies[test.post_id].add(test)
        whole.add(test)
    return whole, [(row, tallies[row.id]) for row in rows if row.active or tallies[row.id].outcomes]


def handlers(town: Town, chance: random.Random | None = None) -> dict[str, Handle]:
    """What the timers of tests do, by kind. ``chance`` draws the moments; None: one that nobody can foresee."""
    dice = chance or random.SystemRandom()

    async def on_tests(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        work = Work(session, PLANNER, now, town)
        for month in sorted({month_of(now), month_of(now + AHEAD)}):
            await plan(work, month, dice)

    async def on_test(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        again = await ring(Work(session, PLANNER, now, town), timer.subject)
        if again is not None:
            await timers.set_(session, [_timer(timer.subject, again)], now)

    return {TESTS: on_tests, TEST: on_test}


def standing(now: dt.datetime) -> list[timers.Plan]:
    """Timers that every installation has."""
    return [timers.Plan(TESTS, TESTS, now, every=DAY)]
