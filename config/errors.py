"""What is wrong with a configuration: every problem names its place and its remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    where: str
    """A file, or ``environment``."""
    line: int | None
    """Line in the file, counted from 1; None where no line can be blamed."""
    key: str
    """Dotted path, e.g. ``centres[0].queue.greeting``, or the name of a variable."""
    what: str
    remedy: str

    def __str__(self) -> str:
        place = self.where if self.line is None else f"{self.where}:{self.line}"
        key = f" {self.key}:" if self.key else ""
        return f"{place}:{key} {self.what} — {self.remedy}"


class ConfigError(Exception):
    """The installation can't start as it is configured; ``problems`` holds all that was found, never only the first."""

    code = "config"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
