"""Reads a few headers out of a SIP message as text: what a robot reports of the calls that reach it (RFC 3261 7.3)."""

from __future__ import annotations

import re

_KEPT = {"p-asserted-identity", "reason", "retry-after", "warning", "alert-info", "diversion", "subject"}
_COMPACT = {"f": "from", "t": "to", "m": "contact", "i": "call-id", "r": "refer-to", "b": "referred-by", "s": "subject"}
_ADDRESS = re.compile(r'^\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^<"]*?))\s*<(?P<uri>[^>]*)>')
_USER = re.compile(r"^\s*(?:sips?|tel):(?:(?P<user>[^@;>]*)@)?(?P<rest>[^;>]*)", re.IGNORECASE)


def headers(message: str) -> list[tuple[str, str]]:
    """All headers in order, names as they came (compact ones written out), folded lines joined."""
    head = message.replace("\r\n", "\n").split("\n\n", 1)[0]
    found: list[tuple[str, str]] = []
    for line in head.split("\n")[1:]:
        if line[:1] in (" ", "\t") and found:
            name, value = found[-1]
            found[-1] = (name, f"{value} {line.strip()}")
        elif ":" in line:
            name, value = line.split(":", 1)
            name = name.strip()
            found.append((_COMPACT.get(name.lower(), name), value.strip()))
    return found


def header(message: str, name: str) -> str:
    """The first header of that name, or an empty string."""
    return next((value for key, value in headers(message) if key.lower() == name.lower()), "")


def interesting(message: str) -> dict[str, str]:
    """Own headers (``X-…``) and the few standard ones worth reporting, by the name under which they came."""
    return {key: value for key, value in headers(message) if key.lower().startswith("x-") or key.lower() in _KEPT}


def user(uri: str) -> str:
    """User part of a SIP URI, or the number of a tel URI."""
    match = _USER.match(uri)
    if not match:
        return ""
    return match["user"] or (match["rest"] if uri.strip().lower().startswith("tel:") else "")


def address(value: str) -> tuple[str, str]:
    """User part and display name of a From, To or Contact header."""
    match = _ADDRESS.match(value)
    if not match:
        return user(value), ""
    display = match["quoted"] if match["quoted"] is not None else match["plain"] or ""
    return user(match["uri"]), re.sub(r"\\(.)", r"\1", display).strip()


def start_line(message: str) -> list[str]:
    """The three words of a request or status line (missing ones empty)."""
    words = message.split("\n", 1)[0].strip().split(" ", 2)
    return words + [""] * (3 - len(words))
