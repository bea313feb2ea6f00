"""Lists over a million tickets: the whole way of a page through HTTP, session, row rules, filters, opened seals and masks.

Measured: ``GET`` of pages of 50 rows as operators, 110 dispatchers, agencies large and small, and supervisors ask for them, with
the filters of the lists in turn (state, agency, item, division, urgency, channel, time, overdue, words, caller's number), each
several times with other values, in mixed order, one at a time. Words that many said are in the mix; words that nobody said, for
which every ticket must be looked at, are told apart.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from urllib.parse import urlencode

from bench import matters
from bench.casework import Person, Town
from bench.figures import Aim, Figure, spread
from bench.loop import Late
from bench.run import Run

AIM = Aim(most=200)


def measure(run: Run) -> list[Figure]:
    town = run.casework
    people = _people(town)
    dice = random.Random(1)
    asked = [one for _ in range(3 if run.quick else 10) for one in _mix(town, people, dice)]
    dice.shuffle(asked)
    run.say(f"lists: {len(asked)} pages over {town.matters.count} tickets …")
    for person, path in asked[:40]:
        _page(person, path)
    seconds = [_page(person, path) for person, path in asked]
    operator = people["operator"]
    rare = [_page(operator, _path("tickets", words=f"没有人说过{number}")) for number in range(3 if run.quick else 10)]
    return [
        *spread("lists.page", f"a page of 50 of {town.matters.count} rows, any role and filter", seconds, AIM),
        *spread("lists.rare-words", "words that nobody said", rare, None),
    ]


def _people(town: Town) -> dict[str, Person]:
    casework, agencies = town.casework, town.matters.agencies
    return {
        "operator": casework.sign_in("operator", "12345"),
        "police": casework.sign_in("police", "110"),
        "inspector": casework.sign_in("supervisor", ""),
        "large": casework.sign_in("agency", agencies[0]),
        "small": casework.sign_in("agency", agencies[-1]),
    }


def _mix(town: Town, people: dict[str, Person], dice: random.Random) -> Iterator[tuple[Person, str]]:
    """Everybody's usual questions, once each, with values at random."""
    made = town.matters
    county, township = dice.choice(matters.COUNTIES), dice.choice(matters.TOWNSHIPS)
    begin = made.now - dt.timedelta(days=dice.randrange(40, 700))
    month = {"since": begin.isoformat(), "until": (begin + dt.timedelta(days=30)).isoformat()}
    operator, police = people["operator"], people["police"]
    for values in (
        {},
        {"state": dice.choice(["dispatched", "handling", "paused", "closed"])},
        {"agency": dice.choice(made.agencies)},
        {"agency": dice.choice(made.agencies), "state": "handling"},
        {"item": dice.choice(made.items), "urgency": "danger"},
        {"division": county},
        {"division": township, "kind": "complaint"},
        {"channel": "mail"},
        month,
        {**month, "division": county, "state": "closed"},
        {"overdue": "true"},
        {"words": dice.choice(["噪音", "工资", "停水", "油烟"])},
        {"caller": dice.choice(made.numbers)},
    ):
        yield operator, _path("tickets", **values)
    for values in ({}, {"state": "open"}, {"item": dice.choice(made.items)}, {"division": township}):
        yield operator, _path("cases", **values)
        yield police, _path("cases", **values)
    for values in ({}, {"state": "dispatched"}, {"danger": "true"}, {"police_class": "15"}, month):
        yield police, _path("orders", **values)
    for name in ("large", "small"):
        for values in ({}, {"state": "handling"}, {"overdue": "true"}, month):
            yield people[name], _path("tickets", **values)
    yield operator, _path("handoffs", state="accepted")
    yield people["inspector"], _path("tickets", urgency="danger")
    yield people["inspector"], _path("cases")


def _path(what: str, **values: str) -> str:
    return f"/api/v1/{what}?{urlencode(values)}" if values else f"/api/v1/{what}"


def _page(person: Person, path: str) -> float:
    answer = person.get(path)
    if answer.status != 200:
        raise Late(f"{path}: {answer.status} {answer.body[:300]!r}")
    return answer.seconds
