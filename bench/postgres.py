"""A PostgreSQL of the bench's own on 127.0.0.1, durable as a real one is; ``BENCH_POSTGRES_URL`` names another server."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from bench.loop import Late

START_WITHIN = 60.0
SETTINGS = {
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "work_mem": "16MB",
    "max_wal_size": "4GB",
    "random_page_cost": "1.1",
}
"""What a database of this size is given on a machine with an SSD; nothing that risks data."""


@contextlib.contextmanager
def running() -> Iterator[str]:
    """URL of a server where databases can be made (``postgresql://…/postgres``)."""
    known = os.environ.get("BENCH_POSTGRES_URL")
    if known:
        yield known
        return
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    data, port = folder / "data", _free_port()
    initdb = [*as_user, program("initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "--locale=C.UTF-8", "-E", "UTF8"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/")
    options = ["-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
    options += [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    server = subprocess.Popen([*as_user, program("postgres"), *options], stderr=subprocess.DEVNULL, cwd="/")
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    try:
        end = time.monotonic() + START_WITHIN
        while not _lets_us_in(url):
            if time.monotonic() > end or server.poll() is not None:
                raise Late("the bench's PostgreSQL did not start")
            time.sleep(0.05)
        yield url
    finally:
        stop = [*as_user, program("pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop"]
        subprocess.run(stop, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", timeout=START_WITHIN)
        server.wait(START_WITHIN)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def database(server: str) -> Iterator[str]:
    """An empty database, dropped afterwards."""
    name = f"hotline_bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield f"{server.rsplit('/', 1)[0]}/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def program(name: str) -> str:
    """A program of the newest installed PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda one: int(one.parts[-3]))
    path = str(found[-1]) if found else shutil.which(name)
    if not path:
        raise Late("PostgreSQL is not installed: run `make setup-test` as root, or set BENCH_POSTGRES_URL")
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _lets_us_in(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error:
        return False
    return True
