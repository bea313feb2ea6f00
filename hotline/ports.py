"""Which ports an installation needs, and who has them."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import Literal

import psutil

from config.settings import Settings


@dataclass(frozen=True, slots=True)
class Need:
    """A port that a service is going to listen on."""

    name: str
    kind: Literal["udp", "tcp"]
    host: str
    port: int
    variable: str


def needs(settings: Settings) -> list[Need]:
    """The ports of the telephony service and of the HTTP interface; port 0 (chosen at start) is left out."""
    wanted: list[tuple[str, Literal["udp", "tcp"], int, str]] = [
        ("seats", "udp", settings.sip_port, "HOTLINE_SIP_PORT"),
        ("seats", "tcp", settings.sip_port, "HOTLINE_SIP_PORT"),
        ("trunks", "udp", settings.trunk_port, "HOTLINE_TRUNK_PORT"),
        ("trunks", "tcp", settings.trunk_port, "HOTLINE_TRUNK_PORT"),
    ]
    wanted.append(("HTTP", "tcp", settings.http_port, "HOTLINE_HTTP_PORT"))
    if settings.tls_certificate is not None:
        wanted.append(("seats, TLS", "tcp", settings.sip_tls_port, "HOTLINE_SIP_TLS_PORT"))
    return [Need(name, kind, settings.bind, port, variable) for name, kind, port, variable in wanted if port]


def fault(need: Need) -> str | None:
    """Why the port can't be had now; None: it is free."""
    family = socket.AF_INET6 if ":" in need.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if need.kind == "udp" else socket.SOCK_STREAM) as probe:
        if need.kind == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((need.host, need.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"in use by {holder(need.port, need.kind) or 'another program'}"
            if error.errno == errno.EADDRNOTAVAIL:
                return f"{need.host} is no address of this machine"
            return str(error.strerror)
    return None


def holder(port: int, kind: Literal["udp", "tcp"]) -> str | None:
    """Name and process id of the program that holds a port, as far as this user may see."""
    pid = holder_pid(port, kind)
    if pid is None:
        return None
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"


def holder_pid(port: int, kind: Literal["udp", "tcp"]) -> int | None:
    for connection in psutil.net_connections(kind=kind):
        mine = connection.laddr and connection.laddr.port == port
        if mine and connection.pid and (kind == "udp" or connection.status == psutil.CONN_LISTEN):
            return int(connection.pid)
    return None
