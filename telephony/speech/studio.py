"""Turns speeches into WAV files that rooms can play: 8 kHz, 16 bit, mono, kept in a cache by the hash of what is said.

Blocking work is in :meth:`Studio.render`; the switchboard asks :meth:`Studio.ready` (no I/O) and, if that knows
nothing, awaits :meth:`Studio.fetch` while something else is played.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from config import model
from telephony.speech import audio, errors, reading
from telephony.speech.engine import Engine
from telephony.speech.pieces import LONGEST_SPEECH, LONGEST_TEXT, Clip, Number, Speech, Text

VERSION = 1
"""Rises when the same words would be rendered differently, so that old files are not used again."""

_GAP = np.zeros(int(0.12 * audio.RATE), dtype=np.int16)
"""Between a recorded clip and what is next to it: 120 ms."""

_REMEMBERED = 20_000


@dataclass(frozen=True)
class Problem:
    """A speech that could not be prepared, and why."""

    speech: Speech
    error: errors.SpeechError


class Studio:
    """Renders and keeps speeches. Safe from any thread, and beside other processes that use the same cache folder."""

    def __init__(
        self,
        prompts: Mapping[str, model.Prompt],
        prompts_folder: Path,
        cache_folder: Path,
        engine: Engine | None = None,
    ) -> None:
        self._prompts = dict(prompts)
        self._prompts_folder = prompts_folder
        self._folder = cache_folder / "speech"
        self._engine = engine or Engine()
        self._done: dict[Speech, Path] = {}
        self._flying: dict[str, Future[Path]] = {}
        self._lock = threading.Lock()

    @classmethod
    def configured(cls, installation: model.Installation, prompts_folder: Path, cache_folder: Path) -> Studio:
        """The studio of an installation: its prompts and its voice."""
        return cls(installation.prompts, prompts_folder, cache_folder, Engine.configured(installation.voice))

    def ready(self, speech: Speech) -> Path | None:
        """The file of a speech that was rendered or prepared before, at once and without touching the disk; else
        None."""
        return self._done.get(speech)

    def forget(self, speech: Speech) -> None:
        """A room could not play the file: look at the disk again next time."""
        self._done.pop(speech, None)

    async def fetch(self, speech: Speech) -> Path:
        """A Twisted coroutine: the file of a speech, rendered in a thread if need be. Raises what :meth:`render`
        raises."""
        known = self._done.get(speech)
        if known is not None:
            return known
        from twisted.internet import threads

        path: Path = await threads.deferToThread(self.render, speech)
        return path

    def render(self, speech: Speech) -> Path:
        """Return one WAV file with the whole speech, making it if it isn't in the cache. Blocking: 20–100 ms for a
        sentence.

        Raises a :class:`SpeechError`: unknown or unfit clip, unspeakable text, engine missing or failing, no space.
        """
        parts = self._parts(speech)
        if len(parts) == 1 and isinstance(parts[0], Path):
            audio.read_clip(parts[0])
            return self._remember(speech, parts[0])
        sounds = {part: audio.read_clip(part) for part in parts if isinstance(part, Path)}
        key = self._key(parts, sounds)
        path = self._folder / f"{key}.wav"
        with self._lock:
            flying = self._flying.get(key)
            mine = flying is None
            if flying is None:
                flying = self._flying[key] = Future()
        if mine:
            try:
                if not self._kept(path):
                    audio.write(path, self._sound(parts, sounds))
                flying.set_result(path)
            except BaseException as error:
                flying.set_exception(error)
            finally:
                with self._lock:
                    del self._flying[key]
        return self._remember(speech, flying.result())

    def prepare(
        self, speeches: Iterable[Speech], progress: Callable[[int, int], None] | None = None, workers: int = 2
    ) -> list[Problem]:
        """Render many speeches (see :func:`telephony.speech.phrases.everything`), ``workers`` at a time. Blocking.

        ``progress(done, total)`` is called from worker threads, one call at a time. What can't be rendered is
        returned, not raised, except that an engine which isn't there ends the work at once with :class:`EngineMissing`.
        """
        wanted = list(dict.fromkeys(speeches))
        problems: list[Problem] = []
        counting = threading.Lock()
        done = 0
        missing: list[errors.EngineMissing] = []

        def one(speech: Speech) -> None:
            nonlocal done
            if missing:
                return
            found: Problem | None = None
            try:
                self.render(speech)
            except errors.EngineMissing as error:
                missing.append(error)
                return
            except errors.SpeechError as error:
                found = Problem(speech, error)
            with counting:
                if found:
                    problems.append(found)
                done += 1
                if progress:
                    progress(done, len(wanted))

        with ThreadPoolExecutor(workers, thread_name_prefix="speech") as pool:
            list(pool.map(one, wanted))
        if missing:
            raise missing[0]
        return problems

    def prune(self, unused_seconds: float, now: float | None = None) -> int:
        """Delete cached files that were not asked for since ``unused_seconds`` (spoken free text may be private)
        and what a crash left half-written; return how many."""
        limit = (time.time() if now is None else now) - unused_seconds
        gone = 0
        for path in self._folder.glob("*.wav"):
            try:
                if path.stat().st_mtime < limit:
                    path.unlink()
                    gone += 1
            except FileNotFoundError:
                continue
        for left in self._folder.glob(".speaking-*"):
            if left.stat().st_mtime < limit:
                shutil.rmtree(left, ignore_errors=True)
        self._done = {speech: path for speech, path in self._done.items() if path.parent != self._folder or path.exists()}
        return gone

    def _remember(self, speech: Speech, path: Path) -> Path:
        with self._lock:
            while len(self._done) >= _REMEMBERED:
                del self._done[next(iter(self._done))]
            self._done[speech] = path
        return path

    def _kept(self, path: Path) -> bool:
        """Whether a sound file is there; a look counts as use, for :meth:`prune`."""
        try:
            if path.stat().st_size <= 44:
                return False
            os.utime(path)
        except OSError:
            return False
        return True

    def _key(self, parts: list[str | Path], sounds: Mapping[Path, np.ndarray]) -> str:
        digest = hashlib.sha256(f"{VERSION}\n{self._engine.identity()}\n".encode())
        for part in parts:
            content = part.encode() if isinstance(part, str) else sounds[part].tobytes()
            digest.update(f"{type(part) is str} {len(content)}\n".encode() + content)
        return digest.hexdigest()[:40]

    def _sound(self, parts: list[str | Path], sounds: Mapping[Path, np.ndarray]) -> np.ndarray:
        pieces: list[np.ndarray] = []
        for part in parts:
            if pieces:
                pieces.append(_GAP)
            if isinstance(part, Path):
                pieces.append(sounds[part])
            else:
                pieces.append(audio.to_int16(self._engine.synthesise(part, self._folder)))
        return np.concatenate(pieces)

    def _parts(self, speech: Speech) -> list[str | Path]:
        """Clip files, and between them the text to be spoken; neighbouring text is one part, so that it is spoken
        in one breath."""
        if not 1 <= len(speech) <= LONGEST_SPEECH:
            raise errors.Unspeakable(f"a speech has 1 to {LONGEST_SPEECH} pieces, not {len(speech)}", len(speech))
        parts: list[str | Path] = []
        for piece in speech:
            part = self._part(piece)
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            else:
                parts.append(part)
        length = sum(len(part) for part in parts if isinstance(part, str))
        if length > 2 * LONGEST_TEXT:
            raise errors.Unspeakable(f"a speech of {length} characters is too long: {2 * LONGEST_TEXT} at most, read out", length)
        return parts

    def _part(self, piece: Clip | Number | Text) -> str | Path:
        if isinstance(piece, Text):
            return reading.spoken(piece.text)
        if isinstance(piece, Number):
            return reading.number(piece)
        prompt = self._prompts.get(piece.name)
        if prompt is not None and prompt.text is not None:
            return reading.spoken(prompt.text)
        name = prompt.clip if prompt is not None else piece.name
        if name is None or (prompt is None and not name.endswith(".wav")):
            raise errors.UnknownClip(
                f"there is no prompt {piece.name!r}: add it to the prompts in the configuration, with text or clip", piece.name
            )
        folder = self._prompts_folder.resolve()
        path = (folder / name).resolve()
        if not path.is_relative_to(folder):
            raise errors.UnknownClip(f"the clip {name!r} is outside the prompts folder; give a path below it", name)
        return path
