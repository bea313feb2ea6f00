"""What lies near a place: distances on the globe, and the order in which resources are offered. Pure.

Coordinates are degrees of WGS 84. Something that nobody has located yet is not lost: it comes after what is near, that of the
same division first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

EARTH = 6_371_008.8
"""Mean radius in metres (IUGG)."""
SOUTH, NORTH, WEST, EAST = 3.0, 54.0, 73.0, 136.0
"""China lies within; no latitude of it could be a longitude of it."""
_LEVELS = (12, 9, 6, 4, 2)
"""Digits of a village's, township's, county's, city's and province's code (GB/T 2260)."""
Wrong = tuple[str, str, str]
"""A field, what is wrong with it, and the remedy."""


@dataclass(frozen=True, slots=True)
class Point:
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Spot:
    """Something that may be near."""

    id: str
    point: Point | None = None
    division: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What was found; ``metres``: as the crow flies, None if either place has no coordinates."""

    id: str
    metres: float | None


@dataclass(frozen=True, slots=True)
class Box:
    """Degrees between which everything within a distance lies, and some more."""

    south: float
    north: float
    west: float
    east: float

    def holds(self, point: Point) -> bool:
        return self.south <= point.latitude <= self.north and self.west <= point.longitude <= self.east


def metres(one: Point, other: Point) -> float:
    """The way from one to the other along the globe (haversine), right to half a percent."""
    north, here, there = (math.radians(angle) for angle in (other.latitude - one.latitude, one.latitude, other.latitude))
    east = math.radians(other.longitude - one.longitude)
    part = math.sin(north / 2) ** 2 + math.cos(here) * math.cos(there) * math.sin(east / 2) ** 2
    return 2 * EARTH * math.asin(math.sqrt(min(1.0, part)))


def box(centre: Point, within: float) -> Box:
    """Bounds for a first look into a database. ``within``: metres."""
    angle = within / EARTH * (1 + 1e-9) + 1e-9
    south, north = centre.latitude - math.degrees(angle), centre.latitude + math.degrees(angle)
    if south <= -90 or north >= 90:
        return Box(max(south, -90.0), min(north, 90.0), -180.0, 180.0)
    wide = math.degrees(math.asin(math.sin(angle) / math.cos(math.radians(centre.latitude))))
    west, east = centre.longitude - wide, centre.longitude + wide
    if west < -180 or east > 180:
        west, east = -180.0, 180.0
    return Box(south, north, west, east)


def rank(
    spots: Iterable[Spot], centre: Point | None, *, within: float, division: str | None = None, most: int | None = None
) -> list[Found]:
    """The spots within a distance (metres), the nearest first; then those without coordinates, the same division first.

    Without a ``centre`` nothing has a distance. ``division`` is that of the centre.
    """
    near: list[Found] = []
    elsewhere: list[tuple[int, str]] = []
    for one in spots:
        if centre is None or one.point is None:
            elsewhere.append((-shared(one.division, division), one.id))
        elif (far := metres(centre, one.point)) <= within:
            near.append(Found(one.id, far))
    near.sort(key=lambda one: (one.metres, one.id))
    return [*near, *(Found(name, None) for _, name in sorted(elsewhere))][:most]


def shared(one: str | None, other: str | None) -> int:
    """How many digits two divisions have in common, down to the smallest that both lie in; 0: none, or not known."""
    if not one or not other:
        return 0
    one, other = stem(one), stem(other)
    return next((digits for digits in _LEVELS if len(one) >= digits <= len(other) and one[:digits] == other[:digits]), 0)


def stem(code: str) -> str:
    """A division's code without the zeros that stand for the whole: 530100 is 5301, as everything in it begins."""
    for digits in _LEVELS[1:]:
        if code[digits:] and not code[digits:].strip("0"):
            code = code[:digits]
    return code


def mistake(latitude: float | None, longitude: float | None) -> Wrong | None:
    """What is wrong with coordinates, which are given both or not at all."""
    if latitude is None and longitude is None:
        return None
    if latitude is None or longitude is None:
        return "latitude" if latitude is None else "longitude", "经度和纬度要一起给出", "补全坐标,或者都不填"
    if SOUTH <= latitude <= NORTH and WEST <= longitude <= EAST:
        return None
    if WEST <= latitude <= EAST and SOUTH <= longitude <= NORTH:
        return "latitude", "经度和纬度写反了", f"纬度写 {longitude},经度写 {latitude}"
    field, what = ("latitude", f"纬度 {latitude}") if not SOUTH <= latitude <= NORTH else ("longitude", f"经度 {longitude}")
    return field, f"{what} 不在国内", f"纬度 {SOUTH:g}~{NORTH:g},经度 {WEST:g}~{EAST:g},单位是度"
