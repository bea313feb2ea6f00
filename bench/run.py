"""What every measurement gets: how long it may take, a folder, a word for whoever waits, and the shared installation."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.town import Crowd


@dataclass
class Run:
    """``quick`` asks for fewer repetitions and smaller sizes."""

    folder: Path
    quick: bool = False
    began: float = field(default_factory=time.monotonic)
    _crowd: Crowd | None = None

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

    def close(self) -> None:
        if self._crowd is not None:
            self.say("ending the stack …")
            self._crowd.close()
            self._crowd = None
