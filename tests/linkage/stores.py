"""Emergency resources in few words, for tests: tents in 官渡, what is kept of them, what is listed and near."""

from __future__ import annotations

from typing import Any

from router.access.actor import Actor
from router.casework.work import Work
from router.linkage.resource import resources
from router.linkage.resource.nearby import Point
from router.linkage.resource.resources import Details
from router.storage.journal import JournalEntry
from router.storage.resources import Resource, StockChange
from tests.casework.parts import DALI, HOUSING, KUNMING
from tests.linkage.parts import ADMIN, Station

DALI_ADMIN = Actor(id="dali-admin", role="administrator", unit="12345", desk="12345", city=DALI)
TENTS: dict[str, Any] = {
    "sort": "帐篷", "name": "单帐篷", "owner": HOUSING, "place": "官渡区关上", "division": "530111", "latitude": 25.0103,
    "longitude": 102.7441, "contact": "李建国", "phone": "63109001", "amount": 100, "measure": "顶", "least": 40,
}  # fmt: skip


def put(station: Station, code: str = "A1", kind: str = "material", *, by: Actor = ADMIN, **more: Any) -> Resource:
    rev, city = more.pop("rev", None), more.pop("city", KUNMING)
    return station.do(by, resources.put, kind, code, Details(**{**TENTS, **more}), city=city, rev=rev)


def row(station: Station, id_: str) -> Resource:
    return station.rows(Resource, Resource.id == id_)[0]


def book(station: Station, id_: str) -> list[tuple[float, float, str]]:
    found = station.rows(StockChange, StockChange.resource_id == id_)
    return [(one.amount, one.left, one.reason) for one in sorted(found, key=lambda each: (each.at, each.id))]


def journal(station: Station, id_: str) -> list[str]:
    found = station.rows(JournalEntry, JournalEntry.subject == id_, JournalEntry.chain == "system")
    return [one.action for one in sorted(found, key=lambda each: each.seq)]


def listed(station: Station, reminder: str, **more: Any) -> list[str]:
    async def look(work: Work) -> list[str]:
        found = await resources.reminders(work.session, KUNMING, reminder, work.now, **more)  # type: ignore[arg-type]
        return [one.code for one in found]

    return station.do(ADMIN, look)


def near(station: Station, centre: Point | None = None, **more: Any) -> list[tuple[str, int | None]]:
    async def look(work: Work) -> list[tuple[str, int | None]]:
        found = await resources.near(work.session, KUNMING, centre, **more)
        return [(one.row.code, None if one.metres is None else round(one.metres)) for one in found]

    return station.do(ADMIN, look)
