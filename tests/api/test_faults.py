"""Faults under the interface, with real processes and servers: nothing is lost, nothing is half done, nothing happens twice."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import resource
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis
from sqlalchemy import event, func, select

from api.auth import identity
from api.kit.state import utc_now
from config.settings import Settings
from router.journal import news
from router.journal.verify import verify
from router.storage.casework import Attachment, Case, Handoff, Ticket
from router.storage.engine import Database
from router.storage.journal import JournalEntry, Outbox
from tests.api.matters import WORDS, furnish, register
from tests.api.parts import POLICE_UNIT, Clock, Person, Stand, made, run, standing
from tests.hotline.conftest import Command, start
from tests.storage.parts import POSTGRESQL, Valkey, redis_database, until, valkey
from tests.worker.stack import sql

__all__ = ["start", "valkey"]
Start = Callable[..., Command]
API = "/api/v1"
TRIES = 200
"""Times that a request is sent again before it counts as lost."""


def matter(number: int) -> dict[str, Any]:
    """Every third one goes to the police line: a ticket that waits, an order, a handoff."""
    if number % 3 == 0:
        return {"channel": "other-hotline", "words": f"有人在楼下聚众赌博,第{number}次", "place": f"盘龙区北京路{number}号"}
    return {"channel": "web", "words": WORDS, "place": f"昆明市五华区华山西路{number}号"}


# --- an installation whose processes may be killed


class Installation:
    """Data, accounts and keys of an installation, prepared in this process; its services run in processes of their own."""

    def __init__(self, settings: Settings, start: Start) -> None:
        self.settings, self._start = settings, start
        self.cookies: dict[str, dict[str, str]] = {}
        run(self._prepare())

    async def _prepare(self) -> None:
        async with standing(self.settings, clock=Clock(utc_now())) as stand:
            await furnish(stand)
            await stand.agency(POLICE_UNIT, level="police", kind="公安", name="华山派出所")
            for role in ("operator", "police", "administrator"):
                person = await stand.sign_in(role)
                secret, token = person.cookies["hotline_session"], person.headers[identity.CSRF_HEADER]
                self.cookies[role] = {"Cookie": f"hotline_session={secret}", identity.CSRF_HEADER: token}

    def env(self) -> dict[str, str]:
        return {
            "HOTLINE_DATA_DIR": str(self.settings.data_dir),
            "HOTLINE_DATABASE_URL": self.settings.database_url,
            "HOTLINE_REDIS_URL": self.settings.redis_url,
            "HOTLINE_HTTP_PORT": "0",
        }

    def begin(self, service: str) -> Command:
        return self._start("-m", "hotline", service, env=self.env())

    def database(self) -> Database:
        return Database(self.settings.database_url)


class Desk:
    """Somebody at work with several services: a request that gets no answer, or 503, is sent again, with the same key."""

    def __init__(self, here: Installation, role: str, ports: list[int]) -> None:
        self.headers, self.ports = here.cookies[role], ports
        self.client = httpx.AsyncClient(timeout=20, trust_env=False)

    async def once(self, method: str, path: str, port: int, **more: Any) -> httpx.Response:
        headers = {**self.headers, **more.pop("headers", {})}
        return await self.client.request(method, f"http://127.0.0.1:{port}{API}{path}", headers=headers, **more)

    async def ask(self, method: str, path: str, number: int = 0, **more: Any) -> httpx.Response:
        for attempt in range(TRIES):
            with contextlib.suppress(httpx.TransportError):
                answer = await self.once(method, path, self.ports[(number + attempt) % len(self.ports)], **dict(more))
                if answer.status_code != 503:
                    return answer
                assert answer.json()["code"] == "server.unavailable", answer.text
            await asyncio.sleep(0.05)
        raise AssertionError(f"no answer to {method} {path}")

    async def register(self, number: int) -> dict[str, Any]:
        key = {"Idempotency-Key": f"key-{number}"}
        answer = await self.ask("POST", "/cases", number, json=matter(number), headers=key)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def check_whole(database: Database, folder: Path, count: int) -> None:
    """One case for each key, each with a number and faces of its own, every chain whole."""
    async with database.read() as session:
        cases = (await session.scalars(select(Case))).all()
        assert len(cases) == count == len({one.number for one in cases})
        tickets = (await session.scalars(select(Ticket))).all()
        assert len(tickets) == len({one.number for one in tickets}) == len({one.case_id for one in tickets}) == count
        begun = await session.scalar(select(func.count()).where(JournalEntry.action == "case.registered"))
        assert begun == count
    found = await verify(database, [folder / "journal"])
    assert found.ok, [str(one) for one in found.broken]


def published(client: redis.Redis) -> list[str]:
    """Ids of the events in the live stream."""
    entries: Any = client.xrange(news.STREAM)
    return [news.decode(fields).id for _, fields in entries]


async def written(database: Database) -> list[str]:
    async with database.read() as session:
        return list((await session.scalars(select(Outbox.id))).all())


async def settled(here: Installation, client: redis.Redis, database: Database) -> None:
    """Everything that was written has been published, each event once."""
    with sql(here.settings.database_url) as db:
        unpublished = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
        await asyncio.to_thread(until, lambda: not db.one(unpublished), "all events to be published")
    counted = Counter(published(client))
    rows = await written(database)
    assert set(counted) == set(rows) and set(counted.values()) == {1}, counted.most_common(3)


def test_two_of_each_and_one_of_each_killed_in_a_burst(migrated_postgresql_url: str, tmp_path: Path, start: Start) -> None:
    """Two interfaces and two workers on one database: registrations with keys and answers to handoffs, while processes die."""
    count = 24
    with redis_database() as redis_url:
        here = Installation(made(tmp_path, migrated_postgresql_url, redis_url), start)
        services = [here.begin("worker"), here.begin("worker"), here.begin("api"), here.begin("api")]
        facts = [one.facts() for one in services]
        ports = [one["port"] for one in facts[2:]]

        async def burst() -> None:
            operator, police = Desk(here, "operator", ports), Desk(here, "police", ports)
            first = [asyncio.create_task(operator.register(number)) for number in range(count)]
            done, rest = await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            assert done and rest, "the service is killed in the middle"
            services[2].process.send_signal(signal.SIGKILL)
            services[0].process.send_signal(signal.SIGKILL)
            told = await asyncio.gather(*first)
            again = await asyncio.gather(*(operator.register(number) for number in range(count)))
            assert [one["case"]["id"] for one in again] == [one["case"]["id"] for one in told]

            handoffs = [one for made in told for one in made["handoffs"]]
            assert len(handoffs) == count // 3
            both = [
                police.ask("POST", f"/handoffs/{one['id']}/accept", number, headers={"If-Match": f'"{one["rev"]}"'})
                for one in handoffs
                for number in (0, 1)
            ]
            statuses = Counter(answer.status_code for answer in await asyncio.gather(*both))
            assert statuses[200] == len(handoffs) and set(statuses) <= {200, 409, 412}, statuses
            database = here.database()
            with redis.Redis.from_url(redis_url, protocol=2) as client:
                await asyncio.wait_for(settled(here, client, database), 30)
                async with database.read() as session:
                    accepted = select(func.count()).where(Handoff.state == "accepted")
                    assert await session.scalar(accepted) == len(handoffs)
            await check_whole(database, here.settings.data_dir, count)
            await database.close()

        run(burst(), 60)


class Listener(threading.Thread):
    """A browser that listens to live events and comes back after a break with the id of the last one it got."""

    def __init__(self, here: Installation, ports: list[int]) -> None:
        super().__init__(daemon=True)
        self.cookie, self.ports = here.cookies["operator"]["Cookie"], ports
        self.told: list[dict[str, Any]] = []
        self.resets: list[str] = []
        self.listening, self.enough = threading.Event(), threading.Event()
        self._last = ""

    def run(self) -> None:
        while not self.enough.wait(0.05):
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._listen()

    def _listen(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=20)
        connection.request(
            "GET", f"{API}/events", headers={"Cookie": self.cookie, **({"Last-Event-ID": self._last} if self._last else {})}
        )
        answer = connection.getresponse()
        if answer.status != 200:
            return
        kind = fresh = ""
        while line := answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name == "event":
                kind = value
                self.listening.set()
            elif name == "id":
                fresh = value
            elif name == "data" and kind == "news":
                self.told.append(json.loads(value))
            elif name == "data" and kind == "reset":
                self.resets.append(value)
            elif not name:
                self._last = fresh or self._last

    def cases(self) -> list[str]:
        return [one["case"] for one in self.told if one["topic"] == "ticket.opened"]


def test_killed_in_a_burst_then_without_redis_everybody_hears_of_everything(
    migrated_sqlite_url: str, valkey: Valkey, tmp_path: Path, start: Start
) -> None:
    """One machine with embedded servers: the interface is killed in the middle, then Redis dies and comes back."""
    here = Installation(made(tmp_path, migrated_sqlite_url, valkey.url), start)
    services = [here.begin("worker"), here.begin("api")]
    ports: list[int] = [one.facts().get("port", 0) for one in services][1:]
    listener = Listener(here, ports)
    listener.start()

    async def go() -> None:
        operator = Desk(here, "operator", ports)
        assert await asyncio.to_thread(listener.listening.wait, 20)
        first = [asyncio.create_task(operator.register(number)) for number in range(12)]
        done, rest = await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        assert done and rest, "the service is killed in the middle"
        services[1].process.send_signal(signal.SIGKILL)
        services[1].process.wait()
        fresh = here.begin("api")
        ports[0] = (await asyncio.to_thread(fresh.facts))["port"]
        told = await asyncio.gather(*first)
        again = await asyncio.gather(*(operator.register(number) for number in range(12)))
        assert [one["case"]["id"] for one in again] == [one["case"]["id"] for one in told]

        valkey.kill()
        late = await asyncio.gather(*(operator.register(number) for number in range(12, 16)))
        ready = await operator.ask("GET", "/../../readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded"), ready.text
        valkey.start()
        database = here.database()
        with valkey.client() as client:
            await settled(here, client, database)
        await asyncio.to_thread(until, lambda: late[-1]["case"]["id"] in listener.cases(), "the last event")
        heard = Counter(listener.cases())
        assert len(heard) == 16 and set(heard.values()) == {1} and not listener.resets, (heard, listener.resets)
        probe = f"http://127.0.0.1:{ports[0]}/readyz"
        await asyncio.to_thread(until, lambda: httpx.get(probe).json()["status"] == "ok", "the worker to be back at Redis")
        await check_whole(database, here.settings.data_dir, 16)
        await database.close()

    try:
        run(go(), 60)
    finally:
        listener.enough.set()


# --- servers and disks that fail under one process


async def registered(person: Person, count: int) -> list[httpx.Response]:
    """Register with keys, six at a time."""
    turn = asyncio.Semaphore(6)

    async def one(number: int) -> httpx.Response:
        async with turn:
            return await person.post(f"{API}/cases", json=matter(number), headers={"Idempotency-Key": f"key-{number}"})

    return list(await asyncio.gather(*(one(number) for number in range(count))))


@contextlib.contextmanager
def cutting(url: str) -> Iterator[list[int]]:
    """Meanwhile all connections to a database of PostgreSQL are cut again and again; how many each time."""
    cut: list[int] = []
    enough = threading.Event()
    name = url.rsplit("/", 1)[1]
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"

    def work() -> None:
        with psycopg.connect(f"{POSTGRESQL}/postgres", autocommit=True) as connection:
            while not enough.wait(0.03):
                cut.append(len(connection.execute(query, (name,)).fetchall()))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield cut
    finally:
        enough.set()
        thread.join()


def test_cut_connections_to_postgresql_leave_no_half_matter(migrated_postgresql_url: str, redis_now: str, tmp_path: Path) -> None:
    settings = made(tmp_path, migrated_postgresql_url, redis_now)

    async def go() -> None:
        async with standing(settings, clock=Clock(utc_now())) as stand:
            await furnish(stand)
            operator = await stand.sign_in("operator")
            await register(operator)  # the process has read what it needs for the first one
            with cutting(migrated_postgresql_url) as cut:
                answers = await registered(operator, 30)
            statuses = Counter(answer.status_code for answer in answers)
            assert set(statuses) <= {201, 503} and statuses[503] and sum(cut) > 10, (statuses, sum(cut))
            for answer in answers:
                if answer.status_code == 503:
                    assert answer.json()["code"] == "server.unavailable" and answer.headers["retry-after"]
            again = await registered(operator, 30)
            assert {answer.status_code for answer in again} == {201}, "it recovers by itself"
            for first, second in zip(answers, again, strict=True):
                assert first.status_code == 503 or first.json()["case"]["id"] == second.json()["case"]["id"]
            assert (await operator.get("/readyz")).json()["checks"][0]["ok"]
            await check_whole(stand.state.database, settings.data_dir, 31)

    run(go())


@contextlib.contextmanager
def small_files(largest: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def picture(size: int) -> tuple[str, bytes]:
    return "现场.png", b"\x89PNG\r\n\x1a\n" + os.urandom(size)


def test_a_full_disk_keeps_no_half_attachment_and_no_half_matter(
    migrated_postgresql_url: str, redis_now: str, tmp_path: Path
) -> None:
    """The database is on another disk, which has room."""
    settings = made(tmp_path, migrated_postgresql_url, redis_now)

    async def go() -> None:
        async with standing(settings, clock=Clock(utc_now())) as stand:
            await furnish(stand)
            operator, gateway = await stand.sign_in("operator"), await stand.sign_in("integration", unit="12345")
            case = (await register(operator))["case"]["id"]
            told = {"channel": "web", "origin": "gate", "origin_id": "m1", "words": "路灯坏了三天"}
            upload = {"files": picture(900_000)}
            with small_files(600_000):
                one = await operator.post(f"{API}/cases/{case}/attachments", files={"file": upload["files"]})
                other = await gateway.post(f"{API}/inbound/messages/with-files", data={"data": json.dumps(told)}, files=upload)
                huge = await operator.post(f"{API}/cases/{case}/attachments", files={"file": picture(3_000_000)})
            for answer, code in ((one, "attachment.no_room"), (other, "attachment.no_room"), (huge, "request.no_room")):
                assert (answer.status_code, answer.json()["code"]) == (507, code), answer.text
            async with stand.state.database.read() as session:
                assert await session.scalar(select(func.count()).select_from(Attachment)) == 0
                assert await session.scalar(select(func.count()).select_from(Case)) == 1
            assert [one for one in (settings.data_dir / "attachments").rglob("*") if one.is_file()] == []
            again = await gateway.post(f"{API}/inbound/messages/with-files", data={"data": json.dumps(told)}, files=upload)
            assert (again.status_code, again.json()["again"]) == (201, False), again.text
            await check_whole(stand.state.database, settings.data_dir, 2)

    run(go())


def test_a_database_without_room_refuses_and_goes_on_when_there_is_some(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            await furnish(stand)
            operator = await stand.sign_in("operator")
            await register(operator)
            await rooms(stand, 1)
            answers = await registered(operator, 12)
            statuses = Counter(answer.status_code for answer in answers)
            assert set(statuses) <= {201, 503} and statuses[503] > 3, statuses
            await rooms(stand, 1_000_000)
            assert {answer.status_code for answer in await registered(operator, 12)} == {201}
            await check_whole(stand.state.database, sqlite_settings.data_dir, 13)

    run(go())


async def rooms(stand: Stand, pages: int) -> None:
    """Let the database grow no further than its present size, or so many pages."""
    engine = stand.state.database.engine
    await engine.dispose()

    def limit(raw: Any, _record: Any) -> None:
        raw.execute(f"PRAGMA max_page_count={pages}")

    event.listen(engine.sync_engine, "connect", limit)
