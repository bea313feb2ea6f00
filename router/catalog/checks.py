"""What must hold between the parts of a catalog: codes well shaped, everything named exists, nothing goes in a circle. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from config.documents import KeyPath
from router.catalog.model import Catalog, Item

SERVICES = ("110", "119", "120", "122", "utility")
OF_SIDES = ("field", "first", "guidance")
"""Keys of an item whose rightness depends on its scope."""
FIELDS = ("经济调节", "市场监管", "社会管理", "公共服务", "生态环境保护")
"""云政办发〔2022〕73号 二(一)."""
SHAPES = {
    "items": (re.compile(r"[A-Z]{2}-[0-9]{3,5}"), "两个大写字母、连字符、三至五位数字,如 SX-001"),
    "classes": (re.compile(r"[0-9]{2}|[0-9]{4}"), "两位或者四位数字,如 15、1501"),
    "rules": (re.compile(r"[A-Z]{2}-[0-9]{2,4}"), "两个大写字母、连字符、两至四位数字,如 JC-01"),
    "guidance": (re.compile(r"[A-Z]{2}-[0-9]{2,4}"), "两个大写字母、连字符、两至四位数字,如 YD-01"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that doesn't fit, at a key."""

    path: KeyPath
    what: str
    remedy: str


def check(catalog: Catalog) -> Sequence[Finding]:
    """Everything that doesn't fit together."""
    return [*_codes(catalog), *_items(catalog), *_classes(catalog), *_rules(catalog), *_replacements(catalog)]


def _codes(catalog: Catalog) -> Iterator[Finding]:
    sections: dict[str, Mapping[str, object]] = {
        "items": catalog.items,
        "classes": catalog.classes,
        "rules": catalog.rules,
        "guidance": catalog.guidance,
    }
    for section, entries in sections.items():
        shape, words = SHAPES[section]
        for code in entries:
            if not shape.fullmatch(code):
                yield Finding((section, code), f"编码 {code!r} 不合规则", f"编码是{words}")
    if not catalog.items:
        yield Finding(("items",), "一个事项也没有", "至少写一个事项")


def _items(catalog: Catalog) -> Iterator[Finding]:
    names: dict[str, str] = {}
    for code, item in catalog.items.items():
        path: KeyPath = ("items", code)
        if item.name in names and not item.replaced_by:
            yield Finding((*path, "name"), f"“{item.name}”与 {names[item.name]} 同名", "换一个名称,或者合并两个事项")
        names.setdefault(item.name, code)
        yield from _sides(item, path)
        for index, kind in enumerate(item.agencies):
            if catalog.agency_kinds and kind not in catalog.agency_kinds:
                yield Finding((*path, "agencies", index), f"没有承办类型“{kind}”", "在 agency_kinds 中增加,或者改用已有的类型")
        for index, boundary in enumerate(item.boundaries):
            if boundary.police_class not in catalog.classes:
                yield Finding(
                    (*path, "boundaries", index, "police_class"),
                    f"没有警情类别 {boundary.police_class!r}" if boundary.police_class else "缺少警情类别",
                    "写 classes 中已有的编码",
                )
        if item.guidance and item.guidance not in catalog.guidance:
            yield Finding((*path, "guidance"), f"没有引导话术 {item.guidance}", "写 guidance 中已有的编码")


def _sides(item: Item, path: KeyPath) -> Iterator[Finding]:
    if item.scope in ("12345", "both") and item.field not in FIELDS:
        yield Finding((*path, "field"), f"{item.field!r} 不是五个领域之一", f"可选:{'、'.join(FIELDS)}")
    if item.scope not in ("12345", "both") and item.field:
        yield Finding((*path, "field"), "不属于12345的事项没有领域", "去掉 field")
    if item.scope == "neither" and not item.guidance:
        yield Finding((*path, "guidance"), "双方都不受理的事项要有引导话术", "写 guidance 中的编码")
    if item.scope in ("110", "12345") and item.first != item.scope:
        yield Finding((*path, "first"), f"归{item.scope}的事项不能由{item.first}首接", f"写 {item.scope},或者把 scope 改为 both")


def _classes(catalog: Catalog) -> Iterator[Finding]:
    for code, entry in catalog.classes.items():
        path: KeyPath = ("classes", code)
        if len(code) == 4 and code[:2] not in catalog.classes:
            yield Finding(path, f"没有大类 {code[:2]}", "先写大类")
        if entry.lead != "110" and entry.kind == "dispatch":
            yield Finding((*path, "kind"), f"由{entry.lead}主责的警单不是派警", "写 assist(协助)或者 inform(知会)")


def _rules(catalog: Catalog) -> Iterator[Finding]:
    for code, rule in catalog.rules.items():
        path: KeyPath = ("rules", code)
        for index, item in enumerate(rule.items):
            if item not in catalog.items:
                yield Finding((*path, "items", index), f"没有事项 {item}", "写 items 中已有的编码")
        if (rule.triggers or rule.always or rule.first == "110") and not rule.police_class:
            yield Finding((*path, "police_class"), "会派警的规则要有警情类别", "写 classes 中的编码")
        if rule.police_class and rule.police_class not in catalog.classes:
            yield Finding((*path, "police_class"), f"没有警情类别 {rule.police_class}", "写 classes 中已有的编码")
        if rule.first == "guide" and not rule.guidance:
            yield Finding((*path, "guidance"), "引导解释的规则要有引导话术", "写 guidance 中的编码")
        if rule.guidance and rule.guidance not in catalog.guidance:
            yield Finding((*path, "guidance"), f"没有引导话术 {rule.guidance}", "写 guidance 中已有的编码")


def _replacements(catalog: Catalog) -> Iterator[Finding]:
    for code, item in catalog.items.items():
        if not item.replaced_by:
            continue
        path: KeyPath = ("items", code, "replaced_by")
        seen = {code}
        following: Item | None = item
        while following is not None and following.replaced_by:
            if following.replaced_by in seen:
                yield Finding(path, "相互替代,绕成了圈", "最后一个事项不能再被替代")
                break
            seen.add(following.replaced_by)
            missing = following.replaced_by
            following = catalog.items.get(missing)
            if following is None:
                yield Finding(path, f"没有事项 {missing}", "写 items 中已有的编码")
