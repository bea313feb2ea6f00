"""What every call session needs from its surroundings, handed in as one."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telephony import contract
from telephony.edge import ports
from telephony.machines import plan
from telephony.speech.library import Library
from telephony.speech.studio import Studio
from telephony.switchboard.relay import Relay

if TYPE_CHECKING:
    from telephony.switchboard.live import Live
    from telephony.switchboard.pool import Pool
    from telephony.switchboard.seating import Seating


def new_ids() -> Callable[[], str]:
    """Ids that sort by time and never repeat: milliseconds, a count, and some randomness against other nodes."""
    count = itertools.count()

    def new() -> str:
        return f"{int(time.time() * 1000):011x}{next(count) & 0xFFF:03x}{os.urandom(3).hex()}"

    return new


@dataclass
class Kit:
    """The parts of one telephony node. Those without a default here are set while the node is built."""

    reactor: Any
    node: str
    plan: plan.Plan
    studio: Studio
    sounds: Library
    relay: Relay
    data_dir: Path
    recording: bool
    new_id: Callable[[], str]
    door: ports.FrontDoor = field(init=False)
    pool: Pool = field(init=False)
    seating: Seating = field(init=False)
    live: Live = field(init=False)
    replied: Callable[[str, contract.CommandDone], None] = field(init=False)
    settled: Callable[[str, str], None] = field(init=False)
    ended: Callable[[str], Awaitable[str]] = field(init=False)

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()
