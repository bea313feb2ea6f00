"""Agencies from tables and files: every bad cell named, all or nothing; the example city's agencies serve its catalog."""

from __future__ import annotations

import csv
import functools
import io
from collections import Counter
from pathlib import Path

import pytest

from router.catalog import files
from router.catalog.errors import BadTable
from router.catalog.grid import BadFile
from router.catalog.model import Catalog
from router.errors import Invalid
from router.organisation import agencies, agency_table, codes
from router.organisation.agency_table import HEADINGS, Imported
from tests.catalog.parts import ADMIN, DALI, FOLDER, KUNMING, NOW, Desk

HEAD = list(HEADINGS)


def code(city: str, number: int) -> str:
    return codes.make(city, f"TAB1{number:04d}")


def table(*rows: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([HEAD, *rows])
    return out.getvalue().encode("gb18030")


def take(desk: Desk, data: bytes, city: str, name: str = "单位.csv") -> Imported:
    return desk.do(
        lambda session: agency_table.import_table(session, data, name, city=city, actor=ADMIN, now=NOW, kinds=("城管", "公安"))
    )


def test_a_table_creates_changes_and_leaves_alone(desk: Desk) -> None:
    city = "530300"
    one = [code(city, 1), "城管局", "城管", "部门", "530300", "", ""]
    two = [code(city, 2), "麒麟分局", "公安", "公安单位", "530302、530303", code(city, 1), "是"]
    assert take(desk, table(two, one), city) == Imported(created=2, changed=0, same=0)
    assert take(desk, table(one, [*two[:1], "麒麟公安分局", *two[2:]]), city) == Imported(created=0, changed=1, same=1)
    rows = desk.do(lambda session: agencies.listed(session, city))
    assert [(row.name, row.level, row.divisions, row.rev) for row in rows] == [
        ("城管局", "department", ["530300"], 1),
        ("麒麟公安分局", "police", ["530302", "530303"], 2),
    ]
    for kind in ("csv", "xlsx"):
        assert take(desk, agency_table.export(rows, kind), city, f"a.{kind}") == Imported(0, 0, 2)
    assert desk.journal(code(city, 2)) == ["agency.created", "agency.changed"]


def test_every_bad_cell_is_named_and_nothing_is_taken(desk: Desk) -> None:
    city = "530400"
    good = [code(city, 1), "城管局", "城管", "部门", "530400", "", "是"]
    rows = [
        good,
        [code(city, 2)[:-1] + "I", "乙", "城管", "部门", "530400", "", "是"],
        [code(city, 3), "", "城管", "部门", "530400", "", "是"],
        [code(city, 4), "丁", "月球", "部门", "530400", "", "是"],
        [code(city, 5), "戊", "城管", "科室", "530400", "", "是"],
        [code(city, 6), "己", "城管", "部门", "532901", "", "是"],
        [code(city, 7), "庚", "城管", "部门", "530400", code(city, 99), "是"],
        [code(city, 8), "辛", "城管", "部门", "530400", "", "大概"],
        [code(city, 1), "壬", "城管", "部门", "530400", "", "是"],
        [code(city, 10), "癸", "城管", "部门", "530400", code(city, 11), "是"],
        [code(city, 11), "子", "城管", "部门", "530400", code(city, 10), "是"],
    ]
    with pytest.raises(BadTable) as caught:
        take(desk, table(*rows), city)
    cells = [problem.where.split()[1] for problem in caught.value.problems]
    wanted = {"A3(代码)", "B4(名称)", "C5(承办类型)", "D6(层级)", "E7(服务区划)", "F8(上级单位)", "G9(启用)"}
    assert set(cells) == wanted | {"A10(代码)", "F11(上级单位)", "F12(上级单位)"}
    assert all(count == 1 for count in Counter(cells).values())
    assert desk.do(lambda session: agencies.listed(session, city, active=None)) == []


def test_an_agency_of_another_city_is_not_taken_over(desk: Desk) -> None:
    row = [code("530500", 1), "城管局", "城管", "部门", "530500", "", "是"]
    take(desk, table(row), "530500")
    with pytest.raises(BadTable) as caught:
        take(desk, table([*row[:4], "530600", *row[5:]]), "530600")
    assert "其他州市" in caught.value.problems[0].what


def test_what_is_no_table_is_refused(desk: Desk) -> None:
    for data, name in ((b"", "a.csv"), (b"x", "a.xlsx"), (table(), "a.csv")):
        with pytest.raises(BadFile):
            take(desk, data, KUNMING, name)


@functools.cache
def catalog(city: str) -> Catalog:
    return files.load(FOLDER, city)


def example(desk: Desk, city: str, file: Path | None = None) -> Imported:
    kinds = catalog(KUNMING).agency_kinds
    return desk.do(
        lambda session: agency_table.import_file(
            session, file or FOLDER / city / "agencies.yaml", city=city, actor=ADMIN, now=NOW, kinds=kinds
        )
    )


def test_the_example_city_has_an_agency_for_every_kind_its_catalog_names(desk: Desk) -> None:
    taken = example(desk, KUNMING)
    assert taken.created >= 20
    assert example(desk, KUNMING) == Imported(0, 0, taken.created)
    rows = desk.do(lambda session: agencies.listed(session, KUNMING, limit=500))
    named = {kind for item in catalog(KUNMING).items.values() for kind in item.agencies}
    assert named <= {row.kind for row in rows}
    assert {row.level for row in rows} == {"department", "township", "front-line", "police"}
    stations = [row for row in rows if row.name.endswith("派出所")]
    under_each_desk = {"530181": 2, "530125": 2}
    assert all(sum(station.divisions == [county] for station in stations) >= few for county, few in under_each_desk.items())
    assert all(row.code[8:13] == "EXAMP" for row in rows)


def test_another_example_city_can_be_loaded_beside_it(desk: Desk) -> None:
    assert example(desk, DALI).created > 5
    assert all(row.city == DALI for row in desk.do(lambda session: agencies.listed(session, DALI)))


def test_mistakes_of_a_file_are_told_by_line(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "agencies.yaml"
    file.write_text(
        "agencies:\n"
        f"  - code: {code('530700', 1)}\n"
        "    name: 甲\n"
        "    kind: 月球\n"
        "    level: department\n"
        "    divisions: [530700]\n"
        "    colour: red\n",
        encoding="utf-8",
    )
    with pytest.raises(BadTable) as caught:
        example(desk, "530700", file)
    assert sorted({problem.line for problem in caught.value.problems if problem.line}) == [4, 6, 7]
    for text in ("agencies: 5\n", "agencies: [\n", "agencies: [5]\n"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(BadTable):
            example(desk, "530700", file)
    file.write_text("agencies: []\n", encoding="utf-8")
    with pytest.raises(Invalid):
        example(desk, "530700", file)
