"""The whole stack under load: ``hotline up`` on free ports with a big desk, and simple phones around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil

from bench import processes
from bench.loop import Loop
from bench.media import Media
from bench.phones import Phones
from robots.town import SECRET, Town

GENERAL = [str(number) for number in range(81001, 81111)]
"""Seats of 12345."""
LINKAGE = [str(number) for number in range(91001, 91041)]
"""Seats of 110, reached first by transfers."""
ROOMS = 48


def enlarge(config: dict[str, Any]) -> None:
    """The shipped configuration with more seats and rooms. Greeting, recording and seat announcement stay as shipped; nobody
    needs time after a call, and no position is told."""
    wanted = {"12345": "81001", "110": "91001"}
    config["seats"] = [
        {"id": seat, "centre": "12345", "groups": ["general", "linkage"], "role": "operator", "wrap_up": 0} for seat in GENERAL
    ] + [{"id": seat, "centre": "110", "groups": ["dispatch", "linkage"], "role": "police", "wrap_up": 0} for seat in LINKAGE]
    config["centres"] = [centre for centre in config["centres"] if centre["id"] in wanted]
    for centre in config["centres"]:
        centre["queue"]["position_every"] = 0
    for trunk in config["trunks"]:
        trunk["max_calls"] = 1000
    config["limits"] |= {"rooms": ROOMS, "rooms_spare": ROOMS, "rooms_for_110": 0}


class Crowd:
    """An installation, the public network beyond its trunk (``public``) and its desks (``seats``)."""

    def __init__(self, folder: Path) -> None:
        self.town = Town(folder, edit=enlarge)

    def start(self) -> None:
        self.town.start()

    @property
    def trunk(self) -> tuple[str, int]:
        return ("127.0.0.1", self.town.trunk_port)

    @property
    def redis(self) -> str:
        return str(self.town.summary["redis"])

    def staff(self, loop: Loop, media: Media | None = None) -> tuple[Phones, Phones]:
        """Fresh phones: callers behind the trunk (they can be rung there), and all seats, registered."""
        public = Phones(loop, port=self.town.outside_port, media=media)
        desks = Phones(loop, media=media)
        host, port = self.town.registrar
        realm = str(self.town.summary["realm"])
        for seat in [*GENERAL, *LINKAGE]:
            loop.until(desks.register(seat, SECRET, (host, port), realm), f"seat {seat} is registered")
        return public, desks

    def pids(self, part: str) -> list[int]:
        """Process ids of ``rooms``, ``telephony``, ``valkey`` or ``worker``."""
        words = {"rooms": "telephony.room", "telephony": "hotline telephony", "valkey": "valkey", "worker": "hotline worker"}
        return [pid for pid, line in self._family() if words[part] in line]

    def _family(self) -> list[tuple[int, str]]:
        found = []
        for process in psutil.Process().children(recursive=True):
            try:
                found.append((process.pid, " ".join(process.cmdline())))
            except psutil.Error:
                continue
        return found

    def cpu(self, part: str) -> float:
        return processes.cpu_of(self.pids(part))

    def close(self) -> None:
        self.town.close()
