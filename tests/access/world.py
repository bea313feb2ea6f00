"""A small world of cases between two lines, agencies and police units, and the people who may see parts of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import Actor
from router.storage import sealed
from router.storage.casework import Assignment, Case, Handoff, PoliceOrder, SupervisionOrder, Ticket
from router.storage.organisation import Grant

NOW = dt.datetime(2026, 5, 6, 1, 0, tzinfo=dt.UTC)
AGENCY, OTHER, STATION, STATION_2 = "115301000151130228", "115301000151130303", "115301000151130490", "11530100015113057X"
KUNMING, QUJING = "530100", "530300"


@contextmanager
def keys() -> Iterator[None]:
    """Data keys of a test."""
    sealed.use(sealed.Ring((Fernet.generate_key(),), b"i" * 32))
    yield


def person(role: Any, unit: str, *, desk: str = "", id: str = "", city: str = KUNMING, peer: str = "") -> Actor:
    desk = desk or unit
    side: Any = "12345" if desk == "12345" else "110" if desk.startswith("110") else None
    return Actor(id=id or f"{role}@{desk}", role=role, unit=unit, desk=desk, city=city, side=side, peer=peer)


OPERATOR = person("operator", "12345")
TAKER = person("operator", "12345", id="taker")
POLICE = person("police", "110")
ANNING = person("police", "110-anning")
OFFICER = person("police", STATION)
OFFICER_2 = person("police", STATION_2)
STAFF = person("agency", AGENCY)
OTHER_STAFF = person("agency", OTHER)
SUPERVISOR = person("supervisor", "12345")
INSPECTOR = person("supervisor", "110")
CITY_SUPERVISOR = person("supervisor", "")
ADMINISTRATOR = person("administrator", "")
PEER = person("integration", "", desk="110-yiliang", id="peer-account", peer="yiliang")
GATEWAY = person("integration", "", id="gateway")
POSTED = person("police", "12345", desk="110", id="posted")
EVERYBODY = {
    "operator": OPERATOR,
    "taker": TAKER,
    "police": POLICE,
    "anning": ANNING,
    "officer": OFFICER,
    "officer2": OFFICER_2,
    "staff": STAFF,
    "other-staff": OTHER_STAFF,
    "supervisor": SUPERVISOR,
    "inspector": INSPECTOR,
    "city": CITY_SUPERVISOR,
    "administrator": ADMINISTRATOR,
    "peer": PEER,
    "gateway": GATEWAY,
    "posted": POSTED,
}


def case(id: str, **more: Any) -> Case:
    values: dict[str, Any] = {
        "id": id,
        "number": id,
        "city": KUNMING,
        "state": "open",
        "channel": "phone",
        "first_centre": "12345",
        "first_answered_at": NOW,
        "words": "",
        "asked": {},
        "urgency": "normal",
        "confidentiality": "open",
        "created_at": NOW,
        "created_by": "somebody",
        "updated_at": NOW,
    }
    return Case(**(values | more))


def ticket(of: str, agency: str | None = None, **more: Any) -> Ticket:
    values: dict[str, Any] = {
        "id": f"t-{of}",
        "number": f"t-{of}",
        "case_id": of,
        "state": "dispatched",
        "platform": "12345",
        "agency": agency,
        "urgency": "normal",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Ticket(**(values | more))


def assignment(of: str, agency: str, *, lead: bool = True, **more: Any) -> Assignment:
    values: dict[str, Any] = {
        "id": f"a-{of}-{agency}",
        "case_id": of,
        "ticket_id": f"t-{of}",
        "agency": agency,
        "lead": lead,
        "state": "signed",
        "dispatched_at": NOW,
        "dispatched_by": "somebody",
    }
    return Assignment(**(values | more))


def order(of: str, platform: str = "110", **more: Any) -> PoliceOrder:
    values: dict[str, Any] = {
        "id": f"o-{of}",
        "number": f"o-{of}",
        "case_id": of,
        "state": "dispatched",
        "platform": platform,
        "kind": "dispatch",
        "police_class": "01",
        "lead": "110",
        "services": ["110"],
        "created_at": NOW,
        "updated_at": NOW,
    }
    return PoliceOrder(**(values | more))


def handoff(of: str, source: str, target: str, **more: Any) -> Handoff:
    values: dict[str, Any] = {
        "id": f"h-{of}",
        "number": f"h-{of}",
        "case_id": of,
        "mode": "online",
        "state": "offered",
        "from_centre": source,
        "to_centre": target,
        "reason": "属于对方",
        "dangerous": False,
        "by": "somebody",
        "offered_at": NOW,
    }
    return Handoff(**(values | more))


def grant(id: str, source: str, target: str, of: str | None, **more: Any) -> Grant:
    values: dict[str, Any] = {
        "id": id,
        "from_unit": source,
        "to_unit": target,
        "case_id": of,
        "fields": ["caller"],
        "purpose": "联合调处",
        "since": NOW - dt.timedelta(days=1),
        "until": NOW + dt.timedelta(days=1),
        "revoked_at": None,
        "by": "somebody",
    }
    return Grant(**(values | more))


def supervision(of: str, unit: str) -> SupervisionOrder:
    return SupervisionOrder(
        id=f"s-{of}",
        number=f"s-{of}",
        case_id=of,
        subject_id=f"t-{of}",
        platform="12345",
        to_unit=unit,
        demand="限期答复",
        state="issued",
        issued_at=NOW,
        issued_by="somebody",
    )


async def fill(session: AsyncSession) -> None:
    """Every kind of case once."""
    session.add_all(
        [
            case("plain"),
            case("handled"),
            case("joint"),
            case("hot", first_centre="110"),
            case("both"),
            case("offered"),
            case("anning", first_centre="110-anning"),
            case("clue", confidentiality="stability", created_by="taker"),
            case("complaint", first_centre="110"),
            case("elsewhere", city=QUJING, first_centre="12345-qujing"),
            case("from-peer", first_centre="110-yiliang", origin="yiliang", origin_id="7"),
            case("from-gateway", created_by="gateway", channel="web"),
            case("supervised"),
        ]
    )
    await session.flush()
    session.add_all(
        [ticket("handled", AGENCY), ticket("joint", OTHER), ticket("both"), ticket("clue"), ticket("elsewhere", AGENCY)]
    )
    await session.flush()
    session.add_all(
        [
            assignment("handled", AGENCY),
            assignment("joint", OTHER),
            assignment("joint", AGENCY, lead=False),
            assignment("clue", AGENCY),
            order("hot", unit=STATION),
            order("both"),
            order("clue"),
            order("complaint", kind="complaint", unit=STATION, complained_of=STATION_2),
            order("elsewhere", platform="110-qujing"),
            handoff("offered", "12345", "110"),
            handoff("from-peer", "110-yiliang", "12345"),
            supervision("supervised", OTHER),
        ]
    )
    await session.flush()
