"""Casework's services on 127.0.0.1: a database, a Valkey, the worker, HTTP processes, the example city and its people."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from bench import matters, postgres, processes, valkey
from bench.loop import Late
from config import settings as configuration
from config.settings import Settings
from router.catalog import files
from router.storage import vault
from router.storage.engine import Database

PASSWORD = "bench of casework 12345"
READY_WITHIN = 60.0
CITY = "530100"


@dataclass
class Answer:
    status: int
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Person:
    """Somebody who is signed in; one connection, one request at a time."""

    role: str
    unit: str
    port: int
    cookie: str
    csrf: str
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        return self._ask("POST", path, json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Cookie": self.cookie, "X-CSRF-Token": self.csrf, "Content-Type": "application/json"}
        began = time.perf_counter()
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        content = response.read()
        return Answer(response.status, content, time.perf_counter() - began)

    def other(self, port: int) -> Person:
        """The same person at another process, on a connection of its own."""
        return Person(self.role, self.unit, port, self.cookie, self.csrf)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class Casework:
    """An installation of its own. ``url``: an empty database."""

    def __init__(self, folder: Path, url: str, *, processes: int = 1) -> None:
        self.folder, self.url, self._count = folder, url, processes
        self._stack = contextlib.ExitStack()
        self.apis: list[tuple[int, int]] = []
        """Port and process id of each."""
        self.worker_pid = 0
        self.people: list[dict[str, str]] = []
        self._env: dict[str, str] = {}

    def prepare(self) -> None:
        """Tables, the example city, people."""
        self.folder.mkdir(parents=True, exist_ok=True)
        redis, _ = self._stack.enter_context(valkey.running(self.folder / "valkey"))
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")} | {
            "HOTLINE_DATA_DIR": str(self.folder / "data"),
            "HOTLINE_DATABASE_URL": self.url,
            "HOTLINE_REDIS_URL": redis,
            "HOTLINE_DEMO_PASSWORD": PASSWORD,
            "HOTLINE_HTTP_PORT": "0",
            "HOTLINE_LOG_LEVEL": "warning",
        }
        seeded = subprocess.run(_hotline("seed", "--json"), env=self._env, capture_output=True, timeout=READY_WITHIN)
        if seeded.returncode:
            raise Late(f"hotline seed: {seeded.stderr.decode()[-500:]}")
        self.people = json.loads(seeded.stdout)["people"]

    def fill(self, count: int) -> matters.Maker:
        """Matters by the hundred thousand, sealed with this installation's keys."""
        return asyncio.run(self._fill(count))

    async def _fill(self, count: int) -> matters.Maker:
        settings = self.settings
        database = Database(settings.database_url)
        await vault.unlock(database, settings.data_dir)
        await database.close()
        agencies = sorted(one["unit"] for one in self.people if one["role"] == "agency")
        items = sorted(code for code, one in files.read(settings.config_dir / "catalog", CITY)["items"].items() if one["field"])
        desks = [one.id for one in settings.installation.centres if one.kind == "110"]
        maker = matters.Maker(count, dt.datetime.now(dt.UTC), agencies=agencies, items=items, desks=desks)
        await asyncio.to_thread(matters.fill, self.url, maker)
        return maker

    @property
    def settings(self) -> Settings:
        return configuration.load(env={name: value for name, value in self._env.items() if name.startswith("HOTLINE_")})

    def start(self) -> None:
        """The worker and the HTTP processes."""
        self.worker_pid, _ = self._run("worker")
        for _ in range(self._count):
            pid, facts = self._run("api")
            self.apis.append((int(facts["port"]), pid))

    def _run(self, command: str) -> tuple[int, dict[str, Any]]:
        log = self._stack.enter_context((self.folder / f"{command}-{len(self.apis)}.log").open("wb"))
        process = subprocess.Popen(_hotline(command), env=self._env, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL)
        self._stack.callback(processes.end, [process])
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise Late(f"hotline {command} did not start: see {log.name}")
        return process.pid, json.loads(line) if line.startswith(b"{") else {}

    def sign_in(self, role: str, unit: str | None = None) -> Person:
        """Somebody of a role (and unit)."""
        found = next(one for one in self.people if one["role"] == role and unit in (None, one["unit"]))
        port = self.apis[0][0]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_WITHIN)
        body = json.dumps({"username": found["username"], "password": PASSWORD})
        end = time.monotonic() + READY_WITHIN
        while True:
            connection.request("POST", "/api/v1/auth/sign-in", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
            if response.status != 503 or time.monotonic() > end:  # it still looks at its tables
                break
            time.sleep(0.1)
        if response.status != 200:
            raise Late(f"{found['username']} can't sign in: {content.decode()[:300]}")
        cookies: SimpleCookie = SimpleCookie()
        for value in response.headers.get_all("set-cookie") or []:
            cookies.load(value)
        connection.close()
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
        return Person(role, found["unit"], port, cookie, json.loads(content)["csrf"])

    def close(self) -> None:
        self._stack.close()


def _hotline(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hotline", *arguments]


class Town:
    """A city with a million matters on PostgreSQL, two HTTP processes beside the worker: what the figures of lists, exports,
    registering and live events are measured on."""

    def __init__(self, folder: Path, count: int) -> None:
        with contextlib.ExitStack() as stack:
            url = stack.enter_context(postgres.database(stack.enter_context(postgres.running())))
            self.casework = Casework(folder, url, processes=2)
            stack.callback(self.casework.close)
            self.casework.prepare()
            self.matters = self.casework.fill(count)
            self.casework.start()
            self._stack = stack.pop_all()

    def close(self) -> None:
        self._stack.close()
