"""What linkage reads from the configuration's folder: levels, plans and drill scripts, looked through before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from config.errors import ConfigError, Problem
from config.settings import Settings


def problems(settings: Settings) -> list[Problem]:
    """All that is wrong in these files, with file, line, key and remedy."""
    from router.linkage import office
    from router.linkage.drill import rehearsal
    from router.linkage.emergency.levels import BadLevels
    from router.linkage.planning import plans

    found: list[Problem] = []
    try:
        office.of(settings)
    except BadLevels as error:
        found += error.problems
    readers: list[tuple[Path, Callable[[Path], object]]] = [
        (settings.config_dir / office.PLANS, plans.load),
        (settings.config_dir / "drills", rehearsal.load),
    ]
    for folder, load in readers:
        for file in sorted(folder.glob("*.yaml")):
            try:
                load(file)
            except plans.BadPlan as error:
                found += error.problems
    return found


def check(settings: Settings) -> None:
    """Raise :class:`config.errors.ConfigError` for whatever is wrong."""
    if found := problems(settings):
        raise ConfigError(found)
