"""Numbers of phones in one form each, so that a caller is recognised however the number was written or sent. Pure.

The form: a mobile number its eleven digits (``13812345678``), a landline its area code and number (``087163123456``), 400 and
800 numbers ten digits, a short number as dialled (``12345``), any other country ``+`` and digits (E.164). An extension stands
behind a hyphen (``087163123456-801``). A landline without area code gets that of the ``city`` if one is given, else it stays as
it is.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import unicodedata
from pathlib import Path

from router.errors import Invalid
from router.organisation import divisions

LONGEST = 40
_LONGEST_URI = 200
_ANONYMOUS = {
    "", "anonymous", "unknown", "private", "unavailable", "restricted", "withheld", "none", "null", "asserted",
    "匿名", "未知", "无", "隐藏", "隐藏号码", "无法显示", "未知号码", "无主叫", "保密",
}  # fmt: skip
_EXTENSION = re.compile(r"(?:转|分机|号|ext[.=]?|x|#|;|:|\s)*(?:转|分机|ext[.=]?|x|#)(?:号|:|\s)*([0-9]{1,6})$", re.IGNORECASE)
_TAIL = re.compile(r"(?<=[0-9])-([0-9]{1,5})$")
_FILLERS = re.compile(r"[\s\-‐‑‒–—―−_.()\[\]·/]+")
_URI = re.compile(r"^(?:sips?|tel):([^@;?]*)[^?]*?(;ext=[0-9]+)?(?:[;?@].*)?$", re.IGNORECASE)
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE = re.compile(r"0(?:10|2[0-9])[1-9][0-9]{6,7}|0[3-9][0-9]{2}[1-9][0-9]{6,7}")
_LOCAL = re.compile(r"[2-9][0-9]{6,7}")
_SERVICE = re.compile(r"[48]00[0-9]{7}")
_SHORT = re.compile(r"[1-9][0-9]{2,5}")
_ABROAD = re.compile(r"\+[1-9][0-9]{6,14}")


class BadNumber(Invalid):
    """Not a number that can be rung."""

    code = "number.invalid"


def normalise(number: str | None, *, city: str = "") -> str | None:
    """The number in its one form; None for a caller who shows none. Raise :class:`BadNumber`.

    ``city`` (GB/T 2260) tells the area code of a landline that was given without.
    """
    text = unicodedata.normalize("NFKC", (number or "")[:_LONGEST_URI]).strip().strip("<>\"'")
    uri = _URI.match(text)
    text = uri.group(1) + (uri.group(2) or "") if uri else text
    if text.strip(" -*").lower() in _ANONYMOUS:
        return None
    if len(text) > LONGEST:
        raise BadNumber(f"电话号码超过{LONGEST}个字符", "请只填写一个号码", field="number")
    text, extension = _split_extension(text)
    plain = _home(_FILLERS.sub("", text))
    found = _canonical(plain, city)
    if found is None:
        raise BadNumber("不是可以拨打的电话号码", "请填写手机号,或者带区号的固定电话,如 0871-63123456", field="number")
    return f"{found}-{extension}" if extension and not found.startswith("+") and len(found) > 6 else found


def _split_extension(text: str) -> tuple[str, str]:
    """The number and its extension; what follows a hyphen is one only behind a whole number (0871-63123456-801)."""
    found = _EXTENSION.search(text)
    if found:
        return text[: found.start()].strip(), found.group(1)
    tail = _TAIL.search(text)
    if tail:
        head = _home(_FILLERS.sub("", text[: tail.start()]))
        whole = _LANDLINE.fullmatch(head) or _MOBILE.fullmatch(head) or _SERVICE.fullmatch(head)
        grouped = _canonical(_home(_FILLERS.sub("", text)), "") is not None
        if whole and not grouped:
            return text[: tail.start()], tail.group(1)
    return text, ""


def _home(text: str) -> str:
    """Without the country code of China, and without the 0 before a mobile number."""
    if text.startswith("00") and len(text) > 8:
        text = "+" + text[2:]
    if text.startswith("+86"):
        rest = text[3:].removeprefix("0")
        if _MOBILE.fullmatch(rest) or _SERVICE.fullmatch(rest) or _SHORT.fullmatch(rest):
            return rest
        return "0" + rest
    if len(text) >= 12 and text.startswith("86") and not _LANDLINE.fullmatch(text):
        rest = text[2:].removeprefix("0")
        return rest if _MOBILE.fullmatch(rest) else "0" + rest
    return text[1:] if text.startswith("0") and _MOBILE.fullmatch(text[1:]) else text


def _canonical(text: str, city: str) -> str | None:
    for shape in (_MOBILE, _LANDLINE, _SERVICE, _SHORT, _ABROAD):
        if shape.fullmatch(text):
            return text
    if _LOCAL.fullmatch(text):
        return area_code(city) + text
    return None


def area_code(city: str) -> str:
    """Area code of a city, e.g. ``0871`` for 530100; empty if the division is not known or has none of its own."""
    if not divisions.known(city):
        return ""
    area = divisions.city_of(city) or ""
    return _area_codes().get(area, "")


@functools.lru_cache(maxsize=1)
def _area_codes() -> dict[str, str]:
    """City to area code, out of the data that jionlp carries (lines such as ``0871 云南/昆明``)."""
    spec = importlib.util.find_spec("jionlp")
    found: dict[str, str] = {}
    for folder in [] if spec is None else spec.submodule_search_locations or ():
        file = Path(folder) / "dictionary" / "landline_phone_area_code.txt"
        if not file.is_file():
            continue
        for line in file.read_text(encoding="utf-8").splitlines():
            code, _, where = line.strip().partition(" ")
            province, _, name = where.partition("/")
            for city in divisions.cities_named(province, name):
                found.setdefault(city, code)
    return found
