"""Endpoints of drills: scripts that are there, drills that were played, what people say of them; and events for a matter."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import Response
from pydantic import Field

from api.emergencies import views
from api.kit import etag, routing
from api.kit.casework import Looking, Working, city_of, own_city
from api.kit.deps import AppSettings, IfMatch, allowed
from api.kit.fields import MANY_LINES, Body, Id, View
from api.kit.uploads import aside
from router.access import rules
from router.access.actor import Actor
from router.casework.work import Work
from router.errors import NotFound
from router.linkage import machines
from router.linkage.drill import drills, rehearsal
from router.linkage.drill.rehearsal import Script
from router.linkage.emergency import gathering
from router.storage.casework import Case
from router.storage.emergencies import Drill

router = routing.router("", "drills")

Reader = Annotated[Actor, allowed("drill.read")]
Runner = Annotated[Actor, allowed("drill.run")]


class ScriptView(View):
    """演练脚本"""

    drill: str
    name: str
    form: str
    form_name: str
    real: bool = Field(description="呼叫真实值班电话")
    kind: str
    posts: list[str]


class DrillView(View):
    """演练"""

    id: str
    rev: int
    city: str
    name: str
    form: str
    form_name: str
    script: str | None
    state: str
    state_name: str
    plan_version: str | None
    score: dict[str, Any]
    note: str
    created_at: dt.datetime
    created_by: str
    started_at: dt.datetime | None
    ended_at: dt.datetime | None


def _view(row: Drill) -> DrillView:
    more = {"form_name": rehearsal.FORMS[row.form], "state_name": machines.DRILL.names[row.state]}
    return DrillView(**{name: getattr(row, name) for name in DrillView.model_fields if name not in more}, **more)


async def _script(settings: Any, name: str) -> Script:
    file = settings.config_dir / "drills" / f"{name}.yaml"
    if not await aside(file.is_file):
        raise NotFound("没有这个演练脚本", "请从列表选择", script=name)
    return await aside(lambda: rehearsal.load(file))


async def _load(work: Work, drill: str) -> Drill:
    row = await drills.get(work, drill)
    if work.actor.city and row.city != work.actor.city:
        raise NotFound("没有这次演练", "请刷新列表", drill=drill)
    return row


@router.get("/drills/scripts", summary="演练脚本 / Scripts")
async def scripts(settings: AppSettings, _: Reader) -> list[ScriptView]:
    folder = settings.config_dir / "drills"
    found = await aside(lambda: [rehearsal.load(file) for file in sorted(folder.glob("*.yaml"))])
    return [
        ScriptView(
            drill=one.drill, name=one.name, form=one.form, form_name=rehearsal.FORMS[one.form], real=one.real,
            kind=one.event.kind, posts=sorted(one.telephones),
        )
        for one in found
    ]  # fmt: skip


@router.get("/drills", summary="演练列表 / Drills")
async def list_drills(work: Looking, _: Reader) -> list[DrillView]:
    return [_view(row) for row in await drills.listed(work, city_of(work, None))]


class DrillBody(Body):
    script: Id


@router.post("/drills", status_code=201, summary="准备并开始演练 / Begin a drill")
async def begin(body: DrillBody, work: Working, settings: AppSettings, response: Response, _: Runner) -> views.EventView:
    """演练数据有标记,不计入统计;除非脚本写明,只呼叫脚本给出的电话。"""
    city = own_city(work, None)
    script = await _script(settings, body.script)
    made = await drills.prepare(work, script, city=city)
    event = await drills.begin(work, made.id, script, centre=work.town.default(city, "12345").id)
    response.headers["Location"] = f"{routing.PREFIX}/drills/{made.id}"
    etag.put(response, event.rev)
    return views.event(event)


@router.post("/drills/{drill}/finish", summary="结束演练并评分 / Finish")
async def finish(drill: str, rev: IfMatch, work: Working, settings: AppSettings, response: Response, _: Runner) -> DrillView:
    row = await _load(work, drill)
    done = await drills.finish(work, drill, await _script(settings, row.script or ""), rev=rev)
    etag.put(response, done.rev)
    return _view(done)


class JudgeBody(Body):
    """人工评分"""

    note: Annotated[str, Field(max_length=4000), MANY_LINES] = ""
    marks: Annotated[
        dict[Annotated[str, Field(max_length=50)], Annotated[float, Field(ge=0, le=100)]], Field(default_factory=dict)
    ]


@router.post("/drills/{drill}/score", summary="人工评分 / Score by people")
async def judge(drill: str, body: JudgeBody, rev: IfMatch, work: Working, response: Response, _: Runner) -> DrillView:
    await _load(work, drill)
    done = await drills.judge(work, drill, body.note, body.marks, rev)
    etag.put(response, done.rev)
    return _view(done)


@router.get("/drills/{drill}", summary="一次演练 / A drill")
async def show(drill: str, work: Looking, response: Response, _: Reader) -> DrillView:
    row = await _load(work, drill)
    etag.put(response, row.rev)
    return _view(row)


@router.get("/cases/{case}/emergencies", summary="可能属于的突发事件 / Events that a matter may belong to")
async def suggestions(case: str, work: Looking, actor: Annotated[Actor, allowed("event.attach")]) -> list[views.EventView]:
    """供话务员关联,并按统一口径答复。"""
    row = await rules.load(work.session, actor, Case, case, work.now)
    return [views.event(one) for one in await gathering.suggestions(work, row)]
