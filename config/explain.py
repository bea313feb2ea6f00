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


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` is most likely a slip of."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """A remedy for an unknown word."""
    known = sorted(known)
    close = nearest(word, known)
    choices = ", ".join(known[:20]) + (" …" if len(known) > 20 else "")
    return f"did you mean {close}?" if close else f"known are: {choices or 'none'}"


def problems(error: ValidationError, documents: Documents, model: type[BaseModel]) -> list[Problem]:
    """One problem for each error of a validation of ``documents.tree`` against ``model``."""
    found = []
    for detail in error.errors(include_url=False):
        path: KeyPath = tuple(part for part in detail["loc"] if part != "[key]")
        what, remedy = sentence(detail, model, path)
        found.append(documents.problem(path, what, remedy))
    return found


def sentence(detail: ErrorDetails, model: type[BaseModel], path: KeyPath) -> tuple[str, str]:
    """What is wrong, and what to do."""
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    key = str(path[-1]) if path else ""
    if kind == "missing":
        return "is missing", f"add `{key}:` here"
    if kind == "extra_forbidden":
        return "is no key that is known here", suggestion(key, _keys_at(model, path[:-1]))
    if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return f"must be text, not the number {value}", f'put it in quotes: "{value}"'
    if kind == "string_type":
        return f"must be text, not {value!r}", "write a text in quotes"
    if kind == "literal_error":
        return f"{value!r} is not among the choices", f"write one of {context.get('expected')}"
    if kind == "string_pattern_mismatch":
        return f"{value!r} has a form that is not allowed", f"it must match {context.get('pattern')}"
    if kind == "too_short":
        return "is empty", f"list at least {context.get('min_length')}"
    limits = {
        "greater_than_equal": ("at least", "ge"),
        "greater_than": ("more than", "gt"),
        "less_than_equal": ("at most", "le"),
        "less_than": ("less than", "lt"),
    }
    if kind in limits:
        words, name = limits[kind]
        return f"{value!r} is out of range", f"write a number of {words} {context.get(name)}"
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return f"must hold keys of its own, not {value!r}", "write `key: value` lines below it"
    if kind == "list_type":
        return f"must be a list, not {value!r}", "write items below it, each with a dash"
    message = detail["msg"]
    return f"{value!r}: {message[:1].lower()}{message[1:]}", "correct the value"


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
