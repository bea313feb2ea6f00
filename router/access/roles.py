"""The one place that says who may do what (角色); which rows a person may see is in :mod:`router.access.rules`.

The service itself (role ``system``) may do everything.
"""

from __future__ import annotations

from router.access.actor import Actor, Role
from router.errors import Forbidden

O, P, A, S, M, I = "operator", "police", "agency", "supervisor", "administrator", "integration"  # noqa: E741 (a table's columns)

ACTIONS: dict[str, frozenset[Role]] = {
    name: frozenset(roles)  # type: ignore[arg-type]
    for name, roles in {
        # the matter
        "case.read": (O, P, A, S, I),
        "case.create": (O, P, I),
        "case.edit": (O, P),
        "case.allocate": (O, P, I),
        "case.overrule": (O, P, S),
        "case.link": (O, P, S),
        "case.merge": (O, P, S),
        "case.hold": (S,),
        "case.attach": (O, P, A, I),
        "case.export": (S, I),
        # its 12345 face
        "ticket.read": (O, P, A, S, I),
        "ticket.create": (O, I),
        "ticket.edit": (O,),
        "ticket.dispatch": (O, S),
        "ticket.sign": (A,),
        "ticket.handle": (A,),
        "ticket.pause": (A, O),
        "ticket.extend": (A, O),
        "ticket.return": (A,),
        "ticket.dispute": (O, S),
        "ticket.feedback": (A, O),
        "ticket.callback": (O, S),
        "ticket.close": (O, S),
        "ticket.guide": (O,),
        "ticket.reopen": (O, S),
        "ticket.cancel": (O, S),
        "ticket.request_police": (A, O),
        "ticket.export": (S, I),
        # its 110 face
        "order.read": (P, O, S, I),
        "order.create": (P, I),
        "order.edit": (P,),
        "order.confirm": (P,),
        "order.withdraw": (P,),
        "order.dispatch": (P,),
        "order.sign": (P,),
        "order.arrive": (P,),
        "order.feedback": (P,),
        "order.close": (P, S),
        "order.notes": (P,),
        "order.transfer": (P,),
        "order.export": (S, I),
        # between the sides
        "handoff.read": (O, P, A, S, I),
        "handoff.offer": (O, P, A, I),
        "handoff.accept": (O, P, I),
        "handoff.return": (O, P, I),
        "handoff.negotiate": (O, P, S, I),
        "handoff.settle": (O, P, S, I),
        "handoff.feedback": (O, P, I),
        "handoff.export": (S,),
        # consultation
        "consultation.read": (O, P, A, S),
        "consultation.open": (S, O, P),
        "consultation.speak": (O, P, A, S),
        "consultation.conclude": (S,),
        # supervision and notices
        "supervision.read": (O, P, A, S),
        "supervision.issue": (O, P, S),
        "supervision.urge": (O, P, S),
        "supervision.answer": (O, P, A),
        "supervision.close": (O, P, S),
        "supervision.lists": (S, O, P),
        "notice.read": (O, P, A, S),
        "notice.done": (O, P, A, S),
        "deadline.read": (O, P, A, S),
        # what words say, before there is a matter
        "text.classify": (O, P, S, M, I),
        # nuisance
        "nuisance.read": (O, P, S),
        "nuisance.mark": (O, P),
        "nuisance.withdraw": (O, P, S),
        "nuisance.export": (S, P),
        # calls and recordings
        "call.read": (O, P, S),
        "call.control": (O, P, S),
        "call.supervise": (S,),
        "call.page": (O, P, S),
        "seat.read": (O, P, S, M),
        "seat.control": (O, P, S),
        "recording.read": (O, P, S),
        "recording.export": (S,),
        # rules and organisation
        "catalog.read": (O, P, A, S, M, I),
        "catalog.publish": (M, S),
        "calendar.edit": (M, S),
        "organisation.read": (O, P, A, S, M, I),
        "organisation.edit": (M,),
        "duty.read": (O, P, A, S, M),
        "duty.edit": (M, A),
        # emergencies
        "event.read": (O, P, A, S),
        "event.register": (O, P, S),
        "event.respond": (O, P, S),
        "event.attach": (O, P, S),
        "event.ask": (O, P, S),
        "event.report": (O, P, S),
        "event.review": (O, P, S),
        "event.conference": (O, P, S),
        "request.read": (O, P, A, S),
        "request.answer": (O, P, A, S),
        "mutual.sign": (O, P),
        "task.read": (O, P, A, S),
        "task.send": (O, P, S),
        "task.answer": (O, P, A),
        "task.cancel": (O, P, S),
        "improvement.answer": (O, P, A, S),
        "plan.read": (O, P, A, S, M),
        "plan.publish": (M, S),
        "post.read": (O, P, A, S, M),
        "post.edit": (M, A),
        "roster.edit": (M, A),
        "duty.test": (M, S),
        "resource.read": (O, P, A, S, M),
        "resource.edit": (M, A),
        "drill.read": (O, P, S, M),
        "drill.run": (S, M),
        "reinforcement.read": (O, P, S, M),
        "reinforcement.decide": (S,),
        # administration
        "account.read": (M,),
        "account.manage": (M,),
        "posting.manage": (M,),
        "grant.read": (M, S),
        "grant.manage": (M, S),
        "peer.read": (M,),
        "peer.manage": (M,),
        "subscription.read": (M,),
        "subscription.manage": (M,),
        "delivery.read": (M,),
        "delivery.retry": (M,),
        "retention.run": (M,),
        "system.read": (M,),
        # traces
        "journal.read": (S, M),
        "journal.verify": (S, M),
        "timeline.read": (O, P, A, S),
        "statistics.read": (S, O, P, A),
        "events.read": (O, P, A, S, M, I),
        # other systems
        "inbound.push": (I,),
        "exchange.push": (I,),
        "exchange.pull": (I,),
    }.items()
}
"""Which roles may do what. An action that is not here may be done by nobody."""


def may(actor: Actor, action: str) -> bool:
    """Whether the role allows the action at all; which rows, :mod:`router.access.rules` says. Raise KeyError for an unknown
    action."""
    return actor.role in ACTIONS[action] or actor.is_system


def require(actor: Actor, action: str) -> None:
    """Raise :class:`router.errors.Forbidden` if the role does not allow it."""
    if not may(actor, action):
        raise Forbidden("您的角色不能进行这项操作", "请由有此权限的人员办理", action=action, role=actor.role)
