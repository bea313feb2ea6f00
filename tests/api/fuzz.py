"""Requests drawn from the OpenAPI document, sent to the application in this process, and what is promised of every answer.

Schemathesis makes requests that the document allows and requests that it forbids, and checks answers against it; here real ids
take the place of drawn ones part of the time, and people of every role ask in turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import requests
import schemathesis
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from api.kit import routing
from config.settings import Settings
from router.access import roles
from tests.api.city import ROLES, City, settle
from tests.api.parts import Person, Stand, standing
from tests.calls.responder import responder

PROMISES = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
STREAMS = {"events_events"}
"""Answers without an end; they have tests of their own."""
TOO_MANY = 10**9
PATIENCE = 100.0


@dataclass
class Running:
    """The application on a loop of its own in a thread, for whoever is not asynchronous."""

    loop: asyncio.AbstractEventLoop
    city: City

    def do(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)


@contextlib.contextmanager
def running(configured: Settings) -> Iterator[Running]:
    from api.kit.limits import Rates

    ready: threading.Event = threading.Event()
    box: list[Any] = []

    async def live() -> None:
        ended = asyncio.Event()
        rates = Rates(TOO_MANY, TOO_MANY, TOO_MANY)
        try:
            with responder(configured.redis_url):
                async with standing(configured, rates=rates) as stand:
                    box.append((Running(asyncio.get_running_loop(), await settle(stand)), ended))
                    ready.set()
                    await ended.wait()
        except BaseException as error:
            box.append(error)
            raise
        finally:
            ready.set()

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    ready.wait(60)
    try:
        if isinstance(box[0], BaseException):
            raise box[0]
        yield box[0][0]
    finally:
        if not isinstance(box[0], BaseException):
            box[0][0].loop.call_soon_threadsafe(box[0][1].set)
        thread.join(60)


def routes(app: FastAPI) -> Iterator[APIRoute]:
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            yield route


def rights(app: FastAPI) -> dict[str, frozenset[str]]:
    """Operation to the roles that may ask for it; those that ask for no action are not in it."""
    made: dict[str, frozenset[str]] = {}
    for route in routes(app):
        if wanted := routing.actions(route.dependant):
            made[route.unique_id] = frozenset.intersection(*(roles.ACTIONS[one] for one in wanted))
    return made


def operations(document: dict[str, Any]) -> list[Any]:
    """Every operation of the document that ends."""
    return _operations(json.dumps(document))


@functools.cache
def _operations(document: str) -> list[Any]:
    """Making the strategies of all operations takes seconds: the same document has the same ones."""
    found = [result.ok() for result in schemathesis.openapi.from_dict(json.loads(document)).get_all_operations()]
    return [one for one in found if one.definition.raw.get("operationId") not in STREAMS]


@functools.cache
def _drawn(operation: Any, mode: GenerationMode) -> SearchStrategy[Any]:
    strategy: SearchStrategy[Any] = operation.as_strategy(mode)
    return strategy


def example(operation: Any, city: City) -> Any:
    """A request that the document allows, about what there is."""
    made: list[Any] = []

    @settings(max_examples=1, database=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(_drawn(operation, GenerationMode.POSITIVE))
    def draw(case: Any) -> None:
        made.append(case)

    draw()
    case = made[0]
    if case.headers is not None:
        case.headers["If-Match"] = '"1"'
    if isinstance(case.body, dict):
        _fill(case.body, city, lambda values: values[0])
    return case


class Prober:
    """Sends drawn requests of one operation after another."""

    def __init__(self, here: Running, examples: int, number: int = 0) -> None:
        self.here, self.examples, self.number = here, examples, number
        self.able = {name: sorted(roles) for name, roles in rights(here.city.stand.app).items()}
        self.answers: dict[int, int] = {}
        """How often each status came."""

    def probe(self, operation: Any, told: Callable[[Any, httpx.Response, Exception], None] | None = None) -> None:
        able = self.able.get(operation.definition.raw["operationId"], ())
        drawn = st.one_of(_drawn(operation, GenerationMode.POSITIVE), _drawn(operation, GenerationMode.NEGATIVE))

        @seed(self.number)
        @settings(
            max_examples=self.examples,
            deadline=None,
            database=None,
            derandomize=self.number == 0,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(drawn, st.integers(0, 2**32 - 1))
        def ask(case: Any, luck: int) -> None:
            chance = random.Random(luck)
            role = chance.choice(able if able and chance.random() < 0.8 else ROLES)
            real(case, self.here.city, chance)
            answer = self.here.do(self.ask(role, case))
            self.answers[answer.status_code] = self.answers.get(answer.status_code, 0) + 1
            try:
                case.validate_response(answer, checks=PROMISES)
                promised(answer)
            except (Exception, BaseExceptionGroup) as error:
                if told is None:
                    raise
                told(case, answer, error)

        ask()

    async def ask(self, role: str, case: Any) -> httpx.Response:
        people = self.here.city.people
        answer = await send(people[role], case)
        if answer.status_code == 401:  # somebody has ended the own session
            people[role] = await again(self.here.city.stand, people[role])
        return answer


async def send(person: Person, case: Any) -> httpx.Response:
    """The request of a case, asked by somebody."""
    given = case.as_transport_kwargs(base_url="http://hotline.test")
    kept = ("method", "url", "params", "headers", "cookies", "json", "data", "files")
    made = requests.Request(**{name: given[name] for name in kept if name in given}).prepare()
    dropped = ("content-length", "cookie", "authorization")
    head = {name: value for name, value in made.headers.items() if name.lower() not in dropped}
    return await person.request(made.method, made.url, content=made.body or b"", headers=head)


async def again(stand: Stand, person: Person) -> Person:
    return await stand.sign_in(person.account.role, unit=person.account.unit, username=person.account.username)


def promised(answer: httpx.Response) -> None:
    """What no document says: one body of errors for all, and nothing of our insides."""
    if answer.status_code >= 400:
        body = answer.json()
        assert set(body) == {"code", "message", "remedy", "field", "fields", "facts", "request_id"}, body
        assert body["code"] and body["message"] and body["request_id"] == answer.headers["x-request-id"], body
        assert answer.status_code != 500, body
    for word in ("Traceback", "sqlalchemy", "psycopg", "sqlite3", "pydantic"):
        assert word not in answer.text[:2000], word


def real(case: Any, city: City, chance: random.Random) -> None:
    """Let most requests name what there is."""
    tag = (case.operation.tags or [""])[0]
    for place in (case.path_parameters, case.query):
        for name in list(place or {}):
            known = city.ids.get(f"{tag}.{name}") or city.ids.get(name)
            if known and chance.random() < 0.8:
                place[name] = chance.choice(known)
    if case.headers is not None and chance.random() < 0.8:
        declared = {one.name for one in case.operation.headers}
        if "If-Match" in declared:
            case.headers["If-Match"] = f'"{chance.choice((1, 1, 1, 2, 2, 3, 4, 5, 6))}"'
        if chance.random() < 0.9:
            case.headers.pop("Idempotency-Key", None)
    if isinstance(case.body, dict):
        _fill(case.body, city, lambda values: chance.choice(values) if chance.random() < 0.7 else None)


FIELDS = {
    "agency": "code",
    "agencies": "code",
    "lead": "code",
    "unit": "unit",
    "from_unit": "unit",
    "to_unit": "unit",
    "to": "unit",
    "owner": "unit",
    "other": "case",
    "into": "case",
    "case_id": "case",
    "case": "case",
    "call": "call",
    "call_id": "call",
    "subject_id": "ticket",
    "item": "item",
    "guidance": "guidance",
    "seat": "seat",
    "centre": "unit",
    "complained_of": "code",
    "city": "city",
    "account": "account",
}


def _fill(body: dict[str, Any], city: City, choose: Callable[[list[str]], str | None]) -> None:
    for name, value in list(body.items()):
        if isinstance(value, dict):
            _fill(value, city, choose)
        known = city.ids.get(FIELDS.get(name, ""))
        chosen = choose(known) if known else None
        if chosen is not None:
            body[name] = [chosen] if isinstance(value, list) else chosen
