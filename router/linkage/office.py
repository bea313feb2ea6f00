"""What linkage knows of the installation: numbers that can be dialled, outside lines, the rules of levels and reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config import settings as configuration
from router.linkage.emergency import levels
from router.linkage.emergency.levels import Rulebook

if TYPE_CHECKING:
    from config.settings import Settings

LEVELS = Path("linkage") / "levels.yaml"
PLANS = Path("plans")


@dataclass(frozen=True, slots=True)
class Office:
    """Made once per process (:func:`of`)."""

    forbids: Callable[[str], str]
    """Why a number can't be rung; empty: it can."""
    lines: Mapping[str, str]
    """Outside lines (119, 120, 122 …) by id: their numbers."""
    rulebook: Rulebook


def of(settings: Settings) -> Office:
    """The office of an installation; a configuration without rules of its own has the shipped ones. Raise
    :class:`router.linkage.emergency.levels.BadLevels`."""
    installation = settings.installation
    seats = {one.id for one in installation.seats}
    lines = {one.id: one.number for one in installation.outside}
    known = set(lines.values())
    rules = [(re.compile(one.pattern), one.trunk) for one in installation.dial_rules]

    def forbids(number: str) -> str:
        if number in seats or number in known:
            return ""
        for pattern, trunk in rules:
            if pattern.fullmatch(number):
                return "" if trunk is not None else "拨号规则禁止这个号码"
        return "没有适用的拨号规则"

    own = settings.config_dir / LEVELS
    return Office(forbids, lines, levels.read(own if own.exists() else configuration.DEFAULT_FOLDER / LEVELS))
