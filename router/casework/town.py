"""Makes the :class:`router.casework.work.Town` of an installation from its settings."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncSession

from router.allocation.decision import Desk
from router.casework import judging
from router.casework.attachments import Store
from router.casework.work import Town
from router.catalog import versions
from router.catalog.model import Catalog
from router.linkage import office
from router.organisation import divisions

if TYPE_CHECKING:
    from config.settings import Settings


def of(settings: Settings) -> Town:
    """The town of an installation: its centres as desks, its attachments below the data folder."""
    desks = {
        centre.id: Desk(id=centre.id, side=centre.kind, divisions=tuple(centre.divisions), default=centre.default)
        for centre in settings.installation.centres
    }
    return Town(
        city=judging.city(settings),
        desks=desks,
        names={centre.id: centre.name for centre in settings.installation.centres},
        engine=judging.Engines(judging.models_dir(settings.data_dir)),
        attachments=Store(attachments_dir(settings.data_dir)),
        office=office.of(settings),
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
