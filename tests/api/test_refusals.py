"""Who may not: every endpoint, as the application has it, against everybody who has no business there.

The tables are made of the routes themselves: an endpoint that forgets to ask who calls, or what the role may do, fails here.
"""

from __future__ import annotations

from typing import Any

import httpx
from fastapi.routing import APIRoute

from api.kit import routing
from api.kit.limits import Rates
from tests.api import fuzz
from tests.api.city import ROLES, City

PUBLIC = {
    "auth_options",
    "auth_sign_in",
    "auth_token",
    "auth_refresh",
    "auth_revoke",
    "auth_oidc_start",
    "auth_oidc_callback",
    "health_healthz",
    "health_readyz",
    "health_figures",
}
"""Nobody needs to be signed in (figures: addresses that are named, see test_health)."""
ANYBODY = {"auth_me", "auth_sign_out", "auth_password", "auth_sessions", "auth_end_session", "events_events"}
"""Whoever is signed in: one's own things, and what one may see of events."""
SAFE = {"GET", "HEAD"}
MANY = Rates(10**6, 10**6, 10**6)


def method(route: APIRoute) -> str:
    return next(iter(route.methods - {"HEAD"}))


def path(route: APIRoute, city: City) -> str:
    tag = str(route.tags[0])
    known = {
        one.name: (city.ids.get(f"{tag}.{one.name}") or city.ids.get(one.name) or ["x"])[0] for one in route.dependant.path_params
    }
    return route.path.format(**known)


def test_every_endpoint_asks_who_calls_and_what_the_role_may_do(here: fuzz.Running) -> None:
    city, stand = here.city, here.city.stand

    async def go() -> None:
        found = {route.unique_id: route for route in fuzz.routes(stand.app)}
        paths = stand.app.openapi()["paths"].values()
        assert set(found) == {one["operationId"] for path in paths for one in path.values()}, "a router is included"
        rights = fuzz.rights(stand.app)
        assert set(found) - set(rights) == PUBLIC | ANYBODY, "an endpoint asks for no action of router.access.rules"
        async with stand.client() as nobody:
            for name, route in found.items():
                verb, url = method(route), path(route, city)
                if name in PUBLIC:
                    continue
                shown = f"{url}?token=x&access_token=x&session=x&hotline_session=x"
                told(await nobody.request(verb, shown, json={}), 401, "auth.required", name)
                strangers = [role for role in ROLES if role not in rights.get(name, ROLES)]
                for role in strangers if verb not in SAFE else strangers[:1]:
                    refused = await city.people[role].request(verb, url, json={}, headers={"If-Match": '"1"'})
                    body = told(refused, 403, "forbidden", name, role)
                    assert body["facts"]["action"] in routing.actions(route.dependant), (name, body)
                if verb not in SAFE:
                    assert name in ANYBODY or set(rights[name]) < set(ROLES), f"{name}: everybody may change it"
                    person = city.people[next(iter(sorted(rights.get(name, ROLES))))]
                    bare = {"X-CSRF-Token": "", "If-Match": '"1"'}
                    told(await person.request(verb, url, json={}, headers=bare), 403, "auth.csrf", name)

    here.do(go())


def told(answer: httpx.Response, status: int, code: str, *about: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), (*about, answer.status_code, answer.text[:300])
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    return body


OWNED = (
    "case",
    "ticket",
    "assignment",
    "order",
    "handoff",
    "attachment",
    "supervision",
    "consultation",
    "notice",
    "recording",
    "call",
)
"""Parameters that name a row of somebody's."""
STRANGERS = {
    "operator": ("far-operator",),
    "police": ("other-police-unit",),
    "agency": ("other-agency",),
    "supervisor": ("far-supervisor",),
    "administrator": (),
    "integration": ("other-program",),
}
"""Who has the same role, and no business with the matter."""
OF_CALLS = {"police": ("police",), "supervisor": ("police-supervisor",)}
"""The same for a call that only 12345 had: a centre's calls are those of its people."""
OF_CONSULTATIONS = {**STRANGERS, "police": ()}
"""All police of a city may read what is consulted there."""


def test_rows_of_others_are_told_as_if_they_were_not_there(here: fuzz.Running) -> None:
    city = here.city
    rights = fuzz.rights(city.stand.app)
    asked = 0
    for operation in fuzz.operations(city.stand.app.openapi()):
        name = operation.definition.raw["operationId"]
        named = [one.name for one in operation.path_parameters]
        if not set(named) & set(OWNED) or name not in rights:
            continue
        case = fuzz.example(operation, city)
        for one in named:
            case.path_parameters[one] = city.ids[one][0]
        strangers = OF_CALLS if {"call", "recording"} & set(named) else STRANGERS
        strangers = OF_CONSULTATIONS if "consultation" in named else strangers
        for role in sorted(rights[name]):
            for stranger in strangers.get(role, ()):
                answer = here.do(fuzz.send(city.people[stranger], case))
                asked += 1
                assert answer.status_code in (403, 404), (name, stranger, answer.status_code, answer.text[:300])
    assert asked > 100, asked
