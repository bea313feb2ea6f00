"""What the HTML reports (报告) share: one page without scripts that fetches nothing, its sections and its tables. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_STYLE = """
body{font:15px/1.6 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;color:#1d2733}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem;border-bottom:1px solid #d5dce4}
.figures{display:flex;flex-wrap:wrap;gap:.8rem}.figures div{border:1px solid #d5dce4;border-radius:6px;padding:.5rem 1rem}
.figures b{display:block;font-size:1.4rem}table{border-collapse:collapse;width:100%}
th,td{border-bottom:1px solid #e3e8ee;padding:.25rem .5rem;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}svg{max-width:100%;height:auto}svg text{font-size:12px;fill:#1d2733}
.stable{color:#1f6f3f}.watch{color:#8a5a00}.changed{color:#a3262a}.too-few{color:#5b6773}
"""


def page(title: str, parts: Sequence[str]) -> str:
    """A whole document; ``parts`` are HTML already."""
    return (
        '<!DOCTYPE html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join([f"<h1>{text(title)}</h1>", *parts])
        + "\n</body>\n</html>\n"
    )


def text(value: object) -> str:
    """Any words as HTML; lone surrogates, which no file can hold, as question marks."""
    return escape(str(value).encode("utf-8", "replace").decode("utf-8"))


def section(title: str, content: str) -> str:
    return f"<section>\n<h2>{title}</h2>\n{content}\n</section>"


def table(head: Sequence[str], rows: Sequence[Sequence[object]], numeric: set[int]) -> str:
    """``numeric``: columns that are set to the right."""

    def line(tag: str, values: Sequence[object]) -> str:
        cells = [
            (f'<{tag} class="n">' if at in numeric else f"<{tag}>") + f"{text(value)}</{tag}>" for at, value in enumerate(values)
        ]
        return f"<tr>{''.join(cells)}</tr>"

    return "<table>\n" + "\n".join([line("th", head), *(line("td", row) for row in rows)]) + "\n</table>"
