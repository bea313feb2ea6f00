"""Makes up a city's matters by the hundred thousand, and writes them into SQL in bulk: what lists and exports are measured on.

A town of 14 counties, agencies of very unequal size (the n-th has 1/n of the first), one 12345 and several 110 desks; two years.
One ticket per matter; every seventh has a police order, every eighth was handed over; a fiftieth is still being worked on, and
some of that is late. People call again: 50,000 numbers. The same seed makes the same rows.
"""

from __future__ import annotations

import datetime as dt
import random
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Column

from router.casework import numbering
from router.storage import sealed
from router.storage.base import table_of
from router.storage.casework import Assignment, Case, Deadline, Handoff, PoliceOrder, Ticket

CITY = "530100"
COUNTIES = ["530102", "530103", "530111", "530112", "530113", "530114", "530115", "530124", "530125", "530126", "530127",
            "530128", "530129", "530181"]  # fmt: skip
TOWNSHIPS = [f"{county}{number:03d}" for county in COUNTIES for number in range(1, 9)]
KINDS = ["consult", "help", "complaint", "report", "suggestion"]
CHANNELS = ["phone"] * 16 + ["web", "app", "app", "sms", "mail", "other-hotline"]
DONE, WORKING = (
    ["closed"] * 48 + ["withdrawn"],
    ["registered", "dispatched", "signed", "handling", "paused", "returned", "feedback"],
)
PLACES = ["小区", "路口", "市场", "学校门口", "工地", "广场", "地铁站", "车站", "公园", "写字楼"]
MATTERS = [
    *("夜间施工噪音扰民", "占道经营影响通行", "拖欠工资", "路灯不亮", "垃圾无人清运", "停水没有通知", "物业收费不合理"),
    *("邻里因漏水争吵", "流浪犬伤人", "预付卡商家关门", "井盖破损", "社保转移咨询", "公交线路建议", "油烟扰民", "停车难"),
]
NEED = ["请求尽快处理。", "已多次反映没有结果。", "希望告知办理进度。", "请相关部门到现场查看。", "要求给出书面答复。"]
PEOPLE, BATCH = 50_000, 20_000


def _default(column: Column[Any]) -> Any:
    """What a column gets that nothing is said of."""
    if column.nullable:
        return None
    kind = column.type.python_type
    return "{}" if kind in (dict, list) else kind() if kind in (bool, int, float, str) else None


COLUMNS: dict[str, dict[str, Any]] = {
    model.__tablename__: {column.name: _default(column) for column in table_of(model).columns}
    for model in (Case, Ticket, Assignment, PoliceOrder, Handoff, Deadline)
}
"""Columns of each table, with what they hold if nothing is said."""


@dataclass
class Maker:
    """``now`` is the end of the two years; codes of agencies, items and 110 desks are the installation's."""

    count: int
    now: dt.datetime
    agencies: Sequence[str]
    items: Sequence[str]
    desks: Sequence[str]
    dice: random.Random = field(default_factory=lambda: random.Random(12345))

    def __post_init__(self) -> None:
        people = min(PEOPLE, max(100, self.count // 20))
        numbers = [f"1{self.dice.randrange(30, 99)}{self.dice.randrange(10**8):08d}" for _ in range(people)]
        self.people = [(sealed.seal(one), sealed.fingerprint("number", one), sealed.seal("张" + chr(0x4E00 + i % 500)))
                       for i, one in enumerate(numbers)]  # fmt: skip
        self.numbers = numbers
        places = [f"{self.dice.choice('东西南北中')}{chr(0x4E2D + i % 90)}路{i % 300 + 1}号{PLACES[i % 10]}" for i in range(5000)]
        self.places = [(sealed.seal(one), sealed.fingerprint("place", one)) for one in places]
        self._days: dict[dt.date, int] = {}
        self._weights = [1 / (number + 1) for number in range(len(self.agencies))]

    def batches(self) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
        """Rows by table, in the order of their columns."""
        rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in COLUMNS}
        for number in range(self.count):
            self._matter(rows, number, self.at(number))
            if len(rows["ticket"]) >= BATCH:
                yield rows
                rows = {name: [] for name in COLUMNS}
        yield rows

    def at(self, number: int) -> dt.datetime:
        """When the ``number``-th matter came: evenly over two years."""
        return self.now - dt.timedelta(days=730) / self.count * (self.count - number)

    def _number(self, kind: Any, at: dt.datetime, count: int) -> str:
        return numbering.write(kind, at.date(), count)

    def _matter(self, rows: dict[str, list[tuple[Any, ...]]], number: int, at: dt.datetime) -> None:
        dice = self.dice
        day = at.date()
        count = self._days[day] = self._days.get(day, 0) + 1
        case_id = f"{int(at.timestamp() * 1000):012x}7{number:019x}"
        seal_number, print_, name = dice.choice(self.people)
        place, place_print = dice.choice(self.places)
        item = self.items[min(int(dice.expovariate(0.08)), len(self.items) - 1)]
        unit = dice.choices(self.agencies, self._weights)[0]
        recent = (self.now - at) < dt.timedelta(days=30)
        state = dice.choice(WORKING) if (recent and dice.random() < 0.5) or dice.random() < 0.002 else dice.choice(DONE)
        final = state in ("closed", "withdrawn")
        closed = at + dt.timedelta(days=dice.randrange(1, 9)) if final else None
        division = dice.choice(TOWNSHIPS) if dice.random() < 0.5 else dice.choice(COUNTIES)
        urgency = dice.choices(["normal", "urgent", "danger"], [90, 8, 2])[0]
        kind = dice.choice(KINDS)
        words = (
            f"市民反映{dice.choice(PLACES)}{number % 997}号附近{dice.choice(MATTERS)},从{dice.randrange(1, 13)}月开始持续至今,"
            + (f"影响周边{dice.randrange(2, 300)}户居民生活,曾向{unit[-6:]}反映过。{dice.choice(NEED)}编号{number:07d}。")
        )
        self._add(rows, "case_file", id=case_id, rev=2, number=self._number("case", at, count), city=CITY,
                  state="closed" if final else "open", channel=dice.choice(CHANNELS), first_centre="12345", first_answered_at=at,
                  caller_number=seal_number, caller_print=print_, caller_name=name, place=place, place_print=place_print,
                  division=division, words=words, asked="{}", item=item, kind=kind, urgency=urgency,
                  confidentiality="open" if dice.random() < 0.95 else "caller", catalog_version=f"{CITY}-1", legal_hold=False,
                  created_at=at, created_by="op1", updated_at=closed or at, closed_at=closed)  # fmt: skip
        ticket = f"{int(at.timestamp() * 1000) + 1:012x}7{number:019x}"
        self._add(rows, "ticket", id=ticket, rev=4, number=self._number("ticket", at, count), case_id=case_id, state=state,
                  platform="12345", agency=unit, item=item, kind=kind, division=division, urgency=urgency,
                  returned=1 if dice.random() < 0.04 else 0, reopened=0, result="已处理并答复。" if final else None,
                  satisfaction=dice.randrange(1, 6) if final else None, created_at=at, accepted_at=at, dispatched_at=at,
                  signed_at=at, feedback_at=closed, closed_at=closed, updated_at=closed or at)  # fmt: skip
        self._add(rows, "assignment", id=f"a{number:031x}", rev=2, case_id=case_id, ticket_id=ticket, agency=unit, lead=True,
                  state="feedback" if final else "handling", dispatched_at=at, dispatched_by="op1", extensions=0)  # fmt: skip
        self._add(rows, "deadline", id=f"d{number:031x}", case_id=case_id, subject_id=ticket, duty="handle", unit=unit,
                  allowed="5 working-days", city=CITY, started_at=at, due_at=at + dt.timedelta(days=7), provisional=False,
                  ended_at=closed)  # fmt: skip
        if number % 7 == 0:
            self._order(rows, number, at, count, case_id, final)
        if number % 8 == 0:
            self._handoff(rows, number, at, count, case_id, final)

    def _order(self, rows: Any, number: int, at: dt.datetime, count: int, case_id: str, final: bool) -> None:
        dice = self.dice
        state = "closed" if final else dice.choice(["registered", "dispatched", "arrived"])
        self._add(rows, "police_order", id=f"p{number:031x}", rev=3, number=self._number("order", at, count), case_id=case_id,
                  state=state, platform=dice.choice(self.desks), kind="dispatch", lead="110", services='["110"]',
                  police_class=dice.choice(["01", "0102", "15", "1501", "20"]),
                  unit=f"PS{dice.randrange(40):03d}", danger_by="person" if number % 70 == 0 else None, climbs=0, created_at=at,
                  accepted_at=at, closed_at=at if final else None, updated_at=at)  # fmt: skip

    def _handoff(self, rows: Any, number: int, at: dt.datetime, count: int, case_id: str, final: bool) -> None:
        self._add(rows, "handoff", id=f"h{number:031x}", rev=3, number=self._number("handoff", at, count), case_id=case_id,
                  mode="call", state="closed" if final else "accepted", from_centre="12345",
                  to_centre=self.dice.choice(self.desks), reason="属于治安警情", dangerous=number % 80 == 0, by="op1",
                  offered_at=at, accepted_at=at, by_first_receiver=False)  # fmt: skip

    def _add(self, rows: dict[str, list[tuple[Any, ...]]], table: str, **values: Any) -> None:
        rows[table].append(tuple([values.get(name, default) for name, default in COLUMNS[table].items()]))


def fill(url: str, maker: Maker) -> None:
    """Write all rows into a migrated database that has none yet, and have its planner look at them."""
    if url.startswith("sqlite"):
        _fill_sqlite(url.partition(":///")[2], maker)
    else:
        _fill_postgresql(url, maker)


def _fill_postgresql(url: str, maker: Maker) -> None:
    with psycopg.connect(url) as connection:
        for batch in maker.batches():
            for table, rows in batch.items():
                names = sql.SQL(", ").join(sql.Identifier(name) for name in COLUMNS[table])
                copy = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
                with connection.cursor().copy(copy) as into:
                    for row in rows:
                        into.write_row(row)
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


def _fill_sqlite(path: str, maker: Maker) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        for batch in maker.batches():
            for table, rows in batch.items():
                marks = ", ".join("?" * len(COLUMNS[table]))
                names = ", ".join(f'"{name}"' for name in COLUMNS[table])
                connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", [_plain(row) for row in rows])
        connection.commit()
        connection.execute("ANALYZE")


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """As SQLite keeps it."""
    return tuple([value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, dt.datetime) else value for value in row])
