"""The interface keeps what its document says, whatever is asked by whoever: requests drawn from the document itself.

A long hunt: ``HOTLINE_TEST_FUZZ=500 HOTLINE_TEST_FUZZ_SEED=7 pytest tests/api/test_openapi.py --timeout 0`` draws five hundred
requests of each operation. The requests of an ordinary run are always the same.
"""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

from config.settings import Settings
from tests.api import fuzz
from tests.api.parts import run, standing
from tests.storage.parts import DATABASE_KINDS

EXAMPLES = 2
HUNT = int(os.environ.get("HOTLINE_TEST_FUZZ", "0"))
SEED = int(os.environ.get("HOTLINE_TEST_FUZZ_SEED", "1"))


@pytest.mark.parametrize("kind", DATABASE_KINDS)
def test_every_answer_is_as_documented(kind: str, request: pytest.FixtureRequest, redis_now: str, tmp_path: Any) -> None:
    from tests.api.parts import made

    configured = made(tmp_path, request.getfixturevalue(f"migrated_{kind}_url"), redis_now)
    number = SEED + DATABASE_KINDS.index(kind)
    with fuzz.running(configured) as here:
        prober = fuzz.Prober(here, HUNT or EXAMPLES, number)
        operations = fuzz.operations(here.city.stand.app.openapi())
        for operation in operations:
            prober.probe(operation)
    came = prober.answers
    assert sum(came.values()) >= len(operations), came
    assert {200, 201, 204, 403, 404, 409, 412, 422} <= set(came) and came[200] > len(operations) // 2, came


def test_the_document_tells_a_newcomer_what_there_is(sqlite_settings: Settings) -> None:
    async def go() -> dict[str, Any]:
        async with standing(sqlite_settings) as stand:
            found: dict[str, Any] = stand.app.openapi()
            return found

    document = run(go())
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method, one in item.items():
            where = f"{method} {path}"
            assert re.search(r"[\u4e00-\u9fff].*/ ?[A-Za-z]", one["summary"]), f"{where}: {one['summary']}: Chinese / English"
            assert set(one["tags"]) <= set(tags), where
            assert not [given["name"] for given in one.get("parameters", ()) if not given.get("description")], where
            named = {given["name"] for given in one.get("parameters", ())}
            assert ("Idempotency-Key" in named) <= (method == "post"), where
            assert ("If-Match" in named) <= ({"412", "428"} <= set(one["responses"])), where
            assert ("requestBody" in one) <= ({"413", "415"} <= set(one["responses"])), where
            if path.startswith("/api/v1") and not path.startswith("/api/v1/auth"):
                assert one["security"], where
            for status, answer in one["responses"].items():
                assert re.search(r"[\u4e00-\u9fff]", answer["description"]), (where, status, answer["description"])
                if status >= "400":
                    (schema,) = answer["content"].values()
                    assert schema["schema"]["$ref"].endswith("/ErrorBody"), (where, status)
    assert not [name for name in document["components"]["schemas"] if "__" in name], "two schemas have one name"
