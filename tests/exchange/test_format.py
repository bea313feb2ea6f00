"""The format: what is right is taken, what is wrong is named with its path, and schema, types and examples say the same."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from router.exchange import message, schema, shared, words
from router.exchange import validate as validation
from router.exchange.validate import validate

HERE = Path(schema.__file__).parent
GOOD = sorted((HERE / "examples" / "good").glob("*.json"))
WRONG = {
    "attachment-altered": ("body.matter.attachments[0].sha256", "sha256"),
    "danger-without-urgency": ("body.matter.danger", "danger"),
    "misspelt-member": ("body.resutl", "unknown"),
    "other-format": ("format", "format"),
    "return-without-reason": ("body.reason", "required"),
    "state-unknown": ("body.state", "choice"),
    "time-without-zone": ("sent_at", "moment"),
    "unknown-division": ("body.matter.division", "division"),
    "wrong-credit-code": ("body.unit.code", "credit-code"),
}


def example(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "examples" / "good" / f"{kind}.json").read_text(encoding="utf-8"))
    return found


def at(document: Any, path: str) -> tuple[Any, str]:
    """The object that a dotted path's last member is in, and that member's name."""
    *parents, last = path.split(".")
    for part in parents:
        document = document[int(part) if part.isdigit() else part]
    return document, last


def told(document: Any) -> set[tuple[str, str]]:
    return {(one.path, one.code) for one in validate(document)}


def test_there_is_a_good_example_of_every_kind() -> None:
    assert [path.stem for path in GOOD] == sorted(message.KINDS)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_examples_are_right_and_survive_reading_and_writing(path: Path) -> None:
    text = path.read_bytes()
    found, problems = validation.read(text)
    assert problems == [] and found is not None
    assert message.decode(message.encode(found)) == found
    assert validate(message.plain(found)) == []
    Draft202012Validator(schema.message_schema()).validate(json.loads(text))


@pytest.mark.parametrize("name", sorted(WRONG))
def test_bad_examples_are_refused_with_the_member_that_is_wrong(name: str) -> None:
    text = (HERE / "examples" / "bad" / f"{name}.json").read_text(encoding="utf-8")
    assert WRONG[name] in told(text)
    assert all(one.what and one.remedy for one in validate(text))
    assert [one.code for one in validate(text, "en")] == [one.code for one in validate(text, "zh")]


def test_every_bad_example_is_known_here() -> None:
    assert sorted(path.stem for path in (HERE / "examples" / "bad").glob("*.json")) == sorted(WRONG)


def test_all_mistakes_are_told_at_once() -> None:
    document = example("handoff")
    document["id"] = "bad id\n"
    document["sequence"] = 0
    document["body"]["matter"]["channel"] = "fax"
    document["body"]["matter"]["place"]["latitude"] = 91
    del document["body"]["offered_at"]
    expected = {
        ("id", "pattern"),
        ("sequence", "range"),
        ("body.matter.channel", "choice"),
        ("body.matter.place.latitude", "range"),
        ("body.offered_at", "required"),
    }
    assert told(document) == expected


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("from.system", "Kunming", "pattern"),
        ("from.system", "kunming-110\n", "pattern"),
        ("to.system", "kunming-12345", "self"),
        ("kind", "handout", "choice"),
        ("sequence", "1", "type"),
        ("sequence", 1.5, "type"),
        ("drill", "no", "type"),
        ("extra", {"a": 1}, "type"),
        ("body.matter", None, "type"),
        ("body.matter.words", "x" * 20001, "long"),
        ("body.matter.words", "a\x00b", "characters"),
        ("body.matter.words", "a\ud800b", "characters"),
        ("body.reason", "", "short"),
        ("body.matter.caller.number", "call me", "pattern"),
        ("body.matter.place.longitude", None, "coordinates"),
        ("body.matter.place.division", "5301", "pattern"),
        ("body.matter.danger.by", None, "danger"),
        ("body.matter.attachments.0.content", "%%%%", "pattern"),
        ("body.matter.attachments.0.content", "QUJDR", "base64"),
        ("body.matter.attachments.0.size", 3, "size"),
        ("body.matter.attachments.0.url", "https://a.example.cn/x", "both"),
        ("body.matter.attachments.0.name", "../../etc/passwd", "pattern"),
        ("body.offered_at", "2026-02-30T08:00:00+08:00", "moment"),
        ("body.offered_at", "2026-11-25T08:00:00", "moment"),
        ("body.ticket.closed_at", "2020-01-01T00:00:00Z", "order"),
    ],
)
def test_each_kind_of_mistake_has_its_code(path: str, value: Any, code: str) -> None:
    document = example("handoff")
    holder, name = at(document, path)
    holder[int(name) if name.isdigit() else name] = value
    assert code in {one for _, one in told(document)}


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"format": "a", "format": "b"}', b'{"sequence": NaN}', b"[" * 100_000],
)
def test_what_is_no_message_at_all_is_one_problem(text: bytes) -> None:
    (problem,) = validate(text)
    assert problem.path == "" and problem.code in ("json", "type")


def test_a_document_that_is_too_large_is_not_read() -> None:
    (problem,) = validate(b" " * (validation.LARGEST + 1))
    assert problem.code == "too-large"


@settings(max_examples=50)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_no_document_breaks_the_validator(document: Any) -> None:
    assert validate(document)


@settings(max_examples=60)
@given(st.sampled_from(sorted(message.KINDS)), st.data())
def test_a_member_of_any_value_is_either_right_or_named(kind: str, data: st.DataObject) -> None:
    document = example(kind)
    name = data.draw(st.sampled_from(sorted(document["body"])))
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
    document["body"][name] = data.draw(scalars | st.lists(st.none(), max_size=2) | st.just({}))
    problems = validate(document)
    if not problems:
        message.convert(document)
    else:
        assert any(one.path.startswith(f"body.{name}") or one.path in ("body", "") or "body" in one.path for one in problems)


def test_infinite_numbers_are_no_numbers() -> None:
    document = example("handoff")
    document["body"]["matter"]["place"]["latitude"] = math.inf
    assert validate(document)
    assert validate(json.dumps(document))[0].code == "json"


def test_the_schema_files_are_those_of_the_types() -> None:
    for name, made in ((schema.MESSAGE_FILE, schema.message_schema()), (schema.RECEIPT_FILE, schema.receipt_schema())):
        assert (schema.FOLDER / name).read_text(encoding="utf-8") == schema.text(made), "run python -m router.exchange.schema"
        Draft202012Validator.check_schema(made)


def test_the_schema_alone_refuses_what_is_not_of_the_format() -> None:
    checker = Draft202012Validator(schema.message_schema())
    for name in ("misspelt-member", "return-without-reason", "state-unknown", "other-format"):
        document = json.loads((HERE / "examples" / "bad" / f"{name}.json").read_text(encoding="utf-8"))
        with pytest.raises(jsonschema.ValidationError):
            checker.validate(document)


@pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
def test_the_sql_files_are_those_of_the_tables(dialect: str) -> None:
    assert (HERE / "sql" / f"{dialect}.sql").read_text(encoding="utf-8") == shared.ddl(dialect)


def test_every_problem_has_words_in_both_languages() -> None:
    assert all(set(texts) == {"zh", "en"} for texts in words.TEXTS.values())
