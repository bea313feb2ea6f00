"""A worker in a process of its own, and what its tests ask of the stream and the database."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import create_engine, text

from router.storage import engine
from telephony import contract
from tests.storage.parts import PATIENCE, until

GROUP = "call-records"
PROGRAM = """
import json, sys
from router import worker
from router.consumer import Rules
worker.log_to_stderr("info")
redis_url, database_url, rules = sys.argv[1:]
sys.exit(worker.serve(redis_url, database_url, rules=Rules(**json.loads(rules))))
"""
QUICK: dict[str, float] = {"block": 0.1, "claim_after": 0.5, "longest_wait": 0.4}


class Worker:
    """``hotline worker`` as a process."""

    def __init__(self, redis_url: str, database_url: str, *, crew: Path | None = None, **rules: float) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the worker)
        command = [sys.executable, "-c", PROGRAM, redis_url, database_url, json.dumps({**QUICK, **rules})]
        if crew is not None:
            command = [sys.executable, "-m", "tests.worker.crew", redis_url, database_url, str(crew)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log)

    def ready(self) -> Worker:
        """Wait for the line that says so."""
        assert self.process.stdout
        end = time.monotonic() + PATIENCE
        while not select.select([self.process.stdout], [], [], 0.2)[0]:
            assert time.monotonic() < end, "the worker is not ready"
        assert json.loads(self.process.stdout.readline()) == {"ready": True}, self.log()
        return self

    def log(self) -> list[dict[str, Any]]:
        size = os.fstat(self._log.fileno()).st_size
        lines = os.pread(self._log.fileno(), size, 0).decode().splitlines()
        return [json.loads(line) if line.startswith("{") else {"event": line} for line in lines]

    def logged(self, event: str) -> int:
        return sum(line["event"] == event for line in self.log())

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        if self.process.stdout:
            self.process.stdout.close()
        self._log.close()


@contextmanager
def worker(redis_url: str, database_url: str, *, crew: Path | None = None, **rules: float) -> Iterator[Worker]:
    """``crew``: the data folder of a worker with jobs (:mod:`tests.worker.crew`)."""
    one = Worker(redis_url, database_url, crew=crew, **rules)
    try:
        yield one
    finally:
        one.close()


def connect(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(redis_url, protocol=2)


def put(client: redis.Redis, *events: contract.Event) -> list[bytes]:
    with client.pipeline(transaction=True) as pipe:  # together, so that a waiting reader gets them in one batch
        for event in events:
            pipe.xadd(contract.EVENTS, {contract.FIELD: contract.encode(event)})
        return list(pipe.execute())


class Sql:
    """A look at the database from outside."""

    def __init__(self, url: str) -> None:
        parsed = engine.parse(url, sync=True)
        self._engine = create_engine(parsed)
        if parsed.get_backend_name() == "sqlite":
            engine.prepare_sqlite(self._engine)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def one(self, query: str) -> Any:
        return self.rows(query)[0][0]

    def count(self, table: str) -> int:
        return int(self.one(f'SELECT count(*) FROM "{table}"'))

    def run(self, statement: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(statement))

    @contextmanager
    def held(self, statement: str) -> Iterator[None]:
        """Keep a transaction open that has said ``statement``."""
        options = {"sqlite_begin": "IMMEDIATE"}
        with self._engine.connect().execution_options(**options) as connection:
            connection.execute(text(statement))
            yield
            connection.rollback()

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def sql(url: str) -> Iterator[Sql]:
    one = Sql(url)
    try:
        yield one
    finally:
        one.close()


def pending(client: redis.Redis) -> int:
    groups: Any = client.xinfo_groups(contract.EVENTS)
    return sum(int(group["pending"]) for group in groups if group["name"] == GROUP.encode())


def drained(client: redis.Redis) -> bool:
    """Everything in the stream has been delivered and acknowledged."""
    groups: Any = client.xinfo_groups(contract.EVENTS)
    stream: Any = client.xinfo_stream(contract.EVENTS)
    return all(group["pending"] == 0 and group["last-delivered-id"] == stream["last-generated-id"] for group in groups) and bool(
        groups
    )


def wait_drained(client: redis.Redis) -> None:
    until(lambda: drained(client), "all events to be acknowledged")
