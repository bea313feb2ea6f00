"""Emergency resources: kept by their owners, booked in and out, listed when somebody must look, found near an event."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest
from sqlalchemy import update

from router.access.actor import Actor
from router.access.roles import ACTIONS
from router.casework.work import Work
from router.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from router.linkage.resource import resources
from router.linkage.resource.nearby import Point
from router.storage.organisation import Agency
from router.storage.resources import Resource, StockChange
from tests.casework.parts import HOUSING, KUNMING, URBAN, operator, unit
from tests.linkage.parts import ADMIN, Station
from tests.linkage.stores import DALI_ADMIN, book, journal, listed, near, put, row
from tests.storage.parts import run

CITY_ADMIN = Actor(id="city-admin", role="administrator", unit="12345", desk="12345", city=KUNMING)


def test_a_resource_is_kept_under_its_owners_number_and_changed_under_the_same(station: Station) -> None:
    made = put(station)
    assert (made.rev, made.phone, made.checked_by, made.active) == (1, "087163109001", ADMIN.id, True)
    station.wait(days=1)
    changed = put(station, name="班用帐篷", by=unit(HOUSING), rev=1)
    assert (changed.id, changed.rev, changed.name, changed.checked_at) == (made.id, 2, "班用帐篷", station.now)
    assert put(station, kind="team").id != made.id, "each kind has numbers of its own"
    with pytest.raises(Stale):
        put(station, rev=1)
    with pytest.raises(Stale):
        put(station, rev=0)
    with pytest.raises(Stale):
        put(station, code="A2", rev=1)
    assert journal(station, made.id) == ["resource.kept", "resource.kept"]
    told = [one for one in station.told("resource.kept") if one["resource"] == made.id]
    assert [(one["city"], one["kind"], one["rev"]) for one in told] == [(KUNMING, "material", 1), (KUNMING, "material", 2)]


def test_agencies_keep_what_is_theirs_and_administrators_what_is_of_their_city(station: Station) -> None:
    made = put(station, by=unit(HOUSING))
    for who, change in (
        (unit(URBAN), {}),
        (unit(URBAN), {"owner": URBAN}),
        (unit(HOUSING), {"owner": URBAN}),
        (DALI_ADMIN, {}),
        (operator(), {}),
    ):
        with pytest.raises(Forbidden):
            put(station, by=who, **change)
    for service in (resources.check, resources.retire):
        for who in (unit(URBAN), DALI_ADMIN, operator()):
            with pytest.raises(Forbidden):
                station.do(who, service, made.id)
    with pytest.raises(Forbidden):
        station.do(unit(URBAN), resources.stock, made.id, 5, "调拨")
    handed = put(station, by=CITY_ADMIN, owner=URBAN)
    assert handed.owner == URBAN and set(ACTIONS["resource.edit"]) == {"administrator", "agency"}
    with pytest.raises(Forbidden):
        station.do(unit(HOUSING), resources.check, made.id)
    assert station.do(unit(URBAN), resources.check, made.id).rev == 3


@pytest.mark.parametrize(
    ("kind", "change", "field", "words"),
    [
        ("material", {"latitude": 102.7441, "longitude": 25.0103}, "latitude", "写反"),
        ("material", {"latitude": 0.0, "longitude": 0.0}, "latitude", "不在国内"),
        ("material", {"longitude": None}, "longitude", "一起"),
        ("material", {"amount": -1}, "amount", "负数"),
        ("material", {"amount": float("nan")}, "amount", "负数"),
        ("material", {"amount": None}, "amount", "没有数量"),
        ("material", {"least": -0.5}, "least", "负数"),
        ("material", {"measure": None}, "measure", "计量单位"),
        ("hazard", {"amount": None}, "amount", "有下限"),
        ("material", {"owner": "91530100EXAMP0000X"}, "owner", "没有承办单位"),
        ("material", {"owner": " "}, "owner", "缺少管理单位"),
        ("material", {"division": "530199"}, "division", "没有行政区划"),
        ("material", {"division": "532901"}, "division", "不在昆明市"),
        ("material", {"phone": "087*****9001"}, "phone", "电话"),
        ("material", {"name": "  "}, "name", "缺少名称"),
        ("material", {"name": "单\n帐篷"}, "name", "控制字符"),
        ("material", {"note": "\x07"}, "note", "控制字符"),
        ("material", {"sort": "帐" * 21}, "sort", "21个字"),
        ("shelter", {"sort": "地铁站"}, "sort", "没有避难场所分类"),
        ("material", {"code": "A/1"}, "code", "编号"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused_with_its_field_and_a_remedy(
    station: Station, kind: str, change: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(Invalid, match=words) as told:
        put(station, kind=kind, **change)
    assert told.value.facts["field"] == field and told.value.remedy
    assert station.rows(Resource) == []


def test_all_that_is_wrong_is_told_at_once(station: Station) -> None:
    with pytest.raises(Invalid) as told:
        put(station, name="", amount=-3, division="99", phone="不通")
    assert [one["field"] for one in told.value.facts["mistakes"]] == ["name", "division", "phone", "amount"]


def test_shelters_have_eight_kinds_and_other_sorts_are_free(station: Station) -> None:
    for count, sort in enumerate(("广场", "公园", "校园", "体育场馆", "文旅设施", "人防", "专门", "其他")):
        made = put(station, f"B{count}", "shelter", sort=sort, measure=None)
        assert (made.sort, made.measure) == (sort, "人")
    assert put(station, kind="expert", sort="喀斯特塌陷", amount=None, least=None, measure=None).sort == "喀斯特塌陷"


def test_an_owner_that_is_switched_off_keeps_what_it_has_and_gets_nothing_new(station: Station) -> None:
    put(station)
    run(_switch_off(station, HOUSING))
    assert put(station, name="还在").name == "还在"
    with pytest.raises(Invalid, match="没有承办单位"):
        put(station, "A2")


async def _switch_off(station: Station, code: str) -> None:
    async with station.database.write() as session:
        await session.execute(update(Agency).where(Agency.code == code).values(active=False))


def test_what_is_retired_is_found_no_more_until_it_is_kept_again(station: Station) -> None:
    made = put(station)
    here = Point(25.0103, 102.7441)
    assert near(station, here) == [("A1", 0)]
    station.do(unit(HOUSING), resources.retire, made.id, 1)
    assert near(station, here) == [] and listed(station, "below-least") == []
    put(station)
    assert near(station, here) == [("A1", 0)]
    assert journal(station, made.id) == ["resource.kept", "resource.retired", "resource.kept"]
    with pytest.raises(NotFound):
        station.do(ADMIN, resources.retire, "nothing")


# --- stock


def test_material_comes_and_goes_and_the_book_says_what_is_left(station: Station) -> None:
    made = put(station)
    station.wait(minutes=1)
    station.do(unit(HOUSING), resources.stock, made.id, -30, "发往安置点")
    station.wait(minutes=1)
    booked = station.do(ADMIN, resources.stock, made.id, 0.1, "补货")
    assert (booked.amount, booked.left, row(station, made.id).amount) == (0.1, 70.1, 70.1)
    station.wait(minutes=1)
    put(station, amount=65)
    assert book(station, made.id) == [
        (100, 100, "首次登记"),
        (-30, 70, "发往安置点"),
        (0.1, 70.1, "补货"),
        (-5.1, 65, "盘点更正"),
    ]
    assert [one["left"] for one in station.told("resource.stock")] == [70, 70.1]


def test_no_more_goes_out_than_is_there(station: Station) -> None:
    made = put(station, amount=30, least=None)
    with pytest.raises(Conflict, match=r"单帐篷库存只有30顶,不能出库30\.001") as told:
        station.do(ADMIN, resources.stock, made.id, -30.001, "发放")
    assert told.value.facts["current"] == 30
    station.do(ADMIN, resources.stock, made.id, -30, "发放")
    assert row(station, made.id).amount == 0 and len(book(station, made.id)) == 2
    for amount in (0, float("nan"), float("inf"), 2e9, 0.0001):
        with pytest.raises(Invalid) as wrong:
            station.do(ADMIN, resources.stock, made.id, amount, "发放")
        assert wrong.value.facts["field"] == "amount"
    with pytest.raises(Invalid, match="事由"):
        station.do(ADMIN, resources.stock, made.id, 1, " ")
    team = put(station, kind="team")
    with pytest.raises(Conflict, match="队伍没有库存"):
        station.do(ADMIN, resources.stock, team.id, -1, "借调")


def test_two_who_take_at_once_do_not_take_the_same(station: Station) -> None:
    made = put(station, amount=100)

    async def one() -> StockChange:
        async with station.database.write() as session:
            return await resources.stock(Work(session, ADMIN, station.now, station.town), made.id, -60, "发放")

    async def both() -> list[Any]:
        return await asyncio.gather(one(), one(), return_exceptions=True)

    found = run(both())
    assert sorted(type(each).__name__ for each in found) == ["Conflict", "StockChange"]
    assert row(station, made.id).amount == 40


def test_many_small_amounts_leave_no_crumbs(station: Station) -> None:
    made = put(station, amount=0.3, least=None, measure="吨")
    for _ in range(3):
        station.do(ADMIN, resources.stock, made.id, -0.1, "撒布")
    assert row(station, made.id).amount == 0


def test_the_owner_is_reminded_once_when_stock_falls_below_the_least(station: Station) -> None:
    made = put(station, amount=50, least=40)
    station.do(ADMIN, resources.stock, made.id, -10, "发放")
    assert station.notices(HOUSING, "stock-low") == [], "the least is enough"
    station.do(ADMIN, resources.stock, made.id, -5, "发放")
    station.do(ADMIN, resources.stock, made.id, -5, "发放")
    (notice,) = station.notices(HOUSING, "stock-low")
    assert notice.text == "单帐篷(A1)剩35顶,低于下限40顶" and notice.subject_id == made.id


def test_what_goes_to_an_event_stands_in_its_journal(station: Station) -> None:
    made = put(station)
    event = station.register()
    station.do(ADMIN, resources.stock, made.id, -20, "送现场", event=event.id)
    assert [one.event_id for one in station.rows(StockChange, StockChange.amount < 0)] == [event.id]
    assert station.written(event.id)[-1] == "resource.stock"
    with pytest.raises(NotFound):
        station.do(ADMIN, resources.stock, made.id, -20, "送现场", event="nothing")
    assert row(station, made.id).amount == 80


# --- what must be looked at


def test_what_nobody_has_looked_at_for_ninety_days_is_listed_until_somebody_looks(station: Station) -> None:
    first = put(station, "A1")
    station.wait(days=1)
    put(station, "A2", owner=URBAN)
    station.wait(days=89, seconds=-1)
    assert listed(station, "stale") == []
    station.wait(seconds=1)
    assert listed(station, "stale") == ["A1"] and resources.is_stale(row(station, first.id), station.now)
    station.wait(days=1)
    assert listed(station, "stale") == ["A1", "A2"]
    assert listed(station, "stale", owner=URBAN) == ["A2"] and listed(station, "stale", limit=1) == ["A1"]
    looked = station.do(unit(HOUSING), resources.check, first.id, 1)
    assert (looked.checked_at, looked.checked_by, looked.rev) == (station.now, f"unit-{HOUSING}", 2)
    assert listed(station, "stale") == ["A2"]
    with pytest.raises(Stale):
        station.do(ADMIN, resources.check, first.id, 1)


def test_what_runs_short_is_listed(station: Station) -> None:
    put(station, "A1", amount=39.999, least=40)
    enough = put(station, "A2", amount=40, least=40)
    put(station, "A3", amount=0, least=None)
    assert listed(station, "below-least") == ["A1"] and not resources.is_below(enough)


def test_what_expires_within_thirty_days_is_listed_the_soonest_first_and_the_past_is_taken(station: Station) -> None:
    station.now = dt.datetime(2026, 11, 24, 16, 30, tzinfo=dt.UTC)  # half past midnight of the 25th in China
    day = dt.date(2026, 11, 25)
    ends = {"A1": 30, "A2": 31, "A3": 0, "A4": -1}
    made = {code: put(station, code, expires_on=day + dt.timedelta(days=days)) for code, days in ends.items()}
    assert listed(station, "expiring") == ["A4", "A3", "A1"]
    assert [code for code, one in made.items() if resources.is_expiring(one, station.now)] == ["A1", "A3", "A4"]
    assert [code for code, one in made.items() if resources.is_expired(one, station.now)] == ["A4"]


# --- found


def test_an_event_finds_what_is_near_by_kind_and_sort(station: Station) -> None:
    put(station, "near", latitude=25.0113, longitude=102.7441)
    put(station, "nearer", latitude=25.0104, longitude=102.7441)
    put(station, "far", latitude=25.2, longitude=102.7441)
    put(station, "pump", sort="抽排水", latitude=25.0103, longitude=102.7441)
    put(station, "team", "team", latitude=25.0103, longitude=102.7441)
    put(station, "unlocated", latitude=None, longitude=None, division="530102")
    put(station, "here", latitude=None, longitude=None, division="530111")
    here = Point(25.0103, 102.7441)
    assert near(station, here, kind="material", sorts=["帐篷", "发电"], division="530111") == [
        ("nearer", 11), ("near", 111), ("here", None), ("unlocated", None),
    ]  # fmt: skip
    assert [code for code, _ in near(station, here, kind="material", within=100_000, most=4)] == ["pump", "nearer", "near", "far"]
    assert ("team", 0) in near(station, here)
    assert [code for code, _ in near(station, None, kind="material", division="530102", most=1)] == ["unlocated"]
