"""What the drawn charts share: a drawing with title and description, its texts, and a legend above it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from router.reports.words import clean, width

WIDE = 720
"""Width of a drawing; as all lengths here, in units of its view box. In print one is 0.8 of a CSS pixel."""
EM = 13.0
"""Size of the text."""
LINE = 18
"""From one line of text to the next."""
PANEL = 640
"""A drawing is no higher: what is higher goes on in another, since print can't break inside one."""
INK, FAINT, BLUE, RED = "#1a2129", "#b6c0cb", "#1f5f9f", "#a3262a"


def safe(text: str) -> str:
    """Any text as HTML."""
    return escape(clean(text))


def text(x: float, y: float, words: str, anchor: str = "start", *, bold: bool = False) -> str:
    """One line of text whose base line is at ``y``."""
    heavy = ' font-weight="700"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{heavy} paint-order="stroke" stroke="#fff" stroke-width="3">'
        f"{safe(words)}</text>"
    )


def lines(x: float, middle: float, words: Sequence[str], anchor: str = "start", *, bold: bool = False) -> str:
    """Lines of text with their middle at ``middle``."""
    first = middle + 5 - (len(words) - 1) * LINE / 2
    return "".join(text(x, first + at * LINE, one, anchor, bold=bold) for at, one in enumerate(words))


def drawing(name: str, title: str, about: str, height: float, parts: Iterable[str]) -> str:
    """A drawing; ``name`` is unique in the page, ``about`` tells those who don't see it what it shows."""
    return (
        f'<svg viewBox="0 0 {WIDE} {height:.0f}" font-size="{EM:.0f}" fill="{INK}"'
        f' role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{safe(title)}</title><desc id="{name}-d">{safe(about)}</desc>'
        f'<defs><pattern id="{name}-h" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="6" height="6" fill="#fff"/><rect width="3.5" height="6" fill="{RED}"/></pattern></defs>'
        + "".join(parts)
        + "</svg>"
    )


def hatched(name: str, x: float, y: float, wide: float, high: float) -> str:
    """A bar that stands out without colour, too."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(wide, 1):.1f}" height="{high:.1f}" fill="url(#{name}-h)"'
        f' stroke="{RED}" stroke-width="1"/>'
    )


def plain(_name: str, x: float, y: float, wide: float, high: float) -> str:
    """A bar as most are."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(wide, 1):.1f}" height="{high:.1f}" fill="{BLUE}"/>'


def line(x1: float, y1: float, x2: float, y2: float, *, stroke: str = FAINT, dash: str = "", thick: float = 1) -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" stroke-width="{thick:g}"{dashed}/>'


def legend(entries: Sequence[tuple[str, str]], left: float = 4) -> tuple[list[str], float]:
    """Samples with their names from the left, going on in new rows, and the height that they take.

    A sample is drawn in a box of 26 by 12 with its corner at 0,0.
    """
    parts, x, y = [], left, 4.0
    for sample, name in entries:
        wide = 34 + width(name) * EM + 20
        if x > left and x + wide > WIDE:
            x, y = left, y + LINE + 4
        parts.append(f'<g transform="translate({x:.1f} {y:.1f})">{sample}{text(34, 11, name)}</g>')
        x += wide
    return parts, (y + LINE + 6 if entries else 4)


def panels(heights: Sequence[float], most: float) -> list[range]:
    """Which rows stand together in a drawing, so that none is higher than ``most``."""
    found, first, high = [], 0, 0.0
    for at, one in enumerate(heights):
        if at > first and high + one > most:
            found.append(range(first, at))
            first, high = at, 0.0
        high += one
    return [*found, range(first, len(heights))]
