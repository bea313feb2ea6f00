"""Checks a document against the exchange format: first its shape (the JSON Schema), then what a schema can't say. Pure.

Every problem is told, each with the path of the member, what is wrong, and what to do.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import difflib
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema
import msgspec
from jsonschema.exceptions import ValidationError

from router.exchange import message, schema, words
from router.exchange.message import Envelope
from router.exchange.words import Language
from router.organisation import codes, divisions

LARGEST = 32 * 1024 * 1024
"""Bytes of one message at most."""
_SHOWN = 60
"""Characters of a wrong value that are repeated."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_TIMES = ("created_at", "dispatched_at", "signed_at", "arrived_at", "feedback_at", "closed_at")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a document."""

    path: str
    """E.g. ``body.matter.attachments[0].sha256``; empty: the whole document."""
    code: str
    """Stable, e.g. ``required``, ``division``; see docs/exchange.md."""
    what: str
    remedy: str

    def as_dict(self) -> dict[str, str]:
        return {"path": self.path, "code": self.code, "what": self.what, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    code: str
    facts: Mapping[str, Any]


def dotted(path: Iterable[str | int]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


class _Duplicate(ValueError):
    pass


def parse(document: bytes | str) -> Any:
    """Read JSON strictly: no key twice, no NaN; raise ValueError."""
    try:
        text = document.decode("utf-8") if isinstance(document, bytes) else document
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Duplicate(f"the key {twice[:_SHOWN]!r} stands twice in one object")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def validate(document: bytes | str | Any, language: Language = "zh") -> list[Problem]:
    """All that is wrong with a document (JSON text, or parsed); empty: it is right."""
    if isinstance(document, bytes | str):
        if len(document) > LARGEST:
            return [_told(_Found((), "too-large", {"size": len(document), "limit": LARGEST}), language)]
        try:
            document = parse(document)
        except ValueError as error:
            return [_told(_Found((), "json", {"detail": str(error)[:200]}), language)]
    found = list(_shape(document))
    if not found:
        found = list(_sense(document))
    return [_told(one, language) for one in found]


def read(document: bytes | str | Any, language: Language = "zh") -> tuple[message.Message | None, list[Problem]]:
    """The message, or what is wrong with it."""
    if isinstance(document, bytes | str) and len(document) <= LARGEST:
        try:
            document = parse(document)
        except ValueError as error:
            return None, [_told(_Found((), "json", {"detail": str(error)[:200]}), language)]
    problems = validate(document, language)
    if problems:
        return None, problems
    return message.convert(document), []


def _told(found: _Found, language: Language) -> Problem:
    what, remedy = words.say(found.code, language, dict(found.facts))
    return Problem(dotted(found.path), found.code, what, remedy)


def _whole_match(validator: Any, pattern: str, instance: Any, schema_: Any) -> Iterator[ValidationError]:
    # Python's $ lets a newline follow; JSON Schema's does not.
    if validator.is_type(instance, "string") and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield ValidationError("pattern")


def _is_moment(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return bool(re.match(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d", value)) and dt.datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


@functools.cache
def _validator() -> Any:
    checker = jsonschema.FormatChecker(formats=())
    checker.checks("date-time")(_is_moment)
    kind = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _whole_match})
    return kind(schema.message_schema(), format_checker=checker)


def _shape(document: Any) -> Iterator[_Found]:
    if not isinstance(document, dict):
        yield _Found((), "type", {"found": _kind_of(document), "wanted": "object"})
        return
    if document.get("format") != message.FORMAT:
        yield _Found(("format",), "format", {"value": str(document.get("format"))[:_SHOWN], "known": message.FORMAT})
        return
    yield from _characters(document, ())
    seen: set[tuple[Path, str]] = set()
    errors = sorted(_leaves(_validator().iter_errors(document)), key=lambda one: [str(part) for part in one.absolute_path])
    for error in errors:
        for found in _explained(error):
            if (found.path, found.code) not in seen:
                seen.add((found.path, found.code))
                yield found
    if not errors:
        # The types have the last word: what they refuse is a difference between them and their schema.
        try:
            message.convert(document)
        except msgspec.ValidationError as error:
            yield _Found((), "shape", {"detail": str(error)[:200]})


def _leaves(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Errors where they are: of a choice, those of the branch that is no null."""
    for error in errors:
        inner = [one for one in error.context or () if one.validator != "type" or one.validator_value != "null"]
        if error.validator in ("anyOf", "oneOf") and inner:
            deeper = [one for one in inner if len(one.absolute_path) > len(error.absolute_path)] or inner
            yield from _leaves(deeper)
        else:
            yield error


def _kind_of(value: Any) -> str:
    for kind, name in ((bool, "boolean"), (dict, "object"), (list, "array"), (str, "string"), (int | float, "number")):
        if isinstance(value, kind):
            return name
    return "null"


def _explained(error: ValidationError) -> Iterator[_Found]:
    path: Path = tuple(error.absolute_path)
    value, wanted, kind = error.instance, error.validator_value, error.validator
    shown = str(value)[:_SHOWN]
    if kind == "required":
        for name in wanted:
            if name not in value:
                yield _Found((*path, name), "required", {"field": name})
    elif kind == "additionalProperties" and wanted is False:
        known = list(error.schema.get("properties", {}))
        for name in value:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"{near[0]}? " if near else ""
                yield _Found((*path, name[:_SHOWN]), "unknown", {"near": hint})
    elif kind == "type":
        names = wanted if isinstance(wanted, str) else " | ".join(wanted)
        yield _Found(path, "type", {"found": _kind_of(value), "wanted": names})
    elif kind in ("enum", "const"):
        allowed = [wanted] if kind == "const" else [one for one in wanted if one is not None]
        yield _Found(path, "choice", {"value": shown, "allowed": ", ".join(map(str, allowed))})
    elif kind == "pattern":
        yield _Found(path, "pattern", {"value": shown, "pattern": error.validator_value})
    elif kind in ("minLength", "minItems"):
        yield _Found(path, "short", {"limit": wanted})
    elif kind in ("maxLength", "maxItems", "maxProperties"):
        yield _Found(path, "long", {"limit": wanted})
    elif kind in ("minimum", "maximum"):
        yield _Found(path, "range", {"value": shown, "limit": wanted})
    elif kind == "format":
        yield _Found(path, "moment", {"value": shown})
    else:
        yield _Found(path, "shape", {"detail": error.message[:200]})


def _characters(value: Any, path: Path) -> Iterator[_Found]:
    if isinstance(value, str):
        if _CONTROL.search(value):
            yield _Found(path, "characters", {})
    elif isinstance(value, dict):
        for name, inner in value.items():
            if _CONTROL.search(name):
                yield _Found(path, "characters", {})
            else:
                yield from _characters(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _characters(inner, (*path, index))


def _sense(document: dict[str, Any]) -> Iterator[_Found]:
    """What the schema can't say, of a document that fits it."""
    if document["from"]["system"] == document["to"]["system"]:
        yield _Found(("to", "system"), "self", {})
    yield from _walk(document["body"], ("body",))


def _walk(value: Any, path: Path) -> Iterator[_Found]:
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, (*path, index))
    elif isinstance(value, dict):
        for check in _CHECKS:
            yield from check(value, path)
        for name, inner in value.items():
            if name not in ("asked", "extra"):
                yield from _walk(inner, (*path, name))


def _check_division(value: dict[str, Any], path: Path) -> Iterator[_Found]:
    code = value.get("division")
    if isinstance(code, str) and not divisions.known(code):
        yield _Found((*path, "division"), "division", {"value": code})


def _check_unit(value: dict[str, Any], path: Path) -> Iterator[_Found]:
    for name in ("agency", "unit"):
        unit = value.get(name)
        if isinstance(unit, dict) and not codes.is_credit_code(unit["code"]):
            yield _Found((*path, name, "code"), "credit-code", {"value": unit["code"]})


def _check_place(value: dict[str, Any], path: Path) -> Iterator[_Found]:
    if path[-1] == "place" and (value.get("latitude") is None) != (value.get("longitude") is None):
        yield _Found(path, "coordinates", {})


def _check_danger(value: dict[str, Any], path: Path) -> Iterator[_Found]:
    danger = value.get("danger")
    if isinstance(danger, dict):
        flagged = danger["flag"]
        if flagged != (value["urgency"] == "danger") or (flagged and danger.get("by") is None):
            yield _Found((*path, "danger"), "danger", {})


def _check_times(value: dict[str, Any], path: Path) -> Iterator[_Found]:
    given = [(name, dt.datetime.fromisoformat(value[name])) for name in _TIMES if isinstance(value.get(name), str)]
    created = [at for name, at in given if name == "created_at"]
    for name, at in given:
        if created and at < created[0]:
            yield _Found((*path, name), "order", {"earlier": "created_at"})


def _check_attachment(value: dict[str, Any], path: Path) -> Iterator[_Found]:
    content = value.get("content")
    if content is None or "sha256" not in value:
        return
    if value.get("url") is not None:
        yield _Found(path, "both", {})
    try:
        raw = base64.b64decode(content, validate=True)
    except binascii.Error:
        yield _Found((*path, "content"), "base64", {})
        return
    if len(raw) != value["size"]:
        yield _Found((*path, "size"), "size", {"found": len(raw), "said": value["size"]})
    if hashlib.sha256(raw).hexdigest() != value["sha256"]:
        yield _Found((*path, "sha256"), "sha256", {})


_CHECKS: tuple[Callable[[dict[str, Any], Path], Iterator[_Found]], ...] = (
    _check_division,
    _check_unit,
    _check_place,
    _check_danger,
    _check_times,
    _check_attachment,
)

__all__ = ["Envelope", "Problem", "dotted", "parse", "read", "validate"]
