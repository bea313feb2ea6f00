"""Prompts and music for one ear at a time: files in turn, once or in a loop.

The end of a file is seen by the player's position, which falls back to zero; ``onEof2`` would come in another thread. From
the last sample to the next file's first it takes at most 40 ms (a tick of ours and one of the bridge).
"""

from __future__ import annotations

import logging
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pjsua2 as pj

from telephony.ipc import messages
from telephony.room import mixer

log = logging.getLogger("room.players")
SHORTEST = 200
"""Samples; pjmedia refuses shorter files."""
OVERDUE = 0.5
"""Seconds after its length when a file that was never seen to move counts as over."""


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
    since: float = 0.0
    position: int = 0


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
            playing.player = None

    def tick(self, now: float) -> bool:
        """Start what can start, see what has ended; True if connections have to be looked at again."""
        changed = False
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
        playing.player, playing.since, playing.position = player, now, 0
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
        if position < playing.position:
            return True
        playing.position = position
        return position == 0 and now - playing.since > playing.lengths[playing.index] / 8000 + OVERDUE

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
        return bool(self._playing)

    def close(self) -> None:
        for leg in list(self._playing):
            self.stop(leg)
