"""The JSON Schema (draft 2020-12) of the exchange format, drawn from the types of :mod:`router.exchange.message`.

``python -m router.exchange.schema`` writes ``schema/*.json``; a test holds files and types together.
"""

from __future__ import annotations

import functools
import inspect
import json
from pathlib import Path
from typing import Any

import msgspec

from router.exchange import message

FOLDER = Path(__file__).parent / "schema"
MESSAGE_FILE = "hotline-exchange-1.json"
RECEIPT_FILE = "receipt-1.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@functools.cache
def message_schema() -> dict[str, Any]:
    """Schema of a message of any kind."""
    kinds = list(message.KINDS.values())
    definitions: dict[str, Any]
    _, definitions = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    tidied = {name: _tidy(one) for name, one in sorted(definitions.items())}
    return {
        "$schema": DIALECT,
        "$id": "urn:hotline-exchange:1",
        "title": message.FORMAT,
        "description": inspect.getdoc(message.Envelope),
        "type": "object",
        "required": ["format", "kind"],
        "properties": {"format": {"const": message.FORMAT}, "kind": {"enum": list(message.KINDS)}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}}, "then": {"$ref": f"#/$defs/{type_.__name__}"}}
            for kind, type_ in message.KINDS.items()
        ],
        "$defs": tidied,
    }


@functools.cache
def receipt_schema() -> dict[str, Any]:
    """Schema of a receipt."""
    found = msgspec.json.schema(message.Receipt, ref_template="#/$defs/{name}")
    return {"$schema": DIALECT, "$id": "urn:hotline-exchange:receipt:1", **_tidy(found)}


def _tidy(schema: Any) -> Any:
    """Optional members as ``type: [..., "null"]`` instead of a choice of two schemas, and no defaults of null: easier to
    read, and errors are told where they are."""
    if isinstance(schema, list):
        return [_tidy(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _tidy(value) for key, value in schema.items() if not (key == "default" and value is None)}
    choices = found.get("anyOf")
    if isinstance(choices, list) and len(choices) == 2 and {"type": "null"} in choices:
        other = next(one for one in choices if one != {"type": "null"})
        if "type" in other:
            rest = {key: value for key, value in found.items() if key != "anyOf"}
            found = {**other, **rest, "type": [other["type"], "null"]}
        elif "enum" in other:
            rest = {key: value for key, value in found.items() if key != "anyOf"}
            found = {**other, **rest, "enum": [*other["enum"], None]}
    return found


def text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / MESSAGE_FILE).write_text(text(message_schema()), encoding="utf-8")
    (FOLDER / RECEIPT_FILE).write_text(text(receipt_schema()), encoding="utf-8")


if __name__ == "__main__":
    main()
