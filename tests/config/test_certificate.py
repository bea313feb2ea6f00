"""The development certificate."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from pathlib import Path

from config import certificate, settings


def test_development_gets_a_certificate_that_a_client_can_trust(tmp_path: Path) -> None:
    made = settings.load(env={"HOTLINE_DATA_DIR": str(tmp_path)})
    certificate.ensure(made)
    assert made.tls_certificate is not None
    assert made.tls_key is not None
    assert stat.S_IMODE(made.tls_key.stat().st_mode) == 0o600
    before = made.tls_certificate.read_bytes()
    certificate.ensure(made)
    assert made.tls_certificate.read_bytes() == before

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.tls_certificate, made.tls_key)
    client = ssl.create_default_context(cafile=str(made.tls_certificate))
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(30)
        far.settimeout(30)
        serving = threading.Thread(target=lambda: server.wrap_socket(near, server_side=True).recv(1))
        serving.start()
        with client.wrap_socket(far, server_hostname="127.0.0.1") as secure:
            secure.sendall(b"x")
            assert secure.version() == "TLSv1.3"
            serving.join(30)


def test_a_damaged_certificate_is_made_anew(tmp_path: Path) -> None:
    made = settings.load(env={"HOTLINE_DATA_DIR": str(tmp_path)})
    certificate.ensure(made)
    assert made.tls_certificate is not None
    made.tls_certificate.write_text("nonsense")
    certificate.ensure(made)
    assert made.tls_certificate.read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_a_certificate_of_ones_own_is_left_alone(tmp_path: Path) -> None:
    own, key = tmp_path / "own.pem", tmp_path / "key.pem"
    own.write_text("mine")
    key.write_text("mine")
    certificate.ensure(
        settings.load(
            env={
                "HOTLINE_DATA_DIR": str(tmp_path / "data"),
                "HOTLINE_TLS_CERTIFICATE": str(own),
                "HOTLINE_TLS_KEY": str(key),
            }
        )
    )
    assert own.read_text() == "mine"
    assert not (tmp_path / "data").exists()
