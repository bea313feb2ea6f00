"""Types of fields that many features share: bounded text, numbers of phones, codes. What does not fit is told in Chinese."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError

from api.kit import messages
from router.organisation import codes

_BREAKS = "\n\r\t"


class Body(BaseModel):
    """Base of request bodies: unknown fields are refused, so that a slip of the pen is no silent loss."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class View(BaseModel):
    """Base of answers."""

    model_config = ConfigDict(from_attributes=True)


def fault(kind: str) -> PydanticCustomError:
    """An error of a field whose text is ``field.<kind>`` in :mod:`api.kit.messages`."""
    return PydanticCustomError(f"hotline.{kind}", messages.ZH[f"field.{kind}"], {"code": f"field.{kind}"})


@dataclass(frozen=True, slots=True)
class Told(AfterValidator):
    """A validator that the document tells of in words of JSON Schema."""

    schema: dict[str, Any] = field(default_factory=dict, compare=False)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), **self.schema}


def _check(kind: str, right: Callable[[str], bool], **schema: Any) -> Told:
    def check(value: str) -> str:
        if not right(value):
            raise fault(kind)
        return value

    return Told(check, schema)


def _form(kind: str, pattern: str) -> Told:
    """The whole text has this form."""
    compiled = re.compile(pattern)
    return _check(kind, lambda value: compiled.fullmatch(value) is not None, pattern=f"^{pattern}$")


def clean(value: str, *, lines: bool) -> bool:
    """No control characters (``lines``: but line breaks and tabs), no surrogates, nothing that turns the direction of writing."""
    for character in value:
        kind = unicodedata.category(character)
        if kind in ("Cc", "Cs") and not (lines and character in _BREAKS):
            return False
        if character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069":
            return False
    return True


_TURNS = r"\u202a-\u202e\u2066-\u2069"
ONE_LINE = _check("control", lambda value: clean(value, lines=False), pattern=rf"^[^\x00-\x1f\x7f-\x9f{_TURNS}]*$")
"""For a field of its own: ``Annotated[str, Field(max_length=64), ONE_LINE, NOT_BLANK]``."""
_LINES = rf"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_TURNS}]*$"
MANY_LINES = _check("control", lambda value: clean(value, lines=True), pattern=_LINES)
NOT_BLANK = _check("blank", lambda value: bool(value.strip()), minLength=1)


STRIP = AfterValidator(str.strip)

Line = Annotated[str, Field(max_length=200), ONE_LINE, NOT_BLANK, STRIP]
"""One line: a title, a name."""
Text = Annotated[str, Field(max_length=4000), MANY_LINES, NOT_BLANK]
"""A reason, an answer, an opinion."""
Words = Annotated[str, Field(max_length=20000), MANY_LINES]
"""What the caller said (诉求内容); may be empty."""
Phone = Annotated[str, Field(max_length=32), _form("phone", r"\+?[0-9][0-9 ()\-]{1,24}")]
"""As people write it; normalised where it is stored."""
Division = Annotated[str, Field(max_length=12), _form("division", "[0-9]{6,12}")]
"""Form of a division code (GB/T 2260, 6 digits and longer); whether it exists is asked elsewhere."""
Id = Annotated[str, Field(max_length=64), _form("id", "[A-Za-z0-9_.:-]{1,64}")]
"""An id of ours or a code."""
Number = Annotated[str, Field(max_length=32), _form("id", "[A-Za-z0-9-]{1,32}")]
"""A number that people read over the phone: of a case, ticket, order."""
Count = Annotated[int, Field(ge=0, le=2_147_483_647)]


_CREDIT_FORM = f"^[{codes.ALPHABET}]{{{codes.LENGTH}}}$"
CreditCode = Annotated[str, Field(max_length=codes.LENGTH), _check("credit_code", codes.is_credit_code, pattern=_CREDIT_FORM)]
"""A unified social credit code (统一社会信用代码, GB 32100-2015), with the check character that belongs to it."""


def _within_calendar(value: dt.datetime) -> dt.datetime:
    if not 1970 <= value.year < 2200:
        raise fault("year")
    return value.astimezone(dt.UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_within_calendar)]
"""A moment with its zone, between 1970 and 2199, as UTC."""
