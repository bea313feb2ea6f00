"""A text as the finders read it: half width, simplified, without what can't be seen; and where each character stood. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_GONE = "\x00"
_TRADITIONAL = dict(
    zip(
        "區縣鎮鄉號樓單棟點時鐘週醫學園廣場橋車電話聯繫繋門對邊間國際機廠館灣島嶺樹蘇雲貴黑龍遼寧陝隸贛滬渝粵瓊閩魯皖鄂晉蒙藏"
        "東過這昨個禮拜後兩幾剛纔現從與們張陳劉楊趙黃吳孫馬許鄭謝韓馮鄧蕭葉蔣賈鄒陸閻潘盧鍾譚賴龔聽說請問處頭層書證",
        "区县镇乡号楼单栋点时钟周医学园广场桥车电话联系系门对边间国际机厂馆湾岛岭树苏云贵黑龙辽宁陕隶赣沪渝粤琼闽鲁皖鄂晋蒙藏"
        "东过这昨个礼拜后两几刚才现从与们张陈刘杨赵黄吴孙马许郑谢韩冯邓萧叶蒋贾邹陆阎潘卢钟谭赖龚听说请问处头层书证",
        strict=True,
    )
)
_DASHES = frozenset("‐‑‒–—―−─﹣－ー~～〜")
_HAN = "\u3400-\u9fff〇"
_GAP = re.compile(f"(?<=[{_HAN}0-9]) +(?=[{_HAN}])|(?<=[{_HAN}]) +(?=[{_HAN}0-9])|{_GONE}+")
_UNSEEN = re.compile(f"{_GONE}+")


class _Table(dict[int, str]):
    """Single characters, folded when they are first met; one character each."""

    def __missing__(self, code: int) -> str:
        folded = _fold(chr(code))
        if len(self) < 20_000:
            self[code] = folded
        return folded


def _fold(character: str) -> str:
    if character in _DASHES:
        return "-"
    kind = unicodedata.category(character)
    if kind in ("Cf", "Mn", "Me") or character == _GONE:
        return _GONE
    if kind in ("Cc", "Zl", "Zp"):
        return " " if character == "\t" else "\n"
    if kind == "Zs":
        return " "
    wide = unicodedata.normalize("NFKC", character)
    if len(wide) != 1 or kind == "No":  # ① before a number is not a digit of it
        return character
    return _TRADITIONAL.get(wide, wide)


_TABLE = _Table()


@dataclass(frozen=True, slots=True)
class Folded:
    """A text as the finders read it."""

    source: str
    text: str
    _at: tuple[int, ...] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where characters ``start`` to ``end`` (not empty) of :attr:`text` stand in the source."""
        return (start, end) if self._at is None else (self._at[start], self._at[end - 1] + 1)


def fold(source: str) -> Folded:
    """Fold any text. What can't be seen is taken out, and the gaps of a text that is written with one between all words."""
    text = source.translate(_TABLE)
    gaps = _GAP if text.count(" ") * 4 > len(text) else _UNSEEN
    kept: list[int] = []
    last = 0
    for gap in gaps.finditer(text):
        kept.extend(range(last, gap.start()))
        last = gap.end()
    if not last:
        return Folded(source, text, None)
    kept.extend(range(last, len(text)))
    return Folded(source, "".join([text[at] for at in kept]), tuple(kept))
