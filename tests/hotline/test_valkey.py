"""The embedded server: on a unix socket only, append-only, and its data outlives a kill."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from config import settings
from config.settings import Settings
from hotline import valkey
from tests.servers import wait_until


@pytest.fixture(params=["short", "a path much too long for a unix socket " * 4])
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    return settings.load(env={"HOTLINE_DATA_DIR": str(tmp_path / request.param)})


class Server:
    def __init__(self, made: Settings) -> None:
        self.made = made
        self.process = subprocess.Popen(valkey.prepare(made))
        wait_until(lambda: valkey.answers(made.valkey_socket), "Valkey answers")
        self.client = redis.Redis.from_url(made.redis_url)

    def end(self, number: signal.Signals) -> None:
        self.client.close()
        self.process.send_signal(number)
        self.process.wait(30)


@pytest.fixture
def servers_of(made: Settings) -> Iterator[list[Server]]:
    started: list[Server] = []
    yield started
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait(30)
        if server.made.run_dir.parent == Path("/tmp"):
            shutil.rmtree(server.made.run_dir, ignore_errors=True)


def test_data_outlives_a_kill(made: Settings, servers_of: list[Server]) -> None:
    first = Server(made)
    servers_of.append(first)
    first.client.config_set("appendfsync", "always")
    entry = first.client.xadd("stream", {"a": "1"})
    first.end(signal.SIGKILL)
    second = Server(made)
    servers_of.append(second)
    assert second.client.xrange("stream") == [(entry, {b"a": b"1"})]
    second.end(signal.SIGTERM)


def test_it_is_reachable_by_its_private_socket_only(made: Settings, servers_of: list[Server]) -> None:
    server = Server(made)
    servers_of.append(server)
    assert not [c for c in psutil.Process(server.process.pid).net_connections("inet") if c.status == "LISTEN"]
    assert stat.S_IMODE(made.run_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(made.valkey_socket.stat().st_mode) == 0o700
    assert len(os.fsencode(made.valkey_socket)) <= settings.SOCKET_PATH_LIMIT
    server.end(signal.SIGTERM)


def test_it_keeps_its_data_as_promised(made: Settings, servers_of: list[Server]) -> None:
    server = Server(made)
    servers_of.append(server)
    config = server.client.config_get("*")
    assert (config["appendonly"], config["appendfsync"], config["save"]) == ("yes", "everysec", "")
    assert config["maxmemory-policy"] == "noeviction"
    server.end(signal.SIGTERM)
    assert "bye bye" in valkey.last_words(made)
