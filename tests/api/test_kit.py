"""The kit that features are built from, on a small router of the tests' own: transactions, repetition, paging, ETag, errors."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import APIRouter, File, Response, UploadFile
from pydantic import Field
from sqlalchemy import select

from api.kit import etag, paging, routing
from api.kit.deps import AfterCommit, CurrentActor, IfMatch, LateSession, Now, Pages, ReadSession, WriteSession, allowed
from api.kit.fields import Body, CreditCode, Division, Line, Moment, Phone, Text
from api.kit.paging import Page
from config.settings import Settings
from router.access import rules
from router.access.actor import Actor
from router.errors import Conflict
from router.journal import journal
from router.journal.journal import Note
from router.storage.casework import Counter
from router.storage.journal import JournalEntry
from router.storage.organisation import Account, IdempotencyKey
from tests.api.parts import Stand, run, standing


class Toy(Body):
    name: Line
    value: int = Field(default=0, ge=0, le=10_000)
    note: Text | None = None
    phone: Phone | None = None
    division: Division | None = None
    code: CreditCode | None = None
    at: Moment | None = None


def toys(told: list[str] | None = None) -> APIRouter:
    """Endpoints that write rows of a table that nobody else needs here."""
    router = routing.router("/toys", "toys")
    heard = [] if told is None else told

    @router.post("", status_code=201)
    async def make(session: WriteSession, body: Toy, work: AfterCommit, response: Response) -> dict[str, Any]:
        async def after() -> None:
            heard.append(body.name)

        work.after(after)
        session.add(Counter(name=body.name, value=body.value))
        await session.flush()
        response.headers["Location"] = f"/toys/{quote(body.name)}"
        if body.name == "fails":
            raise Conflict("不行", "换一个", allowed=["a"], field="name")
        if body.name == "breaks":
            raise ZeroDivisionError("secret words of the inside")
        return {"name": body.name, "value": body.value}

    @router.post("/refused", status_code=409)
    async def refused(session: WriteSession) -> dict[str, str]:
        session.add(Counter(name="refused", value=1))
        return {"made": "no"}

    @router.post("/files")
    async def files(begin: LateSession, file: Annotated[UploadFile, File()]) -> dict[str, int]:
        content = await file.read()
        session = await begin()
        session.add(Counter(name=f"file-{file.filename}", value=len(content)))
        return {"size": len(content)}

    @router.put("/{name}")
    async def change(session: WriteSession, name: str, rev: IfMatch, body: Toy, response: Response) -> dict[str, int]:
        found = await session.get(Counter, name)
        assert found is not None
        etag.check(rev, found.value)
        found.value += 1
        etag.put(response, found.value)
        return {"value": found.value}

    @router.get("")
    async def rows(session: ReadSession, pages: Pages, least: int = 0) -> Page[str]:
        query = select(Account).where(Account.failures >= least)
        found, following = await paging.fetch(session, query, pages, name="toys", keys=[Account.created_at, Account.id])
        return Page(items=[one.id for one in found], next=following)

    @router.get("/guarded")
    async def guarded(actor: Annotated[Actor, allowed("account.manage")]) -> str:
        return actor.id

    @router.get("/foreign/{key}")
    async def foreign(actor: CurrentActor, session: ReadSession, key: str, now: Now) -> str:
        raise rules.Foreign("没有", "检查", subject=key)

    return router


async def counters(stand: Stand) -> dict[str, int]:
    async with stand.state.database.read() as session:
        rows = (await session.scalars(select(Counter))).all()
    return {row.name: row.value for row in rows}


def test_a_write_is_committed_before_the_answer_and_one_that_fails_leaves_nothing(settings: Settings) -> None:
    told: list[str] = []

    async def go() -> None:
        async with standing(settings, extra=toys(told)) as stand:
            person = await stand.sign_in("operator")
            made = await person.post("/api/v1/toys", json={"name": "one", "value": 1})
            assert (made.status_code, made.headers["location"], await counters(stand)) == (201, "/toys/one", {"one": 1})
            failed = await person.post("/api/v1/toys", json={"name": "fails"})
            assert failed.status_code == 409
            body = failed.json()
            assert (body["code"], body["message"], body["field"], body["facts"]) == (
                "conflict",
                "不行",
                "name",
                {"allowed": ["a"]},
            )
            assert body["request_id"] == failed.headers["x-request-id"]
            broken = await person.post("/api/v1/toys", json={"name": "breaks"})
            assert (broken.status_code, broken.json()["code"]) == (500, "server.internal")
            assert "secret" not in broken.text and "Zero" not in broken.text
            assert (await person.post("/api/v1/toys/refused")).status_code == 409
            again = await person.post("/api/v1/toys", json={"name": "one"})
            assert (again.status_code, again.json()["code"]) == (409, "data.conflict")
            assert await counters(stand) == {"one": 1}
            assert told == ["one"]

    run(go())


def test_a_repeated_write_happens_once_and_gets_the_first_answer(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, extra=toys()) as stand:
            person, other = await stand.sign_in("operator"), await stand.sign_in("police")
            key = {"Idempotency-Key": "abc-1"}
            first = await person.post("/api/v1/toys", json={"name": "one", "value": 7}, headers=key)
            again = await person.post("/api/v1/toys", json={"name": "one", "value": 7}, headers=key)
            assert (again.status_code, again.content) == (first.status_code, first.content)
            assert (again.headers["location"], again.headers["idempotency-replayed"]) == ("/toys/one", "true")
            assert "idempotency-replayed" not in first.headers
            changed = await person.post("/api/v1/toys", json={"name": "one", "value": 8}, headers=key)
            assert (changed.status_code, changed.json()["code"]) == (422, "idempotency.reused")
            # another account's key is another key; a failed write may be tried again with its key
            assert (await other.post("/api/v1/toys", json={"name": "two"}, headers=key)).status_code == 201
            bad = {"Idempotency-Key": "abc-2"}
            assert (await person.post("/api/v1/toys", json={"name": "fails"}, headers=bad)).status_code == 409
            assert (await person.post("/api/v1/toys", json={"name": "three"}, headers=bad)).status_code == 201
            assert sorted(await counters(stand)) == ["one", "three", "two"]
            for wrong in ("", "a b", "x" * 129):
                answer = await person.post("/api/v1/toys", json={"name": "four"}, headers={"Idempotency-Key": wrong})
                assert answer.status_code == 422
            async with stand.state.database.read() as session:
                kept = (await session.scalars(select(IdempotencyKey))).all()
            assert not any(b"one" in one.body for one in kept)
            stand.clock.move(25 * 3600)
            person = await stand.sign_in("operator")
            assert (await person.post("/api/v1/toys", json={"name": "five"}, headers=key)).status_code == 201

    run(go())


def test_the_same_write_at_the_same_time_happens_once(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, extra=toys()) as stand:
            person = await stand.sign_in("operator")
            key = {"Idempotency-Key": "at-once"}
            posts = (person.post("/api/v1/toys", json={"name": "one"}, headers=key) for _ in range(6))
            answers = await asyncio.gather(*posts)
            assert {answer.status_code for answer in answers} == {201}
            assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False, *[True] * 5]

    run(go())


def test_a_repeated_upload_happens_once(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, extra=toys()) as stand:
            person = await stand.sign_in("operator")
            key = {"Idempotency-Key": "file-1"}

            async def send(content: bytes) -> httpx.Response:
                return await person.post("/api/v1/toys/files", files={"file": ("a.txt", content)}, headers=key)

            assert (await send(b"12345")).json() == {"size": 5}
            assert (await send(b"12345")).headers["idempotency-replayed"] == "true"
            assert (await send(b"12346")).json()["code"] == "idempotency.reused"

    run(go())


def test_an_edit_needs_the_version_that_was_seen(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, extra=toys()) as stand:
            person = await stand.sign_in("operator")
            await person.post("/api/v1/toys", json={"name": "one", "value": 3})

            async def put(seen: str | None) -> httpx.Response:
                headers = {} if seen is None else {"If-Match": seen}
                return await person.put("/api/v1/toys/one", json={"name": "one"}, headers=headers)

            assert ((await put(None)).status_code, (await put(None)).json()["code"]) == (428, "etag.required")
            for wrong in ("3", "*", 'W/"3"', '"x"', '"99999999999999999999"'):
                assert (await put(wrong)).status_code == 422
            changed = await put('"3"')
            assert (changed.status_code, changed.headers["etag"]) == (200, '"4"')
            stale = await put('"3"')
            assert (stale.status_code, stale.json()["code"], stale.json()["facts"]) == (412, "stale", {"seen": 3, "current": 4})

    run(go())


def test_pages_neither_skip_nor_repeat(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, extra=toys()) as stand:
            for number in range(7):
                await stand.account("operator", username=f"operator-{number}")
                if number % 2:
                    stand.clock.move(1)  # several of one moment: then the id decides
            person = await stand.sign_in("operator", username="operator-0")
            whole = (await person.get("/api/v1/toys?limit=200")).json()
            assert (len(whole["items"]), whole["next"]) == (7, None)
            seen: list[str] = []
            cursor = ""
            while True:
                page = (await person.get(f"/api/v1/toys?limit=3{cursor}")).json()
                seen += page["items"]
                if page["next"] is None:
                    break
                cursor = f"&cursor={page['next']}"
                if len(seen) == 3:
                    await stand.account("police")  # newer: belongs before what was seen
            assert seen == whole["items"]
            good = cursor.removeprefix("&cursor=")
            for bad in ("x", "AAAA", good[:-2], "A" + good[1:], "é", good + "AA", "x" * 513):
                answer = await person.get("/api/v1/toys", params={"cursor": bad})
                assert answer.status_code == 422, bad
            for limit in ("0", "201", "-1", "x", "9" * 40, "1.5"):
                assert (await person.get(f"/api/v1/toys?limit={limit}")).status_code == 422

    run(go())


def test_every_wrong_field_is_told_in_chinese(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, extra=toys()) as stand:
            person = await stand.sign_in("operator")
            body = {
                "name": " \t",
                "value": "x",
                "phone": "call me",
                "division": "53",
                "code": "115301000151130220",
                "at": "2026-05-01T08:00:00",
                "other": 1,
            }
            answer = await person.post("/api/v1/toys", json=body)
            told = answer.json()
            assert (answer.status_code, told["code"], told["message"]) == (422, "request.invalid", "请求中有 7 处填写不正确")
            messages = {one["field"]: one["message"] for one in told["fields"]}
            assert messages["body.value"] == "应为整数"
            assert messages["body.phone"].startswith("应为电话号码")
            assert messages["body.division"] == "应为 6 位或更长的行政区划代码"
            assert messages["body.code"] == "应为 18 位统一社会信用代码"
            assert messages["body.at"] == "日期时间须带时区,如 +08:00"
            assert messages["body.other"] == "没有这个字段"
            assert told["field"] == told["fields"][0]["field"]
            for name in ("a\x07", "a\u202eb", "x" * 201):
                assert (await person.post("/api/v1/toys", json={"name": name})).status_code == 422
            good = {"name": "合 格", "code": "115301000151130228", "at": "2026-05-01T08:00:00+08:00", "phone": "0871-63100000"}
            assert (await person.post("/api/v1/toys", json=good)).status_code == 201

    run(go())


def test_moments_that_no_calendar_here_knows_are_refused(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, extra=toys()) as stand:
            person = await stand.sign_in("operator")
            for year in (1, 1969, 2200, 9999):
                at = dt.datetime(year, 6, 1, tzinfo=dt.UTC).isoformat()
                assert (await person.post("/api/v1/toys", json={"name": "one", "at": at})).status_code == 422

    run(go())


def test_refusals_are_journalled_in_the_chain_of_the_person(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, extra=toys()) as stand:
            person = await stand.sign_in("operator")
            refused = await person.get("/api/v1/toys/guarded")
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
            assert (await person.get("/api/v1/toys/foreign/case-7")).status_code == 404
            async with stand.state.database.read() as session:
                query = select(JournalEntry).where(JournalEntry.chain == f"user:{person.account.id}").order_by(JournalEntry.seq)
                first, second = (await session.scalars(query)).all()
            assert (first.action, first.detail["action"]) == ("access.refused", "account.manage")
            assert (second.action, second.subject, second.detail["path"]) == (
                "access.refused",
                "case-7",
                "/api/v1/toys/foreign/{key}",
            )

    run(go())


def test_a_journal_that_cannot_be_written_refuses_all_the_same(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    async def go() -> None:
        async with standing(sqlite_settings, extra=toys()) as stand:
            person = await stand.sign_in("operator")
            monkeypatch.setattr(journal, "write", broken)
            assert (await person.get("/api/v1/toys/guarded")).status_code == 403

    run(go())
    assert Note


def test_every_route_has_its_unit_of_work_and_says_its_errors(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand, stand.client() as client:
            document = (await client.get("/openapi.json")).json()
            assert document["info"]["title"].startswith("12345")
            assert {"session", "token"} <= set(document["components"]["securitySchemes"])
            operations = [one for path in document["paths"].values() for one in path.values()]
            assert len(operations) > 20
            for operation in operations:
                assert operation["summary"], operation["operationId"]
                assert operation["tags"]
                answers = operation["responses"]
                assert answers["422"]["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorBody")
            names = [operation["operationId"] for operation in operations]
            assert len(set(names)) == len(names)
            page = await client.get("/docs")
            assert page.headers["content-security-policy"].startswith("default-src 'none'")
            assert "/api/v1/auth/sign-in" in page.text and "<script" not in page.text and "https://" not in page.text

    run(go())
