"""A month's roster from a table (CSV, XLSX): who has which post from when until when. Every bad cell is named, and nothing is
taken unless all is good."""

from __future__ import annotations

import bisect
import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import select

from config.errors import Problem
from router import ids
from router.casework.work import Work, operation
from router.catalog import grid
from router.catalog.errors import BadTable
from router.catalog.grid import Grid, Row
from router.errors import CaseworkError, Invalid
from router.journal import journal
from router.linkage.duty import posts, roster_entries, rostering, watch
from router.linkage.duty.rosters import Shift
from router.storage.duty import DutyPost, DutyShift
from router.storage.organisation import DutyContact

POST, NAME, SINCE, UNTIL = HEADINGS = ("值班岗", "姓名", "开始", "结束")
SHOWN = 3
"""Problems that the sentence itself names; ``facts["problems"]`` holds them all."""
_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_TIME = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})(?:日\s*|\s+|T)([0-9]{1,2})[::时点]([0-9]{2})(?:分|[::]00)?")


class BadRoster(Invalid):
    """A table with wrong cells; ``problems`` holds all of them, and nothing was taken."""

    code = "table.invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        shown = ";".join(str(one) for one in self.problems[:SHOWN])
        super().__init__(
            f"值班表有{len(self.problems)}处错误:{shown}",
            "按各处说明改正后重新导入",
            problems=[{"where": one.where, "what": one.what, "remedy": one.remedy} for one in self.problems],
        )


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the lines."""

    created: int
    same: int
    """There already, as the table has them."""


def read(data: bytes, name: str) -> Grid:
    """The table of a file; raise :class:`BadRoster` for wrong headings, :class:`router.catalog.grid.BadFile` for no table."""
    try:
        return grid.read(data, name, needed=HEADINGS)
    except BadTable as error:
        raise BadRoster(error.problems) from None


def moment(text: str, zone: str) -> dt.datetime | None:
    """``2026-12-01 08:00`` (also with slashes or 年月日) on a post's clock, in UTC; 24:00 is midnight after. None: no such time.

    A time that the clock shows twice counts the first time.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute = (int(part) for part in found.groups())
    late = hour == 24 and minute == 0
    try:
        wall = dt.datetime(year, month, day, 0 if late else hour, minute) + dt.timedelta(days=late)
        at = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    leapt_over = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != wall
    return None if leapt_over else at


@operation
async def take(work: Work, city: str, month: str, found: Grid) -> Imported:
    """Enter the shifts of a table that all begin in one month (``2026-12``); those that are there already stay.

    Raise :class:`BadRoster` with every fault.
    """
    if _MONTH.fullmatch(month) is None:
        raise Invalid(f"“{month[:20]}”不是月份", "写成 2026-12", field="month")
    await journal.lock(work.session, journal.SYSTEM)
    rows = (await work.session.scalars(select(DutyPost).where(DutyPost.city == city, DutyPost.active))).all()
    people = await posts.people(work.session, {one.unit for one in rows})
    begin = dt.datetime.fromisoformat(f"{month}-01T00:00:00+00:00") - dt.timedelta(days=2)
    books = await posts.rosters_of(work.session, rows, begin)
    there = {post: sorted((one for one in book.shifts if one.kind == "shift"), key=_begin) for post, book in books.items()}
    reading = _Reading(work, month, found, rows, people, there)
    made = [one for one in map(reading.line, found.rows) if one is not None]
    problems = [*found.problems, *reading.problems]
    if problems:
        raise BadRoster(problems)
    work.session.add_all(made)
    await work.session.flush()
    many = {post: sum(one.post_id == post for one in made) for post in sorted({one.post_id for one in made})}
    units = {one.unit for one in rows if one.id in many}
    for post, count in many.items():
        work.note_in(journal.SYSTEM, "roster.imported", post, month=month, shifts=count)
        work.tell("roster.changed", None, [reading.by_id[post].unit], post=post, action="roster.imported")
    if units:
        await watch.look(work, units)
    return Imported(len(made), reading.same)


@dataclass(slots=True)
class _Reading:
    """Lines as shifts, each looked through against what is there and the lines above."""

    work: Work
    month: str
    grid: Grid
    rows: Sequence[DutyPost]
    people: Mapping[str, Mapping[str, DutyContact]]
    there: Mapping[str, list[Shift]]
    """Single shifts by post, in order; they don't overlap."""
    problems: list[Problem] = field(default_factory=list)
    same: int = 0
    by_id: dict[str, DutyPost] = field(init=False)
    _lines: dict[str, int] = field(default_factory=dict)
    """Shifts of the table, and the lines that they stand on."""

    def __post_init__(self) -> None:
        self.by_id = {one.id: one for one in self.rows}

    def _tell(self, row: Row, heading: str, what: str, remedy: str) -> None:
        self.problems.append(self.grid.problem(row.number, heading, what, remedy))

    def line(self, row: Row) -> DutyShift | None:
        post = self._post(row)
        contact = self._contact(row, post) if post is not None else None
        zone = post.zone if post is not None else roster_entries.ZONE
        since, until = self._moment(row, SINCE, zone), self._moment(row, UNTIL, zone)
        if since is not None and f"{since.astimezone(ZoneInfo(zone)):%Y-%m}" != self.month:
            self._tell(row, SINCE, f"不在{self.month}", "核对日期,或者选择这个月份导入")
            return None
        if since is not None and until is not None and until <= since:
            self._tell(row, UNTIL, "结束时间不晚于开始时间", "请核对起止时间")
            return None
        if post is None or contact is None or since is None or until is None:
            return None
        return self._shift(row, post, Shift(ids.new(), contact, "shift", since, until, self.work.now))

    def _shift(self, row: Row, post: DutyPost, made: Shift) -> DutyShift | None:
        there = self.there[post.id]
        place = bisect.bisect_left(there, made.since, key=_begin)
        near = there[max(0, place - 1) : place + 1]
        if any(_alike(one, made) and one.id not in self._lines for one in near):
            self.same += 1
            return None
        names = {one.id: one.name for one in self.people[post.unit].values()}
        try:
            roster_entries.check_shift(made, near, names=names, zone=post.zone)
        except CaseworkError as error:
            above = self._lines.get(str(error.facts.get("shift")))
            where = f"(第{above}行)" if above else ""
            self._tell(row, UNTIL if error.facts.get("field") == "until" else SINCE, error.what + where, error.remedy)
            return None
        there.insert(place, made)
        self._lines[made.id] = row.number
        return rostering.shift_row(self.work, post, made)

    def _post(self, row: Row) -> DutyPost | None:
        text = self._text(row, POST)
        if not text:
            return None
        found = [one for one in self.rows if text in (one.id, one.name)]
        mine = [one for one in found if self.work.actor.role != "agency" or one.unit == self.work.actor.desk]
        if found and not mine:
            self._tell(row, POST, f"“{text[:50]}”不是本单位的值班岗", "只能导入本单位的值班岗")
        elif not found:
            self._tell(row, POST, f"没有值班岗“{text[:50]}”", "填写在用的值班岗的编号或名称")
        elif len(mine) > 1:
            self._tell(row, POST, f"有{len(mine)}个值班岗叫“{text[:50]}”", f"填写编号:{'、'.join(one.id for one in mine)}")
        return mine[0] if len(mine) == 1 else None

    def _contact(self, row: Row, post: DutyPost) -> str | None:
        text = self._text(row, NAME)
        found = [one.id for one in self.people[post.unit].values() if one.name == text]
        if text and not found:
            self._tell(row, NAME, f"本单位没有值班联系人“{text[:50]}”", "核对姓名,或者先登记这个联系人")
        elif len(found) > 1:
            self._tell(row, NAME, f"本单位有{len(found)}个值班联系人叫“{text[:50]}”", "请先改成可以区分的姓名")
        return found[0] if len(found) == 1 else None

    def _moment(self, row: Row, heading: str, zone: str) -> dt.datetime | None:
        text = self._text(row, heading)
        found = moment(text, zone) if text else None
        if text and found is None:
            self._tell(row, heading, f"“{text[:30]}”不是时间,或者当地没有这个时刻", "写成 2026-12-01 08:00")
        return found

    def _text(self, row: Row, heading: str) -> str:
        text = row.cells.get(heading, "")
        if not text:
            self._tell(row, heading, "是空的", "这一列必须填写")
        return text


def _begin(one: Shift) -> dt.datetime:
    return one.since


def _alike(one: Shift, other: Shift) -> bool:
    return (one.contact, one.since, one.until) == (other.contact, other.since, other.until)
