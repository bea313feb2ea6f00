"""Items as a spreadsheet: out and in without loss, every bad cell named, nothing half done."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.catalog import files, grid, table
from router.catalog.errors import BadTable
from router.catalog.grid import BadFile
from router.catalog.model import Catalog
from router.errors import CaseworkError, TooLarge
from tests.catalog.parts import FOLDER, KUNMING, content


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return files.load(FOLDER, KUNMING)


def lines(catalog: Catalog) -> list[list[str]]:
    text = table.export(catalog, "csv").decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def as_csv(rows: list[list[str]], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode()


def as_xlsx(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "事项"
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def mistakes(data: bytes, name: str = "事项.csv") -> list[tuple[str, str]]:
    with pytest.raises(BadTable) as caught:
        table.read(data, name, content())
    return [(problem.where, problem.what) for problem in caught.value.problems]


def test_out_and_in_again_loses_nothing(catalog: Catalog) -> None:
    text = table.export(catalog, "csv")
    assert text.startswith(b"\xef\xbb\xbf")
    for data, name in (
        (text, "a.csv"),
        (text.decode("utf-8-sig").encode("gb18030"), "B.CSV"),
        (as_csv(lines(catalog), ";"), "c.csv"),
        (table.export(catalog, "xlsx"), "d.xlsx"),
    ):
        assert table.read(data, name, content()) == content()


def test_the_table_takes_the_place_of_all_items_and_leaves_the_rest(catalog: Catalog) -> None:
    rows = [row for row in lines(catalog) if row[0] != "SX-032"]
    rows[1][1] = "欠薪问题"
    read = table.read(as_csv(rows), "a.csv", content())
    assert "SX-032" not in read["items"]
    assert read["items"][rows[1][0]]["name"] == "欠薪问题"
    assert read["classes"] == content()["classes"]


def test_a_table_may_be_written_by_hand_with_the_needed_columns_only() -> None:
    rows = [
        ["编码", "名称", "归属", "诉求类型", "承办类型", "办理时限", "领域", "直转一线", "110边界"],
        [
            "SX-001",
            "拖欠工资",
            "12345",
            "投诉,求助",
            "人社;住建",
            "4小时",
            "社会管理",
            "是",
            "堵门|堵门、拉横幅|双派|110、水电气热|1401",
        ],
    ]
    rows[1][-1] = "堵门|堵门、拉横幅|双派|110、水电气热|1401"
    base = {**content(), "rules": {}}
    for data, name in ((as_csv(rows), "a.csv"), (as_xlsx(rows), "a.xlsx")):
        item = table.read(data, name, base)["items"]["SX-001"]
        assert (item["kinds"], item["agencies"]) == (["complaint", "help"], ["人社", "住建"])
        assert (item["deadline"], item["direct"], item["first"]) == ({"minutes": 240}, True, "12345")
        assert item["boundaries"][0]["services"] == ["110", "utility"]


def test_every_bad_cell_is_named(catalog: Catalog) -> None:
    rows = lines(catalog)
    heading = {name: place for place, name in enumerate(rows[0])}
    spoiled = {
        (1, "归属"): "市里",
        (2, "诉求类型"): "咨询、吐槽",
        (3, "办理时限"): "三天",
        (4, "承办类型"): "月球局",
        (5, "110边界"): "打架|动手|先行派警|110",
        (6, "领域"): "杂项",
        (7, "名称"): "",
        (8, "直转一线"): "也许",
        (9, "替代编码"): "SX-777",
        (10, "编码"): rows[1][0],
    }
    for (row, column), text in spoiled.items():
        rows[row][heading[column]] = text
    found = mistakes(as_csv(rows))
    for (row, column), _ in spoiled.items():
        letter = openpyxl.utils.get_column_letter(heading[column] + 1)
        assert any(f"{letter}{row + 1}({column})" in where for where, _ in found), (row, column, found)
    assert ("工作表“事项.csv” D5(领域)", "") not in found
    assert len([where for where, _ in found if "C2(归属)" in where]) == 1


def test_cells_of_other_types_are_read_or_named(catalog: Catalog) -> None:
    rows: list[list[Any]] = [list(row) for row in lines(catalog)]
    rows[1][2] = 12345
    assert table.read(as_xlsx(rows), "a.xlsx", content()) == content()
    rows[2][6] = dt.date(2026, 5, 1)
    assert ("工作表“事项” G3", "是日期或者时间") in mistakes(as_xlsx(rows), "a.xlsx")


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([["编码", "名称"]], "缺少表头:归属、诉求类型、承办类型、办理时限"),
        ([["编码", "名称", "归属", "诉求类型", "承办类型", "办理时限", "办理时线"]], "没有“办理时线”这一列"),
        ([["编码", "编码", "名称", "归属", "诉求类型", "承办类型", "办理时限"]], "表头“编码”重复"),
    ],
)
def test_wrong_headings_are_named(rows: list[list[str]], what: str) -> None:
    assert any(what in told for _, told in mistakes(as_csv(rows)))


def test_text_beside_the_headings_is_named(catalog: Catalog) -> None:
    rows = lines(catalog)
    rows[3].append("备注")
    assert ("工作表“事项.csv” Q4", "没有表头的列有内容") in mistakes(as_csv(rows))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "a.csv"),
        (b"\xff\xfe\x00\x01", "a.csv"),
        (b'"\n', "a.csv"),
        (b"PK\x03\x04 broken", "a.xlsx"),
        (b"", "a.xlsx"),
        (b"a,b", "a.ods"),
        (b"a,b", "noextension"),
        ("编码,名称,归属,诉求类型,承办类型,办理时限\n".encode(), "a.csv"),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, name: str) -> None:
    with pytest.raises(BadFile) as caught:
        table.read(data, name, content())
    assert caught.value.remedy


def test_a_workbook_whose_sheet_is_broken_is_refused(catalog: Catalog) -> None:
    whole = table.export(catalog, "xlsx")
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(out, "w") as new:
        for one in old.infolist():
            data = old.read(one)
            new.writestr(one, data[: len(data) // 2] if "sheet1" in one.filename else data)
    with pytest.raises(BadFile):
        table.read(out.getvalue(), "a.xlsx", content())


def test_what_is_too_large_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        table.read(b"x" * (grid.LARGEST + 1), "a.csv", content())
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (grid.LARGEST_UNPACKED + 1))
    with pytest.raises(TooLarge):
        table.read(bomb.getvalue(), "a.xlsx", content())


@settings(max_examples=60)
@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.xlsx"]))
def test_no_file_does_worse_than_be_refused(data: bytes, name: str) -> None:
    with pytest.raises(CaseworkError):
        table.read(data, name, content())


def test_a_spreadsheet_runs_nothing_that_a_text_says(catalog: Catalog) -> None:
    plain = content()
    plain["items"]["SX-001"]["answer"] = '=HYPERLINK("http://example.invalid")'
    plain["items"]["SX-002"]["answer"] = "-1"
    hostile = files.parse(plain, version="x", city=KUNMING, effective_at=files.FIRST)
    assert "'=HYPERLINK" in table.export(hostile, "csv").decode()
    book = openpyxl.load_workbook(io.BytesIO(table.export(hostile, "xlsx")))
    assert {cell.data_type for row in book.active.iter_rows() for cell in row} <= {"s", "n"}
    for kind in ("csv", "xlsx"):
        assert table.read(table.export(hostile, kind), f"a.{kind}", content()) == plain
