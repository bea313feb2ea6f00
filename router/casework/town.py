"""Makes the :class:`router.casework.work.Town` of an installation from its settings."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncSession

from classifier import knowledge, rules
from classifier.verdict import Engine
from router.allocation.decision import Desk
from router.casework.attachments import Store
from router.casework.work import Town
from router.catalog import versions
from router.catalog.model import Catalog
from router.organisation import divisions

if TYPE_CHECKING:
    from config.settings import Settings

KEPT = 8
"""Engines of so many catalog versions are kept: those in force and those that old cases show."""


class Engines:
    """The engine for each version of a catalog, made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Engine] = {}

    def __call__(self, city: str, catalog: Catalog) -> Engine:
        found = self._made.get(catalog.version)
        if found is None:
            found = rules.RuleEngine(known(catalog))
            while len(self._made) >= KEPT:
                self._made.pop(next(iter(self._made)))
            self._made[catalog.version] = found
        return found


def known(catalog: Catalog) -> knowledge.Knowledge:
    """What an engine needs to know of a catalog."""
    return knowledge.Knowledge(
        items=tuple(
            knowledge.KnownItem(one.code, one.name, one.words, one.scope == "neither")
            for one in catalog.items.values()
            if not one.replaced_by
        ),
        rules=tuple(knowledge.KnownRule(one.code, one.words, one.items) for one in catalog.rules.values()),
        classes=tuple(
            knowledge.KnownClass(one.code, one.name, one.words, one.urgent, one.lead) for one in catalog.classes.values()
        ),
        version=catalog.version,
    )


def of(settings: Settings) -> Town:
    """The town of an installation: its centres as desks, its attachments below the data folder."""
    desks = {
        centre.id: Desk(id=centre.id, side=centre.kind, divisions=tuple(centre.divisions), default=centre.default)
        for centre in settings.installation.centres
    }
    default = settings.default_centre("12345") or settings.default_centre("110")
    divisions = default.divisions if default else []
    return Town(
        city=divisions[0][:4] + "00" if divisions else "",
        desks=desks,
        names={centre.id: centre.name for centre in settings.installation.centres},
        engine=Engines(),
        attachments=Store(attachments_dir(settings.data_dir)),
    )


def _judge(town: Town, catalog: Catalog) -> None:
    town.engine(catalog.city, catalog).judge("预热")


async def warm_up(town: Town, session: AsyncSession, now: dt.datetime) -> None:
    """Read tables and dictionaries and make the engines before the first caller would wait for them (seconds)."""
    await asyncio.to_thread(divisions.warm_up)
    for city in sorted({town.city_of(one) for one in town.desks}):
        try:
            catalog = await versions.at(session, city, now)
        except versions.NoCatalog:
            continue
        await asyncio.to_thread(_judge, town, catalog)


def attachments_dir(data_dir: Path) -> Path:
    return data_dir / "attachments"
