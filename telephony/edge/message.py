"""SIP messages: a fast and tolerant parser, and a serialiser that gives back untouched headers byte for byte.

The head is decoded as UTF-8 with surrogate escapes, so that any byte survives; the body stays bytes. A header is kept as its
whole line (folds included) beside its canonical name: lower case, compact forms written out (RFC 3261 7.3.3).
"""

from __future__ import annotations

import re
from functools import lru_cache

from telephony.edge import uri
from telephony.edge.errors import Malformed

LARGEST = 65535
"""Bytes of a whole message."""
MOST_HEADERS = 256
LONGEST_LINE = 16384

COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported", "l": "content-length",
    "m": "contact", "n": "identity-info", "o": "event", "r": "refer-to", "s": "subject", "t": "to",
    "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}  # fmt: skip
_SINGLE = ("from", "to", "call-id", "cseq", "max-forwards", "content-length")
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_CSEQ = re.compile(r"(\d{1,10})\s+([A-Za-z0-9\-.!%*_+`'~]+)")
_FOLD = re.compile(r"\r?\n[ \t]+")
_NAME = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+[ \t]*")
_VIA = re.compile(
    r"SIP\s*/\s*2\.0\s*/\s*([A-Za-z0-9\-.]+)\s+(\[[0-9A-Fa-f:.]+\]|[^\s;:,\[\]]+)\s*(?::\s*(\d{1,5}))?\s*(;.*)?",
    re.IGNORECASE | re.DOTALL,
)


_BRANCH = re.compile(r";\s*branch\s*=\s*([^;,\s]*)", re.IGNORECASE)
_names: dict[str, str] = {}
"""Header names seen, as written, with their canonical form: most messages have the same ones."""
_NAMES_KEPT = 4096


class Via:
    """One Via value in its parts. ``params`` is the text after the sent-by, from the first semicolon."""

    __slots__ = ("_branch", "host", "params", "port", "transport")

    def __init__(self, transport: str, host: str, port: int | None, params: str) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self.params = params
        self._branch: str | None = None

    @classmethod
    def parse(cls, value: str) -> Via | None:
        match = _VIA.fullmatch(value.strip())
        if match is None:
            return None
        transport, host, port, params = match.groups()
        if port is not None and not 0 < int(port) < 65536:
            return None
        return cls(transport.upper(), host.strip("[]").lower(), int(port) if port else None, (params or "").strip())

    def param(self, name: str) -> str | None:
        return uri.param_of(self.params, name)

    @property
    def branch(self) -> str:
        if self._branch is None:
            match = _BRANCH.search(self.params)
            self._branch = match[1] if match else ""
        return self._branch

    @property
    def sent_by(self) -> str:
        return f"{self.host}:{self.port or 0}"

    def stamped(self, host: str, port: int) -> str:
        """The value with ``received`` and ``rport`` as this source demands (RFC 3261 18.2.1, RFC 3581 4)."""
        before, asked, after = self.params.partition(";rport")
        port_text = f":{self.port}" if self.port else ""
        start = f"SIP/2.0/{self.transport} {uri.host_text(self.host)}{port_text}"
        if asked and after[:1] in ("", ";") and "received" not in self.params:
            return f"{start}{before};received={host};rport={port}{after}"
        asked = ""
        pieces = []
        for piece in self.params.split(";")[1:]:
            name = piece.split("=", 1)[0].strip().lower()
            if name == "rport":
                asked = name
            elif name != "received":
                pieces.append(piece.strip())
        if asked or self.host != host:
            pieces.append(f"received={host}")
        if asked:
            pieces.append(f"rport={port}")
        return ";".join([start, *pieces])


class Message:
    """A request (``status`` 0) or a response. ``keys`` and ``lines`` run in parallel: canonical name, whole header line.

    ``method`` is the request's method, or the CSeq's for a response."""

    __slots__ = ("_via", "body", "call_id", "cseq", "from_tag", "keys", "lines", "method", "reason", "status", "to_tag", "uri")

    def __init__(self, method: str = "", uri: str = "", status: int = 0, reason: str = "") -> None:
        self.method = method
        self.uri = uri
        self.status = status
        self.reason = reason
        self.keys: list[str] = []
        self.lines: list[str] = []
        self.body = b""
        self.call_id = ""
        self.cseq = 0
        self.from_tag = ""
        self.to_tag = ""
        self._via: tuple[str, Via | None] | None = None

    @property
    def is_request(self) -> bool:
        return not self.status

    def copy(self) -> Message:
        other = Message(self.method, self.uri, self.status, self.reason)
        other.keys, other.lines, other.body = self.keys.copy(), self.lines.copy(), self.body
        other.call_id, other.cseq, other.from_tag, other.to_tag = self.call_id, self.cseq, self.from_tag, self.to_tag
        return other

    def get(self, key: str) -> str | None:
        """Value of the first header of that (canonical) name, folds joined; None if there is none."""
        try:
            return _value(self.lines[self.keys.index(key)])
        except ValueError:
            return None

    def all(self, key: str) -> list[str]:
        """Values of all headers of that name, one per line."""
        if key not in self.keys:
            return []
        return [_value(line) for name, line in zip(self.keys, self.lines, strict=True) if name == key]

    def values(self, key: str) -> list[str]:
        """Values of all headers of that name, comma-joined ones apart (for Via, Route, Contact and other lists)."""
        found: list[str] = []
        if key in self.keys:
            for value in self.all(key):
                found += split_list(value)
        return found

    def first(self, name: str, value: str) -> None:
        """Put a header on top of all others."""
        self.keys.insert(0, name.lower())
        self.lines.insert(0, f"{name}: {value}")

    def add(self, name: str, value: str) -> None:
        self.keys.append(name.lower())
        self.lines.append(f"{name}: {value}")

    def set(self, name: str, value: str) -> None:
        """Replace the first header of that name, or add it."""
        key = name.lower()
        try:
            self.lines[self.keys.index(key)] = f"{name}: {value}"
        except ValueError:
            self.add(name, value)

    def remove(self, key: str) -> None:
        """Take away all headers of that name."""
        while key in self.keys:
            index = self.keys.index(key)
            del self.keys[index], self.lines[index]

    def strip(self, prefix: str, keep: frozenset[str] = frozenset()) -> bool:
        """Take away all headers whose name begins so, except those in ``keep``; tell whether any was there."""
        doomed = [i for i, key in enumerate(self.keys) if key.startswith(prefix) and key not in keep]
        for index in reversed(doomed):
            del self.keys[index], self.lines[index]
        return bool(doomed)

    def replace_all(self, name: str, values: list[str]) -> None:
        """Put these values, one per line, where the first header of that name stands (or on top)."""
        key = name.lower()
        index = self.keys.index(key) if key in self.keys else 0
        self.remove(key)
        self.keys[index:index] = [key] * len(values)
        self.lines[index:index] = [f"{name}: {value}" for value in values]

    def top_via(self) -> Via | None:
        """The topmost Via, or None if it can't be read."""
        try:
            line = self.lines[self.keys.index("via")]
        except ValueError:
            return None
        if self._via is None or self._via[0] is not line:
            value = _value(line)
            self._via = (line, Via.parse(split_list(value)[0] if "," in value else value))
        return self._via[1]

    def has_one_via(self) -> bool:
        """Whether there is no Via below the top one."""
        return self.keys.count("via") == 1 and "," not in self.lines[self.keys.index("via")]

    def set_top_via(self, value: str) -> None:
        index = self.keys.index("via")
        rest = split_list(_value(self.lines[index]))[1:] if "," in self.lines[index] else []
        self.lines[index] = "Via: " + ", ".join([value, *rest])

    def pop_via(self) -> None:
        """Take away the topmost Via."""
        index = self.keys.index("via")
        rest = split_list(_value(self.lines[index]))[1:] if "," in self.lines[index] else []
        if rest:
            self.lines[index] = "Via: " + ", ".join(rest)
        else:
            del self.keys[index], self.lines[index]

    def encode(self) -> bytes:
        start = f"SIP/2.0 {self.status} {self.reason}" if self.status else f"{self.method} {self.uri} SIP/2.0"
        head = "\r\n".join((start, *self.lines))
        return head.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body


def _value(line: str) -> str:
    value = line[line.index(":") + 1 :].strip()
    return _FOLD.sub(" ", value) if "\n" in value else value


def split_list(value: str) -> list[str]:
    """Split a comma-joined header value; commas in quotes or angle brackets don't count."""
    if "," not in value:
        return [value]
    if '"' not in value and "<" not in value:
        return [piece.strip() for piece in value.split(",") if piece.strip()]
    found: list[str] = []
    start, quoted, bracket, escaped = 0, False, False, False
    for index, char in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            if char == "\\":
                escaped = True
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char == "<":
            bracket = True
        elif char == ">":
            bracket = False
        elif char == "," and not bracket:
            found.append(value[start:index].strip())
            start = index + 1
    found.append(value[start:].strip())
    return [piece for piece in found if piece] or [""]


def parse(data: bytes, largest: int = LARGEST) -> Message:
    """Read one whole message. Bytes beyond Content-Length are dropped (RFC 3261 18.3).

    Raises :class:`Malformed` with the status to answer with, and with the message if its headers allow an answer."""
    if len(data) > largest:
        raise Malformed(413, "message too large")
    head, blank, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not blank:
        head, blank, body = head.partition(b"\n\n")
        if not blank:
            raise Malformed(400, "no empty line after the headers")
    if b"\0" in head:
        raise Malformed(400, "zero byte in the headers")
    lines = _lines(head.decode("utf-8", "surrogateescape"))
    found = _start(lines[0])
    _headers(found, lines)
    _check(found)
    _body(found, body)
    return found


def _lines(text: str) -> list[str]:
    lines = text.split("\r\n")
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            raise Malformed(400, "carriage return inside a line")
        lines = text.split("\n")
    if len(lines) > MOST_HEADERS:
        raise Malformed(400, "too many headers")
    if "\n " in text or "\n\t" in text:
        joined: list[str] = []
        for line in lines:
            if line[:1] in (" ", "\t") and len(joined) > 1:
                joined[-1] += "\r\n" + line
            else:
                joined.append(line)
        return joined
    return lines


def _start(line: str) -> Message:
    if line[:8].upper() == "SIP/2.0 ":
        code = line[8:11]
        if not (code.isascii() and code.isdigit()) or line[11:12] not in (" ", "") or not "100" <= code <= "699":
            raise Malformed(400, "bad status line")
        return Message(status=int(code), reason=line[12:])
    words = line.split(" ")
    if len(words) == 3 and words[2].upper() == "SIP/2.0" and words[1] and _TOKEN.fullmatch(words[0]):
        return Message(words[0], words[1])
    # Not acceptable as it is; read it loosely, so that it can be answered (RFC 4475 3.1.2.7 and following).
    words = line.split()
    if len(words) < 3 or not words[-1].upper().startswith("SIP/") or not _TOKEN.fullmatch(words[0]):
        raise Malformed(400, "bad start line")
    found = Message(words[0], " ".join(words[1:-1]))
    found.reason = "version" if words[-1].upper() != "SIP/2.0" else "request line"
    return found


def _headers(found: Message, lines: list[str]) -> None:
    keys, known = found.keys, _names
    for line in lines[1:]:
        name, colon, _ = line.partition(":")
        key = known.get(name)
        if key is None:
            key = _name(name)
        if key is None or not colon or len(line) > LONGEST_LINE:
            found.lines = lines[1 : len(keys) + 1]
            raise Malformed(400, "bad header line", _answerable(found))
        keys.append(key)
    found.lines = lines[1:]


def _name(name: str) -> str | None:
    """Canonical form of a header name, None if it is none."""
    if not _NAME.fullmatch(name):
        return None
    key = name.rstrip().lower()
    key = COMPACT.get(key, key)
    if len(_names) < _NAMES_KEPT and len(name) < 64:
        _names[name] = key
    return key


@lru_cache(maxsize=8192)
def _tag(value: str) -> str | None:
    """Tag of a From or To value (empty if there is none), None if the value can't be read."""
    address = uri.address(value)
    if address is None or uri.parse(address.uri) is None:
        return None
    return address.param("tag") or ""


def _check(found: Message) -> None:
    keys = found.keys
    for key in ("via", "from", "to", "call-id", "cseq"):
        if key not in keys:
            raise Malformed(400, f"no {key} header", _answerable(found))
    for key in _SINGLE:
        if keys.count(key) > 1:
            raise Malformed(400, f"more than one {key} header", _answerable(found))
    found.call_id = found.get("call-id") or ""
    via = found.top_via()
    if via is None:
        raise Malformed(400, "unreadable Via")
    from_tag, to_tag = _tag(found.get("from") or ""), _tag(found.get("to") or "")
    if from_tag is None or to_tag is None:
        raise Malformed(400, f"unreadable {'To' if from_tag is not None else 'From'} header", _answerable(found))
    found.from_tag, found.to_tag = from_tag, to_tag
    match = _CSEQ.fullmatch(found.get("cseq") or "")
    if not match or int(match[1]) >= 1 << 31 or not found.call_id:
        raise Malformed(400, "bad CSeq or Call-ID", _answerable(found))
    found.cseq = int(match[1])
    if found.status:
        found.method = match[2]
        return
    if found.reason:
        status = 505 if found.reason == "version" else 400
        raise Malformed(status, f"bad {found.reason}", _answerable(found))
    if match[2] != found.method:
        raise Malformed(400, "CSeq names another method", _answerable(found))
    if uri.parse(found.uri) is None:
        raise Malformed(400, "bad request URI", _answerable(found))


def _answerable(found: Message) -> Message | None:
    """The message if it is a request whose headers suffice to send an answer back, else None."""
    needed = ("via", "from", "to", "call-id", "cseq")
    if found.status or any(key not in found.keys for key in needed) or found.top_via() is None:
        return None
    found.call_id = found.call_id or found.get("call-id") or ""
    found.reason = ""
    return found


def _body(found: Message, body: bytes) -> None:
    length = found.get("content-length")
    if length is None:
        found.add("Content-Length", str(len(body)))
    elif not (length.isascii() and length.isdigit()) or len(length) > 8:
        raise Malformed(400, "bad Content-Length", _answerable(found))
    elif int(length) > len(body):
        raise Malformed(400, "body shorter than Content-Length", _answerable(found))
    else:
        body = body[: int(length)]
    found.body = body
