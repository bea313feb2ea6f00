"""docker-compose.yml and the image: the same programs, with the same arguments and variables, started by hand."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from ruamel.yaml import YAML

from config import settings
from hotline import valkey
from tests import servers
from tests.hotline.conftest import Command, clean, run

ROOT = Path(__file__).parents[2]
GIVEN = {"HOTLINE_ADVERTISE": "127.0.0.1", "VALKEY_PASSWORD": "valkey-pass-1", "POSTGRES_PASSWORD": "pg-pass-1"}
SERVICE_KEYS = {
    *("image", "build", "network_mode", "init", "restart", "stop_grace_period", "ulimits", "environment", "volumes"),
    *("depends_on", "command", "healthcheck", "ports"),
}


def filled(value: Any, given: dict[str, str]) -> Any:
    """Compose's interpolation: ``${A:-default}``, ``${A:?why}``, ``$$``."""
    if isinstance(value, dict):
        return {key: filled(item, given) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, given) for item in value]
    if not isinstance(value, str):
        return value

    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        name, kind, rest = match[1], match[2], match[3]
        if given.get(name):
            return given[name]
        assert kind == "-", f"{name} must be given: {rest}"
        return rest

    return re.sub(r"\$\$|\$\{(\w+):([-?])([^}]*)\}", one, value)


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load((ROOT / "docker-compose.yml").read_text())
    return loaded


@pytest.fixture
def services(raw: dict[str, Any]) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = filled(raw["services"], GIVEN)
    return made


def test_the_file_is_well_formed(raw: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == {"telephony", "worker", "api", "valkey", "postgres"}
    for service in services.values():
        assert set(service) <= SERVICE_KEYS
        assert "image" in service
        assert "healthcheck" in service
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in raw["volumes"]
        assert set(service.get("depends_on", {})) <= set(services)
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_passwords_must_be_given(raw: dict[str, Any]) -> None:
    for name in GIVEN:
        with pytest.raises(AssertionError, match=f"{name} must be given"):
            filled(raw["services"], {key: value for key, value in GIVEN.items() if key != name})


def test_the_image_has_what_its_file_names() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    for source in re.findall(r"^COPY (\S+) ", text, re.M):
        assert (ROOT / source).exists()
    assert not re.findall(r"(?i)password|secret", text)


@pytest.mark.parametrize("name", ["telephony", "worker", "api"])
def test_services_accept_their_environment(services: dict[str, dict[str, Any]], name: str) -> None:
    made = settings.load(env=services[name]["environment"])
    assert made.production
    assert not made.redis_embedded
    assert made.database_url.startswith("postgresql+psycopg://hotline:pg-pass-1@127.0.0.1:5432/")


def test_the_interface_is_for_a_proxy_on_this_machine_unless_told_otherwise(raw: dict[str, Any]) -> None:
    made = settings.load(env=filled(raw["services"]["api"]["environment"], GIVEN))
    settings.check_http(made)
    assert (made.https, [str(network) for network in made.proxies]) == (False, ["127.0.0.1/32"])
    other = settings.load(env=filled(raw["services"]["api"]["environment"], GIVEN | {"HOTLINE_PROXIES": "10.0.0.7"}))
    assert [str(network) for network in other.proxies] == ["10.0.0.7/32"]


def test_the_worker_gets_what_proves_it_to_the_gateway_of_text_messages(raw: dict[str, Any]) -> None:
    made = settings.load(env=filled(raw["services"]["worker"]["environment"], GIVEN | {"HOTLINE_SMS_SECRET": "sms-secret-1"}))
    assert made.sms_secret is not None and made.sms_secret.get_secret_value() == "sms-secret-1"
    assert "HOTLINE_SMS_SECRET" not in raw["services"]["api"]["environment"], "nobody else has it"


def test_valkey_and_worker_run_as_in_the_file(
    services: dict[str, dict[str, Any]], tmp_path: Path, postgres_url: str, start: Callable[..., Command]
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "valkey-server").symlink_to(valkey.binary())
    shell, option, script = services["valkey"]["command"]
    (tmp_path / "data").mkdir()
    port = servers.free_port()
    script = script.replace("/tmp/valkey.conf", str(tmp_path / "valkey.conf")).replace("/data", str(tmp_path / "data"))
    env = clean({**services["valkey"]["environment"]})
    env["PATH"] = f"{programs}:{env['PATH']}"
    log = (tmp_path / "log").open("wb")
    server = subprocess.Popen([shell, option, f"{script} --port {port} --bind 127.0.0.1"], env=env, stdout=log)
    try:
        with redis.Redis(port=port, password=GIVEN["VALKEY_PASSWORD"]) as client:
            servers.wait_until(lambda: pings(client), "Valkey takes the password")
            assert client.config_get("appendonly") == {"appendonly": "yes"}
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        variables = dict(services["worker"]["environment"])
        variables["HOTLINE_REDIS_URL"] = variables["HOTLINE_REDIS_URL"].replace(":6379", f":{port}")
        variables["HOTLINE_DATABASE_URL"] = postgres_url
        variables["HOTLINE_DATA_DIR"] = str(tmp_path / "hotline")
        worker = start("-m", "hotline", *services["worker"]["command"], env=variables)
        worker.facts()
        probe = services["worker"]["healthcheck"]["test"]
        assert probe[:2] == ["CMD", "hotline"]
        assert run(*probe[2:], env=variables).returncode == 0
        assert worker.end(signal.SIGTERM) == 0
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def pings(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
