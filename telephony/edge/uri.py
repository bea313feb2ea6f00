"""SIP, SIPS and tel URIs (RFC 3261 19.1, RFC 3966), and addresses as they stand in From, To, Contact and Route."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

_SIP = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[^@]*)@)?(?P<host>\[[0-9a-f:.]+\]|[^\[\]:;?@\s<>\"]+)(?::(?P<port>\d{1,5}))?"
    r"(?P<params>;[^?\s]*)?(?:\?(?P<headers>\S*))?",
    re.IGNORECASE,
)
_TEL = re.compile(r"tel:(?P<number>[^;\s<>\"]+)(?P<params>;\S*)?", re.IGNORECASE)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):\S")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*<([^<>]*)>(.*)', re.DOTALL)
_PLAIN = re.compile(r'([^"<>]*)<([^<>]*)>(.*)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI in its parts. ``user`` is unescaped and without parameters or password; ``host`` is in lower case, IPv6
    without brackets; ``port`` is None where none is written. Other schemes have the scheme alone."""

    scheme: str
    user: str = ""
    host: str = ""
    port: int | None = None
    params: tuple[tuple[str, str | None], ...] = ()
    raw: str = ""

    def param(self, name: str) -> str | None:
        """Value of a URI parameter; an empty string if it stands without one, None if it is not there."""
        for key, value in self.params:
            if key == name:
                return value or ""
        return None

    @property
    def transport(self) -> str:
        """``udp``, ``tcp`` or ``tls`` as RFC 3263 4.1 would choose without DNS."""
        named = (self.param("transport") or "").lower()
        if self.scheme == "sips" or named == "tls":
            return "tls"
        return named or "udp"


@dataclass(frozen=True, slots=True)
class Address:
    """A name-addr or addr-spec with its header parameters (RFC 3261 20.10)."""

    display: str
    uri: str
    params: str

    def param(self, name: str) -> str | None:
        return param_of(self.params, name)


@lru_cache(maxsize=8192)
def parse(text: str) -> Uri | None:
    """Read a URI; None if it is none. A scheme that is neither SIP nor tel gives a Uri with that scheme only."""
    match = _SIP.fullmatch(text)
    if match:
        port = int(match["port"]) if match["port"] else None
        if port is not None and not 0 < port < 65536:
            return None
        host = match["host"].lower().removesuffix(".")
        if host.startswith("["):
            host = host[1:-1]
        user = (match["user"] or "").split(";", 1)[0].split(":", 1)[0]
        return Uri(match["scheme"].lower(), unquote(user), host, port, _params(match["params"]), text)
    match = _TEL.fullmatch(text)
    if match:
        number = re.sub(r"[-.()]", "", unquote(match["number"]))
        return Uri("tel", number, "", None, _params(match["params"]), text)
    match = _SCHEME.match(text)
    if match and match[1].lower() not in ("sip", "sips", "tel") and not re.search(r"[\s<>\"]", text):
        return Uri(match[1].lower(), raw=text)
    return None


def _params(text: str | None) -> tuple[tuple[str, str | None], ...]:
    if not text:
        return ()
    found: list[tuple[str, str | None]] = []
    for piece in text.split(";"):
        if piece:
            name, equals, value = piece.partition("=")
            found.append((unquote(name).strip().lower(), unquote(value).strip() if equals else None))
    return tuple(found)


@lru_cache(maxsize=8192)
def address(value: str) -> Address | None:
    """Read one name-addr or addr-spec; None if its quotes or brackets don't fit."""
    text = value.strip()
    if text.startswith('"'):
        match = _QUOTED.fullmatch(text)
        display = _ESCAPE.sub(r"\1", match[1]) if match else ""
    elif "<" in text:
        match = _PLAIN.fullmatch(text)
        display = match[1].strip() if match else ""
    else:
        if '"' in text or ">" in text:
            return None
        uri, semicolon, params = text.partition(";")
        return Address("", uri.strip(), semicolon + params)
    if match is None:
        return None
    rest = match[3].strip()
    if rest and not rest.startswith(";"):
        return None
    return Address(display, match[2].strip(), rest)


def param_of(params: str, name: str) -> str | None:
    """Value of one parameter in ``;a=1;b``; an empty string if it stands alone, None if it is not there."""
    if '"' in params:
        params = re.sub(r'"((?:[^"\\]|\\.)*)"', lambda quoted: quoted[1].replace(";", ","), params)
    for piece in params.split(";"):
        key, _, value = piece.partition("=")
        if key.strip().lower() == name:
            return value.strip()
    return None


def host_text(host: str) -> str:
    """A host as it stands in a URI or Via: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host
