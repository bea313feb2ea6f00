"""Numbers that people can read to each other over the phone, e.g. ``G261125-00042-7``.

A letter for the kind, the day, a count within the day, and a check digit (Damm) that catches one wrong digit and any two
neighbouring ones swapped. A case and its two faces have the same digits: S261125-00042-7 is G261125-00042-7 to 12345 and
J261125-00042-7 to 110, so that a letter misheard still leads to the same matter.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import weakref
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from router.errors import Invalid
from router.storage import engine, upsert
from router.storage.base import table_of
from router.storage.casework import Counter

Kind = Literal["case", "ticket", "order", "handoff", "consultation", "supervision", "event", "task", "report"]
Face = Literal["ticket", "order"]
LETTERS: dict[Kind, str] = {
    "case": "S",
    "ticket": "G",
    "order": "J",
    "handoff": "L",
    "consultation": "H",
    "supervision": "D",
    "event": "T",
    "task": "Z",
    "report": "B",
}
"""事项 S, 工单 G, 警单 J, 流转 L, 会商 H, 督办 D, 突发事件 T, 指令 Z, 信息报送 B."""
HERE = ZoneInfo("Asia/Shanghai")
COUNTER = table_of(Counter)
BLOCK = 32
"""Counts that a process takes at a time where several write at once."""

_DAMM = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)
"""H. M. Damm's quasigroup of order 10 (2004)."""


def check_digit(digits: str) -> int:
    """The digit that makes the whole come out at 0."""
    interim = 0
    for digit in digits:
        interim = _DAMM[interim][int(digit)]
    return interim


def write(kind: Kind, day: dt.date, count: int) -> str:
    """The number of the ``count``-th of its kind on ``day``."""
    head = f"{day:%y%m%d}"
    body = f"{count:05d}"
    return f"{LETTERS[kind]}{head}-{body}-{check_digit(head + body)}"


def face(kind: Face, case: str) -> str:
    """The number of a case's ticket or police order."""
    return LETTERS[kind] + case[1:]


def read(text: str) -> str:
    """A number as written or said (spaces, missing dashes, small letters) in its own form; raise :class:`Invalid`."""
    found = re.fullmatch(r"([SGJLHDTZB])(\d{6})(\d{5,9})(\d)", re.sub(r"[\s\-—–_]", "", text).upper())
    if found is None:
        raise Invalid(f"“{text[:40]}”不是单号", "单号形如 G261125-00042-7", field="number")
    letter, day, count, digit = found.groups()
    if check_digit(day + count) != int(digit):
        raise Invalid(f"单号“{text[:40]}”的校验位不对", "请再核对一遍数字", field="number")
    return f"{letter}{day}-{count}-{digit}"


class _Blocks:
    """Numbers that this process has taken and not given out yet."""

    def __init__(self) -> None:
        self._left: dict[tuple[str, str], range] = {}
        self._lock = asyncio.Lock()

    async def take(self, session: AsyncSession, name: str) -> int:
        """The next count of a name out of this process's block."""
        key = (str((await session.connection()).engine.url), name)
        async with self._lock:
            left = self._left.get(key)
            if not left:
                async with engine.beside(session) as apart:
                    last = await _count(apart, name, BLOCK)
                self._forget(key)
                left = range(last - BLOCK + 1, last + 1)
            self._left[key] = left[1:]
            return left[0]

    def _forget(self, fresh: tuple[str, str]) -> None:
        """What is left of earlier days."""
        url, name = fresh
        kind = name.partition(":")[0]
        for key in [one for one in self._left if one[0] == url and one[1].partition(":")[0] == kind]:
            del self._left[key]


_blocks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Blocks] = weakref.WeakKeyDictionary()


async def next_number(session: AsyncSession, kind: Kind, now: dt.datetime) -> str:
    """A fresh number.

    On SQLite, which has one writer, the count is in the transaction. On PostgreSQL a process takes :data:`BLOCK` counts at a
    time in a transaction of its own: in this one, everybody would wait for everybody's end. So numbers may be left out, and
    those of two processes are not in the order of time.
    """
    day = now.astimezone(HERE).date()
    name = f"{kind}:{day.isoformat()}"
    if session.get_bind().dialect.name == "sqlite":
        return write(kind, day, await _count(session, name, 1))
    return write(kind, day, await _blocks.setdefault(asyncio.get_running_loop(), _Blocks()).take(session, name))


async def _count(session: AsyncSession, name: str, by: int) -> int:
    """Move a counter on; return where it is then."""
    move = update(COUNTER).where(COUNTER.c.name == name).values(value=COUNTER.c.value + by).returning(COUNTER.c.value)
    for _ in range(2):
        count = (await session.execute(move)).scalar()
        if count is not None:
            return int(count)
        await upsert.insert_new(session, COUNTER, [{"name": name, "value": 0}])
    raise RuntimeError("the counter's row vanished")
