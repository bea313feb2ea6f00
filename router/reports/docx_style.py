"""How a report looks as an editable document: paper, faces and sizes after the custom of official documents (公文, GB/T 9704).

What python-docx has no call for (Chinese faces, borders, fills) is put in as elements. So are paragraphs and rows, which its
calls make too slowly for long tables. Widths are twentieths of a point; 二号 is 22 points, 三号 16, 小四 12, 五号 10.5, 小五 9.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any

import docx as library
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH as ALIGN
from docx.opc.constants import CONTENT_TYPE
from docx.opc.constants import RELATIONSHIP_TYPE as RELATION
from docx.opc.packuri import PackURI
from docx.opc.part import XmlPart
from docx.oxml.ns import qn
from docx.oxml.parser import OxmlElement
from docx.oxml.table import CT_Row, CT_Tbl, CT_Tc
from docx.oxml.text.paragraph import CT_P
from docx.oxml.text.run import CT_R
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Cm, Mm, Pt, RGBColor, Twips

from router.reports import document as report
from router.reports.words import clean

WIDE = 8844
"""Between the margins: 15.6 cm."""
_SONG, _HEI, _FANG, _KAI, _TITLE = "宋体", "黑体", "仿宋_GB2312", "楷体_GB2312", "方正小标宋简体"
_FALLBACKS = {_SONG: "SimSun", _HEI: "SimHei", _FANG: "仿宋", _KAI: "楷体", _TITLE: "宋体"}
"""What stands in where a machine lacks a face."""
_LINE = Pt(28.95)
_STYLES: tuple[tuple[str, str, float, float, ALIGN, float, float, str], ...] = (
    ("Normal", _FANG, 16, _LINE, ALIGN.JUSTIFY, 0, 0, "indented"),
    ("Title", _TITLE, 22, Pt(34), ALIGN.CENTER, 12, 6, "kept"),
    ("Subtitle", _KAI, 16, 1.0, ALIGN.CENTER, 0, 8, "kept"),
    ("Heading 1", _HEI, 16, _LINE, ALIGN.JUSTIFY, 0, 0, "indented kept"),
    ("Heading 2", _KAI, 16, _LINE, ALIGN.JUSTIFY, 0, 0, "indented kept"),
    ("Caption", _HEI, 12, 1.0, ALIGN.CENTER, 8, 3, "kept"),
    ("Header", _HEI, 10.5, 1.0, ALIGN.RIGHT, 0, 0, ""),
    ("Footer", _SONG, 10.5, 1.0, ALIGN.CENTER, 0, 0, ""),
    ("Report Cell", _SONG, 10.5, 1.0, ALIGN.LEFT, 0, 0, ""),
    ("Report Cell Head", _SONG, 10.5, 1.0, ALIGN.LEFT, 0, 0, "kept"),
    ("Report Small", _SONG, 9, 1.0, ALIGN.LEFT, 0, 0, ""),
    ("Report Small Head", _SONG, 9, 1.0, ALIGN.LEFT, 0, 0, "kept"),
    ("Report Side", _SONG, 10.5, 1.0, ALIGN.LEFT, 0, 0, "inset"),
    ("Report Note", _KAI, 12, Pt(20), ALIGN.JUSTIFY, 8, 8, "inset"),
    ("Report Gap", _SONG, 5, Pt(8), ALIGN.LEFT, 0, 0, ""),
)
"""Name, face, points, line (an exact height, or a multiple), alignment, points before and after, and what else.

Names in English are the ones that every word processor shows in its own language.
"""
_SIDES = ("top", "left", "bottom", "right")
_RED = "8F1D21"
_FILLS = {
    "head": {"val": "clear", "color": "auto", "fill": "E8EDF2"},
    "busy": {"val": "clear", "color": "auto", "fill": "1F5F9F"},
    "late": {"val": "diagStripe", "color": _RED, "fill": "FFFFFF"},
}
_RUN, _TEXT, _BREAK = qn("w:r"), qn("w:t"), qn("w:br")
_LETTER, _TALL = Pt(10.5), 20
"""How wide a Chinese character in a cell is, and how many lines of it surely fit on a page."""


def element(tag: str, *children: BaseOxmlElement, **attributes: str | int) -> Any:
    """An element of WordprocessingML, as the library's class for it; children stand in the schema's order (ECMA-376, part 1)."""
    made = OxmlElement(f"w:{tag}", {qn(f"w:{name}"): str(value) for name, value in attributes.items()})
    made.extend(children)
    return made


def empty() -> Document:
    """A document without a word: A4, the styles, and nothing else of the template that the library begins with."""
    file = library.Document()
    [section] = file.sections
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin, section.left_margin, section.right_margin = Cm(3.7), Cm(3.5), Cm(2.8), Cm(2.6)
    section.header_distance = section.footer_distance = Cm(2)
    package = file.part.package
    kept = (RELATION.OFFICE_DOCUMENT, RELATION.CORE_PROPERTIES, RELATION.STYLES, RELATION.SETTINGS)
    for relations in (package.rels, file.part.rels):
        for key in [key for key, one in relations.items() if one.reltype not in kept]:
            del relations[key]
    fonts = (
        element("font", element("altName", val=other), element("charset", val="86"), name=name)
        for name, other in _FALLBACKS.items()
    )
    part = XmlPart(PackURI("/word/fontTable.xml"), CONTENT_TYPE.WML_FONT_TABLE, element("fonts", *fonts), package)
    file.part.relate_to(part, RELATION.FONT_TABLE)
    mode = element("compatSetting", name="compatibilityMode", uri="http://schemas.microsoft.com/office/word", val=15)
    file.settings.element[:] = [
        element("zoom", percent=100),
        element("defaultTabStop", val=420),
        element("characterSpacingControl", val="compressPunctuation"),
        element("compat", element("useFELayout"), mode),
        element("themeFontLang", val="en-US", eastAsia="zh-CN"),
    ]
    _styles(file.styles)
    return file


def _styles(styles: Any) -> None:
    known = styles.element
    for style in known.style_lst:
        if not style.default:
            known.remove(style)
    language = element("lang", val="en-US", eastAsia="zh-CN", bidi="ar-SA")
    known[0] = element("docDefaults", element("rPrDefault", element("rPr", language)), element("pPrDefault"))
    for look in _STYLES:
        _style(styles, *look)
    for level in (0, 1):
        styles[f"Heading {level + 1}"].element.pPr.append(element("outlineLvl", val=level))
    note = styles["Report Note"]
    note.paragraph_format.keep_together = True
    note.element.pPr.spacing.addprevious(element("pBdr", *(edge(side, 6, "808080", 4) for side in _SIDES)))
    _ruled(styles, "Report Table", 85, [edge(side, 4, "606060") for side in (*_SIDES, "insideH", "insideV")])
    between = edge("insideH", 36, "FFFFFF")
    _ruled(styles, "Report Drawing", 0, [edge("top", 4, "606060"), edge("bottom", 4, "606060"), between])


def _style(
    styles: Any, name: str, face: str, size: float, line: float, align: ALIGN, before: float, after: float, more: str
) -> None:
    if name == "Normal":
        style = styles[name]
    else:
        style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH, builtin=not name.startswith("Report"))
        style.style_id, style.base_style = name.replace(" ", ""), styles["Normal"]
    style.quick_style = True
    look, font, indented = style.paragraph_format, style.font, "indented" in more
    look.space_before, look.space_after, look.line_spacing, look.alignment = Pt(before), Pt(after), line, align
    look.first_line_indent = Pt(2 * size) if indented else 0
    style.element.pPr.ind.set(qn("w:firstLineChars"), "200" if indented else "0")
    if "kept" in more:
        look.keep_with_next = look.keep_together = True
    if "inset" in more:
        look.left_indent = look.right_indent = Mm(1.5)
    font.name, font.size, font.color.rgb = "Times New Roman", Pt(size), RGBColor(0, 0, 0)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), face)
    style.element.rPr.sz.addnext(element("szCs", val=int(2 * size)))


def _ruled(styles: Any, name: str, aside: int, edges: Sequence[BaseOxmlElement]) -> None:
    """A style of tables by its lines, and by the room to the left and right of the words in a cell."""
    style = styles.add_style(name, WD_STYLE_TYPE.TABLE)
    style.base_style = styles["Normal Table"]
    margins = (element(side, w=wide, type="dxa") for side, wide in zip(_SIDES, (34, aside, 34, aside), strict=True))
    style.element.append(element("tblPr", element("tblBorders", *edges), element("tblCellMar", *margins)))


def edge(side: str, thick: int, colour: str, space: int = 0) -> Any:
    """A line ``thick`` eighths of a point."""
    return element(side, val="single", sz=thick, space=space, color=colour)


def run(words: report.Cell, *, bold: bool = False) -> CT_R:
    """Text in one face, in bold and framed if it is a mark; its line feeds become line breaks, tabs become spaces."""
    mark = isinstance(words, report.Mark)
    heavy = [element("b"), element("bCs")] if bold or mark else []
    framed = [element("color", val=_RED), edge("bdr", 4, _RED)] if mark else []
    look = element("rPr", element("rFonts", hint="eastAsia"), *heavy, *framed)  # the hint: quotation marks in the Chinese face
    made: CT_R = element("r", look)
    _say(made, words)
    return made


def _say(made: CT_R, words: report.Cell) -> None:
    text = clean(words.text if isinstance(words, report.Mark) else words).replace("\t", " ")
    for number, line in enumerate(text.split("\n")):
        if number:
            made.add_br()
        if line:
            made.add_t(line)


def paragraph(words: report.Cell, style: str = "Normal", align: report.Align = "left", *, bold: bool = False) -> CT_P:
    """A paragraph; the style is told by its id, which is its name without spaces, and aligns what isn't aligned otherwise."""
    aside = [] if align == "left" else [element("jc", val="center" if align == "centre" else align)]
    made: CT_P = element("p", element("pPr", element("pStyle", val=style), *aside), run(words, bold=bold))
    return made


def cell(
    wide: int,
    words: report.Cell = "",
    align: report.Align = "left",
    style: str = "ReportCell",
    *,
    bold: bool = False,
    fill: str = "",
    across: int = 1,
) -> CT_Tc:
    """A cell over some columns; what is filled as a ``head`` is in bold."""
    over = [element("gridSpan", val=across)] if across > 1 else []
    shade = [element("shd", **_FILLS[fill])] if fill else []
    look = element("tcPr", element("tcW", w=wide, type="dxa"), *over, *shade, element("vAlign", val="center"))
    made: CT_Tc = element("tc", look, paragraph(words, style, align, bold=bold or fill == "head"))
    return made


def filled(pattern: Sequence[CT_Tc], line: Sequence[report.Cell]) -> list[CT_Tc]:
    """Copies of the cells of a row, with other words: several times as fast as new ones."""
    cells = [deepcopy(one) for one in pattern]
    for made, words in zip(cells, line, strict=True):
        [old] = made.iter(_RUN)
        if isinstance(words, report.Mark):
            made.p_lst[0].replace(old, run(words))
        else:
            _say(old, words)
    return cells


def row(cells: Sequence[CT_Tc], *, head: bool = False) -> CT_Row:
    """A row that the end of a page doesn't cut, unless it is high; ``head``: it is said again on each page."""
    kept = [element("cantSplit")] if all(map(_low, cells)) else []
    made: CT_Row = element("tr", element("trPr", *kept, *([element("tblHeader")] if head else [])), *cells)
    return made


def _low(made: CT_Tc) -> bool:
    letters, breaks = sum(len(one.text or "") for one in made.iter(_TEXT)), sum(1 for _ in made.iter(_BREAK))
    return letters + breaks <= _TALL or letters * _LETTER / (made.width or _LETTER) + breaks <= _TALL


def grid(widths: Sequence[int], rows: Iterable[CT_Row], style: str = "ReportTable") -> CT_Tbl:
    """A table whose columns are just so wide."""
    made = CT_Tbl.new_tbl(0, len(widths), Twips(sum(widths)))
    look = made.tblPr
    look.style, look.alignment, look.autofit = style, WD_TABLE_ALIGNMENT.CENTER, False
    for column, wide in zip(made.tblGrid.gridCol_lst, widths, strict=True):
        column.w = Twips(wide)
    made.extend(rows)
    return made
