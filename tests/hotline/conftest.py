"""Runs commands of the project as real processes."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests import servers


class Command:
    """A running command; its lines of output are read as they come."""

    def __init__(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean(env or {}),
        )
        self.said: list[str] = []
        self._lines: queue.Queue[tuple[str, str | None]] = queue.Queue()
        for name in ("stdout", "stderr"):
            threading.Thread(target=self._read, args=(name,), daemon=True).start()

    def _read(self, name: str) -> None:
        for line in getattr(self.process, name):
            self._lines.put((name, line.rstrip("\n")))
        self._lines.put((name, None))

    def line(self, fits: Callable[[str], bool], seconds: float = 60) -> str:
        """The next line (of either output) that fits."""
        limit = time.monotonic() + seconds
        open_streams = 2
        while open_streams:
            try:
                _, line = self._lines.get(timeout=max(0.01, limit - time.monotonic()))
            except queue.Empty:
                break
            if line is None:
                open_streams -= 1
                continue
            self.said.append(line)
            if fits(line):
                return line
        raise AssertionError(f"no such line within {seconds:g} s; it said: {self.said}")

    def facts(self, seconds: float = 60) -> dict[str, Any]:
        """The next JSON line that says ready."""
        found: dict[str, Any] = json.loads(self.line(lambda line: line.startswith('{"ready"'), seconds))
        return found

    def end(self, number: int, seconds: float = 20) -> int:
        """Send a signal, wait for the end, return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


def clean(env: dict[str, str]) -> dict[str, str]:
    """This process's environment without HOTLINE_ variables, with ``env``."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")} | env


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def gone(*pids: int) -> None:
    """Wait until none of these processes is there."""
    servers.wait_until(lambda: not any(alive(pid) for pid in pids), f"{pids} have ended", 20)


@pytest.fixture
def start() -> Iterator[Callable[..., Command]]:
    """Start commands that are killed after the test, with all that they have started."""
    started: list[Command] = []

    def begin(*arguments: str, env: dict[str, str] | None = None) -> Command:
        started.append(Command(*arguments, env=env))
        return started[-1]

    yield begin
    for command in started:
        family = []
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(command.process.pid).children(recursive=True)
        command.process.kill()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        command.process.wait(20)


@pytest.fixture
def hotline_env(tmp_path: Path) -> dict[str, str]:
    """Variables for a stack of its own: data in a temporary folder, ports chosen by the system."""
    return {
        "HOTLINE_DATA_DIR": str(tmp_path / "data"),
        "HOTLINE_SIP_PORT": "0",
        "HOTLINE_SIP_TLS_PORT": "0",
        "HOTLINE_TRUNK_PORT": "0",
        "HOTLINE_HTTP_PORT": "0",
    }


def run(*arguments: str, env: dict[str, str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``hotline`` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "hotline", *arguments],
        input=text,
        capture_output=True,
        text=True,
        env=clean(env),
        timeout=60,
    )
