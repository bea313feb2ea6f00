"""Reads JSON bodies strictly: what two programs could understand differently, or no database can keep, is refused."""

from __future__ import annotations

import json
import math
from typing import Any

from fastapi import Request

from api.kit import messages
from api.kit.errors import BodyErrors, FieldError

DEPTH = 32
"""Objects and lists in one another."""
LARGEST = 2**63 - 1
"""Whole numbers beyond are refused: SQL has no room for them."""


class StrictRequest(Request):
    """A request whose ``json()`` raises :class:`api.kit.errors.BodyErrors` for bodies that are not clean."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = parse(await self.body())
        return self._json


def parse(body: bytes) -> Any:
    """Decode one JSON document; see the module's first line."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise _fault("json.encoding") from None
    if _nesting(text) > DEPTH:
        raise _fault("json.depth", limit=DEPTH)
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_int=_whole, parse_float=_decimal, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise _fault("json.syntax", position=error.pos) from None
    if "\\" in text or "\0" in text:
        _clean(value)
    return value


def _nesting(text: str) -> int:
    """How deep brackets go outside of strings; counted before the parser recurses."""
    if text.count("{") + text.count("[") <= DEPTH:
        return 0
    depth = deepest = 0
    inside = escaped = False
    for character in text:
        if inside:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside = False
        elif character == '"':
            inside = True
        elif character in "{[":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > DEPTH:
                break
        elif character in "}]":
            depth -= 1
    return deepest


def _fault(key: str, **values: Any) -> BodyErrors:
    return BodyErrors(FieldError(field="body", code=key, message=messages.text(key, **values)))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise _fault("json.duplicate", name=name[:40].encode("utf-8", "replace").decode())
        made[name] = value
    return made


def _whole(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > LARGEST:
        raise _fault("json.number")
    return int(text)


def _decimal(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _fault("json.number")
    return value


def _constant(text: str) -> Any:
    raise _fault("json.number")


def _clean(value: Any) -> None:
    """Refuse NUL, which PostgreSQL can't keep, and lone surrogates, which UTF-8 can't."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if "\0" in one or any("\ud800" <= character <= "\udfff" for character in one):
                raise _fault("json.characters")
        elif isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
