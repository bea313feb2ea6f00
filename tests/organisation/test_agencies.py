"""Agencies: registered, changed, and at once what the decision chain sees (E7), on both databases."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from sqlalchemy import event

from router.errors import CaseworkError, Conflict, Invalid, NotFound, Stale
from router.organisation import agencies, codes
from router.organisation.agencies import Entry
from router.storage.engine import Database
from router.storage.organisation import Agency
from tests.catalog.parts import ADMIN, NOW, Desk
from tests.storage.parts import run


def entry(city: str, number: int, **more: Any) -> Entry:
    made = Entry(codes.make(city, f"TE5T{number:04d}"), f"第{number}局", "城管", "department", (city,))
    return dataclasses.replace(made, **more)


def create(desk: Desk, city: str, one: Entry, kinds: tuple[str, ...] = ()) -> Agency:
    return desk.do(lambda session: agencies.create(session, one, city=city, actor=ADMIN, now=NOW, kinds=kinds))


def update(desk: Desk, code: str, changes: dict[str, Any], rev: int | None = None) -> Agency:
    return desk.do(lambda session: agencies.update(session, code, changes, actor=ADMIN, now=NOW, rev=rev))


def names(desk: Desk, city: str, **filters: Any) -> list[str]:
    return [row.name for row in desk.do(lambda session: agencies.listed(session, city, **filters))]


def test_an_agency_is_listed_by_what_it_is(desk: Desk) -> None:
    city = "510100"
    create(desk, city, entry(city, 1))
    create(desk, city, entry(city, 2, kind="公安", level="police", divisions=("510104",)))
    create(desk, city, entry(city, 3, active=False))
    assert names(desk, city) == ["第1局", "第2局"]
    assert names(desk, city, kind="公安") == ["第2局"]
    assert names(desk, city, level="department", active=None) == ["第1局", "第3局"]
    assert names(desk, city, words="2") == ["第2局"]
    assert names(desk, city, words="%") == []
    assert names(desk, city, after=entry(city, 1).code, limit=5) == ["第2局"]
    assert names(desk, "532900") == []


def test_what_the_chain_sees_changes_at_once(desk: Desk) -> None:
    city = "510300"
    one = entry(city, 1)
    create(desk, city, one)
    seen = desk.do(lambda session: agencies.units(session, city))
    assert [(unit.code, unit.kind, unit.divisions, unit.level) for unit in seen] == [(one.code, "城管", (city,), "department")]
    assert desk.do(lambda session: agencies.units(session, city)) is seen
    update(desk, one.code, {"kind": "住建"})
    assert [unit.kind for unit in desk.do(lambda session: agencies.units(session, city))] == ["住建"]
    update(desk, one.code, {"active": False})
    assert desk.do(lambda session: agencies.units(session, city)) == ()
    assert desk.do(lambda session: agencies.units(session, "539900")) == ()


def test_units_that_are_known_cost_one_query(desk: Desk) -> None:
    city = "510400"
    create(desk, city, entry(city, 1))
    said: list[str] = []

    async def look() -> None:
        database = Database(desk.url)
        event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *call: said.append(call[2]))
        async with database.read() as session:
            await agencies.units(session, city)
            said.clear()
            await agencies.units(session, city)
        await database.close()

    run(look())
    assert len([statement for statement in said if statement.startswith("SELECT")]) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "11510100TE5T0001XX"}, "code"),
        ({"code": codes.make("510100", "TE5T0009").lower()}, "code"),
        ({"name": ""}, "name"),
        ({"name": " 城管局"}, "name"),
        ({"name": "城管局\n"}, "name"),
        ({"name": "长" * 101}, "name"),
        ({"kind": "月球"}, "kind"),
        ({"level": "boss"}, "level"),
        ({"divisions": ()}, "divisions"),
        ({"divisions": ("539999",)}, "divisions"),
        ({"divisions": ("532901",)}, "divisions"),
        ({"parent": codes.make("510100", "N0B0DY00")}, "parent"),
    ],
)
def test_a_wrong_entry_is_refused_by_the_name_of_its_field(desk: Desk, changes: dict[str, Any], field: str) -> None:
    city = "510100"
    with pytest.raises(Invalid) as caught:
        create(desk, city, entry(city, 9, **changes), kinds=("城管", "公安"))
    assert caught.value.facts["field"] == field
    assert caught.value.remedy
    with pytest.raises(NotFound):
        desk.do(lambda session: agencies.get(session, entry(city, 9).code))


def test_a_code_is_registered_once_even_if_two_try_at_the_same_time(desk: Desk) -> None:
    city = "510500"

    async def both() -> list[object]:
        database = Database(desk.url)

        async def one() -> object:
            async with database.write() as session:
                return await agencies.create(session, entry(city, 1), city=city, actor=ADMIN, now=NOW)

        try:
            return await asyncio.gather(one(), one(), return_exceptions=True)
        finally:
            await database.close()

    assert sorted(type(one).__name__ for one in run(both())) == ["Agency", "Conflict"]
    with pytest.raises(Conflict):
        create(desk, city, entry(city, 1))


def test_only_the_state_that_was_seen_is_changed(desk: Desk) -> None:
    city = "510600"
    one = entry(city, 1)
    create(desk, city, one)
    assert update(desk, one.code, {"name": "新名"}, rev=1).rev == 2
    with pytest.raises(Stale) as caught:
        update(desk, one.code, {"name": "别名"}, rev=1)
    assert caught.value.facts["current"] == 2
    assert update(desk, one.code, {"name": "新名"}, rev=2).rev == 2  # nothing changed
    for wrong in ({"code": "x"}, {"city": "532900"}, {"level": "boss"}):
        with pytest.raises(CaseworkError):
            update(desk, one.code, wrong)
    assert desk.journal(one.code) == ["agency.created", "agency.changed"]
    assert [body["rev"] for body in desk.news("agency.changed") if body["agency"] == one.code] == [2]


def test_superiors_make_no_circle(desk: Desk) -> None:
    city = "510700"
    first, second = entry(city, 1), entry(city, 2, parent=entry(city, 1).code)
    create(desk, city, first)
    create(desk, city, second)
    with pytest.raises(Invalid) as caught:
        update(desk, first.code, {"parent": second.code})
    assert caught.value.facts["field"] == "parent"
    with pytest.raises(Invalid):
        update(desk, first.code, {"parent": first.code})
