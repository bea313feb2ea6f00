"""What tests of the chain are made of: a small town, its units and desks, and facts with little said."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

from classifier import shipped
from classifier.engine import ModelEngine
from classifier.verdict import Evidence, Verdict
from config import settings
from router.allocation import chain
from router.allocation.decision import Decision, Desk, Facts, Negotiation, Side, Ticks, Unit
from router.casework import judging
from router.catalog import files
from router.catalog.model import Catalog

CITY, WUHUA, PANLONG, TOWN = "530100", "530102", "530103", "530102001"
DESKS = (
    Desk("city-12345", "12345", (CITY,), True),
    Desk("city-110", "110", (CITY,), True),
    Desk("wuhua-110", "110", (WUHUA,), False),
)
UNITS = (
    Unit("rs-city", "人社", (CITY,), "department"),
    Unit("rs-wuhua", "人社", (WUHUA,), "department"),
    Unit("zj-city", "住建", (CITY,), "department"),
    Unit("sj-city", "市场监管", (CITY,), "department"),
    Unit("cg-city", "城管", (CITY,), "department"),
    Unit("jd-town", "街道", (TOWN,), "township"),
    Unit("sf-city", "司法", (CITY,), "department"),
    Unit("dc-city", "公安督察", (CITY,), "police"),
    Unit("ga-city", "公安", (CITY,), "police"),
    Unit("ga-wuhua", "公安", (WUHUA,), "police"),
    Unit("pcs-town", "公安", (TOWN,), "police"),
    Unit("ga-panlong", "公安", (PANLONG,), "police"),
)
UNSURE = Verdict("unsure", False, engine="test")
FIRE = Verdict(
    "119", True, ("119", "110"), police_class="1601", confidence=0.9, evidence=(Evidence(0, 2, "着火", "danger.fire"),)
)
KNIFE = Verdict(
    "110", True, ("110", "120"), police_class="1201", confidence=0.9, evidence=(Evidence(0, 2, "拿刀", "danger.violence"),)
)


@functools.cache
def catalog(city: str = CITY) -> Catalog:
    """A city's list as it is shipped."""
    return files.load(settings.DEFAULT_FOLDER / "catalog", city)


@functools.cache
def engine(city: str = CITY) -> ModelEngine:
    """The shipped model, with a city's list."""
    return ModelEngine(shipped.load(), judging.known(catalog(city)))


def facts(words: str = "有一件事想反映一下", *, side: Side = "12345", verdict: Verdict | None = None, **given: Any) -> Facts:
    """Facts with little said; ticks are given by name, ``negotiation`` by owner ("none": not agreed)."""
    fields = {
        name: given.pop(name) for name in ("channel", "division", "first_side", "city", "centre", "first_centre") if name in given
    }
    negotiated = given.pop("negotiation", None)
    first: Side = fields.pop("first_side", side)
    made = Facts(
        city=fields.pop("city", CITY),
        side=side,
        centre=fields.pop("centre", "city-12345" if side == "12345" else "city-110"),
        first_side=first,
        first_centre=fields.pop("first_centre", "city-12345" if first == "12345" else "city-110"),
        channel=fields.pop("channel", "phone"),
        words=words,
        division=fields.pop("division", WUHUA),
        verdict=verdict or UNSURE,
        ticks=Ticks(**given),
    )
    return made if negotiated is None else replace(made, negotiation=Negotiation(None if negotiated == "none" else negotiated))


def heard(words: str, **given: Any) -> Facts:
    """Facts with the verdict of the shipped engine."""
    return facts(words, verdict=engine().judge(words), **given)


def decide(of: Facts, list_: Catalog | None = None) -> Decision:
    return chain.decide(of, list_ or catalog(), UNITS, DESKS)


def rules(decision: Decision) -> list[str]:
    return [one.rule for one in decision.reasons]
