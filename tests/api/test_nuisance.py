"""Nuisance marks over HTTP: marked by the lines' people, gathered, exported with a trace."""

from __future__ import annotations

import csv
import io

from sqlalchemy import select

from config.settings import Settings
from router.storage.journal import JournalEntry
from tests.api.parts import run, standing

ROOT = "/api/v1/nuisance"


def test_marks_are_gathered_withdrawn_and_exported(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            operator, police = await stand.sign_in("operator"), await stand.sign_in("police")
            supervisor, agency = await stand.sign_in("supervisor"), await stand.sign_in("agency")
            assert (await agency.post(ROOT, json={"number": "13900139002", "note": "辱骂"})).status_code == 403
            first = await operator.post(ROOT, json={"number": "139 0013 9002", "note": "辱骂"})
            assert first.status_code == 201 and first.json()["number"] == "13900139002", first.text
            await police.post(ROOT, json={"number": "+8613900139002", "note": "=谎报警情"})
            await police.post(ROOT, json={"number": "13900139003", "note": "反复拨打"})
            assert (await operator.post(ROOT, json={"number": "13900139003", "note": "x", "case_id": "nope"})).status_code == 404

            clues = (await supervisor.get(f"{ROOT}/clues", params={"at_least": 2})).json()
            assert [(one["number"], one["marks"], one["centres"]) for one in clues] == [("139****9002", 2, ["110", "12345"])]
            listed = (await operator.get(ROOT, params={"number": "13900139002"})).json()["items"]
            assert len(listed) == 2
            assert (await agency.get(ROOT)).status_code == 403

            file = await police.get(f"{ROOT}/clues/export", params={"at_least": 1, "format": "csv"})
            rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
            assert [row[0] for row in rows[1:]] == ["13900139002", "13900139003"]
            assert rows[1][5] == "辱骂\n=谎报警情"
            assert (await operator.get(f"{ROOT}/clues/export", params={"format": "csv"})).status_code == 403
            async with stand.state.database.read() as session:
                query = select(JournalEntry).where(JournalEntry.action.like("export%")).order_by(JournalEntry.seq)
                begun, ended = (await session.scalars(query)).all()
            assert begun.actor == ended.actor == police.account.id and begun.subject == "nuisance"
            assert (ended.detail["rows"], ended.detail["complete"]) == (2, True)

            gone = await operator.post(f"{ROOT}/{first.json()['id']}/withdraw", json={"reason": "认错了"})
            assert gone.json()["withdrawn_by"] == operator.account.id
            assert (await supervisor.get(f"{ROOT}/clues", params={"at_least": 2})).json() == []
            assert len((await operator.get(ROOT, params={"number": "13900139002", "withdrawn": True})).json()["items"]) == 2

    run(go())
