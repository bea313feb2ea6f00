"""The real services under ``hotline up``, and started by hand as in the containers."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests import servers
from tests.hotline.conftest import Command, gone, run

Start = Callable[..., Command]


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Spoken prompts, shared by the stacks of this module: speaking them all takes seconds."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def env(hotline_env: dict[str, str], prompts: Path) -> dict[str, str]:
    """A stack of its own on free ports, known beforehand."""
    data_dir = Path(hotline_env["HOTLINE_DATA_DIR"])
    data_dir.mkdir(mode=0o700)
    (data_dir / "cache").symlink_to(prompts)
    names = ("HOTLINE_SIP_PORT", "HOTLINE_SIP_TLS_PORT", "HOTLINE_TRUNK_PORT", "HOTLINE_HTTP_PORT")
    return hotline_env | {name: str(port) for name, port in zip(names, free_ports(len(names)), strict=True)}


def free_ports(count: int) -> list[int]:
    """Ports below the ephemeral range that are free for UDP and TCP."""
    found: list[int] = []
    port = 10240 + (os.getpid() * 7) % 4096
    while len(found) < count:
        port += 1
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        found.append(port)
    return found


def family(command: Command) -> list[int]:
    return [child.pid for child in psutil.Process(command.process.pid).children(recursive=True)]


def test_it_answers_restarts_its_call_core_and_leaves_nothing(start: Start, env: dict[str, str]) -> None:
    command = start("-m", "hotline", "up", "--json", env=env)
    facts = command.facts(90)
    assert set(facts["services"]) == {"telephony", "worker", "api"}
    for service in ("telephony", "worker", "api"):
        assert run("ping", service, env=env).returncode == 0
    doctor = run("doctor", env=env | {"COLUMNS": "200"})
    assert doctor.returncode == 0, doctor.stdout
    assert "in use by this installation" in doctor.stdout

    before = family(command)
    (telephony,) = [pid for pid in before if psutil.Process(pid).cmdline()[-1:] == ["telephony"]]
    os.kill(telephony, signal.SIGKILL)
    command.line(lambda line: "telephony was killed by SIGKILL" in line)
    command.line(lambda line: "telephony is ready again" in line, 90)
    assert run("ping", "telephony", env=env).returncode == 0

    pids = {*before, *family(command)}
    began = time.monotonic()
    assert command.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < 10
    gone(*pids)


def test_killing_it_leaves_nothing(start: Start, env: dict[str, str]) -> None:
    command = start("-m", "hotline", "up", "--json", env=env)
    command.facts(90)
    pids = family(command)
    assert len(pids) > 4  # Valkey, worker, telephony and its rooms
    command.end(signal.SIGKILL)
    gone(*pids)


def test_the_call_core_runs_alone_on_a_server_with_password(start: Start, env: dict[str, str], tmp_path: Path) -> None:
    with servers.valkey(tmp_path / "valkey", port=servers.free_port(), password="pass-word-1") as server:
        env = env | {
            "HOTLINE_ENV": "production",
            "HOTLINE_BIND": "127.0.0.1",
            "HOTLINE_REDIS_URL": server.url,
        }
        command = start("-m", "hotline", "telephony", env=env)
        command.facts(90)
        assert run("ping", "telephony", env=env).returncode == 0
        pids = family(command)
        assert command.end(signal.SIGTERM) == 0
        gone(*pids)


def test_the_call_core_alone_tells_its_demo_passwords(start: Start, env: dict[str, str], tmp_path: Path) -> None:
    with servers.valkey(tmp_path / "valkey") as server:
        command = start("-m", "hotline", "telephony", env=env | {"HOTLINE_REDIS_URL": server.url})
        told = command.line(lambda line: line.startswith("demo password of 8001"))
        assert re.search(r": [a-z0-9]{12}$", told)
        command.facts(90)
        assert command.end(signal.SIGTERM) == 0
