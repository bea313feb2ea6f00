"""Final answers to INVITEs that got a 100 before: repeated until their ACK comes (RFC 3261 17.2.1, timers G and H)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from telephony.edge.core import Core, Key
from telephony.edge.flow import Flow
from telephony.edge.settings import KEEP, T1, T2


@dataclass(slots=True)
class _Answer:
    flow: Flow
    data: bytes
    wait: float
    until: float
    timer: Any = None


class Finals:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._answers: dict[Key, _Answer] = {}

    def send(self, key: Key, flow: Flow, data: bytes) -> None:
        """Send and repeat until :meth:`acked`; on streams once is enough."""
        self._core.wire.send(flow, data)
        self.acked(key)
        if not flow.conn:
            answer = self._answers[key] = _Answer(flow, data, T1, self._core.now() + KEEP)
            self._wait(key, answer)

    def again(self, key: Key) -> None:
        """The INVITE came again: so does its answer."""
        answer = self._answers.get(key)
        if answer is not None:
            self._core.wire.send(answer.flow, answer.data)

    def acked(self, key: Key) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None and answer.timer is not None and answer.timer.active():
            answer.timer.cancel()

    def close(self) -> None:
        for key in list(self._answers):
            self.acked(key)

    def _wait(self, key: Key, answer: _Answer) -> None:
        answer.timer = self._core.clock.callLater(answer.wait, self._repeat, key, answer)

    def _repeat(self, key: Key, answer: _Answer) -> None:
        if self._core.now() >= answer.until:
            self._answers.pop(key, None)
            return
        self._core.wire.send(answer.flow, answer.data)
        answer.wait = min(2 * answer.wait, T2)
        self._wait(key, answer)
