"""The doctor finds what is wrong and says what to do."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from config import secrets, settings
from hotline import doctor
from router.storage import migrations
from tests import servers
from tests.hotline.conftest import run


def examine(env: dict[str, str], *, healthy: bool) -> list[dict[str, Any]]:
    found = [asdict(finding) for finding in doctor.examine(env)]
    for check in found:
        assert check["status"] == "ok" or check["remedy"] or check["name"] == "configuration", check
    assert healthy is not any(check["status"] == "fail" for check in found), found
    return found


def failed(checks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in checks if check["status"] == "fail"}


def test_a_sound_machine_has_no_fault(hotline_env: dict[str, str]) -> None:
    done = run("doctor", "--json", env=hotline_env)
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (0, True), told
    names = {check["name"] for check in told["checks"]}
    assert {"python", "packages", "espeak-ng", "configuration", "disk", "open files", "RTP ports", "SQLite"} <= names


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_in_use_is_found_with_its_holder(hotline_env: dict[str, str], kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        env = hotline_env | {"HOTLINE_TRUNK_PORT": str(port)}
        name = f"port {port}/{'udp' if kind == socket.SOCK_DGRAM else 'tcp'}"
        fault = failed(examine(env, healthy=False))[name]
        assert fault["detail"] == f"in use by {psutil.Process().name()} (pid {os.getpid()})"
        assert "HOTLINE_TRUNK_PORT" in fault["remedy"]
        done = run("up", "--check", env=env)
        assert done.returncode == 1
        assert f"pid {os.getpid()}" in done.stderr
        assert "HOTLINE_TRUNK_PORT" in done.stderr


def test_a_wrong_configuration_is_a_fault(hotline_env: dict[str, str]) -> None:
    checks = examine(hotline_env | {"HOTLINE_SIP_PORT": "x"}, healthy=False)
    assert "HOTLINE_SIP_PORT" in failed(checks)["configuration"]["detail"]


def test_servers_that_are_away_are_faults(hotline_env: dict[str, str]) -> None:
    env = hotline_env | {
        "HOTLINE_REDIS_URL": "redis://127.0.0.1:1/0",
        "HOTLINE_DATABASE_URL": "postgresql://u:topsecret@127.0.0.1:1/none",
    }
    checks = examine(env, healthy=False)
    assert {"Redis", "PostgreSQL"} <= set(failed(checks))
    assert "topsecret" not in json.dumps(checks)


def test_a_server_that_forgets_is_a_fault_in_production(hotline_env: dict[str, str], tmp_path: Path) -> None:
    port = servers.free_port()
    with servers.valkey(tmp_path / "valkey", port=port, password="pass-word-1") as server:
        env = hotline_env | {
            "HOTLINE_ENV": "production",
            "HOTLINE_ADVERTISE": "127.0.0.1",
            "HOTLINE_REDIS_URL": server.url,
        }
        examine(env, healthy=True)
        wrong = env | {"HOTLINE_REDIS_URL": f"redis://:other@127.0.0.1:{port}/0"}
        assert "password" in failed(examine(wrong, healthy=False))["Redis"]["remedy"]
        with redis.Redis.from_url(server.url) as client:
            client.config_set("appendonly", "no")
            client.config_set("maxmemory-policy", "allkeys-lru")
        fault = [check for check in examine(env, healthy=False) if check["status"] == "fail"]
        assert {"appendonly" in check["remedy"] or "noeviction" in check["remedy"] for check in fault} == {True}
        assert len(fault) == 2


def test_a_database_without_schema_is_told(hotline_env: dict[str, str], postgres_url: str) -> None:
    env = hotline_env | {"HOTLINE_DATABASE_URL": postgres_url}
    before = {check["name"]: check for check in examine(env, healthy=True)}["PostgreSQL"]
    assert (before["status"], "hotline migrate" in before["remedy"]) == ("warn", True)
    migrations.upgrade(postgres_url)
    assert {check["name"]: check for check in examine(env, healthy=True)}["PostgreSQL"]["status"] == "ok"


def test_demo_secrets_are_a_fault_in_production(hotline_env: dict[str, str]) -> None:
    secrets.Secrets.open(settings.load(env=hotline_env))
    env = hotline_env | {"HOTLINE_ENV": "production", "HOTLINE_ADVERTISE": "127.0.0.1"}
    assert "set-secret" in failed(examine(env, healthy=False))["secrets"]["remedy"]
    done = run("config", "check", env=env)
    assert (done.returncode, "demo secrets" in done.stderr) == (2, True)


def test_the_table_for_people_says_what_to_do(hotline_env: dict[str, str]) -> None:
    done = run("doctor", env=hotline_env | {"HOTLINE_RTP_PORTS": "16384-16447", "COLUMNS": "200"})
    assert done.returncode == 1
    assert "FAIL" in done.stdout
    assert "widen HOTLINE_RTP_PORTS" in done.stdout
