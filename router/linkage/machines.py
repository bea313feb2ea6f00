"""Life cycles of events, mutual notices, requests, tasks, reports and what follows from them. Pure."""

from __future__ import annotations

from router.casework.machines import Machine, table

EVENT = Machine(
    name="event",
    initial=("proposed", "registered"),
    names={
        "proposed": "建议登记",
        "registered": "已登记",
        "responding": "响应中",
        "ended": "已终止",
        "reviewed": "已复盘",
        "dismissed": "已排除",
    },
    steps=table("""
        proposed: confirm > registered, dismiss > dismissed
        registered: start > responding, dismiss > dismissed
        responding: raise > responding, lower > responding, end > ended
        ended: restart > responding, review > reviewed
        reviewed: restart > responding
        dismissed: confirm > registered
    """),
    final=frozenset({"reviewed", "dismissed"}),
)

NOTICE = Machine(
    name="mutual_notice",
    initial=("sent",),
    names={"sent": "已通报待签收", "signed": "已签收", "withdrawn": "已撤回"},
    steps=table("sent: sign > signed, withdraw > withdrawn"),
    final=frozenset({"signed", "withdrawn"}),
)

REQUEST = Machine(
    name="linkage_request",
    initial=("waiting",),
    names={
        "waiting": "待通知",
        "asking": "通知中",
        "unanswered": "无人签收",
        "accepted": "已签收",
        "sent-out": "已出动",
        "arrived": "已到场",
        "fed-back": "已反馈",
        "refused": "已拒绝",
        "cancelled": "已取消",
    },
    steps=table("""
        waiting: ask > asking, accept > accepted, cancel > cancelled
        asking: accept > accepted, give-up > unanswered, refuse > refused, cancel > cancelled
        unanswered: ask > asking, accept > accepted, refuse > refused, cancel > cancelled
        refused: ask > asking, accept > accepted, cancel > cancelled
        accepted: send-out > sent-out, arrive > arrived, feed-back > fed-back, cancel > cancelled
        sent-out: arrive > arrived, feed-back > fed-back, cancel > cancelled
        arrived: feed-back > fed-back, cancel > cancelled
    """),
    final=frozenset({"fed-back", "cancelled"}),
)

TASK = Machine(
    name="event_task",
    initial=("sent",),
    names={
        "sent": "已下达",
        "signed": "已签收",
        "on-the-way": "途中",
        "arrived": "已到场",
        "done": "已完成",
        "refused": "已拒绝",
        "cancelled": "已取消",
    },
    steps=table("""
        sent: sign > signed, refuse > refused, cancel > cancelled
        signed: set-out > on-the-way, arrive > arrived, finish > done, refuse > refused, cancel > cancelled
        on-the-way: arrive > arrived, finish > done, cancel > cancelled
        arrived: finish > done, cancel > cancelled
        refused: sign > signed, cancel > cancelled
    """),
    final=frozenset({"done", "cancelled"}),
)

REPORT = Machine(
    name="situation_report",
    initial=("due",),
    names={"due": "待报", "phoned": "已电话报告", "submitted": "已报送", "void": "无需报送"},
    steps=table("""
        due: phone > phoned, submit > submitted, void > void
        phoned: submit > submitted
    """),
    final=frozenset({"submitted", "void"}),
)

IMPROVEMENT = Machine(
    name="improvement",
    initial=("open",),
    names={"open": "整改中", "done": "已完成", "dropped": "不再进行"},
    steps=table("""
        open: finish > done, drop > dropped
        done: reopen > open
        dropped: reopen > open
    """),
    final=frozenset(),
)

DRILL = Machine(
    name="drill",
    initial=("prepared",),
    names={"prepared": "已准备", "running": "进行中", "ended": "已结束", "scored": "已评分"},
    steps=table("""
        prepared: start > running
        running: end > ended
        ended: score > scored
        scored: score > scored
    """),
    final=frozenset(),
)

REINFORCEMENT = Machine(
    name="reinforcement",
    initial=("proposed",),
    names={"proposed": "建议支援", "active": "支援中", "withdrawn": "已撤回", "declined": "不予支援"},
    steps=table("""
        proposed: approve > active, decline > declined
        active: add > active, withdraw > withdrawn
    """),
    final=frozenset({"withdrawn", "declined"}),
)

MACHINES = {one.name: one for one in (EVENT, NOTICE, REQUEST, TASK, REPORT, IMPROVEMENT, DRILL, REINFORCEMENT)}
