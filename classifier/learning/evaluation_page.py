"""A report of a model's figures as one HTML page (评估报告): charts as inline SVG, nothing fetched from elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from classifier.learning import paper

_ROWS = 60
"""Labels that are drawn; a city may have hundreds, and the rarest say little."""
_LONG = 300
"""Characters of a text that are shown."""


def page(found: Mapping[str, Any]) -> str:
    """The report of what :func:`classifier.learning.evaluation.evaluate` found."""
    title = f"模型评估报告:{found.get('model', '')}"
    parts = [
        f"<p>评估数据:{paper.text(found.get('data', ''))},共 {paper.text(found['texts'])} 条"
        + (f",另有 {paper.text(found['left_out'])} 条缺少文本或标签,未计入" if found.get("left_out") else "")
        + "。</p>",
        paper.section("总体指标", _headline(found)),
    ]
    if "urgent" in found:
        parts.append(paper.section("紧急警情识别", _urgent(found["urgent"])))
    parts += [
        paper.section("各类别 F1 值与样本数", _bars(found["per_class"])),
        paper.section("可靠性曲线(置信度与实际正确率)", _reliability(found.get("reliability", ()))),
        paper.section("主要混淆", _confusion(found["confusion"])),
        paper.section("最有把握却判错的文本", _worst(found["worst"])),
    ]
    return paper.page(title, parts)


def _boxes(figures: Iterable[tuple[str, str]]) -> str:
    return '<div class="figures">' + "".join(f"<div>{name}<b>{paper.text(value)}</b></div>" for name, value in figures) + "</div>"


def _share(value: float | None) -> str:
    return "无" if value is None else f"{value:.1%}"


def _headline(found: Mapping[str, Any]) -> str:
    return _boxes(
        [
            ("准确率", _share(found["accuracy"])),
            ("宏平均 F1", f"{found['macro_f1']:.3f}"),
            ("前三命中率", _share(found["top_3_accuracy"])),
            ("校准误差(ECE)", f"{found['calibration_error']:.3f}"),
        ]
    )


def _urgent(urgent: Mapping[str, Any]) -> str:
    return _boxes(
        [
            ("紧急文本", f"{urgent['urgent']} / {urgent['texts']}"),
            ("报出", str(urgent["alarms"])),
            ("召回率", _share(urgent["recall"])),
            ("精确率", _share(urgent["precision"])),
        ]
    )


def _bars(per_class: Mapping[str, Mapping[str, Any]]) -> str:
    ranked = sorted(per_class.items(), key=lambda one: (-one[1]["support"], one[0]))
    drawn = ranked[:_ROWS]
    left, wide, row = 180, 420, 22
    lines = [f'<svg viewBox="0 0 {left + wide + 150} {row * len(drawn) + 8}" role="img" aria-label="各类别 F1 值">']
    for at, (name, one) in enumerate(drawn):
        top = at * row + 4
        lines.append(
            f'<text x="{left - 8}" y="{top + 14}" text-anchor="end">{paper.text(_cut(name, 13))}'
            f"<title>{paper.text(name)}</title></text>"
            f'<rect x="{left}" y="{top + 3}" width="{wide}" height="{row - 8}" fill="#eef2f6"/>'
            f'<rect x="{left}" y="{top + 3}" width="{one["f1"] * wide:.1f}" height="{row - 8}" fill="#2f6fb3"/>'
            f'<text x="{left + wide + 8}" y="{top + 14}">{one["f1"]:.3f}({one["support"]} 条)</text>'
        )
    more = f"<p>另有 {len(ranked) - len(drawn)} 个样本更少的类别未画出。</p>" if len(ranked) > len(drawn) else ""
    return "\n".join([*lines, "</svg>"]) + more


def _reliability(bins: Sequence[Mapping[str, Any]]) -> str:
    if not bins:
        return "<p>没有可画的数据。</p>"
    side, edge = 320, 40

    def place(x: float, y: float) -> tuple[float, float]:
        return edge + x * side, edge / 2 + (1 - y) * side

    most = max(one["texts"] for one in bins)
    points = [place(one["sure"], one["right"]) for one in bins]
    (x1, y1), (x2, y2) = place(0, 0), place(1, 1)
    lines = [
        f'<svg viewBox="0 0 {side + 2 * edge} {side + 2 * edge}" width="{side + 2 * edge}" role="img" aria-label="可靠性曲线">',
        f'<rect x="{edge}" y="{edge / 2}" width="{side}" height="{side}" fill="none" stroke="#c5ced8"/>',
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#9aa7b4" stroke-dasharray="4 4"/>',
        '<polyline fill="none" stroke="#2f6fb3" stroke-width="2" points="'
        + " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        + '"/>',
    ]
    for (x, y), one in zip(points, bins, strict=True):
        lines.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 + 6 * (one["texts"] / most) ** 0.5:.1f}" fill="#2f6fb3" fill-opacity="0.7">'
            f"<title>置信度 {one['sure']:.2f},正确率 {one['right']:.2f},{one['texts']} 条</title></circle>"
        )
    foot = edge / 2 + side
    lines += [
        f'<text x="{edge}" y="{foot + 16}">0</text><text x="{edge + side}" y="{foot + 16}" text-anchor="end">1</text>',
        f'<text x="{edge + side / 2}" y="{foot + 32}" text-anchor="middle">模型置信度(圆越大样本越多)</text>',
        f'<text x="14" y="{edge / 2 + side / 2}" text-anchor="middle" transform="rotate(-90 14 {edge / 2 + side / 2})">'
        "实际正确率</text>",
        "</svg>",
    ]
    return "\n".join(lines)


def _confusion(confused: Sequence[Mapping[str, Any]]) -> str:
    if not confused:
        return "<p>没有判错的文本。</p>"
    return paper.table(("应为", "判为", "条数"), [(one["label"], one["said"], one["texts"]) for one in confused], numeric={2})


def _worst(worst: Sequence[Mapping[str, Any]]) -> str:
    if not worst:
        return "<p>没有判错的文本。</p>"
    rows = [(_cut(one["text"], _LONG), one["label"], one["said"], f"{one['score']:.2f}") for one in worst]
    return paper.table(("文本", "应为", "判为", "置信度"), rows, numeric={3})


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else words[:most] + "…"
