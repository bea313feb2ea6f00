"""Telephone numbers as they come in and as the rest of the system knows them. Pure."""

from __future__ import annotations

import re

from telephony.edge import uri
from telephony.edge.message import Message
from telephony.edge.ports import Caller

_MOBILE = re.compile(r"0?(1[3-9]\d{9})")
_ABROAD = re.compile(r"\+|00")
_NO_AREA_CODE = re.compile(r"400\d{7}|800\d{7}|9[56]\d{3,6}|1\d{2,4}|1010\d{4}")
_NAMELESS = {"anonymous", "unknown", "unavailable", "restricted", "private"}


def normal(number: str, country: str = "86") -> str | None:
    """Digits only, without ``+86``/``0086``; a domestic long-distance 0 is kept (or restored) on landlines and dropped
    before a mobile number; other countries' numbers begin with 00. None: this is no telephone number."""
    text = re.sub(r"[-\s.()]", "", number)
    match = _ABROAD.match(text)
    abroad = match is not None
    if match:
        text = text[match.end() :]
    if not text or not (text.isascii() and text.isdigit()) or len(text) > 20:
        return None
    if abroad:
        if not text.startswith(country):
            return "00" + text
        text = text[len(country) :]
    elif text.startswith(country) and _MOBILE.fullmatch(text[len(country) :]):
        text = text[len(country) :]
    if not text:
        return None
    mobile = _MOBILE.fullmatch(text)
    if mobile:
        return mobile[1]
    if abroad and not text.startswith("0") and len(text) >= 9 and not _NO_AREA_CODE.fullmatch(text):
        return "0" + text
    return text


def caller(message: Message, *, trusted: bool, country: str = "86") -> Caller:
    """Who calls, by P-Asserted-Identity if the trunk is trusted for it (RFC 3325) and by From otherwise; the number is None
    if the caller asked to stay unnamed (RFC 3323, ``Privacy: id``) or none is told."""
    privacy = {word.strip().lower() for value in message.all("privacy") for word in value.split(";")}
    if privacy & {"id", "user", "header"}:
        return Caller(None)
    values = message.values("p-asserted-identity") if trusted else []
    values.append(message.get("from") or "")
    for value in values:
        address = uri.address(value)
        found = uri.parse(address.uri) if address else None
        if address is None or found is None:
            continue
        if found.host == "anonymous.invalid" or found.user.lower() in _NAMELESS:
            return Caller(None)
        number = normal(found.user, country)
        if number is not None:
            return Caller(number, "" if address.display.lower() in _NAMELESS else address.display)
    return Caller(None)
