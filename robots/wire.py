"""How a phone's process and its driver talk: JSON lines, commands in by stdin, events out by stdout."""

from __future__ import annotations

import json
import os
import time
from typing import Any


class Wire:
    """The child's end. ``t`` of an event is the machine's monotonic clock in seconds, the same in every process."""

    def __init__(self, stdin: int, stdout: int) -> None:
        self.stdin = stdin
        self._stdout = stdout
        self._rest = b""
        os.set_blocking(stdin, False)

    def tell(self, event: str, **facts: Any) -> None:
        """Write one event; a driver that has gone is noticed by the end of stdin, not here."""
        line = json.dumps({"event": event, "t": round(time.monotonic(), 4), **facts}).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._stdout, line) :]
        except BrokenPipeError:
            pass

    def commands(self) -> list[dict[str, Any]] | None:
        """Commands that have arrived; None when the driver has gone."""
        gone = False
        while True:
            try:
                piece = os.read(self.stdin, 65536)
            except BlockingIOError:
                break
            if not piece:
                gone = True
                break
            self._rest += piece
        *lines, self._rest = self._rest.split(b"\n")
        found = [json.loads(line) for line in lines if line.strip()]
        return None if gone and not found else found
