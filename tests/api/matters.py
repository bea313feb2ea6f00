"""A furnished city for tests of the features around the case: its catalog, two agencies, and matters registered over HTTP."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import httpx

from router.access.actor import system
from router.catalog import files, versions
from tests.api.parts import AGENCY, OTHER_AGENCY, Stand

FOLDER = Path("config/catalog")
WORDS = "公司拖欠我三个月工资,请求帮助追讨"


@functools.cache
def shipped(city: str) -> dict[str, Any]:
    return files.read(FOLDER, city)


async def furnish(stand: Stand, city: str = "530100") -> dict[str, Any]:
    """The shipped catalog of a city, in force since ever, and two agencies."""
    content = copy.deepcopy(shipped(city))
    async with stand.state.database.write() as session:
        await versions.publish(
            session, content, city=city, effective_at=files.FIRST, actor=system("test"), note="初始", now=stand.clock()
        )
    await stand.agency(AGENCY)
    await stand.agency(OTHER_AGENCY, name="市城管局", kind="城管")
    return content


async def register(operator: httpx.AsyncClient, words: str = WORDS, **more: Any) -> dict[str, Any]:
    """A matter that an operator registers; its ticket lies with :data:`AGENCY`."""
    body = {
        "channel": "phone",
        "words": words,
        "caller_number": "13900139001",
        "caller_name": "张三丰",
        "place": "昆明市五华区华山西路12号",
        "ticks": {"belongs": "12345", "agency": AGENCY},
        **more,
    }
    answer = await operator.post("/api/v1/cases", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def code(answer: httpx.Response) -> str:
    return str(answer.json()["code"])
