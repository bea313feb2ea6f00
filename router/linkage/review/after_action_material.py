"""What an after-action report is made of, and the words that its sections share. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router.journal.journal import Entry
from router.linkage.review.chronicle import Names
from router.linkage.review.course import Figures, Limit
from router.reports import formats
from router.reports.document import Cell, Mark
from router.storage.emergencies import EmergencyEvent, EventReview, EventStep, EventTask, Improvement, SituationReport
from router.storage.notifying import LinkageRequest

RUNNING = {"proposed": "事件待确认", "registered": "事件已登记,尚未启动响应", "responding": "事件仍在处置中"}
"""States in which a report is an interim one, and what it says of them."""
SETTLED = {"kept": "按时", "open": "未到时限", "lifted": "不再要求"}


@dataclass(frozen=True, slots=True)
class Matters:
    """The matters of an event, without anything of their callers."""

    times: Sequence[dt.datetime] = ()
    centres: Mapping[str, int] = field(default_factory=dict)
    """How many first came in where."""
    how: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call of the event, and a recording of it if there is one; ``seconds`` is the recording's length."""

    call: str
    kind: str
    """conference | phone."""
    began_at: dt.datetime | None
    ended_at: dt.datetime | None
    recording: str | None
    recorded_at: dt.datetime | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Stock:
    """Material that went for the event (below zero) or came back."""

    resource: str
    name: str
    measure: str
    owner: str
    amount: float
    left: float
    reason: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that is kept of an event."""

    event: EmergencyEvent
    now: dt.datetime
    names: Names
    figures: Figures
    steps: Sequence[EventStep]
    requests: Mapping[str, LinkageRequest]
    tasks: Mapping[str, EventTask]
    reports: Mapping[str, SituationReport]
    matters: Matters
    stock: Sequence[Stock]
    recorded: Sequence[Recorded]
    review: EventReview | None
    improvements: Sequence[Improvement]
    entries: Sequence[Entry]
    more_entries: bool
    """The journal is longer than ``entries``."""
    drill: str | None
    """Name of the drill."""
    parent: str | None
    """Number of the event that it follows from."""
    secondary: Sequence[str]
    """Numbers of those that follow from it."""

    @property
    def interim(self) -> bool:
        return self.event.state in RUNNING

    def when(self, at: dt.datetime | None) -> str:
        """The time of day; with its day if that is not the one on which the event was registered."""
        if at is None:
            return formats.UNKNOWN
        here, day = formats.local(at), formats.local(self.event.registered_at).date()
        return formats.clock(at) if here.date() == day else f"{here.month}月{here.day}日 {formats.clock(at)}"

    def verdict(self, limit: Limit) -> Cell:
        """How it stands with a limit; what is late is marked."""
        if limit.verdict == "missed":
            return Mark(self.lateness(limit))
        if limit.told_late:
            return "按时,事后补记"
        return "按时,以后续环节为准" if limit.implied else SETTLED[limit.verdict]

    def lateness(self, limit: Limit) -> str:
        """How late it was; how long what was never done has been overdue is told only while the event runs."""
        if limit.done_at is not None:
            return f"超时{formats.duration(limit.over)}"
        return f"未完成,已超时{formats.duration(limit.over)}" if self.interim and limit.over else "超时未完成"
