"""Life cycles of tickets, assignments, police orders, handoffs, consultations and supervision orders. Pure.

A machine is a table: from a state, a named step leads to a state. What is not in the table can't happen. Which facts a step
needs besides (a reason, feedback from the other side) is checked by the service that takes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from router.errors import ImpossibleTransition


@dataclass(frozen=True, slots=True)
class Machine:
    """A life cycle. ``names`` gives each state's Chinese term."""

    name: str
    initial: tuple[str, ...]
    names: Mapping[str, str]
    steps: Mapping[tuple[str, str], str]
    final: frozenset[str] = field(default_factory=frozenset)

    def step(self, state: str, step: str) -> str:
        """The state after ``step``; raise :class:`router.errors.ImpossibleTransition` with what is possible instead."""
        after = self.steps.get((state, step))
        if after is None:
            allowed = self.allowed(state)
            raise ImpossibleTransition(
                f"{self.names.get(state, state)}状态下不能执行该操作({step})",
                f"当前可执行:{'、'.join(allowed)}" if allowed else "该单已终结",
                machine=self.name,
                state=state,
                step=step,
                allowed=allowed,
            )
        return after

    def can(self, state: str, step: str) -> bool:
        return (state, step) in self.steps

    def allowed(self, state: str) -> list[str]:
        """Steps that the state has."""
        return sorted(step for at, step in self.steps if at == state)

    @property
    def states(self) -> frozenset[str]:
        return frozenset(self.names)


def table(text: str) -> dict[tuple[str, str], str]:
    """Steps of a machine from lines ``state: step > state, step > state``."""
    steps = {}
    for line in text.strip().splitlines():
        state, _, moves = line.partition(":")
        for move in moves.split(","):
            step, _, after = move.partition(">")
            steps[(state.strip(), step.strip())] = after.strip()
    return steps


TICKET = Machine(
    name="ticket",
    initial=("registered", "waiting"),
    names={
        "registered": "已登记",
        "waiting": "已转对方待反馈",
        "dispatched": "已派单",
        "signed": "已签收",
        "handling": "办理中",
        "paused": "已挂起",
        "returned": "已退单",
        "disputed": "退单争议",
        "feedback": "已反馈",
        "called-back": "已回访",
        "closed": "已办结",
        "withdrawn": "已撤回",
    },
    steps=table("""
        registered: dispatch > dispatched, hand-over > waiting, answer > feedback, guide > closed, withdraw > withdrawn
        waiting: feedback > feedback, take-back > registered, dispatch > dispatched
        dispatched: sign > signed, return > returned, dispatch > dispatched, withdraw > withdrawn
        signed: handle > handling, pause > paused, return > returned, feedback > feedback, dispatch > dispatched
        handling: pause > paused, return > returned, feedback > feedback, dispatch > dispatched
        paused: resume > handling
        returned: dispatch > dispatched, dispute > disputed, hand-over > waiting, answer > feedback
        disputed: sign > signed, return > returned, dispatch > dispatched
        feedback: call-back > called-back, close > closed, rework > dispatched
        called-back: close > closed, rework > dispatched
        closed: reopen > registered
        withdrawn: reopen > registered
    """),
    final=frozenset({"closed", "withdrawn"}),
)

ASSIGNMENT = Machine(
    name="assignment",
    initial=("dispatched",),
    names={
        "dispatched": "待签收",
        "signed": "已签收",
        "handling": "办理中",
        "paused": "已挂起",
        "returned": "已退单",
        "disputed": "退单争议",
        "feedback": "已反馈",
        "recalled": "已收回",
    },
    steps=table("""
        dispatched: sign > signed, return > returned, recall > recalled
        signed: handle > handling, pause > paused, return > returned, feedback > feedback, recall > recalled
        handling: pause > paused, return > returned, feedback > feedback, recall > recalled
        paused: resume > handling, recall > recalled
        returned: dispute > disputed, recall > recalled
        disputed: sign > signed, return > returned, recall > recalled
        feedback: rework > dispatched, recall > recalled
    """),
    final=frozenset({"feedback", "recalled"}),
)

ORDER = Machine(
    name="police_order",
    initial=("awaiting", "registered", "dispatched", "waiting"),
    names={
        "awaiting": "待确认",
        "registered": "已登记",
        "waiting": "已转对方待反馈",
        "dispatched": "已派警",
        "signed": "已签收",
        "arrived": "已到场",
        "feedback": "已反馈",
        "closed": "已办结",
        "withdrawn": "已撤销",
    },
    steps=table("""
        awaiting: confirm > dispatched, withdraw > withdrawn, dispatch > dispatched
        registered: dispatch > dispatched, hand-over > waiting, answer > feedback, guide > closed, withdraw > withdrawn
        waiting: feedback > feedback, take-back > registered, dispatch > dispatched
        dispatched: sign > signed, arrive > arrived, feedback > feedback, dispatch > dispatched
        signed: arrive > arrived, feedback > feedback, dispatch > dispatched
        arrived: feedback > feedback
        feedback: close > closed, dispatch > dispatched
        closed: reopen > registered, dispatch > dispatched
        withdrawn: reopen > registered, dispatch > dispatched
    """),
    final=frozenset({"closed", "withdrawn"}),
)

HANDOFF = Machine(
    name="handoff",
    initial=("offered",),
    names={
        "offered": "已转待签收",
        "accepted": "已签收",
        "returned": "已退回",
        "expired": "超时未签收",
        "negotiating": "协商中",
        "settled": "协商已定",
        "fed-back": "已反馈",
        "cancelled": "已取消",
    },
    steps=table("""
        offered: accept > accepted, return > returned, expire > expired, cancel > cancelled
        expired: accept > accepted, return > returned, negotiate > negotiating, cancel > cancelled
        returned: negotiate > negotiating, concede > settled
        negotiating: agree > settled, fail > settled
        accepted: feedback > fed-back, return > returned
        settled: feedback > fed-back
    """),
    final=frozenset({"fed-back", "cancelled"}),
)

CONSULTATION = Machine(
    name="consultation",
    initial=("open",),
    names={"open": "进行中", "concluded": "已有结论", "cancelled": "已取消"},
    steps=table("open: conclude > concluded, cancel > cancelled"),
    final=frozenset({"concluded", "cancelled"}),
)

SUPERVISION = Machine(
    name="supervision_order",
    initial=("issued",),
    names={"issued": "待回复", "answered": "已回复", "closed": "已办结"},
    steps=table("""
        issued: answer > answered, close > closed
        answered: close > closed, insist > issued
    """),
    final=frozenset({"closed"}),
)

MACHINES = {one.name: one for one in (TICKET, ASSIGNMENT, ORDER, HANDOFF, CONSULTATION, SUPERVISION)}
