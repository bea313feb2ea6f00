"""Prompts and music for one ear at a time: files in turn, once or in a loop.

The end of a file is seen by the player's position, not by ``onEof2``: that comes in pjmedia's event thread, and may come
while the player is being destroyed. For the same reason a player that has been cut off rests a second before it is dropped.
"""

from __future__ import annotations

import logging
import time
import wave
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pjsua2 as pj

from telephony.ipc import messages
from telephony.room import mixer

log = logging.getLogger("room.players")
SHORTEST = 200
"""Samples; pjmedia refuses shorter files."""
BUFFER = 2000
"""Samples that a player reads at a time; its position falls to zero when it has read to the end, this much or less too early."""
LAG = 0.04
"""Seconds a sample may take from its due time to the ear: a bridge tick to join, one to be played."""
LAST_LAG = 0.1
"""The same for the last file of a play, where nothing waits."""
COOLING = 1.0
"""Seconds from the cut to the end of a player: by then pjmedia's last event about it has been delivered."""


class UnfitFile(Exception):
    """A file that can't be played; the text says why."""


def samples_of(path: str) -> int:
    """Length of a playable file in samples; raises :class:`UnfitFile` on any that is not 8 kHz 16 bit mono PCM."""
    try:
        with wave.open(path, "rb") as file:
            shape = (file.getframerate(), file.getsampwidth() * 8, file.getnchannels())
            count = file.getnframes()
            present = len(file.readframes(SHORTEST)) // 2 if shape == (8000, 16, 1) else 0
    except (OSError, EOFError, wave.Error, ValueError) as error:
        raise UnfitFile(f"{path}: {error or 'not a WAV file'}") from error
    if shape != (8000, 16, 1):
        raise UnfitFile(f"{path}: {shape[0]} Hz, {shape[1]} bit, {shape[2]} channels; wanted 8000 Hz, 16 bit, mono")
    held = (Path(path).stat().st_size - 44) // 2
    if min(count, present, held) < SHORTEST:
        raise UnfitFile(f"{path}: {min(count, present)} samples are too few to play")
    return min(count, held)


@dataclass(slots=True)
class _Playing:
    command: messages.Play
    lengths: tuple[int, ...]
    index: int = 0
    player: pj.AudioMediaPlayer | None = None
    position: int = 0
    ends: float = 0.0
    """When the file will have been heard, as far as is known."""


class Players:
    """One play per leg at most. Reports go out through the two callbacks."""

    def __init__(
        self,
        mix: mixer.Mixer,
        on_played: Callable[[str, str], None],
        on_failed: Callable[[str, str, str], None],
    ) -> None:
        self._mix = mix
        self._playing: dict[str, _Playing] = {}
        self._cooling: deque[tuple[float, pj.AudioMediaPlayer]] = deque()
        self._on_played = on_played
        self._on_failed = on_failed

    def play(self, command: messages.Play) -> None:
        """Take the place of what was playing to the leg; an unfit file is reported and leaves silence."""
        self.stop(command.leg)
        try:
            if not command.files:
                raise UnfitFile("no file to play")
            lengths = tuple(samples_of(path) for path in command.files)
        except UnfitFile as error:
            self._on_failed(command.leg, command.play, str(error))
            return
        self._playing[command.leg] = _Playing(command, lengths)

    def stop(self, leg: str) -> None:
        playing = self._playing.pop(leg, None)
        if playing is not None:
            self._drop(playing)

    def _drop(self, playing: _Playing) -> None:
        if playing.player is not None:
            key = ("play", playing.command.leg)
            self._mix.cut(key)
            self._mix.remove(key)
            self._cooling.append((time.monotonic() + COOLING, playing.player))
            playing.player = None

    def tick(self, now: float) -> bool:
        """Start what can start, see what has ended; True if connections have to be looked at again."""
        changed = False
        while self._cooling and self._cooling[0][0] <= now:
            self._cooling.popleft()
        for leg, playing in list(self._playing.items()):
            if playing.player is None:
                if self._mix.has(("leg", leg)):
                    changed |= self._start(leg, playing, now)
            elif self._over(playing, now):
                changed = True
                self._drop(playing)
                self._next(leg, playing, now)
        return changed

    def _start(self, leg: str, playing: _Playing, now: float) -> bool:
        command = playing.command
        alone = command.loop and len(command.files) == 1
        player = pj.AudioMediaPlayer()
        try:
            player.createPlayer(command.files[playing.index], 0 if alone else pj.PJMEDIA_FILE_NO_LOOP)
        except pj.Error as error:
            del self._playing[leg]
            self._on_failed(leg, command.play, f"{command.files[playing.index]}: {error.reason}")
            return True
        playing.player, playing.position = player, 0
        playing.ends = now + playing.lengths[playing.index] / 8000 + self._lag(playing)
        self._mix.add(("play", leg), player)
        return True

    def _over(self, playing: _Playing, now: float) -> bool:
        command = playing.command
        if playing.player is None or (command.loop and len(command.files) == 1):
            return False
        try:
            position = playing.player.getPos()
        except pj.Error:
            return True
        if position > playing.position:
            playing.position = position
        elif position < playing.position:
            # The bridge has read the last buffer, at the bridge's own pace: from here the rest is known.
            playing.position = 0
            playing.ends = now + (playing.lengths[playing.index] % BUFFER) / 8000 + self._lag(playing)
        return playing.position == 0 and now >= playing.ends

    def _lag(self, playing: _Playing) -> float:
        last = playing.index == len(playing.command.files) - 1 and not playing.command.loop
        return LAST_LAG if last else LAG

    def _next(self, leg: str, playing: _Playing, now: float) -> None:
        command = playing.command
        playing.index += 1
        if playing.index == len(command.files):
            if not command.loop:
                del self._playing[leg]
                self._on_played(leg, command.play)
                return
            playing.index = 0
        self._start(leg, playing, now)

    def pairs(self, recorded: dict[str, list[mixer.Key]]) -> list[tuple[mixer.Key, mixer.Key]]:
        """Connections wanted: each play to its ear; a one-shot play also to the tapes that ``recorded`` names for the leg."""
        pairs: list[tuple[mixer.Key, mixer.Key]] = []
        for leg, playing in self._playing.items():
            if playing.player is None:
                continue
            pairs.append((("play", leg), ("leg", leg)))
            if not playing.command.loop:
                pairs += [(("play", leg), tape) for tape in recorded.get(leg, ())]
        return pairs

    @property
    def busy(self) -> bool:
        return bool(self._playing or self._cooling)

    def clear(self) -> None:
        """Stop all."""
        for leg in list(self._playing):
            self.stop(leg)

    def close(self) -> None:
        """Stop all, and drop what is left at once: the process is about to end."""
        self.clear()
        self._cooling.clear()
