"""The service as a process: ready line, TLS, the end within seconds, refusals."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api import server
from api.kit.state import Keys
from config import settings as configuration
from config.secrets import Secrets
from hotline import ping
from hotline.errors import CommandError
from tests.hotline.conftest import Command, run, start
from tests.storage.parts import until

__all__ = ["start"]
Start = Callable[..., Command]


@pytest.fixture
def env(migrated_sqlite_url: str, redis_now: str, tmp_path: Path) -> dict[str, str]:
    return {
        "HOTLINE_DATA_DIR": str(tmp_path / "data"),
        "HOTLINE_DATABASE_URL": migrated_sqlite_url,
        "HOTLINE_REDIS_URL": redis_now,
        "HOTLINE_HTTP_PORT": "0",
    }


def get(facts: dict[str, Any], path: str, **headers: str) -> http.client.HTTPResponse:
    connection: http.client.HTTPConnection
    if facts["https"]:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", facts["port"], timeout=20, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", facts["port"], timeout=20)
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


def throw_hostile_bytes(port: int) -> None:
    """What is no HTTP gets an answer of 4xx, or none."""
    for raw in (
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"GET /%zz%ff%c0%af HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            try:
                connection.sendall(raw)
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(10)
                first = connection.recv(4096)
            except ConnectionError:
                continue
            assert not first or first.split()[1][:1] == b"4", first[:100]


def test_it_says_when_it_listens_and_ends_within_seconds_although_streams_are_open(start: Start, env: dict[str, str]) -> None:
    password = "correct horse battery"
    made = run(
        "user", "add", "zhang.wei", "--name", "张伟", "--role", "operator", "--unit", "12345", "--keep", env=env, text=password
    )
    assert made.returncode == 0, made.stderr
    api = start("-m", "hotline", "api", env=env)
    facts = api.facts()
    assert facts["url"] == f"http://127.0.0.1:{facts['port']}"
    until(lambda: get(facts, "/readyz", Connection="close").status == 200, "the database is opened")
    asked = configuration.load(env=env | {"HOTLINE_HTTP_PORT": str(facts["port"])})
    assert ping.api(asked, 10).startswith("api answers in ")
    throw_hostile_bytes(facts["port"])
    connection = http.client.HTTPConnection("127.0.0.1", facts["port"], timeout=20)
    body = json.dumps({"username": "zhang.wei", "password": password})
    connection.request("POST", "/api/v1/auth/sign-in", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()
    cookie = answer.headers.get_all("set-cookie") or []
    stream = get(facts, "/api/v1/events", Cookie=next(one.split(";")[0] for one in cookie if "session" in one))
    assert stream.status == 200
    assert b"event: hello\n" in (stream.readline(), stream.readline())
    began = time.monotonic()
    assert api.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < 4
    assert stream.read().rstrip().endswith(b"retry: 2000")
    logs = [json.loads(line) for line in api.said if line.startswith("{")]
    assert all("zhang.wei" not in json.dumps(line) for line in logs)


def test_https_serves_with_the_certificate_of_the_installation(start: Start, env: dict[str, str]) -> None:
    api = start("-m", "hotline", "api", env=env | {"HOTLINE_HTTPS": "on"})
    facts = api.facts()
    assert facts["url"].startswith("https://")
    answer = get(facts, "/healthz", Connection="close")
    assert (answer.status, answer.headers["strict-transport-security"] is not None) == (200, True)
    assert "server" not in answer.headers
    answer.read()
    with socket.create_connection(("127.0.0.1", facts["port"]), 10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        plain.settimeout(10)
        assert not plain.recv(100).startswith(b"HTTP/1.1 200")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", facts["port"]), 10) as raw, pytest.raises((ssl.SSLError, OSError)):
        old.wrap_socket(raw)
    asked = configuration.load(env=env | {"HOTLINE_HTTPS": "on", "HOTLINE_HTTP_PORT": str(facts["port"])})
    assert ping.api(asked, 10).startswith("api answers in ")
    assert api.end(signal.SIGTERM) == 0


def test_what_cannot_be_served_is_refused_in_one_line(
    env: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    production = env | {"HOTLINE_ENV": "production", "HOTLINE_ADVERTISE": "127.0.0.1", "HOTLINE_REDIS_URL": "unix:///nowhere"}
    for name in ("certificate.pem", "key.pem"):
        (tmp_path / name).write_text("no certificate")
    bad = {"HOTLINE_TLS_CERTIFICATE": str(tmp_path / "certificate.pem"), "HOTLINE_TLS_KEY": str(tmp_path / "key.pem")}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for variables, status, words in (
            (production, 2, "HOTLINE_PROXIES"),
            (production | bad, 2, "the certificate can't be used"),
            (env | {"HOTLINE_HTTP_PORT": port}, 1, "HOTLINE_HTTP_PORT"),
        ):
            assert server.main(configuration.load(env=variables)) == status
            (line,) = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("{")]
            assert words in line


def test_ping_says_when_nobody_serves(env: dict[str, str]) -> None:
    with pytest.raises(CommandError, match="nobody answers at"):
        ping.api(configuration.load(env=env | {"HOTLINE_HTTP_PORT": "1"}), 3)


def test_the_keys_of_the_interface_hang_on_the_installation(env: dict[str, str]) -> None:
    Path(env["HOTLINE_DATA_DIR"]).mkdir()
    secret = Secrets.stored(configuration.load(env=env)).server
    keys = Keys.of(secret)
    assert len({keys.tokens, keys.csrf, keys.cursors, keys.oidc, secret}) == 5
    assert Keys.of(secret) == keys != Keys.of(b"x" * 32)
    assert keys.tokens.hex() not in repr(keys)
