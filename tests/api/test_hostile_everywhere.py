"""What no good client sends, in every field, parameter, cursor and file of every endpoint, as the document names them."""

from __future__ import annotations

import copy
import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.api import fuzz
from tests.api.city import API, FAR, good
from tests.api.parts import Person

SECRETS = {"password", "current", "new", "refresh_token", "token"}
"""Fields that may hold any character but those that no text can."""
BROKEN = ("a\0b", "\ud800", "\udfff")
UNSEEMLY = ("a\u202eb", "a\u0007b", "\u2066", "x" * 30_000)
INJECTED = (
    "'; DROP TABLE police_order;--",
    "\" OR ''='",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "${jndi:x}",
    "%",
    "\\",
    "😀",
)

NO_NUMBERS = ("9" * 400, "-1", "99999999999999999999", "1e3", "٣")
WILDCARDS = (
    "/cases?words=%25%25",
    "/tickets?words=__",
    "/organisation/agencies?q=%25",
    "/organisation/divisions?q=_",
    "/catalog/items?q=%25%25%25",
)
"""Signs that a database would take for any text."""


def leaves(schema: dict[str, Any], whole: dict[str, Any], depth: int = 0) -> Iterator[tuple[str | int, ...]]:
    """Paths of the free texts of a body."""
    if "$ref" in schema:
        schema = whole["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    options = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    for one in options:
        if one is not schema:
            yield from leaves(one, whole, depth)
        elif one.get("type") == "string" and "enum" not in one and "const" not in one:
            yield ()
        elif one.get("type") == "array":
            yield from ((0, *rest) for rest in leaves(one["items"], whole, depth + 1))
        elif depth < 4:
            for name, part in one.get("properties", {}).items():
                yield from ((name, *rest) for rest in leaves(part, whole, depth + 1))


def put(body: Any, place: tuple[str | int, ...], value: str) -> Any:
    """A copy of the body with the value there."""
    if not place:
        return value
    if isinstance(place[0], int):
        return [put(body[0] if isinstance(body, list) and body else None, place[1:], value)]
    made = copy.copy(body) if isinstance(body, dict) else {}
    made[place[0]] = put(made.get(place[0]), place[1:], value)
    return made


def test_no_text_of_a_body_takes_what_a_database_or_a_screen_can_not(here: fuzz.Running) -> None:
    document = here.city.stand.app.openapi()
    rights = fuzz.rights(here.city.stand.app)
    asked = 0
    for operation in fuzz.operations(document):
        raw = operation.definition.raw
        schema = raw.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if schema is None or raw["operationId"] == "exchange_push":  # its own format: tests/exchange
            continue
        case = fuzz.example(operation, here.city)
        person = here.city.people[sorted(rights.get(raw["operationId"], ("operator",)))[0]]
        url = "http://hotline.test" + case.formatted_path
        for place in leaves(schema, document):
            bad = BROKEN if SECRETS & set(place) else (BROKEN[asked % 3], UNSEEMLY[asked % 4])
            for value in bad:
                body = json.dumps(put(case.body, place, value)).encode()
                head = {"Content-Type": "application/json", "If-Match": '"1"'}
                answer = here.do(person.request(case.method, url, content=body, headers=head))
                asked += 1
                assert answer.status_code == 422, (
                    raw["operationId"],
                    place,
                    value[:9],
                    answer.status_code,
                    answer.text[:300],
                )
                assert answer.json()["fields"] and value not in answer.text, answer.text[:300]
    assert asked > 150, asked


def test_no_parameter_is_taken_for_anything_but_text(here: fuzz.Running) -> None:
    """Injected in each free parameter of an address, everything is an ordinary answer; numbers stay in their bounds."""
    people = here.city.people
    asked = 0
    for operation, person in reading(here):
        case = fuzz.example(operation, here.city)
        needed = {one.name: case.query[one.name] for one in operation.query if one.is_required}
        for one in [*operation.query, *operation.path_parameters]:
            name, schema = one.name, one.definition["schema"]
            kind = next(part for part in schema.get("anyOf", [schema]) if part.get("type") != "null")
            number = kind.get("type") == "integer"
            free = kind.get("type") == "string" and not {"enum", "format", "pattern"} & set(kind)
            injected = [INJECTED[(asked + step) % len(INJECTED)] for step in (0, 3)] if free else []
            for value in NO_NUMBERS if number else injected:
                given = {**case.path_parameters, name: value} if one.location.value == "path" else case.path_parameters
                url = operation.path.format(**{key: quote(str(part), safe="") for key, part in (given or {}).items()})
                query = needed | ({name: value} if one.location.value == "query" else {})
                answer = here.do(person.get(url, params=query))
                asked += 1
                told = (operation.label, name, value, answer.status_code, answer.text[:200])
                assert answer.status_code in ((422,) if number else (200, 403, 404, 409, 422)), told
    assert asked > 150, asked
    for path in WILDCARDS:
        found = good(here.do(people["operator"].get(API + path)))
        assert found in ([], {"items": [], "next": None}), (path, str(found)[:200])
    assert good(here.do(people["administrator"].get(f"{API}/accounts?username=%25")))["items"] == []


def reading(here: fuzz.Running) -> Iterator[tuple[Any, Person]]:
    """Operations that only read, each with somebody who may."""
    rights = fuzz.rights(here.city.stand.app)
    for operation in fuzz.operations(here.city.stand.app.openapi()):
        name = operation.definition.raw["operationId"]
        if operation.method == "get" and name in rights:
            yield operation, here.city.people[sorted(rights[name])[0]]


def test_a_cursor_is_good_for_its_own_list_only(here: fuzz.Running) -> None:
    lists = []
    for operation, person in reading(here):
        if "cursor" in [one.name for one in operation.query]:
            needed = {one.name: "csv" for one in operation.query if one.is_required}
            url = operation.path.format(**{name: known[0] for name, known in here.city.ids.items() if "." not in name})
            lists.append((url, person, needed))
    cursors = {}
    for url, person, needed in lists:
        found = good(here.do(person.get(url, params={**needed, "limit": 1})))
        if found["next"]:
            cursors[url] = found["next"]
            second = good(here.do(person.get(url, params={**needed, "limit": 1, "cursor": found["next"]})))
            assert second["items"] and second["items"] != found["items"], url
    assert len(cursors) > 10, sorted(cursors)
    for url, person, needed in lists:
        foreign = next(cursor for other, cursor in cursors.items() if other != url)
        own = cursors.get(url, foreign)
        for bad in (
            foreign,
            own[:-4],
            own[:-4] + "AAAA",
            own[:10] + ("B" if own[10] == "A" else "A") + own[11:],
            "a" * 513,
            "%00",
        ):
            answer = here.do(person.get(url, params={**needed, "cursor": bad}))
            assert answer.status_code == 422, (url, bad, answer.text[:200])


def test_rows_of_others_named_in_a_body_are_not_there(here: fuzz.Running) -> None:
    people, ids = here.city.people, here.city.ids
    mine, theirs, far = ids["case"][0], ids["others.case"][0], ids["far.case"][0]
    grant = {"from_unit": "110", "to_unit": "12345", "fields": ["recordings"], "purpose": "x"}
    span = {"since": "2026-05-06T00:00:00Z", "until": "2026-05-08T00:00:00Z"}
    for role, path, body, statuses in (
        ("operator", f"/cases/{mine}/links", {"other": far}, {404}),
        ("operator", f"/cases/{far}/links", {"other": mine}, {404}),
        ("operator", f"/cases/{mine}/merge", {"into": far, "reason": "x"}, {404}),
        ("operator", "/nuisance", {"number": "13900139000", "note": "x", "case_id": far}, {404}),
        ("operator", "/supervision/orders", {"subject_id": ids["far.ticket"][0], "demand": "x"}, {404}),
        ("agency", f"/assignments/{ids['others.assignment'][0]}/progress", {"note": "x"}, {404}),
        ("agency", f"/tickets/{ids['others.ticket'][0]}/request-police", {"reason": "x"}, {404}),
        ("agency", f"/cases/{theirs}/handoffs", {"reason": "x"}, {404}),
        ("supervisor", "/grants", {**grant, **span}, {403}),
        (
            "supervisor",
            "/grants",
            {**grant, **span, "from_unit": "12345", "case_id": "nothing"},
            {404, 422},
        ),
        ("operator", f"/tickets/{ids['ticket'][0]}/dispatch", {"agencies": [FAR]}, {404, 409, 422}),
    ):
        answer = here.do(people[role].post(API + path, json=body, headers={"If-Match": '"2"'}))
        assert answer.status_code in statuses, (path, body, answer.status_code, answer.text[:300])
    secret = f"{API}/cases/{ids['police.case'][0]}/attachments/{ids['police.attachment'][0]}"
    for role, status in (
        ("police", 200),
        ("operator", 404),
        ("supervisor", 404),
        ("agency", 404),
        ("police-supervisor", 200),
    ):
        assert here.do(people[role].get(secret)).status_code == status, role
    other = f"{API}/cases/{mine}/attachments/{ids['police.attachment'][0]}"
    assert here.do(people["police-supervisor"].get(other)).status_code == 404, "an attachment is got by its own case only"
    for role in ("operator", "supervisor"):
        shown = good(here.do(people[role].get(f"{API}/orders/{ids['police.order'][0]}")))
        assert {shown[name] for name in ("unit", "police_notes", "result", "complained_of")} == {None}


def test_words_of_a_caller_stay_words_wherever_they_are_shown(here: fuzz.Running) -> None:
    evil = '=HYPERLINK("http://x")<script>alert(1)</script>\'; DROP TABLE ticket;--'
    people = here.city.people
    body = {"words": evil, "place": "昆明市五华区" + evil[:40], "caller_name": "+cmd", "caller_number": "13900139055"}
    made = good(here.do(people["operator"].post(f"{API}/cases", json=body)), 201)
    shown = here.do(people["operator"].get(f"{API}/cases/{made['case']['id']}"))
    assert shown.json()["case"]["words"] == evil
    assert shown.headers["content-type"] == "application/json" and shown.headers["x-content-type-options"] == "nosniff"
    found = good(here.do(people["operator"].get(f"{API}/cases", params={"words": evil[:50]})))
    assert [one["id"] for one in found["items"]] == [made["case"]["id"]]
    file = here.do(people["supervisor"].get(f"{API}/exports/cases", params={"format": "csv"}))
    cells = [cell for row in csv.reader(io.StringIO(file.content.decode("utf-8-sig"))) for cell in row]
    assert any(cell == "'" + evil for cell in cells) and not [cell for cell in cells if cell[:1] in ("=", "+", "@")]
