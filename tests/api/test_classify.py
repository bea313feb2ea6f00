"""Judging words over HTTP: who may, what comes back, where evidence stands, which matters look the same, what is not kept."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api.classify import judging
from classifier import extract
from classifier.errors import ClassifierError
from config.settings import Settings
from router.casework import similar
from router.storage.journal import JournalEntry
from router.worker import log_to_stderr
from tests.api import matters
from tests.api.city import good
from tests.api.parts import Person, Stand, made, run, standing
from tests.storage.parts import Valkey

URL = "/api/v1/classify"
ALARM = "有人持刀砍人,正在流血,在盘龙区北京路2号"
WAGES = "公司拖欠我三个月工资,请求帮助追讨"
TOLD = "昨天晚上八点在盘龙区北京路2号路灯不亮,电话13900139001"


class Desk:
    """An application with its people, for the tests of this module that change nothing."""

    def __init__(self, stand: Stand, loop: asyncio.AbstractEventLoop) -> None:
        self.stand, self.loop = stand, loop
        self._people: dict[str, Person] = {}

    def ask(self, role: str = "operator", **body: Any) -> Any:
        async def go() -> Any:
            if role not in self._people:
                self._people[role] = await self.stand.sign_in(role)
            return await self._people[role].post(URL, json=body)

        return asyncio.run_coroutine_threadsafe(go(), self.loop).result(60)

    def judged(self, text: str, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = good(self.ask(text=text, **more), 200)
        return found


@pytest.fixture(scope="module")
def desk(migrated_sqlite: Path, shared_valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("classify")
    (folder / "hotline.db").write_bytes(migrated_sqlite.read_bytes())
    configured = made(folder, f"sqlite:///{folder / 'hotline.db'}", shared_valkey.url)
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    box: list[Stand] = []

    async def live() -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(ready.set)
            async with standing(configured) as stand:
                await matters.furnish(stand)
                box.append(stand)
                ready.set()
                await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(live()))
    thread.start()
    ready.wait(60)
    yield Desk(box[0], loop)
    loop.call_soon_threadsafe(over.set)
    thread.join(60)
    loop.close()


def test_words_are_judged_with_names_and_evidence(desk: Desk) -> None:
    found = desk.judged(ALARM)
    assert (found["route"], found["urgent"]) == ("110", True) and "110" in found["services"]
    assert found["police_class"]["name"] and found["urgent_confidence"] > 0.5
    assert found["model"] and found["catalog"] == "530100-1" and found["similar"] is found["similar_complete"] is None
    wages = desk.judged(WAGES)
    assert (wages["route"], wages["urgent"], wages["police_class"]) == ("12345", False, None)
    assert wages["items"][0]["name"] == "拖欠工资" and wages["items"][0]["score"] > 0.5
    first = wages["agencies"][0]
    assert (first["name"], first["code"]) == ("人社", None) and "人力资源" in first["about"] and 0 < first["score"] <= 1


LONG = "有人持刀砍人," * 2_500 + "救命啊啊啊"
WRITTEN = (ALARM, "😀😀" + ALARM, "𠮷野家👨‍👩‍👧里有人持刀砍人", "救命\r\n有人跳楼\t快来", LONG, "ＡＢ１２ 有人持刀砍人 〇")
NOTHING = ("", "   ", "。。。", "😀🎉", "\n", "啊" * 20_000, "a" * 20_000, "😀" * 20_000, "1" * 20_000)


@pytest.mark.parametrize("number", range(len(WRITTEN)))
def test_evidence_and_what_is_found_stand_where_they_say(desk: Desk, number: int) -> None:
    text = WRITTEN[number]
    found = desk.judged(text)
    assert found["evidence"]
    for one in [*found["evidence"], *found["found"]]:
        assert text[one["start"] : one["end"]] == one["text"] and one["text"]


@pytest.mark.parametrize("number", range(len(NOTHING)))
def test_words_that_say_nothing_are_judged_unsure(desk: Desk, number: int) -> None:
    text = NOTHING[number]
    found = desk.judged(text)
    assert (found["urgent"], found["evidence"]) == (False, []) and found["route"] in ("unsure", "guide", "12345")
    assert desk.judged(text, similar=True)["similar"] == []


def test_bodies_that_are_wrong_are_refused(desk: Desk) -> None:
    for body, field in (
        ({}, "body.text"),
        ({"text": None}, "body.text"),
        ({"text": "啊" * 20_001}, "body.text"),
        ({"text": "a\u0007"}, "body.text"),
        ({"text": "a\u202eb"}, "body.text"),
        ({"text": "a", "words": "b"}, "body.words"),
        ({"text": "a", "city": "昆明"}, "body.city"),
        ({"text": "a", "division": "999999"}, "division"),
        ({"text": "a", "partial": "maybe"}, "body.partial"),
        ({"text": "a", "case_id": "a b"}, "body.case_id"),
    ):
        answer = desk.ask(**body)
        assert (answer.status_code, answer.json()["field"]) == (422, field), (body, answer.text[:300])
    big = desk.ask(text="啊" * 500_000)
    assert (big.status_code, big.json()["code"]) == (413, "request.too_large")
    none = desk.ask(text="a", city="110100")
    assert (none.status_code, none.json()["code"]) == (404, "catalog.none")
    assert desk.judged(WAGES, division="530102")["catalog"] == desk.judged(WAGES, division="110101")["catalog"] == "530100-1"


def test_what_is_told_is_found_unless_it_is_only_begun(desk: Desk) -> None:
    whole = desk.judged(TOLD)
    values = {one["kind"]: one["value"] for one in whole["found"]}
    assert values["phone"] == "13900139001" and "北京路2号" in values["place"] and values["time"].startswith("2026-05-05T20:00")
    part = desk.judged(TOLD, partial=True)
    assert part.pop("found") is None and part == {name: value for name, value in whole.items() if name != "found"}
    assert desk.judged(TOLD, partial=True, found=True)["found"] == whole["found"]
    assert desk.judged(TOLD, found=False)["found"] is None
    assert desk.judged(TOLD, partial=True, similar=True)["similar_complete"] is True


def test_who_may_not_is_refused_and_journalled(desk: Desk) -> None:
    for role in ("operator", "police", "supervisor", "administrator", "integration"):
        assert desk.ask(role, text=WAGES, similar=True).status_code == 200, role
    refused = desk.ask("agency", text=WAGES)
    assert (refused.status_code, refused.json()["facts"]["action"]) == (403, "text.classify")

    async def entries() -> list[JournalEntry]:
        async with desk.stand.client() as nobody:
            assert (await nobody.post(URL, json={"text": "a"})).status_code == 401
        async with desk.stand.state.database.read() as session:
            return list((await session.scalars(select(JournalEntry).where(JournalEntry.action == "access.refused"))).all())

    (entry,) = asyncio.run_coroutine_threadsafe(entries(), desk.loop).result(30)
    assert entry.detail["path"] == URL and entry.detail["action"] == "text.classify" and WAGES[:4] not in str(entry.detail)


def test_nothing_of_a_text_is_logged_or_kept(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log_to_stderr("info")
    secret = "我叫李明,电话13900139777,有人持刀砍人"
    desk.judged(secret, similar=True, place="翠湖南路41号")
    assert desk.ask(text=secret + "\u0007").status_code == 422

    def broken(_: str, **__: object) -> None:
        raise KeyError(secret)

    def gone(_: str, **__: object) -> None:
        raise ClassifierError("no model", secret)

    with monkeypatch.context() as patch:
        patch.setattr(extract, "find", broken)
        failed = desk.ask(text=secret)
        patch.setattr(extract, "find", gone)
        away = desk.ask(text=secret)
        patch.setattr(judging, "PATIENCE", 0.0)
        patch.setattr(desk.stand.state.parts[judging.PART].turns, "acquire", asyncio.Event().wait)
        busy = desk.ask(text=secret)
    assert (failed.status_code, failed.json()["code"]) == (500, "server.internal") and "李明" not in failed.text
    assert (away.status_code, away.json()["code"]) == (503, "classify.away") and away.headers["retry-after"]
    assert (busy.status_code, busy.json()["code"]) == (503, "classify.busy")
    said = "".join(capsys.readouterr())
    assert "KeyError at test_classify.py" in said and "classify.away" in said
    held = b"".join(file.read_bytes() for file in desk.stand.state.settings.data_dir.parent.rglob("hotline.db*"))
    for word in ("李明", "13900139777", "持刀", "翠湖南路"):
        assert word not in said and word.encode() not in held, word


def test_similar_matters_are_those_that_the_asker_may_see(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await matters.furnish(stand)
            people = {role: await stand.sign_in(role) for role in ("operator", "police", "supervisor", "administrator")}
            await stand.account("operator", username="far", city="532900")
            people["far"] = await stand.sign_in("operator", username="far")

            async def like(role: str, **more: Any) -> list[dict[str, Any]]:
                body = {"text": "翠湖小区的路灯坏了,晚上不亮", "similar": True, "partial": True, **more}
                answer = good(await people[role].post(URL, json=body), 200)
                assert answer["similar_complete"]
                found: list[dict[str, Any]] = answer["similar"]
                return found

            assert await like("operator") == []
            dark = {"words": "翠湖小区路灯不亮三天了,没人来修", "place": "昆明市五华区翠湖小区3栋"}
            one = (await matters.register(people["operator"], **dark))["case"]
            await matters.register(people["operator"], "工地半夜打桩,吵得睡不着", place="昆明市官渡区世纪城")
            (found,) = await like("operator")
            assert (found["id"], found["number"]) == (one["id"], one["number"]) and found["score"] > 0.5
            assert found["parts"]["words"] > 0 and found["parts"]["time"] == 1.0
            assert found["case"]["caller_number"] == "13900139001" and found["case"]["words"] == dark["words"]
            assert await like("operator", case_id=one["id"]) == []
            assert (await like("operator", place="五华区翠湖小区3栋", division="530102"))[0]["parts"]["place"] > 0.9
            assert await like("police") == await like("administrator") == [], "a ticket that 110 has nothing to do with"
            masked = (await like("supervisor"))[0]["case"]
            assert masked["caller_number"] == "139****9001" and masked["caller_name"] == "张**"
            secret = (await matters.register(people["operator"], **dark, confidentiality="stability"))["case"]
            again = await stand.sign_in("operator", username="colleague")
            people["colleague"] = again
            assert {each["id"] for each in await like("operator")} == {one["id"], secret["id"]}
            assert [each["id"] for each in await like("colleague")] == [one["id"]], "clues are for those who took them"
            assert await like("far", city="530100") == [], "another city's people"
            body = {"into": secret["id"], "reason": "同一件"}
            good(await people["operator"].post(f"/api/v1/cases/{one['id']}/merge", json=body))
            assert [each["id"] for each in await like("operator")] == [secret["id"]], "merged"
            stand.clock.move(similar.PERIOD.total_seconds() + 3600)
            people["operator"] = await stand.sign_in("operator")
            assert await like("operator") == [], "too old"

    run(go())
