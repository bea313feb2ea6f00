"""Real servers for tests: Valkey from the wheel, PostgreSQL of this machine or started for the tests.

``TEST_POSTGRES_URL`` (postgresql://…/postgres, a user who may create databases) names a server; else one on
127.0.0.1:5432 that lets us in is used; else one is started in a temporary folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from hotline import valkey as embedded

_START = 60.0
"""Seconds that a server may take to start on a busy machine."""


def free_port() -> int:
    """A TCP port that was free a moment ago, on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: object, what: str, seconds: float = _START) -> None:
    """Ask ``condition()`` until it is true; fail after ``seconds``."""
    assert callable(condition)
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


class Valkey:
    """A Valkey on a unix socket, or with a password on a TCP port; append-only, so it can be killed and started again."""

    def __init__(self, folder: Path, *, port: int = 0, password: str = "") -> None:
        self.folder = folder
        self.port = port
        self.password = password
        self.socket = Path(tempfile.mkdtemp(prefix="vk-", dir="/tmp")) / "s"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0" if self.port else f"unix://{self.socket}"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        options = ["--dir", str(self.folder), "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        options += ["--unixsocket", str(self.socket), "--unixsocketperm", "700", "--logfile", "valkey.log"]
        options += ["--port", str(self.port), "--bind", "127.0.0.1"]
        self.process = subprocess.Popen([str(embedded.binary()), *options])
        wait_until(self._answers, "Valkey answers")
        if self.password:
            # after the start, for the unix socket tells when it is up
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self.socket))
                connection.sendall(f"CONFIG SET requirepass {self.password}\r\n".encode())
                assert connection.recv(64).startswith(b"+OK")

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)
        shutil.rmtree(self.socket.parent, ignore_errors=True)

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def _answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, (self.folder / "valkey.log").read_text()
        return embedded.answers(self.socket)


@contextlib.contextmanager
def valkey(folder: Path, *, port: int = 0, password: str = "") -> Iterator[Valkey]:
    server = Valkey(folder, port=port, password=password)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """URL (postgresql://…/postgres) of a server where databases can be made."""
    for url in (os.environ.get("TEST_POSTGRES_URL"), "postgresql://postgres@127.0.0.1:5432/postgres"):
        if url and _lets_us_in(url):
            yield url
            return
    with _own_postgres() as url:
        yield url


@contextlib.contextmanager
def database(server: str) -> Iterator[str]:
    """A database of its own on a server, dropped afterwards, as a ``postgresql+psycopg://`` URL."""
    name = f"hotline_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield f"postgresql+psycopg://{server.split('://', 1)[1].rsplit('/', 1)[0]}/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _lets_us_in(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error:
        return False
    return True


@contextlib.contextmanager
def _own_postgres() -> Iterator[str]:
    """A cluster in a temporary folder. The server refuses to run as root: then it runs as the user postgres."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    run_as: list[str] = []
    if os.geteuid() == 0:
        run_as = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    data, port = folder / "data", free_port()
    initdb = [*run_as, _postgres_program("initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/")
    options = ["-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-F"]
    server = subprocess.Popen([*run_as, _postgres_program("postgres"), *options], stderr=subprocess.DEVNULL, cwd="/")
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    try:
        wait_until(lambda: server.poll() is not None or _lets_us_in(url), "PostgreSQL answers")
        assert server.poll() is None, "PostgreSQL did not start"
        yield url
    finally:
        control = [*run_as, _postgres_program("pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop"]
        subprocess.run(control, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", timeout=_START)
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_program(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    program = str(found[-1]) if found else shutil.which(name)
    assert program, "PostgreSQL is not installed: run `make setup-test` (as root), or set TEST_POSTGRES_URL"
    return program
