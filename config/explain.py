"""Turns the errors of pydantic into sentences a person can act upon."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.documents import Documents, KeyPath
from config.errors import Problem
from config.sentences import ENGLISH, Words, told


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` is most likely a slip of."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def suggestion(word: str, known: Iterable[str], words: Words = ENGLISH) -> str:
    """A remedy for an unknown word."""
    known = sorted(known)
    if close := nearest(word, known):
        return told(words, "close", close=close)[1]
    choices = ", ".join(known[:20]) + (" …" if len(known) > 20 else "")
    return told(words, "known", choices=choices or "–")[1]


def problems(error: ValidationError, documents: Documents, model: type[BaseModel], words: Words = ENGLISH) -> list[Problem]:
    """One problem for each error of a validation of ``documents.tree`` against ``model``."""
    found = []
    for detail in error.errors(include_url=False):
        path: KeyPath = tuple(part for part in detail["loc"] if part != "[key]")
        what, remedy = sentence(detail, model, path, words)
        found.append(documents.problem(path, what, remedy))
    return found


LIMITS = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le", "less_than": "lt"}
FAULTS = {
    "missing": "missing",
    "string_type": "no-text",
    "literal_error": "no-choice",
    "string_pattern_mismatch": "form",
    "too_short": "empty",
    **{kind: kind for kind in LIMITS},
    **dict.fromkeys(("model_type", "dict_type", "model_attributes_type"), "no-keys"),
    "list_type": "no-list",
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), "date"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "float_type", "float_parsing", "finite_number"), "number"),
    **dict.fromkeys(("string_too_long", "too_long"), "too-long"),
}
"""Types of pydantic's errors to what is said of them; where the words have nothing of their own, pydantic's message is told."""


def sentence(detail: ErrorDetails, model: type[BaseModel], path: KeyPath, words: Words = ENGLISH) -> tuple[str, str]:
    """What is wrong, and what to do."""
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    key = str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        return told(words, "unknown", hint=suggestion(key, _keys_at(model, path[:-1]), words))
    fault = FAULTS.get(kind, "other")
    if fault == "no-text" and isinstance(value, int | float) and not isinstance(value, bool):
        fault = "number-for-text"
    message = detail["msg"]
    return told(
        words,
        fault if fault in words else "other",
        key=key,
        value=value,
        message=message[:1].lower() + message[1:],
        expected=context.get("expected"),
        pattern=context.get("pattern"),
        least=context.get("min_length"),
        most=context.get("max_length"),
        limit=context.get(LIMITS.get(kind, "")),
    )


def _keys_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys that the model allows at a path."""
    current: Any = model
    for part in path:
        current = _unwrap(current)
        origin = typing.get_origin(current)
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(part))
            if field is None:
                return []
            current = field.annotation
        elif origin is list:
            current = typing.get_args(current)[0]
        elif origin is dict:
            current = typing.get_args(current)[1]
        else:
            return []
    current = _unwrap(current)
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _unwrap(kind: Any) -> Any:
    """Without ``Annotated`` and without ``| None``."""
    while True:
        origin = typing.get_origin(kind)
        if origin is typing.Annotated:
            kind = typing.get_args(kind)[0]
        elif origin in (typing.Union, types.UnionType):
            kind = next(part for part in typing.get_args(kind) if part is not type(None))
        else:
            return kind
