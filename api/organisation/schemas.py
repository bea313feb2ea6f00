"""Bodies and answers of the organisation."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from api.kit.fields import NOT_BLANK, ONE_LINE, Body, CreditCode, Division, Id, Phone, View

Level = Literal["department", "township", "front-line", "police"]
Name = Annotated[str, Field(max_length=100), ONE_LINE, NOT_BLANK]
Kind = Annotated[str, Field(max_length=40), ONE_LINE, NOT_BLANK]
Short = Annotated[str, Field(max_length=50), ONE_LINE, NOT_BLANK]
Divisions = Annotated[list[Division], Field(min_length=1, max_length=200)]


class AgencyView(View):
    """承办单位"""

    code: str = Field(description="统一社会信用代码")
    rev: int
    city: str
    name: str
    kind: str = Field(description="承办类型,如 人社、城管")
    level: Level
    divisions: list[str] = Field(description="服务区划")
    parent: str | None
    active: bool
    created_at: dt.datetime
    updated_at: dt.datetime


class AgencyBody(Body):
    code: CreditCode
    city: Division | None = Field(default=None, description="州市代码,默认本市")
    name: Name
    kind: Kind
    level: Level = "department"
    divisions: Divisions
    parent: CreditCode | None = None


class AgencyChange(Body):
    """只写要改的字段;代码不能改。"""

    name: Name | None = None
    kind: Kind | None = None
    level: Level | None = None
    divisions: Divisions | None = None
    parent: CreditCode | None = Field(default=None, description="null 表示没有上级")
    active: bool | None = None

    def changes(self) -> dict[str, Any]:
        """What was said; null counts for the superior only."""
        given = self.model_dump(exclude_unset=True)
        return {name: value for name, value in given.items() if value is not None or name == "parent"}


class Imported(View):
    """导入结果;试算时什么也没有保存"""

    created: int
    changed: int
    same: int
    dry_run: bool


class CentreView(View):
    """受理中心"""

    id: str
    kind: Literal["12345", "110"]
    name: str
    city: str
    numbers: list[str]
    divisions: list[str]
    default: bool = Field(description="其他中心不管的都归它")


class DivisionView(View):
    """行政区划"""

    code: str
    name: str
    full_name: str
    parent: str | None
    has_children: bool


class PlaceView(View):
    """地点解析结果"""

    division: str | None
    division_name: str
    detail: str = Field(description="去掉区划名称后的部分")
    town: str


class ContactView(View):
    """24 小时值班联系人;号码按角色脱敏"""

    id: str
    rev: int
    unit: str
    name: str | None
    phone: str | None
    backup_phone: str | None
    post: str
    verified_at: dt.datetime
    stale: bool = Field(description="久未核实")


class ContactDetails(Body):
    name: Short
    phone: Phone
    backup_phone: Phone | None = None
    post: Short = Field(description="如 值班室、值班长")


class ContactBody(ContactDetails):
    unit: Id = Field(description="承办单位代码,或外部线路编号")
