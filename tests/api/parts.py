"""An application of the HTTP service for tests: on SQLite or PostgreSQL, with Valkey, in this process, with people of every role.

    async def go() -> None:
        async with parts.standing(settings) as stand:
            operator = await stand.sign_in("operator")
            answer = await operator.get("/api/v1/auth/me")
    run(go())

``settings`` is the fixture that makes them for each kind of database. A client made by ``sign_in`` sends its cookie and CSRF
token by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import functools
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import argon2
import httpx
import psycopg
import pytest
import structlog
from fastapi import FastAPI

from api import app as application
from api.auth import identity, tokens
from api.features import FEATURES, Feature
from api.kit.limits import Rates
from api.kit.state import State
from config import settings as configuration
from config.settings import Settings
from router import ids
from router.access import passwords
from router.access.actor import Actor
from router.storage import migrations
from router.storage.organisation import Account, Agency, Posting, SignIn
from router.worker import log_to_stderr
from tests.storage.parts import DATABASE_KINDS, POSTGRESQL, Valkey, postgresql_database, run

__all__ = ["AGENCY", "OTHER_AGENCY", "PASSWORD", "POLICE_UNIT", "Clock", "Stand", "run", "standing"]

PASSWORD = "correct horse battery"
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""Takes the place of the real parameters in tests (fixture ``cheap_passwords``): those are made to take long."""
HASH = CHEAP.hash(PASSWORD)
T0 = dt.datetime(2026, 5, 6, 1, 0, tzinfo=dt.UTC)
AGENCY, OTHER_AGENCY, POLICE_UNIT = "115301000151130228", "115301000151130303", "115301000151130490"
UNITS = {
    "operator": "12345",
    "police": "110",
    "agency": AGENCY,
    "supervisor": "12345",
    "administrator": "",
    "integration": "",
}


class Clock:
    """Time that a test moves by hand."""

    def __init__(self, at: dt.datetime = T0) -> None:
        self.at = at

    def __call__(self) -> dt.datetime:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += dt.timedelta(seconds=seconds)


@dataclass
class Stand:
    """A running application."""

    app: FastAPI
    clock: Clock
    stack: contextlib.AsyncExitStack
    made: dict[str, Account] = field(default_factory=dict)

    @property
    def state(self) -> State:
        found: State = self.app.state.hotline
        return found

    def client(self, address: str = "127.0.0.1", base: str = "http://hotline.test", **more: Any) -> httpx.AsyncClient:
        """A client that is not signed in."""
        transport = httpx.ASGITransport(app=self.app, client=(address, 50000), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=base, **more)

    async def account(self, role: str, *, unit: str | None = None, username: str | None = None, **more: Any) -> Account:
        """An account of a role, with :data:`PASSWORD`; the same one when asked for again."""
        unit = UNITS[role] if unit is None else unit
        username = username or f"{role}-{unit or 'all'}".lower()
        if username not in self.made:
            values: dict[str, Any] = {
                "id": ids.new(),
                "username": username,
                "name": "张伟",
                "role": role,
                "unit": unit,
                "city": "530100",
                "seat": None,
                "password": HASH,
                "must_change": False,
                "oidc_issuer": None,
                "oidc_subject": None,
                "active": True,
                "failures": 0,
                "created_at": self.clock(),
                "updated_at": self.clock(),
            }
            account = Account(**(values | more))
            async with self.state.database.write() as session:
                session.add(account)
            self.made[username] = account
        return self.made[username]

    async def sign_in(
        self, role: str, *, unit: str | None = None, username: str | None = None, desk: str | None = None
    ) -> Person:
        """A client of somebody of this role, signed in as a browser is (without the cost of a password)."""
        account = await self.account(role, unit=unit, username=username)
        secret = tokens.secret()
        key = tokens.hashed(secret)
        now = self.clock()
        async with self.state.database.write() as session:
            session.add(
                SignIn(
                    id=key,
                    account=account.id,
                    kind="browser",
                    family=ids.new(),
                    desk=desk,
                    created_at=now,
                    expires_at=now + tokens.SESSION,
                    used_at=now,
                    replaced_at=None,
                    revoked_at=None,
                )
            )
        client = Person(self, account)
        client.cookies.set("hotline_session", secret)
        client.headers[identity.CSRF_HEADER] = tokens.csrf(self.state.keys.csrf, key)
        self.stack.push_async_callback(client.aclose)
        return client

    async def agency(
        self, code: str = AGENCY, *, level: str = "department", kind: str = "人社", name: str = "市人社局"
    ) -> Agency:
        """A unit that handles tickets or orders."""
        agency = Agency(
            code=code,
            city="530100",
            name=name,
            kind=kind,
            level=level,
            divisions=["530100"],
            parent=None,
            active=True,
            created_at=self.clock(),
            updated_at=self.clock(),
        )
        async with self.state.database.write() as session:
            await session.merge(agency)
        return agency

    async def posting(self, account: Account, unit: str, role: str, *, seconds: float = 3600) -> Posting:
        now = self.clock()
        until = now + dt.timedelta(seconds=seconds)
        made = Posting(id=ids.new(), account=account.id, unit=unit, role=role, since=now, until=until, revoked_at=None, by="test")
        async with self.state.database.write() as session:
            session.add(made)
        return made


class Person(httpx.AsyncClient):
    """A client that is signed in."""

    def __init__(self, stand: Stand, account: Account) -> None:
        transport = httpx.ASGITransport(app=stand.app, client=("127.0.0.1", 50000), raise_app_exceptions=False)
        super().__init__(transport=transport, base_url="http://hotline.test")
        self.account = account

    def actor(self, **more: Any) -> Actor:
        """The account as the services see it."""
        side: Any = {"12345": "12345"}.get(self.account.unit, "110" if self.account.unit.startswith("110") else None)
        values: dict[str, Any] = {
            "id": self.account.id,
            "role": self.account.role,
            "unit": self.account.unit,
            "desk": self.account.unit,
            "city": self.account.city,
            "side": side,
        }
        return Actor(**(values | more))


@contextlib.asynccontextmanager
async def standing(
    settings: Settings,
    *,
    clock: Clock | None = None,
    rates: Rates | None = None,
    features: Sequence[Feature] = FEATURES,
    extra: Any = None,
) -> AsyncIterator[Stand]:
    """Run an application for the time of the block; ``extra``: a router of the test's own."""
    clock = clock or Clock()
    app = application.create(settings, clock=clock, rates=rates, features=features)
    if extra is not None:
        app.router.routes.extend(extra.routes)
    async with app.router.lifespan_context(app), contextlib.AsyncExitStack() as stack:
        await asyncio.wait_for(app.state.hotline.migrated.wait(), 30)
        stand = Stand(app, clock, stack)
        yield stand


# --- fixtures, for a conftest to import


def made(folder: Path, database: str, redis_url: str, **env: str) -> Settings:
    """Settings of an installation of its own, with the shipped configuration."""
    base = _loaded(frozenset(env.items()))
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    scheme, rest = database.split("://", 1)
    driver = "sqlite+aiosqlite" if scheme.startswith("sqlite") else "postgresql+psycopg"
    tls = (
        {"tls_certificate": data / "tls" / "certificate.pem", "tls_key": data / "tls" / "key.pem"} if not base.production else {}
    )
    return dataclasses.replace(
        base, data_dir=data, database_url=f"{driver}://{rest}", redis_url=redis_url, redis_embedded=False, **tls
    )


@functools.cache
def _loaded(env: frozenset[tuple[str, str]]) -> Settings:
    """Reading and checking the shipped files takes a fifth of a second: once is enough."""
    return configuration.load(env={"HOTLINE_HTTP_PORT": "0", **dict(env)})


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed with little effort."""
    monkeypatch.setattr(passwords, "HASHER", CHEAP)


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Logs as a service writes them: structlog's own default draws every traceback, which takes seconds."""
    log_to_stderr("info")
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "hotline.db"
    migrations.upgrade(f"sqlite:///{file}")
    with contextlib.closing(__import__("sqlite3").connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


@pytest.fixture(scope="session")
def migrated_postgresql() -> Iterator[str]:
    """Name of a migrated database, to be used as a template."""
    with postgresql_database() as url:
        migrations.upgrade(url)
        yield url.rsplit("/", 1)[1]


@contextlib.contextmanager
def copied(template: str) -> Iterator[str]:
    name = f"hotline_test_{ids.new()}"
    with psycopg.connect(f"{POSTGRESQL}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield f"{POSTGRESQL}/{name}"
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def migrated_sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    file = tmp_path / "hotline.db"
    shutil.copy(migrated_sqlite, file)
    return f"sqlite:///{file}"


@pytest.fixture
def migrated_postgresql_url(migrated_postgresql: str) -> Iterator[str]:
    with copied(migrated_postgresql) as url:
        yield url


@pytest.fixture(params=DATABASE_KINDS)
def migrated_url(request: pytest.FixtureRequest) -> str:
    """A migrated database, each kind in turn."""
    url: str = request.getfixturevalue(f"migrated_{request.param}_url")
    return url


@pytest.fixture(scope="module")
def shared_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="hl-"))
    server = Valkey(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis_now(shared_valkey: Valkey) -> Iterator[str]:
    """URL of an empty Valkey that the tests of a module share."""
    import redis

    with redis.Redis.from_url(shared_valkey.url) as client:
        client.flushall()
    yield shared_valkey.url


@pytest.fixture
def settings(migrated_url: str, redis_now: str, tmp_path: Path) -> Settings:
    """Settings on each kind of database."""
    return made(tmp_path, migrated_url, redis_now)


@pytest.fixture
def sqlite_settings(migrated_sqlite_url: str, redis_now: str, tmp_path: Path) -> Settings:
    """Settings on SQLite, for what does not depend on the database."""
    return made(tmp_path, migrated_sqlite_url, redis_now)
