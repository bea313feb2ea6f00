"""Tables of emergency resources: what they change, every bad cell named, exported and read back; the example city's table."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from config import settings
from router.access.actor import Actor
from router.casework.work import Work
from router.catalog.errors import BadTable
from router.catalog.grid import BadFile
from router.errors import Forbidden
from router.linkage.planning import plans
from router.linkage.resource import resource_table, resources
from router.linkage.resource.nearby import Point
from router.linkage.resource.resource_table import HEADINGS, BadResources, Imported
from router.organisation import agency_table
from router.storage.resources import Resource, StockChange
from tests.casework.parts import HOUSING, KUNMING, LABOUR, SYSTEM, URBAN, operator, unit
from tests.linkage.parts import ADMIN, Station
from tests.linkage.stores import DALI_ADMIN, book, journal, listed, near, put, row

SHIPPED = settings.DEFAULT_FOLDER / "linkage" / f"resources-{KUNMING}.csv"
HEAD = list(HEADINGS)
GOOD = dict(
    zip(
        HEAD,
        [
            "物资", "W1", "帐篷", "单帐篷", HOUSING, "530111", "关上", "25.0103", "102.7441", "李建国", "0871-63109001",
            "100", "顶", "40", "2027-12-31", "2026-11-01", "示例", "是",
        ],
        strict=True,
    )
)  # fmt: skip


def line(**change: str) -> list[str]:
    """A good line, but for these cells."""
    return [change.get(heading, cell) for heading, cell in GOOD.items()]


def table(*rows: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([HEAD, *rows])
    return out.getvalue().encode("gb18030")


def take(station: Station, data: bytes, name: str = "资源.csv", *, by: Actor = ADMIN) -> Imported:
    return station.do(by, resource_table.take, resource_table.read(data, name), city=KUNMING)


def counts(found: Imported) -> tuple[int, int, int, int]:
    return found.created, found.changed, found.checked, found.same


def test_a_table_creates_changes_confirms_and_leaves_alone(station: Station) -> None:
    station.now = dt.datetime(2026, 11, 25, 2, tzinfo=dt.UTC)
    two = line(编号="W2", 核对日期="")
    assert counts(take(station, table(line(), two))) == (2, 0, 0, 0)
    first, second = sorted(station.rows(Resource), key=lambda one: one.code)
    assert (first.checked_at, second.checked_at) == (dt.datetime(2026, 10, 31, 16, tzinfo=dt.UTC), station.now)
    station.wait(days=1)
    assert counts(take(station, table(line(核对日期="2026/11/20"), two))) == (0, 0, 2, 0)
    assert counts(take(station, table(line(核对日期="2026年11月2日")))) == (0, 0, 0, 1), "an older look changes nothing"
    assert counts(take(station, table(line(数量="1,090.5"), line(编号="W3")))) == (1, 1, 0, 0)
    changed = row(station, first.id)
    assert (changed.amount, changed.rev) == (1090.5, 3)
    assert changed.checked_at == dt.datetime(2026, 11, 19, 16, tzinfo=dt.UTC), "nor does a change entered with an older date"
    assert [left for _, left, _ in book(station, first.id)] == [100, 1090.5]
    assert journal(station, first.id) == ["resource.kept", "resource.checked", "resource.kept"]
    last = station.told("resource.imported")[-1]
    assert (last["created"], last["changed"], last["checked"]) == (1, 1, 0)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_is_exported_is_read_back_as_the_same(station: Station, form: Any) -> None:
    put(station, note="第一行\n=1+1", expires_on=dt.date(2028, 2, 29), amount=1234567.125)
    put(station, "A2", "hazard", amount=None, least=None, measure=None, latitude=None, longitude=None, phone="+85221234567")
    gone = put(station, "BN-1", "shelter", sort="人防", name="-名称", division=None, contact=None, phone=None)
    station.do(ADMIN, resources.retire, gone.id)
    before = {one.id: one.rev for one in station.rows(Resource)}
    data = resource_table.export(station.rows(Resource), form)
    assert counts(take(station, data, f"a.{form}")) == (0, 0, 0, 3)
    assert {one.id: one.rev for one in station.rows(Resource)} == before


def test_every_bad_cell_is_named_with_row_and_column_and_nothing_is_taken(station: Station) -> None:
    rows = [
        line(),
        line(编号="W2", 类别="人员", 名称=""),
        line(编号="W 3", 分类=""),
        line(编号="W4", 管理单位="91530100EXAMP0000X", 区划="999999"),
        line(编号="W5", 纬度="102.7441", 经度="25.0103"),
        line(编号="W6", 纬度="北纬25度", 电话="没有"),
        line(编号="W7", 数量="-5", 下限="十"),
        line(编号="W8", 有效期至="明年", 核对日期="2027-01-01", 在用="大概"),
        line(编号="W1", 名称="重复"),
        line(编号="W10", 有效期至="2027-02-30", 数量="", 计量单位=""),
        line(编号="W11", 类别="避难场所", 分类="防空洞"),
        line(编号="W12", 类别=""),
    ]
    with pytest.raises(BadResources) as told:
        take(station, table(*rows))
    cells = Counter(one.where.split()[1] for one in told.value.problems)
    assert set(cells) == {
        "A3(类别)", "D3(名称)", "B4(编号)", "C4(分类)", "E5(管理单位)", "F5(区划)", "H6(纬度)", "H7(纬度)", "K7(电话)",
        "L8(数量)", "N8(下限)", "O9(有效期至)", "P9(核对日期)", "R9(在用)", "B10(编号)", "O11(有效期至)", "L11(数量)",
        "C12(分类)", "A13(类别)",
    }  # fmt: skip
    assert set(cells.values()) == {1} and all(one.remedy for one in told.value.problems)
    assert "写反" in next(one.what for one in told.value.problems if "H6" in one.where)
    assert "第2行" in next(one.what for one in told.value.problems if "B10" in one.where)
    assert told.value.code == "table.invalid" and told.value.what.startswith("表格有19处错误")
    assert station.rows(Resource) == [] and station.rows(StockChange) == []


def test_an_agency_imports_its_own_and_nothing_of_others(station: Station) -> None:
    mine = unit(HOUSING)
    assert counts(take(station, table(line(管理单位="")), by=mine)) == (1, 0, 0, 0)
    put(station, "L1", owner=LABOUR)
    with pytest.raises(BadResources) as told:
        take(station, table(line(编号="L1"), line(编号="N1", 管理单位=URBAN)), by=mine)
    assert [one.where.split()[1] for one in told.value.problems] == ["B2(编号)", "E3(管理单位)"]
    assert [(one.code, one.owner) for one in station.rows(Resource) if one.code != "W1"] == [("L1", LABOUR)]
    with pytest.raises(BadResources, match="缺少管理单位"):
        take(station, table(line(管理单位="")))
    for who in (operator(), DALI_ADMIN):
        with pytest.raises(Forbidden):
            take(station, table(line()), by=who)


def test_what_has_expired_is_taken_with_a_warning(station: Station) -> None:
    found = take(station, table(line(), line(编号="W2", 有效期至="2026-11-24"), line(编号="W3", 有效期至="2025.1.1", 在用="否")))
    assert found.created == 3
    assert [(one.where.split()[1], one.what) for one in found.warnings] == [("O3(有效期至)", "已于2026-11-24过期")]


def test_what_is_no_table_of_resources_is_told_apart() -> None:
    with pytest.raises(BadTable, match="缺少表头:编号"):
        resource_table.read("类别,分类,名称,颜色\n物资,帐篷,单帐篷,绿".encode(), "a.csv")
    with pytest.raises(BadFile):
        resource_table.read(b"PK\x03\x04", "a.xlsx")
    with pytest.raises(BadFile):
        resource_table.read(b"", "a.csv")


def test_the_shipped_resources_of_kunming_serve_every_plan(station: Station) -> None:
    """Whatever a plan looks for within five kilometres or more is found from the middle of the city."""

    async def agencies(work: Work) -> None:
        file = settings.DEFAULT_FOLDER / "catalog" / KUNMING / "agencies.yaml"
        await agency_table.import_file(work.session, file, city=KUNMING, actor=SYSTEM, now=work.now)

    station.do(SYSTEM, agencies)
    found = take(station, SHIPPED.read_bytes(), SHIPPED.name)
    rows = station.rows(Resource)
    assert found.created == len(rows) >= 60
    assert len(found.warnings) == 1, "one shows how the expired looks"
    assert [one.code for one in rows if resources.is_expired(one, station.now)] == ["WZ-014"]
    assert {one.sort for one in rows if one.kind == "shelter"} == set(resources.SHELTERS)
    assert {one.kind for one in rows} == set(resources.KINDS)
    assert len(listed(station, "below-least")) == 1
    phones = [str(one.phone) for one in rows]
    assert len(set(phones)) == len(phones) and all(one.startswith("087163109") for one in phones)
    for file in sorted(Path(settings.DEFAULT_FOLDER / "plans").glob("*.yaml")):
        for one in plans.load(file).resources:
            hits = near(station, Point(25.04, 102.71), kind=one.kind, sorts=one.sorts, within=one.within, most=one.most)
            if one.within >= 5000:
                assert hits, (file.name, one)
