"""The form of a report to the higher level (信息报送): which fields it must have, what is known already, how it reads. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from router.errors import Invalid

Kind = Literal["first", "follow-up", "final"]
KINDS: dict[str, str] = {"first": "初报", "follow-up": "续报", "final": "终报"}
HERE = ZoneInfo("Asia/Shanghai")
LONGEST = 4000
_DIGITS = "〇一二三四五六七八九"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``needed``: kinds of report that can't do without it."""

    label: str
    needed: frozenset[str]


def _field(label: str, *needed: str) -> Field:
    return Field(label, frozenset(needed))


FIELDS: dict[str, Field] = {
    "received_at": _field("接报时间", "first"),
    "source": _field("信息来源", "first"),
    "happened_at": _field("事发时间", "first"),
    "place": _field("事发地点", "first"),
    "nature": _field("事件性质", "first"),
    "extent": _field("影响范围", "first"),
    "loss": _field("伤亡和损失", "first", "final"),
    "trend": _field("发展趋势", "first"),
    "leaders": _field("领导到位情况", "first"),
    "measures": _field("已采取的措施", "first"),
    "advice": _field("下一步建议"),
    "progress": _field("最新进展", "follow-up"),
    "cause": _field("事件原因", "final"),
    "outcome": _field("处置结果", "final"),
    "aftermath": _field("善后情况"),
}
"""In the order in which they stand in the report."""


def check(kind: str, fields: Mapping[str, object]) -> dict[str, str]:
    """The fields, trimmed; raise :class:`Invalid` with everything that is missing, unknown or too long."""
    known: dict[str, str] = {}
    for name, value in fields.items():
        if name not in FIELDS:
            raise Invalid(f"报送格式没有“{str(name)[:40]}”", "请按格式填写", field=str(name)[:40], allowed=list(FIELDS))
        text = value.strip() if isinstance(value, str) else ""
        if len(text) > LONGEST:
            raise Invalid(f"“{FIELDS[name].label}”超过{LONGEST}字", "请精简", field=name, limit=LONGEST)
        if text:
            known[name] = text
    missing = [name for name, field in FIELDS.items() if kind in field.needed and name not in known]
    if missing:
        labels = "、".join(FIELDS[name].label for name in missing)
        raise Invalid(f"{KINDS[kind]}缺少:{labels}", "补齐后再报送;暂不清楚的写“正在核实”", field=missing[0], missing=missing)
    return {name: known[name] for name in FIELDS if name in known}


def title(kind: str, serial: int) -> str:
    """初报, 续报一, 续报二 … 终报."""
    return KINDS[kind] + (numeral(serial) if kind == "follow-up" else "")


def numeral(number: int) -> str:
    """1 to 99 in Chinese."""
    if not 1 <= number <= 99:
        return str(number)
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else "十" if tens == 1 else f"{_DIGITS[tens]}十"
    return head + (_DIGITS[ones] if ones else "")


def moment(at: dt.datetime) -> str:
    """In the 24-hour form that reports are written in."""
    return f"{at.astimezone(HERE):%Y年%m月%d日%H时%M分}"


def text(
    heading: str, kind: str, serial: int, fields: Mapping[str, str], to: list[str], copies: list[str], at: dt.datetime
) -> str:
    """The report as it is sent."""
    lines = [f"关于{heading}的报告({title(kind, serial)})", ""]
    if to:
        lines += [f"{'、'.join(to)}:", ""]
    lines += [f"{FIELDS[name].label}:{fields[name]}" for name in FIELDS if name in fields]
    lines += ["", f"报送时间:{moment(at)}"]
    if copies:
        lines.append(f"抄报:{'、'.join(copies)}")
    return "\n".join(lines)
