"""The course of an emergency in figures (处置数据): how long each post took, which limits were kept, how many called. Pure.

Durations are in seconds. Those of a post count from when it was first told. Limits are the rules that held for it: to sign since
it was told, everything else since it signed (:mod:`router.linkage.notifying.ladder`). What is judged is when something was
done, not when
somebody wrote it down; where these differ, ``told_late`` says so.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from router.linkage.notifying import ladder
from router.linkage.notifying.ladder import Rules
from router.linkage.review import tallies
from router.linkage.review.tallies import Tally

Verdict = Literal["kept", "missed", "open", "lifted"]
"""In time | too late, or not done though its time is over | its time is not over | not asked for any more."""


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody was told of a request: rung, written to, shown it on a desk."""

    channel: str
    rung: int
    at: dt.datetime
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A linkage request as it stands."""

    id: str
    post: str
    """Name of the post."""
    unit: str
    part: str
    state: str
    rules: Rules
    asked_at: dt.datetime
    begun_at: dt.datetime | None = None
    accepted_at: dt.datetime | None = None
    sent_out_at: dt.datetime | None = None
    arrived_at: dt.datetime | None = None
    fed_back_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    late: frozenset[str] = frozenset()
    """Duties that were found late while it ran."""
    reopened: int = 0
    told: Sequence[Told] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """A mutual notice as it stands; ``within``: seconds in which it had to be signed."""

    id: str
    sender: str
    receiver: str
    state: str
    sent_at: dt.datetime
    within: float
    signed_at: dt.datetime | None = None
    climbs: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """A report to the higher level as it stands."""

    id: str
    title: str
    state: str
    phone_by: dt.datetime | None = None
    due_at: dt.datetime | None = None
    phoned_at: dt.datetime | None = None
    submitted_at: dt.datetime | None = None
    late: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Task:
    """An order as it stands."""

    id: str
    number: str
    unit: str
    state: str
    sent_at: dt.datetime
    due_at: dt.datetime | None = None
    overdue_at: dt.datetime | None = None
    signed_at: dt.datetime | None = None
    done_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that had to be done until a moment."""

    duty: str
    """sign | send-out | arrive | feedback; phone | written of a report; finish of a task."""
    due: dt.datetime
    done_at: dt.datetime | None
    verdict: Verdict
    over: float = 0.0
    """Seconds by which it was too late; for what is not done, until the report was made."""
    told_late: bool = False
    """It was done in time, and was not told in time."""
    implied: bool = False
    """Nobody told it by itself: a later step says that it was done."""


@dataclass(frozen=True, slots=True)
class RequestCourse:
    """How it went with one request; None: that has not happened."""

    request: Request
    told: float | None
    """Since it was asked; the plan may have wanted it later."""
    signed: float | None
    sent_out: float | None
    arrived: float | None
    fed_back: float | None
    calls: int
    """Telephone calls until it was signed."""
    climbed: int
    """The highest rung that was told until it was signed: 0 the post itself."""
    limits: tuple[Limit, ...]

    def limit(self, duty: str) -> Limit | None:
        return next((one for one in self.limits if one.duty == duty), None)


@dataclass(frozen=True, slots=True)
class NoticeCourse:
    notice: Notice
    signed: float | None
    limit: Limit


@dataclass(frozen=True, slots=True)
class ReportCourse:
    report: Report
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class TaskCourse:
    """``limit`` is None for a task without a time limit."""

    task: Task
    signed: float | None
    done: float | None
    limit: Limit | None


@dataclass(frozen=True, slots=True)
class Ratio:
    """Limits that were kept, of those about which it is settled."""

    kept: int = 0
    of: int = 0

    @property
    def share(self) -> float | None:
        return self.kept / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Spread:
    """Durations of many: their median, and the shortest that nine tenths did not exceed (P90); None of nothing."""

    count: int
    median: float | None
    p90: float | None


@dataclass(frozen=True, slots=True)
class Totals:
    """All requests of an event."""

    told: int
    """Requests whose post was told."""
    signed: int
    sign: Ratio
    to_sign: Spread
    to_arrive: Spread
    climbed: int
    """Requests that were signed, or stand, above the post itself."""
    calls: int
    refused: int
    """Requests that somebody has refused, whoever signed them then."""
    unsigned: int
    """Requests that nobody has signed, and whose time for it is over."""
    duties: Mapping[str, Ratio]
    """By duty, of all requests."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that is reckoned of an event."""

    requests: tuple[RequestCourse, ...]
    totals: Totals
    notices: tuple[NoticeCourse, ...]
    notices_signed: Ratio
    reports: tuple[ReportCourse, ...]
    reports_made: Ratio
    tasks: tuple[TaskCourse, ...]
    tasks_done: Ratio
    tally: Tally
    """``matters`` and ``calls``."""


def figures(
    *,
    requests: Sequence[Request],
    notices: Sequence[Notice],
    reports: Sequence[Report],
    tasks: Sequence[Task],
    matters: Sequence[dt.datetime],
    calls: Sequence[dt.datetime],
    now: dt.datetime,
) -> Figures:
    """Reckon all of it as it stands at ``now``."""
    asked = tuple(of_request(one, now) for one in requests)
    noticed = tuple(of_notice(one, now) for one in notices)
    reported = tuple(of_report(one, now) for one in reports)
    ordered = tuple(of_task(one, now) for one in tasks)
    return Figures(
        requests=asked,
        totals=totals(asked),
        notices=noticed,
        notices_signed=ratio(one.limit for one in noticed),
        reports=reported,
        reports_made=ratio(limit for one in reported for limit in one.limits),
        tasks=ordered,
        tasks_done=ratio(one.limit for one in ordered if one.limit),
        tally=tallies.tally({"matters": matters, "calls": calls}),
    )


# --- one by one


def of_request(one: Request, now: dt.datetime) -> RequestCourse:
    since = one.begun_at or one.asked_at
    before = [told for told in one.told if one.accepted_at is None or told.at <= one.accepted_at]
    return RequestCourse(
        request=one,
        told=_seconds(one.asked_at, one.begun_at),
        signed=_seconds(since, one.accepted_at),
        sent_out=_seconds(since, one.sent_out_at),
        arrived=_seconds(since, one.arrived_at),
        fed_back=_seconds(since, one.fed_back_at),
        calls=sum(told.channel == "phone" for told in before),
        climbed=max((told.rung for told in before), default=0),
        limits=tuple(_duties(one, now)),
    )


def _duties(one: Request, now: dt.datetime) -> list[Limit]:
    lifted = one.ended_at if one.state == "cancelled" else None
    done = {"sign": one.accepted_at, "send-out": one.sent_out_at, "arrive": one.arrived_at, "feedback": one.fed_back_at}
    found = []
    for place, (duty, _) in enumerate(ladder.MOVES):
        within = one.rules.limit(duty)
        since = one.begun_at if duty == "sign" else one.accepted_at
        if within is None or since is None:
            continue
        at, later = done[duty], [done[other] for other, _ in ladder.MOVES[place + 1 :]]
        shown = [moment for moment in later if moment is not None]
        found.append(
            _limit(
                duty,
                since + dt.timedelta(seconds=within),
                at if at is not None or not shown else min(shown),
                now,
                lifted=lifted,
                flagged=duty in one.late,
                implied=at is None and bool(shown),
            )
        )
    return found


def of_notice(one: Notice, now: dt.datetime) -> NoticeCourse:
    due = one.sent_at + dt.timedelta(seconds=one.within)
    limit = _limit("sign", due, one.signed_at, now, withdrawn=one.state == "withdrawn", flagged=one.climbs > 0)
    return NoticeCourse(one, _seconds(one.sent_at, one.signed_at), limit)


def of_report(one: Report, now: dt.datetime) -> ReportCourse:
    """What came in writing before anybody telephoned was told by it."""
    duties = (("phone", one.phone_by, one.phoned_at or one.submitted_at), ("written", one.due_at, one.submitted_at))
    void = one.state == "void"
    limits = [
        _limit(
            duty, due, done, now, withdrawn=void, flagged=duty in one.late,
            implied=duty == "phone" and one.phoned_at is None and done is not None,
        )
        for duty, due, done in duties
        if due is not None
    ]  # fmt: skip
    return ReportCourse(one, tuple(limits))


def of_task(one: Task, now: dt.datetime) -> TaskCourse:
    limit = None
    if one.due_at is not None:
        flagged = one.overdue_at is not None
        limit = _limit("finish", one.due_at, one.done_at, now, withdrawn=one.state == "cancelled", flagged=flagged)
    return TaskCourse(one, _seconds(one.sent_at, one.signed_at), _seconds(one.sent_at, one.done_at), limit)


def _limit(
    duty: str,
    due: dt.datetime,
    done: dt.datetime | None,
    now: dt.datetime,
    *,
    lifted: dt.datetime | None = None,
    withdrawn: bool = False,
    flagged: bool = False,
    implied: bool = False,
) -> Limit:
    """``lifted``: when it was called off; ``withdrawn``: it was, and only ``flagged`` tells whether its time was over then."""
    if done is not None:
        if done <= due:
            return Limit(duty, due, done, "kept", told_late=flagged, implied=implied)
        return Limit(duty, due, done, "missed", _seconds(due, done) or 0.0, implied=implied)
    if withdrawn:
        return Limit(duty, due, None, "missed" if flagged else "lifted")
    end = now if lifted is None else min(lifted, now)
    if end >= due:
        return Limit(duty, due, None, "missed", (end - due).total_seconds())
    return Limit(duty, due, None, "open" if lifted is None else "lifted")


def _seconds(since: dt.datetime, until: dt.datetime | None) -> float | None:
    """Nothing, rather than less, for what others dated before it was asked."""
    return None if until is None else max(0.0, (until - since).total_seconds())


# --- together


def totals(requests: Sequence[RequestCourse]) -> Totals:
    signs = [limit for one in requests if (limit := one.limit("sign")) is not None]
    return Totals(
        told=sum(one.request.begun_at is not None for one in requests),
        signed=sum(one.signed is not None for one in requests),
        sign=ratio(signs),
        to_sign=spread([one.signed for one in requests if one.signed is not None]),
        to_arrive=spread([one.arrived for one in requests if one.arrived is not None]),
        climbed=sum(one.climbed > 0 for one in requests),
        calls=sum(told.channel == "phone" for one in requests for told in one.request.told),
        refused=sum(any(told.outcome == "refused" for told in one.request.told) for one in requests),
        unsigned=sum(one.done_at is None and one.verdict == "missed" for one in signs),
        duties=_by_duty(requests),
    )


def _by_duty(requests: Sequence[RequestCourse]) -> dict[str, Ratio]:
    found = {duty: [one.limit(duty) for one in requests] for duty, _ in ladder.MOVES}
    return {duty: ratio(limit for limit in limits if limit is not None) for duty, limits in found.items()}


def ratio(limits: Iterable[Limit]) -> Ratio:
    """What is open or lifted counts neither way."""
    settled = [one.verdict for one in limits if one.verdict in ("kept", "missed")]
    return Ratio(settled.count("kept"), len(settled))


def spread(values: Sequence[float]) -> Spread:
    if not values:
        return Spread(0, None, None)
    ordered = sorted(values)
    return Spread(len(ordered), statistics.median(ordered), ordered[(9 * len(ordered) + 9) // 10 - 1])
