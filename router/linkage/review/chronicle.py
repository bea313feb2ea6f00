"""An event's journal as sentences (时间线): one for each action that linkage writes. Pure.

An action without a sentence of its own is shown by its name, so that nothing is left out; a test finds it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from router.journal.journal import Entry
from router.linkage import words
from router.linkage.review.discreet import without_numbers
from router.reports import formats
from router.reports.document import Happening

AFTERWARDS = dt.timedelta(minutes=1)
"""What happened so much before it was written down was written down afterwards."""
HOW = {"source": "由此立案", "gathered": "自动归集", "added": "人工归集"}
WHY = {
    "begin": "到时通知",
    "time": "超时无人签收",
    "nobody": "号码均未接通",
    "refused": "被拒绝",
    "escalated": "要求上报",
    "again": "再次通知",
}
FOLLOWING = frozenset({
    "attempt.decided", "attempt.ended", "drill.caller", "event.posts_missing", "event.proposed", "event.roster_gap",
    "event.stood_still", "event_task.overdue", "linkage_request.ask", "linkage_request.climb", "linkage_request.give-up",
    "linkage_request.late", "linkage_request.refuse", "linkage_request.reopened", "mutual_notice.climb", "mutual_notice.sent",
    "mutual_notice.withdrawn", "review.opened", "situation_report.due", "situation_report.late", "situation_report.void",
})  # fmt: skip
"""What nobody does: the engine does it, or it comes with a step that stands beside it."""
REPORTS = {"phone": "电话报告", "written": "书面报送"}


@dataclass(frozen=True, slots=True)
class Names:
    """What the ids in a journal are called."""

    units: Mapping[str, str] = field(default_factory=dict)
    posts: Mapping[str, str] = field(default_factory=dict)
    subjects: Mapping[str, str] = field(default_factory=dict)
    """Requests by their post, orders by number and unit, reports by title, notices by receiver, stock by name."""
    accounts: Mapping[str, str] = field(default_factory=dict)
    """User names by account."""

    def unit(self, code: str) -> str:
        return self.units.get(code, code)

    def post(self, id_: str) -> str:
        return self.posts.get(id_, id_)


class Said(NamedTuple):
    kind: str
    title: str
    detail: str = ""
    late: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """An entry, and the words for what is in it."""

    entry: Entry
    names: Names

    @property
    def who(self) -> str:
        """What it is about."""
        return self.names.subjects.get(self.entry.subject, "")

    def get(self, key: str) -> Any:
        return self.entry.detail.get(key)

    def text(self, key: str, before: str = "") -> str:
        """Words as somebody wrote them; nothing if there are none."""
        value = self.get(key)
        said = "、".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
        return f"{before}{without_numbers(said)}" if said else ""

    def id(self, key: str, before: str = "") -> str:
        value = self.get(key)
        return f"{before}{value}" if value else ""

    def one_of(self, key: str, table: Mapping[str, str], before: str = "") -> str:
        value = self.get(key)
        return "" if value is None else f"{before}{table.get(str(value), str(value))}"

    def post(self, key: str = "post") -> str:
        return self.names.post(str(self.get(key) or ""))

    def unit(self, key: str) -> str:
        return self.names.unit(str(self.get(key) or ""))

    def rung(self) -> str:
        rung = self.get("rung")
        return f"第{rung}级上级" if rung else ""

    def when(self, key: str, before: str) -> str:
        value = self.get(key)
        return f"{before}{formats.moment(dt.datetime.fromisoformat(str(value)), seconds=False)}" if value else ""

    def response(self, key: str = "level") -> str:
        level = self.get(key)
        return f"{words.ROMAN[level]}级" if level in words.ROMAN else ""

    def grave(self) -> str:
        """The event's level, and the one before if it has changed."""
        level, before = self.get("level"), self.get("before")
        now = words.level(level)
        if isinstance(before, dict) and before.get("level") != level:
            return f"级别由{words.level(before.get('level'))}改为{now}"
        return f"级别{now}"

    def really(self) -> str:
        """When it happened, if it was written down afterwards."""
        value = self.get("at")
        at = dt.datetime.fromisoformat(str(value)) if value else self.entry.at
        return "" if abs(self.entry.at - at) < AFTERWARDS else f"实际时间{formats.moment(at)},事后补记"

    def by(self) -> str:
        """Who did it, as the journal has it; nothing for the service, and for what follows by itself from what somebody did."""
        if self.entry.actor.startswith("system:") or self.entry.action in FOLLOWING:
            return ""
        unit = self.names.unit(self.entry.desk or self.entry.unit)
        account = self.names.accounts.get(self.entry.actor, self.entry.actor)
        return f"经办:{unit}(账号 {account})" if unit else f"经办:账号 {account}"


def _and(*parts: str) -> str:
    return ",".join(part for part in parts if part)


Sentence = Callable[[Line], Said]

_EVENT: dict[str, Sentence] = {
    "event.proposed": lambda one: Said("登记", "系统建议登记突发事件", one.grave()),
    "event.registered": lambda one: Said("登记", f"登记突发事件{one.id('number', ' ')}", one.grave()),
    "event.confirm": lambda one: Said("登记", "确认为突发事件"),
    "event.dismiss": lambda one: Said("排除", "排除该事件"),
    "event.amended": lambda one: Said("更新", "更新事件要素", one.grave()),
    "event.cases": lambda one: Said("归集", f"归集{len(one.get('cases') or ())}个事项", one.one_of("how", HOW)),
    "event.start": lambda one: Said("启动", f"启动{one.response()}响应", one.id("plan", "预案 ")),
    "event.restart": lambda one: Said("启动", f"再次启动{one.response()}响应", one.id("plan", "预案 ")),
    "event.raise": lambda one: Said("调整", f"响应升为{one.response()}", f"原为{one.response('level_before') or '未定'}"),
    "event.lower": lambda one: Said("调整", f"响应降为{one.response()}", f"原为{one.response('level_before') or '未定'}"),
    "event.end": lambda one: Said("终止", "终止响应"),
    "event.review": lambda one: Said("复盘", "完成复盘"),
    "event.posts_missing": lambda one: Said("缺岗", "预案要通知的单位没有值班岗", one.text("kinds")),
    "event.roster_gap": lambda one: Said("缺岗", f"{one.post()}当时无人排班"),
    "drill.caller": lambda one: Said("演练", f"剧本来电{one.id('count')}"),
    "event.stood_still": lambda one: Said("自检", "联动流程曾经停滞,已自动恢复"),
}
_NOTICE: dict[str, Sentence] = {
    "mutual_notice.sent": lambda one: Said("互通报", f"{one.unit('from')}向{one.unit('to')}通报"),
    "mutual_notice.signed": lambda one: Said("互通报", f"{one.who}签收通报", one.one_of("via", words.CHANNELS, "经")),
    "mutual_notice.withdrawn": lambda one: Said("互通报", f"撤回给{one.who}的通报"),
    "mutual_notice.climb": lambda one: Said(
        "升级", f"{one.unit('to')}未按时签收通报", f"已升级{one.get('climbs') or 1}次", late="超时"
    ),
}
_REQUEST: dict[str, Sentence] = {
    "linkage_request.asked": lambda one: Said("通知", f"请{one.who}联动", one.one_of("part", words.PARTS)),
    "linkage_request.ask": lambda one: Said("通知", f"开始通知{one.who}", one.rung()),
    "linkage_request.accept": lambda one: Said(
        "签收", f"{one.who}签收", _and(one.one_of("via", words.CHANNELS, "经"), one.rung())
    ),
    "linkage_request.promised": lambda one: Said(
        "督促", f"{one.who}的上级答应督促{one.one_of('duty', words.DUTIES)}", one.one_of("via", words.CHANNELS, "经")
    ),
    "linkage_request.late-answer": lambda one: Said(
        "应答", f"{one.who}再次应答,不改变状态", one.one_of("via", words.CHANNELS, "经")
    ),
    "linkage_request.give-up": lambda one: Said("无人签收", f"{one.who}及其上级均无人签收"),
    "linkage_request.refused": lambda one: Said("拒绝", f"{one.who}拒绝", _and(one.rung(), one.text("reason", "理由:"))),
    "linkage_request.refuse": lambda one: Said("拒绝", f"{one.who}及其上级均已拒绝,待改派"),
    "linkage_request.cancel": lambda one: Said(
        "取消", f"取消对{one.who}的请求", one.text("reason") or one.one_of("because", {"enough": "已有足够单位签收"})
    ),
    "linkage_request.send-out": lambda one: Said("出动", f"{one.who}出动", one.really()),
    "linkage_request.arrive": lambda one: Said("到场", f"{one.who}到场", one.really()),
    "linkage_request.feed-back": lambda one: Said("反馈", f"{one.who}反馈", one.really()),
    "linkage_request.climb": lambda one: Said("升级", _climb(one), _why(one)),
    "linkage_request.reopened": lambda one: Said(
        "督促", f"{one.who}签收后没有{one.one_of('duty', words.DUTIES)},向其上级督促"
    ),
    "linkage_request.late": lambda one: Said("超时", f"{one.who}未按时{one.one_of('duty', words.DUTIES)}", late="超时"),
    "attempt.decided": lambda one: Said(
        "呼叫", f"安排用{one.one_of('channel', words.CHANNELS)}通知{one.post()}", one.rung()
    ),
    "attempt.ended": lambda one: Said(
        "呼叫", f"呼叫{one.post()}{one.one_of('outcome', words.OUTCOMES, ':')}", _and(one.rung(), one.id("call", "通话 "))
    ),
}  # fmt: skip
_TASK: dict[str, Sentence] = {
    "event_task.sent": lambda one: Said("指令", f"向{one.unit('unit')}下达指令{one.id('number', ' ')}", one.when("due", "限")),
    "event_task.sign": lambda one: Said("指令", f"{one.who}已签收", one.really()),
    "event_task.set-out": lambda one: Said("指令", f"{one.who}在途中", one.really()),
    "event_task.arrive": lambda one: Said("指令", f"{one.who}已到场", one.really()),
    "event_task.finish": lambda one: Said("指令", f"{one.who}已完成", one.really()),
    "event_task.refuse": lambda one: Said("指令", f"{one.who}被拒绝", one.really()),
    "event_task.cancel": lambda one: Said("指令", f"{one.who}已取消"),
    "event_task.overdue": lambda one: Said("超时", f"{one.who}未按时完成", late="超时"),
}
_REPORT: dict[str, Sentence] = {
    "situation_report.due": lambda one: Said(
        "报送", f"须报送{one.who}", _and(one.when("phone_by", "电话报告限"), one.when("due", "书面报送限"))
    ),
    "situation_report.phone": lambda one: Said(
        "报送", f"{one.who}已电话报告", _and(one.text("to", "接听:"), one.really())
    ),
    "situation_report.submit": lambda one: Said("报送", f"{one.who}已书面报送", one.text("to", "报:")),
    "situation_report.void": lambda one: Said("报送", f"{one.who}无需报送", one.text("because")),
    "situation_report.late": lambda one: Said("超时", f"{one.who}未按时{one.one_of('which', REPORTS)}", late="超时"),
}  # fmt: skip
_AFTER: dict[str, Sentence] = {
    "resource.stock": lambda one: Said("物资", f"{one.who}{_amount(one)}", f"结存{formats.number(one.get('left'))}"),
    "event_file.added": lambda one: Said("附件", "收到现场附件", one.one_of("task", one.names.subjects)),
    "review.opened": lambda one: Said("复盘", "开始复盘"),
    "review.written": lambda one: Said("复盘", "填写复盘结论", f"{one.get('length') or 0}字"),
    "review.concluded": lambda one: Said("复盘", "复盘结论定稿"),
    "improvement.opened": lambda one: Said("改进", f"{one.unit('unit')}须改进:{one.who}", one.id("due", "限")),
    "improvement.finish": lambda one: Said("改进", f"改进已完成:{one.who}"),
    "improvement.drop": lambda one: Said("改进", f"改进不再进行:{one.who}"),
    "improvement.reopen": lambda one: Said("改进", f"改进重新开始:{one.who}"),
}
SENTENCES: dict[str, Sentence] = {**_EVENT, **_NOTICE, **_REQUEST, **_TASK, **_REPORT, **_AFTER}


def _why(one: Line) -> str:
    begun = one.get("why") == "begin" and one.get("chasing") is not None
    return one.one_of("chasing", words.DUTIES, "督促") if begun else one.one_of("why", WHY)


def _climb(one: Line) -> str:
    if one.get("rung"):
        return f"{one.who}:转{one.post('to')}({one.rung()})"
    return f"{one.who}:从本岗再次通知"


def _amount(one: Line) -> str:
    amount = float(one.get("amount") or 0)
    return f"{'入库' if amount > 0 else '出库'}{formats.number(abs(amount))}"


def happenings(entries: Sequence[Entry], names: Names, lateness: Mapping[tuple[str, str], str] | None = None) -> list[Happening]:
    """What the entries tell, in their order. ``lateness``: how late a step was, by subject and action."""
    return [_happening(Line(one, names), lateness or {}) for one in entries]


def _happening(line: Line, lateness: Mapping[tuple[str, str], str]) -> Happening:
    entry = line.entry
    sentence = SENTENCES.get(entry.action)
    said = sentence(line) if sentence else Said("记录", entry.action)
    late = said.late or lateness.get((entry.subject, entry.action), "")
    detail = ";".join(part for part in (said.detail, line.by()) if part)
    return Happening(entry.at, said.title, detail, said.kind, late)
