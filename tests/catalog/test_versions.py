"""Versions: in force by date, whole and unchanging, each city for itself (B1, B11), on both databases."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from router.catalog import versions
from router.catalog.errors import BadCatalog, BadDate, NothingNew
from router.catalog.versions import NoCatalog
from router.errors import Invalid, NotFound
from router.storage.engine import Database
from router.storage.organisation import CatalogVersion
from tests.catalog.parts import ADMIN, DALI, FOLDER, KUNMING, NOW, Desk, content
from tests.storage.parts import run

DAY = dt.timedelta(days=1)


def publish(
    desk: Desk, city: str, plain: dict[str, Any], effective_at: dt.datetime | None = None, now: dt.datetime = NOW
) -> CatalogVersion:
    return desk.do(
        lambda session: versions.publish(session, plain, city=city, effective_at=effective_at, actor=ADMIN, note="改版", now=now)
    )


def changed(**answers: str) -> dict[str, Any]:
    plain = content()
    for code, answer in answers.items():
        plain["items"][code.replace("_", "-")]["answer"] = answer
    return plain


def test_the_first_version_comes_from_the_files_once(desk: Desk) -> None:
    first = desk.do(lambda session: versions.ensure_first(session, FOLDER, KUNMING, NOW))
    assert first is not None
    assert (first.id, first.serial, first.created_by) == ("530100-1", 1, "system:catalog")
    assert desk.do(lambda session: versions.ensure_first(session, FOLDER, KUNMING, NOW)) is None
    long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    assert desk.do(lambda session: versions.at(session, KUNMING, long_ago)).version == "530100-1"
    assert desk.journal("530100-1") == ["catalog.published"]
    assert [body["version"] for body in desk.news("catalog.published") if body["city"] == KUNMING] == ["530100-1"]


def test_a_version_is_in_force_from_its_date_and_the_old_one_can_still_be_read(desk: Desk) -> None:
    city = "530300"
    publish(desk, city, content())
    publish(desk, city, changed(SX_001="新答复"), NOW + DAY)

    def answer(moment: dt.datetime) -> tuple[str, str]:
        catalog = desk.do(lambda session: versions.at(session, city, moment))
        return catalog.version, catalog.items["SX-001"].answer

    assert answer(NOW + DAY - dt.timedelta(seconds=1))[0] == "530300-1"
    assert answer(NOW + DAY) == ("530300-2", "新答复")
    old = desk.do(lambda session: versions.load(session, "530300-1"))
    assert old.items["SX-001"].answer != "新答复"
    with pytest.raises(NoCatalog):
        answer(NOW - DAY)
    with pytest.raises(NotFound):
        desk.do(lambda session: versions.load(session, "530300-9"))
    assert [one.id for one in desk.do(lambda session: versions.history(session, city))] == ["530300-2", "530300-1"]
    assert [one.id for one in desk.do(lambda session: versions.history(session, city, before=2))] == ["530300-1"]


def test_dates_that_would_change_the_past_are_refused(desk: Desk) -> None:
    city = "530400"
    publish(desk, city, content())
    with pytest.raises(BadDate):
        publish(desk, city, changed(SX_001="甲"), NOW - DAY)
    publish(desk, city, changed(SX_001="甲"), NOW + 2 * DAY)
    with pytest.raises(BadDate) as caught:
        publish(desk, city, changed(SX_001="乙"), NOW + DAY)
    assert caught.value.facts["current"] == (NOW + 2 * DAY).isoformat()
    assert publish(desk, city, changed(SX_001="乙")).effective_at == NOW + 2 * DAY
    in_force = desk.do(lambda session: versions.at(session, city, NOW + 3 * DAY))
    assert in_force.items["SX-001"].answer == "乙"
    late = publish(desk, city, changed(SX_001="丙"), NOW + 4 * DAY - dt.timedelta(minutes=2), NOW + 4 * DAY)
    assert late.effective_at == NOW + 4 * DAY


def test_the_same_content_makes_no_version(desk: Desk) -> None:
    city = "530500"
    publish(desk, city, content())
    turned = content()
    turned["items"] = dict(reversed(turned["items"].items()))
    with pytest.raises(NothingNew) as caught:
        publish(desk, city, turned)
    assert caught.value.facts["current"] == "530500-1"


def test_nothing_is_kept_of_wrong_content_or_a_wrong_city(desk: Desk) -> None:
    city = "530600"
    bad = content()
    bad["items"]["SX-001"]["agencies"] = ["月球"]
    with pytest.raises(BadCatalog):
        publish(desk, city, bad)
    with pytest.raises(Invalid):
        publish(desk, "539900", content())
    assert desk.do(lambda session: versions.history(session, city)) == []
    assert city not in desk.do(versions.cities)


def test_cities_do_not_touch_each_other(desk: Desk) -> None:
    desk.do(lambda session: versions.ensure_first(session, FOLDER, DALI, NOW))
    publish(desk, "530700", content())
    publish(desk, "530700", changed(SX_001="只在这里"))
    dali = desk.do(lambda session: versions.at(session, DALI, NOW))
    assert (dali.version, dali.rules["JC-07"].first) == ("532900-1", "110")
    assert dali.items["SX-001"].answer != "只在这里"
    assert {"530700", DALI} <= set(desk.do(versions.cities))


def test_a_catalog_is_parsed_once_per_process(desk: Desk) -> None:
    publish(desk, "530800", content())
    one = desk.do(lambda session: versions.at(session, "530800", NOW))
    other = desk.do(lambda session: versions.load(session, "530800-1"))
    assert one is other


def test_the_version_in_force_is_found_by_one_small_query(desk: Desk) -> None:
    publish(desk, "530900", content())
    said: list[str] = []

    async def look() -> None:
        database = Database(desk.url)
        event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *call: said.append(call[2]))
        async with database.read() as session:
            await versions.at(session, "530900", NOW)
            said.clear()
            await versions.at(session, "530900", NOW)
        await database.close()

    run(look())
    assert len([statement for statement in said if statement.startswith("SELECT")]) == 1
    assert not any(".content" in statement for statement in said)


def test_two_who_publish_at_once_get_one_serial_each(desk: Desk) -> None:
    city = "532300"

    async def both() -> list[str]:
        database = Database(desk.url)

        async def one(answer: str) -> str:
            async with database.write() as session:
                row = await versions.publish(
                    session, changed(SX_001=answer), city=city, effective_at=None, actor=ADMIN, note="", now=NOW
                )
                return row.id

        try:
            return sorted(await asyncio.gather(one("甲"), one("乙"), one("丙")))
        finally:
            await database.close()

    assert run(both()) == [f"{city}-1", f"{city}-2", f"{city}-3"]


def test_differences_are_told_entry_by_entry_and_field_by_field(desk: Desk) -> None:
    city = "532500"
    publish(desk, city, content())
    plain = changed(SX_001="新答复")
    plain["items"]["SX-999"] = {**plain["items"]["SX-002"], "name": "新事项"}
    del plain["items"]["SX-031"]
    plain["limits"]["accept"] = {"minutes": 5}
    plain["guidance"]["YD-01"] = "新话术"
    publish(desk, city, plain)

    async def both(session: AsyncSession) -> list[versions.Change]:
        return versions.diff(await versions.load(session, f"{city}-1"), await versions.load(session, f"{city}-2"))

    found = [(one.section, one.code, one.kind, one.field) for one in desk.do(both)]
    assert found == [
        ("items", "SX-001", "changed", "answer"),
        ("items", "SX-031", "removed", ""),
        ("items", "SX-999", "added", ""),
        ("limits", "accept", "changed", ""),
        ("guidance", "YD-01", "changed", ""),
    ]


def test_retired_codes_lead_to_those_that_took_their_place(desk: Desk) -> None:
    city = "532600"
    publish(desk, city, content())
    plain = content()
    plain["items"]["SX-016"]["replaced_by"] = "SX-017"
    plain["items"]["SX-017"]["replaced_by"] = "SX-018"
    del plain["items"]["SX-031"]
    publish(desk, city, plain)

    async def both(session: AsyncSession) -> dict[str, str | None]:
        return versions.renamed(await versions.load(session, f"{city}-1"), await versions.load(session, f"{city}-2"))

    mapping = desk.do(both)
    assert (mapping["SX-016"], mapping["SX-017"], mapping["SX-031"]) == ("SX-018", "SX-018", None)
    assert mapping["SX-001"] == "SX-001"
