"""Runs child processes: in order, watched, restarted when they crash, ended in the reverse order, none left behind."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import psutil

Say = Callable[[str], None]
BACK_OFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before a crashed child is started again, by the number of crashes in a row."""
STEADY = 30.0
"""Seconds of running after which a crash counts as the first again."""
FIRST_TRIES = 3
"""An essential child that has never been ready is given up after so many starts."""
SETTLE = 15.0
"""Seconds that the essential ones wait for the others before all is called ready."""
GRACE = 8.5
"""Seconds from the wish to end until the last child is killed."""
LAST_WAVE = 2.0
"""Of them, kept for the children that the others need."""
_POLL = 0.05
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Service:
    """A child to run."""

    name: str
    command: Sequence[str]
    needs: tuple[str, ...] = ()
    """Names of services that must be ready first, and that end later."""
    essential: bool = True
    """Without it there is nothing to run: it must be ready in time at the first start. Others are waited for and tried
    again for ever."""
    ready: Callable[[], bool] | None = None
    """Asked until true; without it the child tells by a JSON line ``{"ready": true, …}`` on its standard output."""
    ready_within: float = 90.0
    """Seconds until an essential service that is not ready is killed."""
    last_words: Callable[[], str] = str
    """More about why it ended, e.g. from its log."""
    environment: Mapping[str, str] | None = None


@dataclass(slots=True)
class _Child:
    service: Service
    state: Literal["waiting", "starting", "ready", "resting", "ended"] = "waiting"
    process: subprocess.Popen[bytes] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    started: float = 0.0
    due: float = 0.0
    crashes: int = 0
    was_ready: bool = False
    rest: bytes = b""

    @property
    def alive(self) -> bool:
        return self.process is not None


class Supervisor:
    """Runs services until it is told to end by SIGINT, SIGTERM or SIGHUP. For the main thread of a process of its own: it
    takes the signals, and reaps whatever children there are."""

    def __init__(self, services: Sequence[Service], say: Say) -> None:
        self._children = {service.name: _Child(service) for service in services}
        self._say = say
        self._selector = selectors.DefaultSelector()
        self._wishes = 0
        self._failed: int | None = None
        self._settle_by: float | None = None

    def run(self, on_ready: Callable[[dict[str, dict[str, Any]]], None] = lambda facts: None) -> int:
        """Run; call ``on_ready`` with what each child told when all are ready for the first time.

        Returns 0 when it was told to end, 1 if a child couldn't be started, 2 if one refused its configuration."""
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        told = False
        with self._signals():
            while not self._wishes and self._failed is None:
                self._start_what_can()
                if not told and self._settled():
                    told = True
                    on_ready({name: child.facts for name, child in self._children.items() if child.facts})
                self._wait(self._pause())
            if self._wishes:
                self._say("ending …")
            self._end()
        return self._failed or 0

    # --- start and watch

    def _settled(self) -> bool:
        """Whether all is ready, or all that is essential for a while."""
        missing = [child for child in self._children.values() if child.state != "ready"]
        if any(child.service.essential for child in missing):
            self._settle_by = None
            return False
        if missing:
            self._settle_by = self._settle_by or time.monotonic() + SETTLE
            if time.monotonic() < self._settle_by:
                return False
            self._say(f"not ready yet: {', '.join(child.service.name for child in missing)}")
        self._settle_by = None
        return True

    def _start_what_can(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.state == "waiting":
                needed = (self._children[name] for name in child.service.needs)
                if all(other.was_ready for other in needed):
                    self._start(child)
            elif child.state == "resting" and now >= child.due:
                self._start(child)
            elif child.state == "starting":
                if child.service.ready is not None and child.service.ready():
                    self._mark_ready(child, {})
                elif child.service.essential and now >= child.due:
                    self._say(f"{child.service.name} is not ready after {child.service.ready_within:g} s: killed")
                    self._signal(child, signal.SIGKILL)
                    child.due = now + child.service.ready_within

    def _start(self, child: _Child) -> None:
        service = child.service
        parent = os.getpid()

        def bind_to_parent() -> None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

        try:
            process = subprocess.Popen(
                list(service.command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env=None if service.environment is None else dict(service.environment),
                process_group=0,
                preexec_fn=bind_to_parent,
            )
        except OSError as error:
            self._say(f"{service.name} can't be started: {error}")
            self._failed = 1
            return
        child.process = process
        child.state, child.rest, child.facts = "starting", b"", {}
        child.started = time.monotonic()
        child.due = child.started + service.ready_within
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        self._selector.register(process.stdout, selectors.EVENT_READ, child)

    def _mark_ready(self, child: _Child, facts: dict[str, Any]) -> None:
        child.state, child.facts = "ready", facts
        if child.was_ready:
            self._say(f"{child.service.name} is ready again")
        child.was_ready = True

    def _read(self, child: _Child, stream: Any) -> None:
        try:
            data = os.read(stream.fileno(), 65536)
        except BlockingIOError:
            return
        if not data:
            self._selector.unregister(stream)
            stream.close()
            return
        *lines, child.rest = (child.rest + data).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip()
            facts = _ready_line(text)
            if facts is not None and child.state == "starting" and child.service.ready is None:
                self._mark_ready(child, facts)
            elif text:
                self._say(f"[{child.service.name}] {text}")

    def _pause(self) -> float | None:
        """Seconds until something is due without an event."""
        now = time.monotonic()
        pauses = []
        for child in self._children.values():
            if child.state == "starting" and child.service.ready is not None:
                pauses.append(_POLL)
            if child.state == "resting" or (child.state == "starting" and child.service.essential):
                pauses.append(max(0.0, child.due - now))
        if self._settle_by is not None:
            pauses.append(max(0.0, self._settle_by - now))
        return min(pauses, default=None)

    def _wait(self, seconds: float | None) -> None:
        """Wait for output, the end of a child, or a signal."""
        for key, _ in self._selector.select(seconds):
            if isinstance(key.data, _Child):
                self._read(key.data, key.fileobj)
            else:
                with contextlib.suppress(BlockingIOError):
                    self._wake.recv(4096)
        self._reap()

    def _reap(self) -> None:
        """Take the exit status of every child that has ended, also of orphans that were handed to us."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in self._children.values():
                if child.process is not None and child.process.pid == pid:
                    self._ended(child, os.waitstatus_to_exitcode(status))

    def _ended(self, child: _Child, code: int) -> None:
        service, process = child.service, child.process
        assert process is not None and process.stdout is not None
        process.returncode = code
        child.process = None
        # what it wrote last is still in the pipe
        while not process.stdout.closed and self._has_more(child, process.stdout):
            pass
        if not process.stdout.closed:
            self._selector.unregister(process.stdout)
            process.stdout.close()
        if self._wishes or self._failed is not None:
            child.state = "ended"
            return
        how = f"ended with status {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"
        words = service.last_words() if code > 0 else ""
        how += f" ({words})" if words else ""
        child.crashes = 1 if time.monotonic() - child.started > STEADY else child.crashes + 1
        if not child.was_ready and (code == 2 or (service.essential and child.crashes >= FIRST_TRIES)):
            self._say(f"{service.name} {how}: giving up")
            self._failed = 2 if code == 2 else 1
            return
        pause = BACK_OFF[min(child.crashes, len(BACK_OFF)) - 1]
        self._say(f"{service.name} {how}: starting it again in {pause:g} s")
        child.state, child.due = "resting", time.monotonic() + pause

    def _has_more(self, child: _Child, stream: Any) -> bool:
        """Read what is there; false when there is nothing left for now."""
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            if not selector.select(0):
                return False
        self._read(child, stream)
        return True

    # --- end

    def _end(self) -> None:
        """End all children, those first that need others; kill what has not ended in time, and every
        orphan. A second signal means: at once."""
        start = time.monotonic()
        waves = self._waves()
        for index, wave in enumerate(waves):
            limit = start + GRACE - (LAST_WAVE if index < len(waves) - 1 else 0.0)
            for child in wave:
                self._signal(child, signal.SIGTERM)
            while any(child.alive for child in wave) and time.monotonic() < limit and self._wishes < 2:
                self._wait(max(0.0, limit - time.monotonic()))
            for child in wave:
                if child.alive:
                    self._say(f"{child.service.name} did not end in time: killed")
                    self._signal(child, signal.SIGKILL)
            while any(child.alive for child in wave):
                self._wait(0.1)
        self._kill_orphans()
        self._selector.close()

    def _waves(self) -> list[list[_Child]]:
        """The children in the order in which they are ended."""
        depth: dict[str, int] = {}

        def measure(name: str) -> int:
            if name not in depth:
                depth[name] = 1 + max((measure(other) for other in self._children[name].service.needs), default=0)
            return depth[name]

        levels = sorted({measure(name) for name in self._children}, reverse=True)
        return [[self._children[name] for name in self._children if depth[name] == level] for level in levels]

    def _signal(self, child: _Child, number: signal.Signals) -> None:
        # not reaped yet, so the id is still its own
        if child.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.process.pid, number)

    def _kill_orphans(self) -> None:
        """Whoever is left was started by a child and has been handed to us at its end (we are their subreaper)."""
        limit = time.monotonic() + 1.0
        while (left := psutil.Process().children(recursive=True)) and time.monotonic() < limit:
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            self._reap()
            self._wait(0.02)

    @contextlib.contextmanager
    def _signals(self) -> Any:
        self._wake, far = socket.socketpair()
        self._wake.setblocking(False)
        far.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ)

        def wish(number: int, frame: object) -> None:
            self._wishes += 1

        wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, wish) for number in wanted}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda number, frame: None)
        wakeup = signal.set_wakeup_fd(far.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._wake.close()
            far.close()


def _ready_line(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        facts = json.loads(text)
    except ValueError:
        return None
    return facts if isinstance(facts, dict) and facts.get("ready") is True else None
