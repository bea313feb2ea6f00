"""What lies near: distances that a map confirms, the order of what is offered, and coordinates that can't be meant."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.linkage.resource import nearby
from router.linkage.resource.nearby import Found, Point, Spot

KUNMING, DALI, BEIJING = Point(25.0389, 102.7183), Point(25.6065, 100.2676), Point(39.9042, 116.4074)
POINTS = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))
CHINESE = st.builds(Point, st.floats(nearby.SOUTH, nearby.NORTH), st.floats(nearby.WEST, nearby.EAST))


@pytest.mark.parametrize(
    ("one", "other", "kilometres"),
    [(KUNMING, BEIJING, 2089), (KUNMING, DALI, 254.3), (Point(25, 102), Point(26, 102), 111.195), (KUNMING, KUNMING, 0)],
)
def test_distances_are_those_of_the_map(one: Point, other: Point, kilometres: float) -> None:
    assert nearby.metres(one, other) / 1000 == pytest.approx(kilometres, rel=0.005, abs=0.001)


def test_half_the_globe_is_as_far_as_one_gets() -> None:
    assert nearby.metres(Point(0, 0), Point(0, 180)) == pytest.approx(math.pi * nearby.EARTH)
    assert nearby.metres(Point(90, 0), Point(-90, 77)) == pytest.approx(math.pi * nearby.EARTH)


@given(POINTS, POINTS, POINTS)
def test_the_way_back_is_as_long_and_a_detour_no_shorter(one: Point, other: Point, third: Point) -> None:
    way = nearby.metres(one, other)
    assert 0 <= way <= math.pi * nearby.EARTH * 1.000001
    assert way == pytest.approx(nearby.metres(other, one), abs=0.01)
    assert way <= nearby.metres(one, third) + nearby.metres(third, other) + 1.0


@given(CHINESE, st.floats(0, 500_000), st.floats(0, 2 * math.pi), st.floats(0, 1))
def test_the_first_look_misses_nothing_within_the_distance(centre: Point, within: float, course: float, share: float) -> None:
    found = _reached(centre, within * share, course)
    assert nearby.metres(centre, found) <= within + 0.01
    assert nearby.box(centre, within).holds(found)


def _reached(start: Point, way: float, course: float) -> Point:
    """Where one is after so many metres on a course (radians from north)."""
    angle, here = way / nearby.EARTH, math.radians(start.latitude)
    there = math.asin(math.sin(here) * math.cos(angle) + math.cos(here) * math.sin(angle) * math.cos(course))
    east = math.atan2(math.sin(course) * math.sin(angle) * math.cos(here), math.cos(angle) - math.sin(here) * math.sin(there))
    return Point(math.degrees(there), start.longitude + math.degrees(east))


def test_the_first_look_is_small_and_goes_all_around_a_pole() -> None:
    box = nearby.box(KUNMING, 1000)
    assert box.north - box.south == pytest.approx(2 / 111.195, rel=0.001)
    assert not box.holds(Point(KUNMING.latitude + 0.01, KUNMING.longitude))
    assert nearby.box(Point(89.99, 10), 5000).holds(Point(89.99, -170))
    assert nearby.box(Point(0, 179.99), 5000).holds(Point(0, -179.99))


def test_the_nearest_come_first_and_the_far_not_at_all() -> None:
    spots = [
        Spot("far", Point(25.2, 102.7183)),
        Spot("second", Point(25.0489, 102.7183)),
        Spot("first", Point(25.0399, 102.7183)),
    ]
    found = nearby.rank(spots, KUNMING, within=10_000)
    assert [one.id for one in found] == ["first", "second"]
    assert [one.metres for one in found] == [pytest.approx(111.2, abs=0.1), pytest.approx(1111.95, abs=0.1)]
    assert [one.id for one in nearby.rank(spots, KUNMING, within=100_000, most=1)] == ["first"]
    assert len(nearby.rank(spots, KUNMING, within=100_000)) == 3


def test_what_nobody_has_located_comes_last_that_of_the_same_division_first() -> None:
    spots = [
        Spot("nowhere"),
        Spot("other city", division="532900"),
        Spot("whole city", division="530100"),
        Spot("same county", division="530102"),
        Spot("same township", division="530102003"),
        Spot("other county", division="530103"),
        Spot("located", Point(25.04, 102.72), "530103"),
    ]
    found = nearby.rank(spots, KUNMING, within=5000, division="530102003")
    assert [one.id for one in found] == [
        "located", "same township", "same county", "other county", "whole city", "other city", "nowhere",
    ]  # fmt: skip
    assert [one.metres is None for one in found] == [False] + 6 * [True]


def test_an_event_without_coordinates_still_finds_what_its_division_has() -> None:
    spots = [Spot("b", Point(25.04, 102.72), "530103"), Spot("a", None, "530102"), Spot("c", Point(25.0, 102.7), "530102")]
    assert nearby.rank(spots, None, within=1, division="530102") == [Found("a", None), Found("c", None), Found("b", None)]


SPOTS = st.lists(st.builds(Spot, st.text("abcdef", min_size=1), st.none() | CHINESE, st.sampled_from([None, "530102", "530100"])))


@given(SPOTS, CHINESE, st.floats(0, 3_000_000))
def test_every_spot_is_offered_once_in_the_order_of_its_distance(spots: list[Spot], centre: Point, within: float) -> None:
    found = nearby.rank(spots, centre, within=within, division="530102")
    near = [one.metres for one in found if one.metres is not None]
    assert near == sorted(near) and all(way <= within for way in near)
    assert [one.metres is None for one in found] == sorted(one.metres is None for one in found)
    gone = [one for one in spots if one.point is not None and nearby.metres(centre, one.point) > within]
    assert sorted(one.id for one in found) == sorted(one.id for one in spots if one not in gone)


@pytest.mark.parametrize(
    ("one", "other", "digits"),
    [
        ("530102", "530102", 6),
        ("530102000000", "530102", 6),
        ("530102003", "530102004", 6),
        ("530102003001", "530102003", 9),
        ("530102003001", "530102003001", 12),
        ("530102", "530100", 4),
        ("530102", "532900", 2),
        ("530102", "110101", 0),
        (None, "530102", 0),
        ("530102", None, 0),
    ],
)
def test_divisions_have_in_common_what_both_lie_in(one: str | None, other: str | None, digits: int) -> None:
    assert nearby.shared(one, other) == nearby.shared(other, one) == digits


def test_swapped_coordinates_are_told_with_the_right_ones() -> None:
    assert nearby.mistake(102.7183, 25.0389) == ("latitude", "经度和纬度写反了", "纬度写 25.0389,经度写 102.7183")


@pytest.mark.parametrize(
    ("latitude", "longitude", "field"),
    [
        (25.0, None, "longitude"),
        (None, 102.7, "latitude"),
        (0.0, 0.0, "latitude"),
        (25.0, 10.27, "longitude"),
        (2.5, 102.7, "latitude"),
        (250.3, 1027.1, "latitude"),
        (float("nan"), 102.7, "latitude"),
        (25.0, float("inf"), "longitude"),
    ],
)
def test_coordinates_that_can_not_be_meant_are_told_by_their_field(
    latitude: float | None, longitude: float | None, field: str
) -> None:
    found = nearby.mistake(latitude, longitude)
    assert found is not None and found[0] == field and found[2]


@given(CHINESE)
def test_nothing_is_wrong_with_places_of_the_country_and_turned_round_they_are_always_noticed(point: Point) -> None:
    assert nearby.mistake(point.latitude, point.longitude) is None
    turned = nearby.mistake(point.longitude, point.latitude)
    assert turned is not None and turned[1] == "经度和纬度写反了"


def test_no_coordinates_are_no_mistake() -> None:
    assert nearby.mistake(None, None) is None
