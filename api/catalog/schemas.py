"""Bodies and answers of the catalog."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from api.kit.fields import MANY_LINES, ONE_LINE, Body, Division, Moment, View
from router.catalog.model import Catalog
from router.storage.organisation import CatalogVersion

Scope = Literal["12345", "110", "both", "neither"]
Note = Annotated[str, Field(max_length=500), MANY_LINES]
LimitView = dict[Literal["minutes", "working-hours", "working-days"], int]


class VersionView(View):
    """清单版本"""

    id: str = Field(description="`<州市>-<序号>`,如 530100-3")
    city: str
    serial: int
    effective_at: dt.datetime = Field(description="自此时起登记的事项用这一版")
    note: str
    sha256: str = Field(description="内容的摘要")
    created_at: dt.datetime
    created_by: str
    consultation: str | None = Field(description="由哪次会商产生")


class WholeVersion(VersionView):
    """清单版本及全部内容"""

    content: dict[str, Any] = Field(description="items、classes、rules、limits、guidance、agency_kinds")


class BoundaryView(View):
    """与 110 的边界"""

    fact: str
    triggers: list[str]
    then: Literal["police-first", "both"]
    services: list[str]
    police_class: str


class ItemView(View):
    """事项"""

    code: str
    name: str
    scope: Scope = Field(description="归属:12345、110、both 双方、neither 都不受理")
    field: str = Field(description="领域")
    kinds: list[str]
    agencies: list[str] = Field(description="承办类型,牵头在前")
    deadline: LimitView = Field(description='如 {"working-days": 5}')
    urgent_deadline: LimitView | None
    boundaries: list[BoundaryView]
    answer: str = Field(description="标准答复")
    first: Literal["12345", "110", "first-receiver"]
    other_side: str
    words: list[str]
    direct: bool = Field(description="可直转乡镇或一线单位")
    replaced_by: str
    guidance: str = Field(description="引导话术编码")
    guidance_text: str = Field(description="引导话术")


class ItemHit(ItemView):
    score: float = Field(description="与查询词的符合程度,0–100")


class ChangeView(View):
    """两版之间的一处不同"""

    section: str
    code: str
    kind: Literal["added", "removed", "changed"]
    field: str = Field(description="整条增删时为空")
    before: Any
    after: Any


class Published(View):
    """发布结果;试算时 version 为 null,什么也没有保存"""

    version: VersionView | None
    changes: list[ChangeView] = Field(description="与此前最新版本的不同")


class PublishBody(Body):
    city: Division | None = Field(default=None, description="州市代码,默认本市")
    content: dict[str, Any] = Field(description="完整的清单内容,格式同 GET /catalog/versions/{version} 的 content")
    effective_at: Moment | None = Field(default=None, description="生效时间,默认立即")
    note: Note = ""


class DayBody(Body):
    working: bool = Field(description="true 上班,false 放假")
    note: Annotated[str, Field(max_length=200), ONE_LINE] = Field(default="", description="依据,如放假通知文号")


class DayView(View):
    """一天"""

    day: dt.date
    working: bool
    certain: bool = Field(description="false:国家尚未公布,暂按周一至周五")
    override: bool = Field(description="本市单独设置过")
    note: str


class YearView(View):
    """一年的工作日历"""

    city: str
    year: int
    last_known_year: int = Field(description="国家已公布到哪一年")
    working_days: int
    days: list[DayView]


class DueView(View):
    """时限试算"""

    start: dt.datetime
    due_at: dt.datetime
    provisional: bool = Field(description="用到了尚未公布的日子,公布后重新计算")


def version(row: CatalogVersion) -> VersionView:
    return VersionView.model_validate(row)


def item(catalog: Catalog, code: str, plain: dict[str, Any]) -> ItemView:
    """``plain``: the item as plain data."""
    return ItemView(code=code, guidance_text=catalog.guidance.get(plain["guidance"], ""), **plain)
