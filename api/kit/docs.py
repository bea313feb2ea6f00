"""The page ``/docs``: the OpenAPI document as a page to read, made here without any script or anything from another host."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_STYLE = """
body{font:15px/1.6 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;
margin:0 auto;max-width:68rem;padding:1rem;color:#1d2733}
h1{font-size:1.5rem}h2{font-size:1.2rem;border-bottom:1px solid #c8d1dc;margin-top:2rem}
details{border:1px solid #d9e0e8;border-radius:6px;margin:.4rem 0;padding:.3rem .7rem}summary{cursor:pointer}
code,pre{font:13px/1.5 ui-monospace,monospace;background:#f3f6f9;border-radius:4px;padding:.1rem .3rem}
pre{padding:.6rem;overflow:auto;white-space:pre-wrap}
table{border-collapse:collapse;width:100%;margin:.4rem 0}
td,th{border:1px solid #d9e0e8;padding:.2rem .5rem;text-align:left;vertical-align:top}
.m{display:inline-block;min-width:4.2rem;font-weight:700}.get{color:#12633f}.post{color:#1a4f9c}.put,.patch{color:#8a5a00}.delete{color:#a3202b}
nav a{margin-right:1rem}
"""


def page(document: Mapping[str, Any]) -> str:
    """HTML of an OpenAPI document."""
    schemas = document.get("components", {}).get("schemas", {})
    info = document["info"]
    parts = [
        '<!doctype html><html lang="zh"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width"><title>',
        html.escape(info["title"]),
        f"</title><style>{_STYLE}</style></head><body><h1>{html.escape(info['title'])} {html.escape(info['version'])}</h1>",
        _prose(info.get("description", "")),
        '<p><a href="/openapi.json">openapi.json</a></p><nav>',
    ]
    tags = {tag["name"]: tag.get("description", "") for tag in document.get("tags", ())}
    parts += [f'<a href="#{html.escape(name)}">{html.escape(name)}</a>' for name in tags]
    parts.append("</nav>")
    for name, description in tags.items():
        parts.append(f'<h2 id="{html.escape(name)}">{html.escape(description or name)}</h2>')
        parts += [_operation(*one, schemas) for one in _operations(document) if name in one[2].get("tags", ())]
    parts.append("<h2>数据结构 / schemas</h2>")
    parts += [_schema(name, schema) for name, schema in sorted(schemas.items())]
    parts.append("</body></html>")
    return "".join(parts)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def _operation(method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    title = html.escape(operation.get("summary", ""))
    parts = [
        f'<details><summary><span class="m {method}">{method.upper()}</span> <code>{html.escape(path)}</code> {title}</summary>'
    ]
    parts.append(_prose(operation.get("description", "")))
    rows = [
        (one["name"], one["in"], _type(one.get("schema", {})), "✓" if one.get("required") else "", _about(one))
        for one in operation.get("parameters", ())
    ]
    if rows:
        parts.append(_table(("参数", "位置", "类型", "必填", "说明"), rows))
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<p>请求 <code>{html.escape(kind)}</code>: {_type(media.get('schema', {}))}</p>")
        parts.append(_properties(_resolved(media.get("schema", {}), schemas)))
    answers = []
    for status, answer in sorted(operation.get("responses", {}).items()):
        kinds = ", ".join(_type(media.get("schema", {})) for media in answer.get("content", {}).values())
        answers.append((str(status), kinds, html.escape(answer.get("description", ""))))
    parts.append(_table(("状态", "内容", "含义"), answers))
    parts.append("</details>")
    return "".join(parts)


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    found: Mapping[str, Any] = schemas.get(reference.rsplit("/", 1)[1], {}) if reference else schema
    return found


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    about = _prose(schema.get("description", ""))
    shown = html.escape(name)
    return f'<details id="schema-{shown}"><summary><code>{shown}</code></summary>{about}{_properties(schema)}</details>'


def _properties(schema: Mapping[str, Any]) -> str:
    properties = schema.get("properties")
    if not properties:
        return f"<p>{_type(schema)}</p>" if schema else ""
    needed = schema.get("required", ())
    rows = [(name, _type(one), "✓" if name in needed else "", _about(one)) for name, one in properties.items()]
    return _table(("字段", "类型", "必填", "说明"), rows)


def _type(schema: Mapping[str, Any]) -> str:
    """A schema in a few words, as HTML."""
    if "$ref" in schema:
        name = html.escape(schema["$ref"].rsplit("/", 1)[1])
        return f'<a href="#schema-{name}">{name}</a>'
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return " | ".join(_type(one) for one in schema[word])
    if "enum" in schema:
        return html.escape(" | ".join(json.dumps(one, ensure_ascii=False) for one in schema["enum"]))
    if "const" in schema:
        return html.escape(json.dumps(schema["const"], ensure_ascii=False))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"[{_type(schema.get('items', {}))}]"
    return html.escape(f"{kind}({schema['format']})" if "format" in schema else str(kind))


def _about(one: Mapping[str, Any]) -> str:
    schema = one.get("schema", one)
    bounds = {
        name: schema[name] for name in ("minLength", "maxLength", "minimum", "maximum", "pattern", "default") if name in schema
    }
    told = ", ".join(f"{name} {value}" for name, value in bounds.items() if value is not None)
    return " ".join(
        part
        for part in (html.escape(str(one.get("description", ""))), f"<small>{html.escape(told)}</small>" if told else "")
        if part
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{one}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _prose(text: str) -> str:
    return f"<pre>{html.escape(text.strip())}</pre>" if text.strip() else ""
