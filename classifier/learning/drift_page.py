"""The drift report as one HTML page (漂移报告): charts as inline SVG, nothing fetched from elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from classifier.learning import paper
from classifier.learning.drift import CHANGED, READINGS, STABLE
from classifier.verdict import ROUTES

_COLOURS = ("#a3262a", "#d97b29", "#8a5fb0", "#3b8a86", "#2f6fb3", "#8fa3b8", "#c9cfd6")
"""Of the routes, in the order of :data:`classifier.verdict.ROUTES`."""
_WIDE, _HIGH, _EDGE = 560, 200, 56


def page(found: Mapping[str, Any]) -> str:
    """The report of what :func:`classifier.learning.drift.report` found."""
    title = f"模型漂移报告:{'、'.join(found['models'])}"
    weeks: Sequence[Mapping[str, Any]] = found["weeks"]
    parts = [
        _summary(found),
        paper.section("事项分布稳定性指数(PSI),与训练数据相比", _psi(weeks)),
        paper.section("每周各去向占比", _routes(weeks, found["trained_on"]["routes"])),
        paper.section("每周紧急、无法判断与人工改判占比", _rates(weeks)),
        paper.section("每周指标", _weekly(weeks)),
        paper.section("变化最大的事项", _moved(found["moved"])),
        paper.section("按事项的人工改判", _overruled(found["overruled_by_item"], "事项")),
        paper.section("按模型版本的人工改判", _overruled(found["overruled_by_model"], "模型版本")),
    ]
    return paper.page(title, parts)


def _percent(value: float | None) -> str:
    return "—" if value is None else f"{value:.1%}"


def _summary(found: Mapping[str, Any]) -> str:
    trained = found["trained_on"]
    said = [f"<p>共判断 {found['texts']} 条,训练数据 {trained['texts']} 条({paper.text(trained['what'])})。</p>"]
    for what, name in (("items", "事项分布"), ("agencies", "承办单位分布")):
        one = found[what]
        if one is not None:
            said.append(
                f'<p>{name}:PSI {one["psi"]:.3f},<strong class="{one["reading"]}">{READINGS[one["reading"]]}</strong>'
                f"(样本量本身约带来 {one['by_chance']:.3f};"
                f"低于 {STABLE} 稳定,{STABLE}–{CHANGED} 需关注,高于 {CHANGED} 已变化)。</p>"
            )
    if found["items"] is None:
        said.append("<p>事项分布无从比较:模型卡没有说明训练数据的分布,或这几周没有判断过文本。</p>")
    return "\n".join(said)


def _days(week: Mapping[str, Any]) -> str:
    return str(week["from"])[5:10]


def _frame(label: str, most: float, form: Callable[[float], str], weeks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Axes of a chart by week: the value's scale, and the day each week begins."""
    lines = [f'<svg viewBox="0 0 {_WIDE + 2 * _EDGE} {_HIGH + 48}" role="img" aria-label="{label}">']
    for at in range(5):
        y = 12 + _HIGH - at * _HIGH / 4
        lines.append(
            f'<line x1="{_EDGE}" y1="{y:.1f}" x2="{_EDGE + _WIDE}" y2="{y:.1f}" stroke="#e3e8ee"/>'
            f'<text x="{_EDGE - 6}" y="{y + 4:.1f}" text-anchor="end">{form(most * at / 4)}</text>'
        )
    every = max(1, len(weeks) // 12)
    for at, week in enumerate(weeks):
        if at % every == 0:
            lines.append(f'<text x="{_x(at, len(weeks)):.1f}" y="{_HIGH + 30}" text-anchor="middle">{_days(week)}</text>')
    return lines


def _x(at: int, many: int) -> float:
    return _EDGE + (at + 0.5) * _WIDE / many


def _y(value: float, most: float) -> float:
    return 12 + _HIGH - min(value, most) / most * _HIGH


def _line(values: Sequence[float | None], most: float, colour: str, form: Callable[[float], str]) -> str:
    points = [(_x(at, len(values)), _y(value, most), value) for at, value in enumerate(values) if value is not None]
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"><title>{form(v)}</title></circle>' for x, y, v in points
    )
    return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{drawn}"/>{dots}'


def _psi(weeks: Sequence[Mapping[str, Any]]) -> str:
    values = [week["against_training"]["psi"] if week["against_training"] else None for week in weeks]
    known = [value for value in values if value is not None]
    if not known:
        return "<p>没有可画的数据。</p>"
    most = max(2 * CHANGED, max(known) * 1.1)
    lines = _frame("每周 PSI", most, lambda value: f"{value:.2f}", weeks)
    for limit, colour in ((STABLE, "#d9a441"), (CHANGED, "#a3262a")):
        y = _y(limit, most)
        lines.append(
            f'<line x1="{_EDGE}" y1="{y:.1f}" x2="{_EDGE + _WIDE}" y2="{y:.1f}" stroke="{colour}" stroke-dasharray="5 4"/>'
        )
    return "\n".join([*lines, _line(values, most, "#2f6fb3", lambda value: f"{value:.3f}"), "</svg>"])


def _routes(weeks: Sequence[Mapping[str, Any]], trained: Mapping[str, float]) -> str:
    shown = [("训练", trained), *((_days(week), week["routes"]) for week in weeks)]
    shown = [one for one in shown if one[1]]
    if not shown:
        return "<p>没有可画的数据。</p>"
    row = 26
    lines = [f'<svg viewBox="0 0 {_WIDE + 2 * _EDGE} {row * len(shown) + 34}" role="img" aria-label="去向占比">']
    for at, (name, shares) in enumerate(shown):
        lines.append(f'<text x="{_EDGE - 6}" y="{at * row + 17}" text-anchor="end">{paper.text(name)}</text>')
        x = float(_EDGE)
        for route, colour in zip(ROUTES, _COLOURS, strict=True):
            wide = shares.get(route, 0.0) * _WIDE
            if wide > 0:
                lines.append(
                    f'<rect x="{x:.1f}" y="{at * row + 3}" width="{wide:.1f}" height="{row - 6}" fill="{colour}">'
                    f"<title>{route} {shares[route]:.1%}</title></rect>"
                )
            x += wide
    return "\n".join([*lines, _legend(zip(ROUTES, _COLOURS, strict=True), row * len(shown) + 12), "</svg>"])


def _legend(names: Any, y: float) -> str:
    return "".join(
        f'<rect x="{_EDGE + at * 84}" y="{y}" width="12" height="12" fill="{colour}"/>'
        f'<text x="{_EDGE + at * 84 + 16}" y="{y + 11}">{name}</text>'
        for at, (name, colour) in enumerate(names)
    )


def _rates(weeks: Sequence[Mapping[str, Any]]) -> str:
    drawn = (("urgent", "紧急", "#a3262a"), ("unsure", "无法判断", "#8fa3b8"), ("overruled", "人工改判", "#2f6fb3"))
    known = [week[key] for week in weeks for key, _, _ in drawn if week[key] is not None]
    if not known:
        return "<p>没有可画的数据。</p>"
    most = max(0.04, max(known) * 1.1)
    lines = _frame("每周占比", most, lambda value: f"{value:.1%}", weeks)
    lines += [_line([week[key] for week in weeks], most, colour, lambda value: f"{value:.1%}") for key, _, colour in drawn]
    return "\n".join([*lines, _legend(((name, colour) for _, name, colour in drawn), _HIGH + 36), "</svg>"])


def _weekly(weeks: Sequence[Mapping[str, Any]]) -> str:
    head = ("起始日", "条数", "PSI(训练)", "读数", "PSI(上周)", "平均置信度", "未登录特征")
    rows = []
    for week in weeks:
        then, before = week["against_training"], week["against_week_before"]
        rows.append(
            (
                str(week["from"])[:10],
                week["texts"],
                f"{then['psi']:.3f}" if then else "—",
                READINGS[then["reading"]] if then else "—",
                f"{before['psi']:.3f}" if before else "—",
                "—" if week["confidence"] is None else f"{week['confidence']:.2f}",
                _percent(week["unknown_terms"]),
            )
        )
    return paper.table(head, rows, {1, 2, 4, 5, 6})


def _moved(moved: Sequence[Mapping[str, Any]]) -> str:
    rows = [(one["item"], one["name"], _percent(one["trained"]), _percent(one["now"]), f"{one['adds']:.3f}") for one in moved]
    return paper.table(("事项", "名称", "训练占比", "近期占比", "对 PSI 的贡献"), rows, {2, 3, 4}) if rows else "<p>没有。</p>"


def _overruled(rows: Sequence[Mapping[str, Any]], what: str) -> str:
    shown = [(one["label"] or "无", one["name"], one["texts"], one["overruled"], _percent(one["rate"])) for one in rows]
    return paper.table((what, "名称", "条数", "改判", "改判率"), shown, {2, 3, 4}) if shown else "<p>没有。</p>"
