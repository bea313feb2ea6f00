"""A self-signed certificate for development, so that softphones can try TLS; production brings its own."""

from __future__ import annotations

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config.settings import Settings, make_private

_DAYS = 825


def ensure(settings: Settings) -> None:
    """Make the development certificate if it is named, lies in the data folder and is missing or has run out."""
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None or key is None or certificate.parent != settings.data_dir / "tls":
        return
    if key.is_file() and _good(certificate):
        return
    folder = make_private(certificate.parent)
    now = datetime.datetime.now(datetime.UTC)
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hotline development")])
    addresses = {ipaddress.ip_address(address) for address in ("127.0.0.1", "::1", settings.advertise)}
    names: list[x509.GeneralName] = [x509.IPAddress(address) for address in sorted(addresses, key=str)]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), *names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _place(folder / key.name, pem, 0o600)
    _place(folder / certificate.name, made.public_bytes(serialization.Encoding.PEM), 0o644)


def _good(certificate: Path) -> bool:
    try:
        until = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return False
    return until > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)


def _place(file: Path, content: bytes, mode: int) -> None:
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    fresh.replace(file)
