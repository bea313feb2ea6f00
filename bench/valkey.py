"""A Valkey of the bench's own, as ``hotline up`` starts it: append-only file on, unix socket only."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import processes
from bench.loop import Late
from hotline import valkey

START_WITHIN = 20.0


@contextlib.contextmanager
def running(folder: Path) -> Iterator[tuple[str, int]]:
    """URL and process id."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="vk-") as place:
        path = Path(place) / "s"
        options = {
            "port": "0", "unixsocket": str(path), "unixsocketperm": "700", "dir": str(folder), "logfile": "valkey.log",
            "appendonly": "yes", "appendfsync": "everysec", "save": "",
        }  # fmt: skip
        server = subprocess.Popen([str(valkey.binary()), *(part for key, text in options.items() for part in (f"--{key}", text))])
        try:
            end = time.monotonic() + START_WITHIN
            while not valkey.answers(path):
                if time.monotonic() > end or server.poll() is not None:
                    raise Late("the bench's Valkey did not start")
                time.sleep(0.02)
            yield f"unix://{path}", server.pid
        finally:
            processes.end([server])
