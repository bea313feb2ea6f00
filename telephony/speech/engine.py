"""Runs the speech synthesiser: any program that reads text on its standard input and writes a WAV file.

No shell is involved, and what the program is fed holds no markup.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from config import model
from telephony.speech import audio, errors, pinyin

ESPEAK = ("espeak-ng", "-v", "cmn-latn-pinyin", "-s", "185", "-p", "45", "-a", "65", "--stdin", "-w", "{wav}")
"""Debian's espeak-ng. At its usual amplitude it clips; 185 gives about four syllables a second."""

_NEEDED = 1 << 20
"""Bytes free below which a failure is laid to the disk."""


@dataclass(frozen=True)
class Engine:
    """How text becomes sound. ``command`` is a program with its arguments; ``{wav}`` stands for the file it must
    write (PCM WAV of any rate). ``reads``: the program is fed pinyin with tone numbers, or Chinese text. Neither
    ever holds markup."""

    command: tuple[str, ...] = ESPEAK
    reads: Literal["pinyin", "text"] = "pinyin"
    readings: Mapping[str, str] = field(default_factory=dict)
    """Readings of words that would be read wrongly: ``{"番禺": "pan1 yu2"}``; for pinyin only."""
    limit: float = 60
    """Seconds after which the program is ended."""

    def __post_init__(self) -> None:
        if not self.command or not any("{wav}" in part for part in self.command):
            raise ValueError("the command of a speech engine must have a program and {wav}, the file to be written")
        for word, reading in self.readings.items():
            if not word or not pinyin.READING.fullmatch(reading):
                raise ValueError(f"{reading!r} is no reading for {word!r}: write syllables with tones, e.g. pan1 yu2")

    @classmethod
    def configured(cls, voice: model.Voice) -> Engine:
        """The engine that the configuration names."""
        return cls(tuple(voice.command or ESPEAK), voice.reads, voice.readings, voice.limit)

    def identity(self) -> str:
        """What makes the sound of a text different from another engine's."""
        return repr((self.command, self.reads, sorted(self.readings.items())))

    def synthesise(self, text: str, folder: Path) -> audio.Samples:
        """Speak ``text`` (as made by :func:`telephony.speech.reading.spoken`); temporary files go to ``folder``.

        Returns samples at 8 kHz, trimmed and levelled. Raises :class:`EngineMissing`, :class:`EngineFailed`,
        :class:`NoSpace`.
        """
        words = pinyin.pinyin(text, self.readings) if self.reads == "pinyin" else text
        if not words:
            raise errors.Unspeakable("no reading is known for any character of the text", text[:40])
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".speaking-", dir=folder) as temporary:
                wav = Path(temporary) / "speech.wav"
                try:
                    self._run(words, wav)
                    return self._fetch(wav)
                except errors.EngineFailed as error:
                    if shutil.disk_usage(folder).free < _NEEDED:
                        raise errors.NoSpace(f"the disk of the speech cache {folder} is full; free space", str(folder)) from error
                    raise
        except OSError as error:
            raise errors.NoSpace(
                f"the speech cache {folder} can't be used: {error.strerror}; free space or make it writable", str(folder)
            ) from error

    def _run(self, words: str, wav: Path) -> None:
        command = [part.replace("{wav}", str(wav)) for part in self.command]
        program = command[0]
        try:
            done = subprocess.run(
                command, input=(words + "\n").encode(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=self.limit
            )
        except (FileNotFoundError, PermissionError) as error:
            hint = "apt-get install espeak-ng" if program == "espeak-ng" else "install it or configure another"
            raise errors.EngineMissing(f"the speech program {program} can't be started: {hint}", program) from error
        except subprocess.TimeoutExpired as error:
            raise errors.EngineFailed(
                f"{program} spoke for more than {self.limit:g} s and was ended; shorten the text", program
            ) from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            why = said[-1][:200] if said else "no message"
            raise errors.EngineFailed(f"{program} ended with {done.returncode}: {why}", program)

    def _fetch(self, wav: Path) -> audio.Samples:
        try:
            rate, raw = audio.read_any(wav)
        except FileNotFoundError as error:
            raise errors.EngineFailed(
                f"{self.command[0]} wrote no file; is {{wav}} where its output goes?", self.command[0]
            ) from error
        except ValueError as error:
            raise errors.EngineFailed(
                f"{self.command[0]} wrote something else than a WAV file: {error}", self.command[0]
            ) from error
        sound = audio.tidy_pauses(audio.resample(raw, rate)) if raw.size else raw
        if not sound.size:
            raise errors.EngineFailed(f"{self.command[0]} made no sound; is its Chinese voice installed?", self.command[0])
        return audio.faded(audio.level(sound))
