"""Exports of lists: the rows of the list, masked, harmless in a spreadsheet, and journalled with filters and count."""

from __future__ import annotations

import csv
import io

import openpyxl
from sqlalchemy import select

from config.settings import Settings
from router.casework import listing
from router.storage.journal import JournalEntry
from tests.api.matters import code, furnish, register
from tests.api.parts import AGENCY, run, standing

ROOT = "/api/v1/exports"


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_tickets_go_out_page_by_page_masked_and_journalled(settings: Settings, monkeypatch: object) -> None:
    monkeypatch.setattr(listing, "AT_ONCE", 2)  # type: ignore[attr-defined]

    async def go() -> None:
        async with standing(settings) as stand:
            await furnish(stand)
            operator, supervisor = await stand.sign_in("operator"), await stand.sign_in("supervisor")
            for number in range(5):
                stand.clock.move(1)
                await register(operator, words=f"=cmd|第{number}件:公司拖欠工资")
            assert (await operator.get(f"{ROOT}/tickets", params={"format": "csv"})).status_code == 403
            file = await supervisor.get(f"{ROOT}/tickets", params={"format": "csv", "words": "拖欠"})
            assert file.status_code == 200 and "attachment" in file.headers["Content-Disposition"], file.text
            rows = table(file.content)
            assert [row["诉求内容"][:8] for row in rows] == [f"'=cmd|第{number}" for number in (4, 3, 2, 1, 0)]
            assert (rows[0]["诉求人号码"], rows[0]["诉求人"]) == ("139****9001", "张**")
            assert (rows[0]["承办单位代码"], rows[0]["承办单位"], rows[0]["状态"]) == (AGENCY, "市人社局", "已派单")
            assert rows[0]["登记时间"].startswith("2026-05-06 09:00")

            async with stand.state.database.read() as session:
                query = select(JournalEntry).where(JournalEntry.action.like("export%")).order_by(JournalEntry.seq)
                begun, ended = (await session.scalars(query)).all()
            assert (begun.action, ended.action) == ("export", "export.ended")
            assert "拖欠" not in str(begun.detail) and begun.detail["filters"]["words"].startswith("words:")
            assert (ended.detail["rows"], ended.detail["complete"]) == (5, True)

            sheet = openpyxl.load_workbook(
                io.BytesIO((await supervisor.get(f"{ROOT}/tickets", params={"format": "xlsx"})).content)
            ).active
            assert sheet is not None and sheet.max_row == 6
            assert {cell.data_type for line in sheet.iter_rows(min_row=2) for cell in line} <= {"s", "inlineStr", "n", "d"}
            for what in ("orders", "handoffs", "cases"):
                answer = await supervisor.get(f"{ROOT}/{what}", params={"format": "csv"})
                assert answer.status_code == 200, answer.text
            refused = await supervisor.get(f"{ROOT}/cases", params={"format": "csv", "caller": "13900139001"})
            assert (refused.status_code, code(refused)) == (403, "forbidden")
            assert (await supervisor.get(f"{ROOT}/cases", params={"format": "pdf"})).status_code == 422

    run(go())


def test_police_fields_of_orders_go_to_the_police_side_only(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            await furnish(stand)
            police = await stand.sign_in("police")
            made = await police.post(
                "/api/v1/cases",
                json={"channel": "phone", "words": "有人在路口打架,快来", "ticks": {"danger": True, "police_class": "15"}},
            )
            assert made.status_code == 201 and made.json()["order"], made.text
            ours = await stand.sign_in("supervisor", unit="110")
            theirs = await stand.sign_in("supervisor")
            row = table((await ours.get(f"{ROOT}/orders", params={"format": "csv"})).content)[0]
            assert row["警单号"] == made.json()["order"]["number"] and row["110 台"].endswith("110指挥中心")
            other = table((await theirs.get(f"{ROOT}/orders", params={"format": "csv"})).content)
            assert not any(one["出警单位"] or one["处置结果"] for one in other)

    run(go())
