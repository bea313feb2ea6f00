"""The unit of work of casework: one actor at one moment, in one transaction, and what it leaves in journal and outbox.

A service takes a :class:`Work`, changes rows, and says what happened (:meth:`Work.note`, :meth:`Work.tell`). The outermost
:func:`operation` writes all of it at its end, so that change, journal and outbox are one transaction; it never commits.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from classifier.verdict import Engine
from router.access.actor import Actor
from router.allocation.decision import Decision, Desk, Side
from router.casework.machines import Machine
from router.catalog.model import Catalog
from router.errors import Forbidden, Invalid, NotFound, Stale
from router.journal import journal, outbox
from router.journal.journal import Note
from router.journal.outbox import News
from router.storage.casework import Case, Handoff, PoliceOrder, Ticket
from router.supervision import duties

if TYPE_CHECKING:
    from router.linkage.office import Office

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Town:
    """What casework knows of the installation: its centres, and the engine that judges words for each city."""

    city: str
    """Division code of the city that the installation is named after."""
    desks: Mapping[str, Desk]
    names: Mapping[str, str]
    """Names of centres."""
    engine: Callable[[str, Catalog], Engine]
    """The engine that judges words by a city's catalog."""
    attachments: Any = None
    """Where attachments lie (:class:`router.casework.attachments.Store`)."""
    office: Office | None = None
    """What linkage knows of the installation."""

    def desk(self, centre: str) -> Desk:
        found = self.desks.get(centre)
        if found is None:
            raise Invalid(f"没有受理中心“{centre}”", "请选择已配置的中心", field="centre", allowed=sorted(self.desks))
        return found

    def side(self, unit: str) -> Side | None:
        found = self.desks.get(unit)
        return found.side if found else None

    def city_of(self, centre: str) -> str:
        """City whose rules hold at a centre: that of its first division."""
        divisions = self.desk(centre).divisions
        return divisions[0][:4] + "00" if divisions else self.city

    def default(self, city: str, side: Side) -> Desk:
        """The centre of a city and side that takes what no other takes."""
        mine = [one for one in self.desks.values() if one.side == side and self.city_of(one.id) == city]
        chosen = next((one for one in mine if one.default), mine[0] if mine else None)
        if chosen is None:
            raise Invalid(f"{city} 没有{side}受理中心", "请在配置中加入该市的中心", field="city")
        return chosen

    def desks_of(self, city: str) -> list[Desk]:
        return [one for one in self.desks.values() if self.city_of(one.id) == city]

    def mains(self, city: str) -> list[str]:
        """The main centre of each line that a city has: its supervisors answer for the city."""
        sides: tuple[Side, ...] = ("12345", "110")
        there = {one.side for one in self.desks_of(city)}
        return [self.default(city, side).id for side in sides if side in there]


@dataclass(slots=True)
class Born:
    """What has been opened of a case that this transaction has made: nobody else can see it yet, nothing need be asked."""

    ticket: Ticket | None = None
    order: PoliceOrder | None = None
    handoffs: list[Handoff] = field(default_factory=list)


def born(session: AsyncSession) -> dict[str, Born]:
    """Cases that this session has made, by id."""
    found: dict[str, Born] = session.info.setdefault("casework.born", {})
    return found


@dataclass(slots=True)
class Work:
    session: AsyncSession
    actor: Actor
    now: dt.datetime
    town: Town
    _notes: dict[str, list[Note]] = field(default_factory=dict)
    _news: list[News] = field(default_factory=list)
    _depth: int = 0
    moved: dict[str, Any] = field(default_factory=dict)
    """Tickets, orders and handoffs whose state has changed: their duties follow at the end."""
    made: dict[str, Decision] = field(default_factory=dict)
    """Decisions of this unit of work by the id of their allocation."""

    def note(self, case: str, action: str, subject: str, /, **detail: Any) -> None:
        """Say in a case's journal what happened; ``detail`` without personal data."""
        self._notes.setdefault(journal.of_case(case), []).append(Note(action, subject, detail))

    def note_in(self, chain: str, action: str, subject: str, /, **detail: Any) -> None:
        self._notes.setdefault(chain, []).append(Note(action, subject, detail))

    def tell(self, topic: str, case: str | None, units: Sequence[str | None], /, **body: Any) -> None:
        """Tell others after the commit."""
        self._news.append(News(topic, body, case=case, units=[unit for unit in units if unit]))

    async def flush(self) -> None:
        notes, self._notes = self._notes, {}
        news, self._news = self._news, []
        for chain in sorted(notes):
            new = chain.removeprefix("case:") in born(self.session)
            await journal.write(self.session, chain, self.actor, notes[chain], self.now, new=new)
            if new:
                born(self.session).pop(chain.removeprefix("case:"))
        await outbox.write(self.session, news, self.now)

    async def hold(self, case: str) -> Case:
        """The case, with everybody else who wants to change it waiting; raise :class:`NotFound`."""
        new = case in born(self.session)
        if not new:
            await journal.lock(self.session, journal.of_case(case))
        found = await self.session.get(Case, case, populate_existing=not new)
        if found is None:
            raise NotFound("没有这个事项", "请核对单号", case=case)
        return found

    def must_be(self, *units: str | None) -> None:
        """Raise :class:`Forbidden` unless the actor works for one of the units, or is the service itself."""
        if not self.actor.is_system and self.actor.desk not in {unit for unit in units if unit}:
            raise Forbidden("这一步归其他单位办理", "请由责任单位操作", unit=self.actor.desk, responsible=[u for u in units if u])


def operation(
    function: Callable[Concatenate[Work, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Work, P], Coroutine[Any, Any, R]]:
    """A service: what it and those it calls have said is written when the outermost one ends well."""

    @functools.wraps(function)
    async def run(work: Work, /, *args: P.args, **kwargs: P.kwargs) -> R:
        work._depth += 1
        try:
            result = await function(work, *args, **kwargs)
        finally:
            work._depth -= 1
        if work._depth == 0:
            await work.session.flush()
            moved, work.moved = work.moved, {}
            await duties.follow(work, moved.values())
            await work.flush()
        return result

    return run


class Row(Protocol):
    """A row with a life cycle."""

    id: Any
    rev: Any
    state: Any
    updated_at: Any


def fresh(row: Any, rev: int | None) -> None:
    """Raise :class:`Stale` if somebody has changed the row since the caller read revision ``rev``; None: not asked."""
    if rev is not None and row.rev != rev:
        raise Stale("内容已被他人修改", "请刷新后重试", current=row.rev, given=rev)


def move(work: Work, machine: Machine, row: Any, step: str, **detail: Any) -> str:
    """Take a step of a life cycle: the row's state and revision, and the journal's note ``<machine>.<step>``.

    Return the state before.
    """
    before: str = row.state
    row.state = machine.step(before, step)
    touch(work, row)
    if machine.name in ("ticket", "police_order", "handoff"):
        work.moved[row.id] = row
    detail = {key: value for key, value in detail.items() if value is not None}
    work.note(row.case_id, f"{machine.name}.{step}", row.id, before=before, after=row.state, **detail)
    return before


def touch(work: Work, row: Any) -> None:
    row.rev += 1
    if hasattr(row, "updated_at"):
        row.updated_at = work.now


def need(text: str | None, field_name: str, what: str, longest: int = 4000) -> str:
    """A text that must be given; raise :class:`Invalid`."""
    said = (text or "").strip()
    if not said:
        raise Invalid(f"{what}必填", f"请填写{what}", field=field_name)
    if len(said) > longest:
        raise Invalid(f"{what}超过{longest}字", "请缩短", field=field_name, limit=longest)
    return said
