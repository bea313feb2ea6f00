"""Robot telephones that play the duty posts of a drill: each registers as a seat, and presses its key when it is paged."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from robots.handset import Behaviour, Phone, answer, reject, ring
from robots.mailbox import NothingHeard, RobotError

KEYS = {"accept": "1", "refuse": "2", "escalate": "3"}
LISTENS = 2.0
"""Seconds that a robot listens before it presses its key."""
_LOOK = 0.5


def behaviour(does: str) -> Behaviour:
    """How a telephone takes calls."""
    if does == "ring":
        return ring()
    if does == "busy":
        return reject(486, 0.2)
    return answer(0.5)


class Cast:
    """The telephones of a drill: number to what it does. As a context manager it registers them, and ends them."""

    def __init__(self, numbers: Mapping[str, str], secret: str, registrar: tuple[str, int]) -> None:
        self._phones = {
            number: Phone(number, secret, registrar=registrar, behaviour=behaviour(does)) for number, does in numbers.items()
        }
        self._keys = {number: KEYS.get(does, "") for number, does in numbers.items()}
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._play, args=(number,), name=f"drill {number}", daemon=True) for number in numbers
        ]

    def __enter__(self) -> Self:
        try:
            for phone in self._phones.values():
                phone.registered()
        except BaseException:
            self.close()
            raise
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hang up and end all telephones."""
        self._over.set()
        for phone in self._phones.values():
            phone.close()

    def _play(self, number: str) -> None:
        """Press the key in every call that is answered."""
        phone, seen = self._phones[number], 0
        while not self._over.is_set():
            try:
                call = int(phone.wait_for("answered", _LOOK, call=seen + 1)["call"])
            except (NothingHeard, RobotError):
                seen += self._passed(phone, seen + 1)
                continue
            seen = call
            if self._over.wait(LISTENS) or not self._keys[number]:
                continue
            try:
                phone.keys(self._keys[number], call)
            except RobotError:
                continue  # hung up meanwhile: somebody else has taken it

    @staticmethod
    def _passed(phone: Phone, call: int) -> int:
        """1 if a call ended without being answered: the next one is the next number."""
        return int(bool(phone.seen("ended", call=call)))


def pause(until: float) -> None:
    """Wait until a moment of the monotonic clock."""
    time.sleep(max(0.0, until - time.monotonic()))
