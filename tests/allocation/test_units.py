"""Which agency, unit and desk."""

from __future__ import annotations

import pytest

from router.allocation import units
from router.allocation.decision import Desk, Unit
from tests.allocation.parts import CITY, DESKS, PANLONG, TOWN, UNITS, WUHUA, catalog, decide, facts, rules


@pytest.mark.parametrize(
    ("code", "stem"),
    [
        ("530000", "53"),
        ("530100", "5301"),
        ("530102", "530102"),
        ("530102001", "530102001"),
        ("530102001000", "530102001"),
        ("530102000000", "530102"),
    ],
)
def test_a_division_code_is_read_by_its_significant_digits(code: str, stem: str) -> None:
    assert units.stem(code) == stem


def test_the_closest_division_wins() -> None:
    assert decide(facts(item="SX-001", division=WUHUA)).ticket.agency == "rs-wuhua"  # type: ignore[union-attr]
    assert decide(facts(item="SX-001", division=PANLONG)).ticket.agency == "rs-city"  # type: ignore[union-attr]
    assert decide(facts(item="SX-001", division=None)).ticket.agency == "rs-city"  # type: ignore[union-attr]


def test_a_place_outside_is_left_to_a_person() -> None:
    found = decide(facts(item="SX-001", division="310101"))
    assert found.ticket is not None and found.ticket.agency is None and "agency.none" in rules(found)


def test_a_unit_chosen_by_hand_is_taken() -> None:
    found = decide(facts(item="SX-001", agency="jd-town"))
    assert found.ticket is not None and found.ticket.agency == "jd-town"
    unknown = decide(facts(item="SX-001", agency="nobody"))
    assert unknown.ticket is not None and unknown.ticket.agency == "rs-wuhua" and "agency.unknown" in rules(unknown)


def test_a_direct_item_goes_straight_to_the_township_of_a_place_known_closely() -> None:
    assert catalog().items["SX-021"].direct
    near = decide(facts(item="SX-021", division=TOWN))
    assert near.ticket is not None and near.ticket.agency == "jd-town" and "agency.direct" in rules(near)
    far = decide(facts(item="SX-021", division=WUHUA))
    assert far.ticket is not None and far.ticket.agency == "cg-city"


def test_a_dispute_is_handled_jointly() -> None:
    found = decide(facts("拖欠工资,工人堵门", item="SX-001"))
    assert found.ticket is not None and (found.ticket.agency, found.ticket.helpers) == ("rs-wuhua", ("zj-city",))
    assert decide(facts("拖欠工资三个月", item="SX-001")).ticket.helpers == ()  # type: ignore[union-attr]


def test_an_order_goes_to_the_closest_police() -> None:
    for place, unit in ((TOWN, "pcs-town"), (WUHUA, "ga-wuhua"), (PANLONG, "ga-panlong"), ("530114", "ga-city"), (None, None)):
        found = decide(facts(danger=True, division=place))
        assert found.order is not None and found.order.unit == unit


@pytest.mark.parametrize(
    ("place", "desk"),
    [(WUHUA, "wuhua-110"), (TOWN, "wuhua-110"), (PANLONG, "city-110"), (None, "city-110"), ("310101", "city-110")],
)
def test_the_place_names_the_desk(place: str | None, desk: str) -> None:
    found = decide(facts(danger=True, division=place))
    assert found.order is not None and found.order.desk == desk


def test_a_desk_that_has_the_caller_keeps_a_matter_without_a_place() -> None:
    found = decide(facts(danger=True, side="110", centre="wuhua-110", division=None))
    assert found.order is not None and found.order.desk == "wuhua-110"


def test_without_a_desk_of_the_other_side_it_stays_where_it_is() -> None:
    only = (Desk("alone", "12345", (CITY,), True),)
    assert units.desk("110", facts(centre="alone"), only)[0] == "alone"


@pytest.mark.parametrize(
    ("unit", "about", "out"),
    [
        ("ga-wuhua", "ga-wuhua", True),
        ("pcs-town", "ga-wuhua", True),
        ("pcs-town", "ga-city", True),
        ("dc-city", "ga-city", True),
        ("ga-city", "ga-wuhua", False),
        ("ga-panlong", "ga-wuhua", False),
        ("rs-wuhua", "ga-city", False),
        ("ga-wuhua", "unknown", False),
        ("ga-wuhua", None, False),
    ],
)
def test_who_has_to_keep_out(unit: str, about: str | None, out: bool) -> None:
    found = next(one for one in UNITS if one.code == unit)
    assert units.must_keep_out(found, about, UNITS) is out


def test_a_unit_without_divisions_reaches_nothing() -> None:
    assert units.reach((), "530102") == 0
    assert not units.must_keep_out(Unit("x", "公安", (), "police"), "ga-city", UNITS)
    assert DESKS[0].divisions == (CITY,)
