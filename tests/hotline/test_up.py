"""``hotline up``: one per data folder, the embedded server under it, passwords told once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import redis

from config import settings
from hotline import lock, up
from tests.hotline.conftest import Command, gone, run

Start = Callable[..., Command]
STACK = """
import sys
from config.settings import load
from hotline import up
from hotline.processes import Service
made = load()
child = Service("child", [sys.executable, "-m", "tests.hotline.children", "steady", "child"], needs=("valkey",))
server = up.services(made)[0]
sys.exit(up.run(made, as_json="--json" in sys.argv, chosen=[server, child]))
"""


def family(command: Command) -> list[int]:
    return [child.pid for child in psutil.Process(command.process.pid).children(recursive=True)]


def test_data_outlives_a_kill_of_everything(start: Start, hotline_env: dict[str, str]) -> None:
    url = settings.load(env=hotline_env).redis_url
    first = start("-c", STACK, "--json", env=hotline_env)
    first.facts()
    with redis.Redis.from_url(url) as client:
        client.config_set("appendfsync", "always")
        client.set("kept", "yes")
    pids = family(first)
    assert len(pids) == 2
    first.end(signal.SIGKILL)
    gone(*pids)
    second = start("-c", STACK, "--json", env=hotline_env)
    second.facts()
    with redis.Redis.from_url(url) as client:
        assert client.get("kept") == b"yes"
    pids = family(second)
    assert second.end(signal.SIGTERM) == 0
    gone(*pids)


def test_a_crashed_server_comes_back_with_its_data(start: Start, hotline_env: dict[str, str]) -> None:
    command = start("-c", STACK, "--json", env=hotline_env)
    command.facts()
    with redis.Redis.from_url(settings.load(env=hotline_env).redis_url) as client:
        client.config_set("appendfsync", "always")
        client.set("kept", "yes")
        pid = client.info()["process_id"]
        os.kill(pid, signal.SIGKILL)
        command.line(lambda line: "valkey was killed by SIGKILL: starting it again" in line)
        command.line(lambda line: "valkey is ready again" in line)
        assert client.get("kept") == b"yes"
    assert command.end(signal.SIGINT) == 0


def test_passwords_are_told_once(start: Start, hotline_env: dict[str, str]) -> None:
    first = start("-c", STACK, "--json", env=hotline_env)
    facts = first.facts()
    assert set(facts["new_demo_passwords"]) == set(settings.load(env=hotline_env).seats)
    assert first.end(signal.SIGTERM) == 0
    second = start("-c", STACK, "--json", env=hotline_env)
    assert second.facts()["new_demo_passwords"] == {}
    assert second.end(signal.SIGTERM) == 0


def test_people_are_told_how_to_register(start: Start, hotline_env: dict[str, str]) -> None:
    command = start("-c", STACK, env=hotline_env | {"HOTLINE_DEMO_PASSWORD": "correct horse"})
    command.line(lambda line: line.startswith("Ctrl-C"))
    said = "\n".join(command.said)
    assert "seats 8001–8008, 8090" in said
    assert "9001  correct horse" in said
    assert command.end(signal.SIGINT) == 0


def test_a_second_one_on_the_same_data_is_refused(start: Start, hotline_env: dict[str, str]) -> None:
    command = start("-c", STACK, "--json", env=hotline_env)
    command.facts()
    data_dir = Path(hotline_env["HOTLINE_DATA_DIR"])
    assert lock.holder(data_dir) == command.process.pid
    done = run("up", env=hotline_env)
    assert done.returncode == 1
    assert f"(pid {command.process.pid})" in done.stderr
    assert f"kill {command.process.pid}" in done.stderr
    assert command.end(signal.SIGTERM) == 0
    assert lock.holder(data_dir) is None


def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path: Path, hotline_env: dict[str, str]) -> None:
    (tmp_path / "file").write_text("")
    done = run("up", env=hotline_env | {"HOTLINE_DATA_DIR": str(tmp_path / "file" / "data")})
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "HOTLINE_DATA_DIR" in done.stderr


def test_demo_secrets_stop_a_production_start(hotline_env: dict[str, str]) -> None:
    from config import secrets

    secrets.Secrets.open(settings.load(env=hotline_env))
    production = {"HOTLINE_ENV": "production", "HOTLINE_ADVERTISE": "127.0.0.1", "HOTLINE_PROXIES": "127.0.0.1"}
    done = run("up", env=hotline_env | production)
    assert done.returncode == 2
    assert "demo secrets" in done.stderr


def test_services_on_a_server_of_ones_own_need_no_embedded_one(hotline_env: dict[str, str]) -> None:
    own = settings.load(env=hotline_env | {"HOTLINE_REDIS_URL": "redis://127.0.0.1:6379/0"})
    assert [service.name for service in up.services(own)] == ["telephony", "worker", "api"]


def test_a_server_that_cannot_read_its_data_says_so(start: Start, hotline_env: dict[str, str]) -> None:
    files = Path(hotline_env["HOTLINE_DATA_DIR"]) / "valkey" / "appendonlydir"
    files.mkdir(parents=True)
    (files / "appendonly.aof.manifest").write_text("nonsense\n")
    command = start("-c", STACK, "--json", env=hotline_env)
    assert command.process.wait(30) == 1
    command.line(lambda line: "manifest" in line and line.endswith("giving up"))


def test_http_in_clear_stops_a_production_start(hotline_env: dict[str, str]) -> None:
    done = run("up", env=hotline_env | {"HOTLINE_ENV": "production", "HOTLINE_ADVERTISE": "127.0.0.1"})
    assert done.returncode == 2
    assert "HOTLINE_PROXIES" in done.stderr


def test_people_are_told_where_http_is_served(hotline_env: dict[str, str]) -> None:
    made = settings.load(env=hotline_env)
    assert "http://127.0.0.1:8000/docs" in up.text(made, {}, "http://127.0.0.1:8000")
    assert "not ready yet" in up.text(made, {})


def test_seats_are_told_in_spans() -> None:
    assert up.spans(["8002", "8001", "8090", "8003"]) == "8001–8003, 8090"
    assert up.spans([]) == ""
