"""Phones register with digest over each transport: at sipp as registrar, and at a TLS server on a current OpenSSL."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from robots import siptext
from robots.handset import RobotError, answer, mute
from robots.softphone import Softphone
from tests.robots.conftest import MakePhone

Address = tuple[str, int]


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(params=["udp", "tcp"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def registrar(transport: str, tmp_path: Path) -> Iterator[Address]:
    address = ("127.0.0.1", free_port())
    scenario = Path(__file__).with_name("registrar.xml")
    command = ["sipp", "-sf", str(scenario), "-i", address[0], "-p", str(address[1]), "-nostdin", "-deadcall_wait", "0"]
    process = subprocess.Popen(
        [*command, "-t", {"udp": "u1", "tcp": "t1"}[transport]],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    listening(address, transport)
    yield address
    process.kill()
    process.wait()


def listening(address: Address, transport: str) -> None:
    """Wait until somebody else has the port."""
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    pause = threading.Event()
    for _ in range(600):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(address)
            except OSError:
                return
        pause.wait(0.02)
    raise AssertionError(f"nobody listens at {address}")


def test_phone_registers_and_unregisters_with_its_secret(registrar: Address, phone: MakePhone, transport: str) -> None:
    seat = phone("8001", "right-secret", registrar=registrar, transport=transport)
    assert seat.wait_for("registered")["expires"] == 300
    seat.unregister()
    seat.wait_for("unregistered")
    seat.register()
    seat.registered()


def test_wrong_secret_is_told(registrar: Address, phone: MakePhone, transport: str) -> None:
    seat = phone("8001", "wrong-secret", registrar=registrar, transport=transport)
    with pytest.raises(RobotError, match="registration failed with 403"):
        seat.registered()


def test_baresip_registers_too(registrar: Address, transport: str) -> None:
    with Softphone("8001", "right-secret", registrar=registrar, transport=transport) as seat:
        seat.registered()
    stranger = Softphone("8001", "wrong-secret", registrar=registrar, transport=transport)
    with stranger, pytest.raises(RobotError, match="403"):
        stranger.registered()
    with pytest.raises(ValueError, match="secret"):
        Softphone("8001", "a;b", registrar=registrar)


@pytest.mark.parametrize("transport", ["udp"], indirect=True)
def test_mute_phone_registers_before_it_goes_deaf(registrar: Address, phone: MakePhone) -> None:
    seat = phone("8001", "right-secret", registrar=registrar, behaviour=mute())
    seat.registered()
    caller = phone("1")
    caller.dial(seat.uri)
    seat.wait_for("ignored", method="INVITE")


def test_phones_call_each_other_over_tcp(phone: MakePhone) -> None:
    desk = phone("8001", transport="tcp", tone=2350, behaviour=answer())
    caller = phone("1", transport="tcp", tone=1750)
    caller.dial(f"{desk.uri};transport=tcp")
    caller.wait_for("answered")
    caller.hear(2350)
    desk.hear(1750)
    desk.hang_up()
    assert caller.wait_for("ended")["by"] == "them"


def test_phone_registers_over_tls_with_a_current_openssl(phone: MakePhone, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*request, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        seen: list[str] = []

        def serve() -> None:
            connection, _ = server.accept()
            with context.wrap_socket(connection, server_side=True) as secure:
                message = secure.recv(65535).decode()
                seen.append(message)
                kept = [f"{name}: {siptext.header(message, name)}" for name in ("Via", "From", "Call-ID", "CSeq", "Contact")]
                reply = ["SIP/2.0 200 OK", *kept, f"To: {siptext.header(message, 'To')};tag=x", "Content-Length: 0", "", ""]
                secure.sendall("\r\n".join(reply).encode())
                secure.recv(65535)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        seat = phone("8001", "any", registrar=("127.0.0.1", port), transport="tls")
        seat.registered()
        assert siptext.start_line(seen[0])[0] == "REGISTER" and "SIP/2.0/TLS" in siptext.header(seen[0], "Via")
        seat.kill()
        thread.join(10)
