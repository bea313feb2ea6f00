"""What a robot phone says: a pure tone, silence or a WAV file, the same to all its calls and changeable at any time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from robots import tones

_LONGEST = 30_000
"""Milliseconds of one round of a looped tone; whole periods of every frequency in Hz, so the phase never jumps."""


class _Player(pj.AudioMediaPlayer):  # type: ignore[misc]
    def __init__(self, ended: Callable[[], None]) -> None:
        super().__init__()
        self._ended = ended

    def onEof2(self) -> None:
        self._ended()


class Voice:
    """Sources in the bridge. ``quiet`` never makes a sound: with it a call sends packets of silence, and a tape keeps time."""

    def __init__(self, ended: Callable[[str], None]) -> None:
        """``ended`` is told the path of a file that has been spoken to its end."""
        self._ended = ended
        self.quiet = pj.ToneGenerator()
        self.quiet.createToneGenerator(tones.RATE, 1)
        self._tone = pj.ToneGenerator()
        self._tone.createToneGenerator(tones.RATE, 1)
        self._player: _Player | None = None
        self._source: Any = self.quiet
        self._ears: dict[int, Any] = {}

    def tone(self, hz: int, level: float) -> None:
        """Speak a tone; ``level`` is its peak as a share of full scale (0–1)."""
        self._tone.stop()
        desc = pj.ToneDesc()
        desc.freq1, desc.freq2, desc.on_msec, desc.off_msec = hz, 0, _LONGEST, 0
        desc.volume = max(1, min(32767, round(level * 32767)))
        descs = pj.ToneDescVector()
        descs.append(desc)
        self._tone.play(descs, True)
        self._take(self._tone)

    def silence(self) -> None:
        self._take(self.quiet)

    def file(self, path: str, loop: bool) -> None:
        """Speak a WAV file from its start, then silence unless it loops. Raises ``pj.Error`` if it can't be opened."""
        player = _Player(lambda: self._spoken(path, loop))
        player.createPlayer(path, 0 if loop else pj.PJMEDIA_FILE_NO_LOOP)
        self._take(player)
        self._player = player

    def _spoken(self, path: str, loop: bool) -> None:
        if not loop:
            self.silence()
            self._ended(path)

    def _take(self, source: Any) -> None:
        for ear in self._ears.values():
            if source is not self._source:
                source.startTransmit(ear)
                if self._source is not self.quiet:
                    self._source.stopTransmit(ear)
        self._source = source
        if source is not self._player:
            self._player = None

    def attach(self, call: int, media: Any) -> None:
        """Let a call hear the voice (its port may be a new one after a re-INVITE)."""
        self._ears[call] = media
        self.quiet.startTransmit(media)
        if self._source is not self.quiet:
            self._source.startTransmit(media)

    def hush(self, call: int) -> None:
        """Only silence to a call from now on, as from a phone that has put it on hold."""
        media = self._ears.pop(call, None)
        if media is not None and self._source is not self.quiet:
            self._source.stopTransmit(media)

    def detach(self, call: int) -> None:
        """The call's port is gone."""
        self._ears.pop(call, None)
