"""The recording of one call while it runs: files for the room, and joining them when the room has closed them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from twisted.internet.threads import deferToThread

from telephony import contract
from telephony.ipc import messages
from telephony.switchboard import recordings

log = structlog.get_logger()

NO_SPACE_RETRY = 60.0
"""Seconds until a recording that could not be joined is tried again."""


class Tape:
    """One recording. ``ready`` gets the contract's event when the stereo file is complete."""

    def __init__(self, kit: Any, call: str, recording: str, ready: Callable[[contract.RecordingReady], None]) -> None:
        self.recording = recording
        self._kit = kit
        self._call = call
        self._ready = ready
        self._started_at = kit.now()
        self._done = False
        number = int(recording.rpartition("-")[2])
        self._places = recordings.places(kit.data_dir, call, number, self._started_at)

    def message(self, caller: tuple[str, ...], staff: tuple[str, ...]) -> messages.Tape:
        return messages.Tape(
            recording=self.recording,
            caller_file=str(self._places.caller),
            staff_file=str(self._places.staff),
            caller=caller,
            staff=staff,
        )

    def written(self) -> None:
        """The room has closed its files."""
        self._finish()

    def room_lost(self) -> None:
        """The room is dead: what it wrote is repaired and kept."""
        self._finish()

    def _finish(self) -> None:
        if self._done:
            return
        self._done = True
        self._join()

    def _join(self) -> None:
        deferToThread(recordings.join, self._places).addCallbacks(self._joined, self._failed)

    def _joined(self, found: recordings.Recording) -> None:
        self._ready(ready_event(self._kit, self._call, self.recording, self._started_at, found))

    def _failed(self, failure: Any) -> None:
        failure.trap(recordings.RecordingError)
        log.error("recording.failed", call_id=self._call, code=failure.value.code, error=str(failure.value))
        if isinstance(failure.value, recordings.NoSpace):
            self._kit.reactor.callLater(NO_SPACE_RETRY, self._join)


def ready_event(kit: Any, call: str, recording: str, started_at: float, found: recordings.Recording) -> contract.RecordingReady:
    return contract.RecordingReady(
        id=kit.new_id(),
        at=kit.now(),
        node=kit.node,
        call=call,
        recording=recording,
        path=str(found.path.relative_to(kit.data_dir)),
        started_at=started_at,
        seconds=found.seconds,
        sha256=found.sha256,
        size=found.size,
        repaired=found.repaired,
        caller_silent=found.caller_silent,
    )


async def adopt_orphans(kit: Any) -> int:
    """At start: join what an earlier life left. Returns how many."""
    left = await deferToThread(recordings.orphans, kit.data_dir)
    for orphan in left:
        try:
            found = await deferToThread(recordings.join, orphan.places)
        except recordings.RecordingError as problem:
            log.error("recording.failed", call_id=orphan.call_id, code=problem.code, error=str(problem))
            continue
        name = f"{orphan.call_id}-{orphan.number}"
        kit.relay.tell(ready_event(kit, orphan.call_id, name, kit.now() - found.seconds, found))
    return len(left)
