"""Spreadsheets are harmless: no text of a caller becomes a formula."""

from __future__ import annotations

import csv
import datetime as dt
import io

import openpyxl
import pytest

from api.kit import sheets

AT = dt.datetime(2026, 5, 1, 0, 30, tzinfo=dt.UTC)
EVIL = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "＝1+1", '=HYPERLINK("http://x")']
PLAIN = ["-3", "+8613900139000", "一般内容", "a=b", "12345", "<&>\"'"]


def written(form: sheets.Format) -> bytes:
    sheet = sheets.open_(form, ["内容", "时间"], "工单")
    return sheet.rows([[text, AT] for text in EVIL + PLAIN]) + sheet.rows([["坏\x00\x0b字", None]]) + sheet.end()


def test_csv_holds_what_was_given_and_no_formula() -> None:
    head, *lines = list(csv.reader(io.StringIO(written("csv").decode("utf-8-sig"), newline="")))
    assert head == ["内容", "时间"]
    assert [line[0] for line in lines[:-1]] == [f"'{text}" for text in EVIL] + PLAIN
    assert lines[0][1] == "2026-05-01 08:30:00"


@pytest.mark.filterwarnings("ignore:Workbook contains no default style")
def test_xlsx_holds_what_was_given_and_no_formula() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(written("xlsx"))).active
    assert sheet is not None
    lines = [list(line) for line in sheet.iter_rows(min_row=2)]
    for cell, text in zip((line[0] for line in lines), EVIL + PLAIN, strict=False):
        assert cell.data_type != "f"
        assert str(cell.value).removeprefix("'") == text
    assert lines[0][1].value == dt.datetime(2026, 5, 1, 8, 30)
    assert lines[-1][0].value == "坏字"
