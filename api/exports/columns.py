"""What an exported row shows, column by column, in Chinese; masked like every other answer. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.kit.sheets import Cell
from router.access import fields
from router.access.fields import Sight
from router.casework import machines
from router.casework.cases import CHANNELS, CONFIDENTIALITY
from router.catalog.model import KINDS
from router.organisation import divisions
from router.storage.casework import Case, Handoff, PoliceOrder, Ticket

URGENCY = {"normal": "一般", "urgent": "紧急", "danger": "危险"}
CASE_STATES = {"draft": "草稿", "open": "办理中", "closed": "已办结"}
ORDER_KINDS = {"dispatch": "出警", "assist": "协助", "inform": "知会", "complaint": "警务投诉"}
_KINDS: dict[str | None, str] = {str(kind): name for kind, name in KINDS.items()}
MODES = {"call": "电话转接", "online": "在线转交", "agency": "承办单位请求", "peer": "对端系统"}


@dataclass(frozen=True, slots=True)
class Names:
    """Names of codes that rows hold."""

    units: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)

    def unit(self, code: str | None) -> str | None:
        return None if code is None else self.units.get(code, code)

    def item(self, code: str | None) -> str | None:
        return None if code is None else self.items.get(code, code)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a list, with what of its case is shown."""

    row: Any
    case: Case
    sight: Sight
    names: Names


Column = tuple[str, Callable[[Line], Cell]]


def _case_columns() -> list[Column]:
    return [
        ("事项号", lambda one: one.case.number),
        ("渠道", lambda one: CHANNELS.get(one.case.channel, one.case.channel)),
        ("首接平台", lambda one: one.names.unit(one.case.first_centre)),
        ("事项编码", lambda one: one.case.item),
        ("事项名称", lambda one: one.names.item(one.case.item)),
        ("诉求类型", lambda one: _KINDS.get(one.case.kind, one.case.kind)),
        ("紧急程度", lambda one: URGENCY.get(one.case.urgency, one.case.urgency)),
        ("保密", lambda one: CONFIDENTIALITY.get(one.case.confidentiality, one.case.confidentiality)),
        ("区划代码", lambda one: one.case.division),
        ("区划", lambda one: divisions.full_name(one.case.division) if one.case.division else None),
        ("诉求人号码", lambda one: fields.number(one.case.caller_number, one.sight.caller)),
        ("诉求人", lambda one: fields.name(one.case.caller_name, one.sight.caller)),
        ("地点", lambda one: fields.place(one.case.place, one.sight.place)),
        ("诉求内容", lambda one: one.case.words),
    ]


CASES: Sequence[Column] = [
    *_case_columns(),
    ("状态", lambda one: CASE_STATES.get(one.case.state, one.case.state)),
    ("首接时间", lambda one: one.case.first_answered_at),
    ("登记时间", lambda one: one.case.created_at),
    ("办结时间", lambda one: one.case.closed_at),
]


def _ticket(name: str) -> Callable[[Line], Cell]:
    def value(one: Line) -> Cell:
        ticket: Ticket = one.row
        found: Cell = getattr(ticket, name)
        return found

    return value


TICKETS: Sequence[Column] = [
    ("工单号", _ticket("number")),
    ("状态", lambda one: machines.TICKET.names[one.row.state]),
    ("受理平台", lambda one: one.names.unit(one.row.platform)),
    ("承办单位代码", _ticket("agency")),
    ("承办单位", lambda one: one.names.unit(one.row.agency)),
    *_case_columns(),
    ("退单次数", _ticket("returned")),
    ("重开次数", _ticket("reopened")),
    ("办理结果", _ticket("result")),
    ("引导解释", _ticket("guidance")),
    ("化解结果", _ticket("resolution")),
    ("满意度", _ticket("satisfaction")),
    ("登记时间", _ticket("created_at")),
    ("受理时间", _ticket("accepted_at")),
    ("派单时间", _ticket("dispatched_at")),
    ("签收时间", _ticket("signed_at")),
    ("反馈时间", _ticket("feedback_at")),
    ("办结时间", _ticket("closed_at")),
]


def _order(name: str, *, police: bool = False) -> Callable[[Line], Cell]:
    def value(one: Line) -> Cell:
        order: PoliceOrder = one.row
        found: Cell = getattr(order, name) if one.sight.police or not police else None
        return found

    return value


ORDERS: Sequence[Column] = [
    ("警单号", _order("number")),
    ("状态", lambda one: machines.ORDER.names[one.row.state]),
    ("110 台", lambda one: one.names.unit(one.row.platform)),
    ("警单性质", lambda one: ORDER_KINDS.get(one.row.kind, one.row.kind)),
    ("警情类别", _order("police_class")),
    ("主责", _order("lead")),
    ("出动力量", lambda one: "、".join(one.row.services)),
    *_case_columns(),
    ("出警单位", lambda one: one.names.unit(one.row.unit) if one.sight.police else None),
    ("处置结果", _order("result", police=True)),
    ("对外反馈", _order("result_public")),
    ("撤销理由", _order("withdrawn_reason")),
    ("接警时间", _order("created_at")),
    ("受理时间", _order("accepted_at")),
    ("派警时间", _order("dispatched_at")),
    ("签收时间", _order("signed_at")),
    ("到场时间", _order("arrived_at")),
    ("反馈时间", _order("feedback_at")),
    ("办结时间", _order("closed_at")),
]


def _handoff(name: str) -> Callable[[Line], Cell]:
    def value(one: Line) -> Cell:
        handoff: Handoff = one.row
        found: Cell = getattr(handoff, name)
        return found

    return value


HANDOFFS: Sequence[Column] = [
    ("流转单号", _handoff("number")),
    ("方式", lambda one: MODES.get(one.row.mode, one.row.mode)),
    ("状态", lambda one: machines.HANDOFF.names[one.row.state]),
    ("转出平台", lambda one: one.names.unit(one.row.from_centre)),
    ("转入平台", lambda one: one.names.unit(one.row.to_centre)),
    ("危险", _handoff("dangerous")),
    ("理由", _handoff("reason")),
    ("依据", _handoff("basis")),
    *_case_columns(),
    ("退回理由", _handoff("return_reason")),
    ("归属", lambda one: one.names.unit(one.row.owner)),
    ("首接兜底", _handoff("by_first_receiver")),
    ("反馈", _handoff("feedback")),
    ("转出时间", _handoff("offered_at")),
    ("接听时间", _handoff("answered_at")),
    ("到达时间", _handoff("arrived_at")),
    ("签收时间", _handoff("accepted_at")),
    ("退回时间", _handoff("returned_at")),
    ("协商时间", _handoff("negotiating_at")),
    ("确定时间", _handoff("settled_at")),
    ("反馈时间", _handoff("feedback_at")),
]


def cells(columns: Sequence[Column], line: Line) -> list[Cell]:
    return [value(line) for _, value in columns]


def titles(columns: Sequence[Column]) -> list[str]:
    return [title for title, _ in columns]
