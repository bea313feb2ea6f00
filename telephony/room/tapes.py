"""Recordings: two mono files (caller, staff) on one true time line, and the wait until their headers are written."""

from __future__ import annotations

import logging
import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pjsua2 as pj

from telephony.ipc import messages
from telephony.room import mixer

log = logging.getLogger("room.tapes")
HEADER = 44
WRITTEN_WITHIN = 2.0
"""Seconds the bridge gets to write a header; then it is written here from the file's length."""


@dataclass(slots=True)
class _Tape:
    command: messages.Tape
    caller: pj.AudioMediaRecorder
    staff: pj.AudioMediaRecorder


@dataclass(slots=True)
class _Closing:
    files: tuple[Path, Path]
    deadline: float


class Tapes:
    def __init__(self, mix: mixer.Mixer, on_taped: Callable[[str], None]) -> None:
        self._mix = mix
        self._tapes: dict[str, _Tape] = {}
        self._closing: dict[str, _Closing] = {}
        self._on_taped = on_taped

    def tape(self, command: messages.Tape) -> None:
        """Begin a recording, or change who is on which of its files; raises ``OSError`` or ``pj.Error`` if it can't begin."""
        known = self._tapes.get(command.recording)
        if known is not None:
            known.command = command
            return
        if command.recording in self._closing:
            raise OSError(f"recording {command.recording} is being closed")
        for name in (command.caller_file, command.staff_file):
            Path(name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600))
        caller, staff = pj.AudioMediaRecorder(), pj.AudioMediaRecorder()
        caller.createRecorder(command.caller_file)
        staff.createRecorder(command.staff_file)
        self._tapes[command.recording] = _Tape(command, caller, staff)
        self._mix.add(("tape", command.recording, "caller"), caller)
        self._mix.add(("tape", command.recording, "staff"), staff)

    def stop(self, recording: str) -> bool:
        """Drop the recorders; ``on_taped`` follows from :meth:`tick`. False if there is no such recording."""
        tape = self._tapes.pop(recording, None)
        if tape is None:
            return False
        self._mix.remove(("tape", recording, "caller"))
        self._mix.remove(("tape", recording, "staff"))
        files = (Path(tape.command.caller_file), Path(tape.command.staff_file))
        del tape  # the last references: pjmedia now writes the headers
        self._closing[recording] = _Closing(files, time.monotonic() + WRITTEN_WITHIN)
        return True

    def tick(self, now: float) -> None:
        for recording, closing in list(self._closing.items()):
            late = now > closing.deadline
            if not late and not all(_written(path) for path in closing.files):
                continue
            del self._closing[recording]
            try:
                _level(closing.files)
            except OSError as error:
                log.error("a recording could not be finished", extra={"recording": recording, "error": str(error)})
            self._on_taped(recording)

    def pairs(self) -> list[tuple[mixer.Key, mixer.Key]]:
        """Connections wanted: each leg to the side it is on."""
        pairs: list[tuple[mixer.Key, mixer.Key]] = []
        for recording, tape in self._tapes.items():
            pairs += [(("leg", leg), ("tape", recording, "caller")) for leg in tape.command.caller]
            pairs += [(("leg", leg), ("tape", recording, "staff")) for leg in tape.command.staff]
        return pairs

    def prompted(self) -> dict[str, list[mixer.Key]]:
        """For each leg whose one-shot prompts are recorded: the tapes that they go to."""
        found: dict[str, list[mixer.Key]] = {}
        for recording, tape in self._tapes.items():
            for leg in tape.command.caller:
                found.setdefault(leg, []).append(("tape", recording, "staff"))
        return found

    @property
    def busy(self) -> bool:
        return bool(self._tapes or self._closing)

    def close(self) -> None:
        """Begin to close all."""
        for recording in list(self._tapes):
            self.stop(recording)


def _written(path: Path) -> bool:
    """Whether the RIFF header tells the file's real length."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
    except OSError:
        return True  # gone: nothing to wait for
    return len(start) == 8 and struct.unpack("<I", start[4:])[0] == size - 8


def _level(files: tuple[Path, Path]) -> None:
    """Make both files end at the same sample (recorders join and leave the bridge one at a time, so a tick may lie between),
    with headers that tell their length."""
    longest = max(path.stat().st_size for path in files)
    longest -= (longest - HEADER) % 2
    for path in files:
        size = path.stat().st_size
        if size == longest and _written(path):
            continue
        with path.open("r+b") as file:
            file.truncate(longest)
            file.seek(4)
            file.write(struct.pack("<I", longest - 8))
            file.seek(HEADER - 4)
            file.write(struct.pack("<I", longest - HEADER))
