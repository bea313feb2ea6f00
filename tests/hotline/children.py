"""Small real children for the supervisor's tests: ``python -m tests.hotline.children KIND …``; and a supervisor to run them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from hotline.processes import Service, Supervisor


def ready(**facts: object) -> None:
    print(json.dumps({"ready": True, "pid": os.getpid(), **facts}), flush=True)


def steady() -> None:
    """Ready at once; ends at SIGTERM."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    ready()
    while True:
        signal.pause()


def stubborn() -> None:
    """Ready at once; deaf to SIGTERM, and so is what it has started."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready()
    while True:
        signal.pause()


def parent() -> None:
    """Starts a grandchild in a session of its own, tells its pid, ends at SIGTERM without ending it."""
    grandchild = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
    ready(grandchild=grandchild.pid)
    while True:
        signal.pause()


def refuses() -> None:
    """Ends with status 2, as for a wrong configuration."""
    sys.exit(2)


def fails() -> None:
    """Ends with status 1 before it is ready."""
    sys.exit(1)


def marks(file: str) -> None:
    """Like ``steady``; writes its name to a file when it ends."""

    def end(number: int, frame: object) -> None:
        with Path(file).open("a") as stream:
            stream.write(f"{Path(sys.argv[3]).name}\n")
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    ready()
    while True:
        signal.pause()


def supervisor(*kinds: str) -> None:
    """Run one service for each ``name=kind[:argument][<need]``, essential but for names that end with ``?``; tell what
    is ready as a JSON line."""
    services = []
    for word in kinds:
        word, _, need = word.partition("<")
        name, _, kind = word.partition("=")
        arguments = kind.split(":")
        command = [sys.executable, "-m", "tests.hotline.children", *arguments, name]
        services.append(Service(name.rstrip("?"), command, needs=(need,) if need else (), essential=not name.endswith("?")))

    def say(words: str) -> None:
        print(f"{time.monotonic():.3f} {words}", file=sys.stderr, flush=True)

    def tell(facts: object) -> None:
        print(json.dumps({"ready": True, "services": facts}), flush=True)

    sys.exit(Supervisor(services, say).run(tell))


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    if kind == "supervisor":
        supervisor(*rest)
    else:
        globals()[kind](*rest[:-1])
