"""Duties that follow from a state: who must act next on a ticket, an order or a handoff, and by when.

So nothing can lie about unnoticed: whatever state a row is in, either it is final, or somebody's time runs. The shares of
agencies have deadlines of their own (:mod:`router.casework.tickets`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from router.catalog.model import Catalog, Limit
from router.storage.casework import Handoff, PoliceOrder, Ticket

if TYPE_CHECKING:
    from router.casework.work import Work

FOLLOWING = ("dispatch", "call-back", "confirm", "settle", "feedback", "close")
"""Duties that begin and end with a state."""


def wanted(row: Any, catalog: Catalog) -> tuple[str, str, Limit] | None:
    """Duty, unit and limit of the state that a row is in; None: nobody's, or kept elsewhere. Pure.

    The platform is given as long as an agency is given to sign.
    """
    limits = catalog.limits
    if isinstance(row, Ticket):
        prompt = limits.sign if row.urgency == "normal" else limits.sign_urgent
        if row.state in ("registered", "returned") and row.accepted_at is not None:
            return "dispatch", row.platform, prompt
        if row.state in ("feedback", "called-back"):
            return ("call-back" if row.state == "feedback" else "close"), row.platform, limits.sign
    elif isinstance(row, PoliceOrder):
        if row.state == "awaiting":
            return "confirm", row.platform, limits.confirm
        if row.state == "registered" and row.accepted_at is not None:
            return "dispatch", row.platform, limits.accept
        if row.state in ("signed", "arrived"):
            return "feedback", row.unit or row.platform, limits.feedback
        if row.state == "feedback":
            return "close", row.platform, limits.sign
    elif isinstance(row, Handoff):
        if row.state in ("returned", "expired", "negotiating"):
            return "settle", row.from_centre, limits.accept
        if row.state in ("accepted", "settled"):
            return "feedback", row.owner or row.to_centre, limits.feedback
    return None


async def follow(work: Work, rows: Iterable[Any]) -> None:
    """Begin and end duties of rows that have moved."""
    from router.casework.limits import catalog_of
    from router.casework.work import born
    from router.storage.casework import Case
    from router.supervision import deadlines

    for row in rows:
        case = await work.session.get(Case, row.case_id)
        if case is None:
            continue
        catalog = await catalog_of(work, case)
        need = wanted(row, catalog)
        there = False
        # nothing can run yet for what was opened a moment ago in a case that is new
        for one in [] if case.id in born(work.session) else await deadlines.running(work, row.id):
            if one.duty in FOLLOWING:
                if need is not None and (one.duty, one.unit) == need[:2]:
                    there = True
                else:
                    await deadlines.end(work, row.id, one.duty)
        if need is not None and not there:
            duty, unit, limit = need
            await deadlines.start(
                work, case, subject=row.id, duty=duty, unit=unit, limit=limit, share=catalog.limits.remind_share
            )
