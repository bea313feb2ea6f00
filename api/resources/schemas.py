"""Bodies and answers of emergency resources."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import AfterValidator, Field

from api.kit.fields import MANY_LINES, NOT_BLANK, ONE_LINE, Body, Division, Id, Phone, View, fault
from router.linkage.resource.resources import MOST, Kind

Name = Annotated[str, Field(max_length=100), ONE_LINE, NOT_BLANK]
Sort = Annotated[str, Field(max_length=20), ONE_LINE, NOT_BLANK]
Place = Annotated[str, Field(max_length=200), ONE_LINE]
Short = Annotated[str, Field(max_length=50), ONE_LINE, NOT_BLANK]
Measure = Annotated[str, Field(max_length=10), ONE_LINE, NOT_BLANK]
Degrees = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=MOST, allow_inf_nan=False)]
Change = Annotated[float, Field(ge=-MOST, le=MOST, allow_inf_nan=False)]
Remark = Annotated[str, Field(max_length=2000), MANY_LINES]
Reason = Annotated[str, Field(max_length=500), MANY_LINES, NOT_BLANK]


def _within_calendar(value: dt.date) -> dt.date:
    if not 1970 <= value.year < 2200:
        raise fault("year")
    return value


Day = Annotated[dt.date, AfterValidator(_within_calendar)]


class ResourceView(View):
    """应急资源;联系人和电话按角色脱敏"""

    id: str
    rev: int
    city: str
    kind: Kind
    kind_name: str
    code: str = Field(description="管理单位自己的编号")
    sort: str = Field(description="分类,如 综合消防、抽排水、公园")
    name: str
    division: str | None
    place: str
    latitude: float | None = Field(description="度,WGS 84")
    longitude: float | None
    owner: str = Field(description="管理单位代码")
    owner_name: str
    contact: str | None
    phone: str | None
    amount: float | None = Field(description="队伍人数、场所容量、物资库存")
    measure: str | None
    least: float | None
    expires_on: dt.date | None
    note: str
    active: bool
    checked_at: dt.datetime = Field(description="最后核对时间")
    checked_by: str = Field(description="核对人账号 id")
    updated_at: dt.datetime
    stale: bool = Field(description="90 天未核对")
    below_least: bool
    expiring: bool = Field(description="30 天内到期,含已过期")
    expired: bool


class NearView(ResourceView):
    """附近的应急资源"""

    metres: float | None = Field(description="直线距离,米;没有坐标时为 null,排在最后")


class ResourceBody(Body):
    sort: Sort = Field(description="避难场所限八类:广场、公园、校园、体育场馆、文旅设施、人防、专门、其他")
    name: Name
    owner: Id | None = Field(default=None, description="管理单位代码;承办单位默认本单位")
    division: Division | None = None
    place: Place = ""
    latitude: Degrees | None = Field(default=None, description="度,WGS 84;与经度一起给出")
    longitude: Degrees | None = None
    contact: Short | None = None
    phone: Phone | None = None
    amount: Amount | None = Field(default=None, description="物资必填;与现有库存不同时按盘点记账")
    measure: Measure | None = Field(default=None, description="计量单位;队伍和场所默认 人")
    least: Amount | None = Field(default=None, description="低于它就提醒")
    expires_on: Day | None = Field(default=None, description="有效期的最后一天;过期的照收并标出")
    note: Remark = ""


class StockBody(Body):
    amount: Change = Field(description="入库为正,出库为负")
    reason: Reason = Field(description="事由")
    event_id: Id | None = Field(default=None, description="用于哪个突发事件")


class StockView(View):
    """一次出入库"""

    id: str
    resource_id: str
    event_id: str | None
    amount: float
    left: float = Field(description="结存")
    reason: str
    at: dt.datetime
    by: str


class StockedView(View):
    """出入库之后"""

    change: StockView
    resource: ResourceView


class RemindersView(View):
    """需要处理的应急资源"""

    stale: list[ResourceView] = Field(description="90 天未核对,最久的在前")
    below_least: list[ResourceView] = Field(description="低于下限")
    expiring: list[ResourceView] = Field(description="30 天内到期或已过期,最早的在前")


class CellView(View):
    """表格中的一格"""

    where: str
    what: str
    remedy: str


class ImportedResources(View):
    """导入结果;试算时什么也没有保存"""

    created: int
    changed: int
    checked: int = Field(description="内容未变,更新了核对时间")
    same: int
    warnings: list[CellView] = Field(description="已收下但要留意的,如已过期")
    dry_run: bool
