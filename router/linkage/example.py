"""Duty posts, plans and resources of the example city. Running it again adds what is missing and changes nothing."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import system
from router.casework.work import Work
from router.linkage import office
from router.linkage.planning import plan_versions
from router.linkage.resource import resource_table
from router.storage.duty import DutyPost
from router.storage.organisation import Agency
from router.storage.resources import Resource

WHO = system("seed")


async def furnish(session: AsyncSession, folder: Path, city: str, found: Sequence[Agency], now: dt.datetime) -> int:
    """Posts of ``folder/linkage/posts-<city>.yaml`` and the plans of ``folder/plans``; return how many posts are new."""
    await plan_versions.ensure_first(session, folder / office.PLANS, city, now)
    file = folder / "linkage" / f"posts-{city}.yaml"
    if not await asyncio.to_thread(file.exists):
        return 0
    there = set((await session.scalars(select(DutyPost.id))).all())
    units: dict[str, str] = {}
    for agency in found:
        units.setdefault(agency.kind, agency.code)
    given: dict[str, dict[str, Any]] = (await asyncio.to_thread(_read, file))["posts"]
    rows = [_row(id_, one, units, city, now) for id_, one in given.items() if id_ not in there]
    session.add_all(rows)
    await session.flush()
    return len(rows)


async def stock(work: Work, folder: Path, city: str) -> int:
    """Resources of ``folder/linkage/resources-<city>.csv``, if the city has none yet; return how many are new."""
    file = folder / "linkage" / f"resources-{city}.csv"
    there = (await work.session.scalars(select(Resource.id).where(Resource.city == city).limit(1))).first()
    if there is not None or not await asyncio.to_thread(file.exists):
        return 0
    table = resource_table.read(await asyncio.to_thread(file.read_bytes), file.name)
    return (await resource_table.take(work, table, city=city)).created


def _read(file: Path) -> Any:
    return YAML(typ="safe").load(file.read_text("utf-8"))


def _row(id_: str, given: Mapping[str, Any], units: Mapping[str, str], city: str, now: dt.datetime) -> DutyPost:
    return DutyPost(
        id=id_,
        rev=1,
        city=city,
        unit=units.get(given["unit"], given["unit"]),
        name=given["name"],
        kind=given["kind"],
        divisions=[],
        main=given["main"],
        reserve=given.get("reserve"),
        sms=given.get("sms"),
        leader=given.get("leader"),
        fallback=None,
        zone="Asia/Shanghai",
        active=True,
        verified_at=now,
        updated_at=now,
        updated_by=WHO.id,
    )
