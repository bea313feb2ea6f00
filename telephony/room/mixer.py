"""Who hears whom: wanted connections of the conference bridge against present ones, and only the difference is done.

Ports are named by keys: ``("leg", name)``, ``("play", leg name)``, ``("tape", recording, side)`` and the idle tone ``SILENCE``,
which keeps packets flowing to a leg that hears nobody and time running in a recorder.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import pjsua2 as pj

log = logging.getLogger("room.mixer")
Key = tuple[str, ...]
SILENCE: Key = ("silence",)


class Mixer:
    def __init__(self) -> None:
        self._ports: dict[Key, pj.AudioMedia] = {}
        self._joined: set[tuple[Key, Key]] = set()
        self._doubtful: set[tuple[Key, Key]] = set()
        """Connections of a port that was announced anew: whether the bridge kept them is not known."""
        self._tone: pj.ToneGenerator | None = None
        self.hears: dict[str, tuple[str, ...]] = {}
        """Listener to those it hears, as commanded."""

    def add(self, key: Key, port: pj.AudioMedia) -> None:
        """A port has appeared, or was made anew (its old connections died if the old port did)."""
        self._doubtful |= {pair for pair in self._joined if key in pair}
        self._forget(key)
        self._ports[key] = port

    def remove(self, key: Key) -> None:
        """A port is about to go or has gone; its connections go with it."""
        self._forget(key)
        self._doubtful = {pair for pair in self._doubtful if key not in pair}
        self._ports.pop(key, None)

    def cut(self, key: Key) -> None:
        """Disconnect everything that a source feeds, while it still exists."""
        source = self._ports.get(key)
        for pair in [pair for pair in self._joined if pair[0] == key]:
            self._joined.discard(pair)
            sink = self._ports.get(pair[1])
            if source is not None and sink is not None:
                _part(source, sink)

    def has(self, key: Key) -> bool:
        return key in self._ports

    def _forget(self, key: Key) -> None:
        self._joined = {pair for pair in self._joined if key not in pair}

    def reconcile(self, extra: Iterable[tuple[Key, Key]]) -> None:
        """Bring the bridge to what ``hears`` and ``extra`` (plays and tapes) want; pairs without both ports are passed over."""
        wanted = self._wanted(extra)
        for pair in (self._joined | self._doubtful) - wanted:
            source, sink = self._ports.get(pair[0]), self._ports.get(pair[1])
            if source is not None and sink is not None:
                _part(source, sink)
        self._joined &= wanted
        self._doubtful.clear()
        for pair in sorted(wanted - self._joined):
            try:
                self._ports[pair[0]].startTransmit(self._ports[pair[1]])
            except pj.Error as error:
                log.warning("two ports could not be joined", extra={"pair": str(pair), "error": error.reason})
                continue
            self._joined.add(pair)

    def _wanted(self, extra: Iterable[tuple[Key, Key]]) -> set[tuple[Key, Key]]:
        pairs = {(("leg", heard), ("leg", ear)) for ear, those in self.hears.items() for heard in those if heard != ear}
        wanted = {pair for pair in pairs.union(extra) if pair[0] in self._ports and pair[1] in self._ports}
        fed = {sink for _, sink in wanted}
        idle = [key for key in self._ports if key[0] == "tape" or (key[0] == "leg" and key not in fed)]
        if idle:
            self._ports.setdefault(SILENCE, self._silence())
            wanted |= {(SILENCE, sink) for sink in idle}
        return wanted

    def _silence(self) -> pj.ToneGenerator:
        if self._tone is None:
            self._tone = pj.ToneGenerator()
            self._tone.createToneGenerator(8000, 1)
        return self._tone

    def close(self) -> None:
        self._joined.clear()
        self._doubtful.clear()
        self._ports.clear()
        self._tone = None


def _part(source: pj.AudioMedia, sink: pj.AudioMedia) -> None:
    try:
        source.stopTransmit(sink)
    except pj.Error as error:
        log.debug("two ports could not be parted", extra={"error": error.reason})
