"""What every call session needs from its surroundings, handed in as one."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telephony import contract
from telephony.edge import ports
from telephony.machines import effects, plan
from telephony.speech.library import Library
from telephony.speech.studio import Studio
from telephony.switchboard.live import Live
from telephony.switchboard.pool import Pool
from telephony.switchboard.relay import Relay
from telephony.switchboard.seating import Seating

if TYPE_CHECKING:
    from telephony.switchboard.session import CallSession


def _ids() -> Callable[[], str]:
    """Ids that sort by time and never repeat: milliseconds, a count, and some randomness against other nodes."""
    count = itertools.count()

    def new() -> str:
        return f"{int(time.time() * 1000):011x}{next(count) & 0xFFF:03x}{os.urandom(3).hex()}"

    return new


@dataclass
class Kit:
    """The parts of one telephony node."""

    reactor: Any
    node: str
    plan: plan.Plan
    door: ports.FrontDoor
    pool: Pool
    seating: Seating
    studio: Studio
    sounds: Library
    relay: Relay
    live: Live
    data_dir: Path
    recording: bool
    ring_back: Callable[[CallSession, effects.RingBack], None]
    page_done: Callable[[CallSession, effects.PageResult], None]
    closed: Callable[[CallSession], None]
    replied: Callable[[str, contract.CommandDone], None]
    new_id: Callable[[], str] = field(default_factory=_ids)

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()
