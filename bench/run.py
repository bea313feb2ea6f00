"""What every measurement gets: how long it may take, a folder, a word for whoever waits, and the shared installation."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench import casework
from bench.town import Crowd


@dataclass
class Run:
    """``quick`` asks for fewer repetitions and smaller sizes."""

    folder: Path
    quick: bool = False
    began: float = field(default_factory=time.monotonic)
    _crowd: Crowd | None = None
    _casework: casework.Town | None = None

    def say(self, words: str) -> None:
        """Progress, on standard error."""
        print(f"[{time.monotonic() - self.began:6.1f} s] {words}", file=sys.stderr, flush=True)

    @property
    def crowd(self) -> Crowd:
        """The whole stack with many seats, started at the first use."""
        if self._crowd is None:
            self.say("starting the whole stack: 150 seats, 48 rooms …")
            self._crowd = Crowd(self.folder / "town")
            self._crowd.start()
        return self._crowd

    @property
    def casework(self) -> casework.Town:
        """Casework on PostgreSQL with many matters, started at the first use."""
        if self._casework is None:
            count = 100_000 if self.quick else 1_000_000
            self.say(f"casework: making {count:,} matters on PostgreSQL …")
            self._casework = casework.Town(self.folder / "casework", count)
        return self._casework

    def close(self) -> None:
        if self._casework is not None:
            self._casework.close()
            self._casework = None
        if self._crowd is not None:
            self.say("ending the stack …")
            self._crowd.close()
            self._crowd = None
