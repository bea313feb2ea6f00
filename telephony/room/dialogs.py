"""What the messages of a dialog say about it: tags, CSeq, route set, target (RFC 3261 12). Pure text, no I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from telephony.ipc import messages

_COMPACT = {"f": "from", "t": "to", "i": "call-id", "m": "contact", "v": "via"}
_URI = re.compile(r"<([^<>]*)>")
_TAG = re.compile(r";\s*tag\s*=\s*([^;\s,>]+)", re.IGNORECASE)


@dataclass(slots=True)
class Head:
    """Start line and headers of a SIP message; header names in lower case, compact forms written out."""

    start: str
    headers: dict[str, list[str]]

    def first(self, name: str) -> str:
        values = self.headers.get(name)
        return values[0] if values else ""

    @property
    def status(self) -> int:
        """Status code of a response, 0 for a request."""
        if not self.start.startswith("SIP/2.0 "):
            return 0
        code = self.start[8:11]
        return int(code) if code.isdigit() else 0

    @property
    def method(self) -> str:
        """Method of a request, or of the request that a response belongs to."""
        if self.start.startswith("SIP/2.0 "):
            return self.first("cseq").partition(" ")[2].strip()
        return self.start.partition(" ")[0]

    @property
    def cseq(self) -> int:
        number = self.first("cseq").partition(" ")[0]
        return int(number) if number.isdigit() else 0


def parse(message: str) -> Head:
    """Read start line and headers (folded lines joined, RFC 3261 7.3.1); the body is passed over."""
    top = re.split(r"\r?\n\r?\n", message, maxsplit=1)[0]
    lines = re.sub(r"\r?\n[ \t]+", " ", top).splitlines()
    headers: dict[str, list[str]] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            name = name.strip().lower()
            headers.setdefault(_COMPACT.get(name, name), []).append(value.strip())
    return Head(lines[0].strip() if lines else "", headers)


def split_list(value: str) -> list[str]:
    """Split a comma-joined header value; commas inside quotes and angle brackets do not count."""
    parts: list[str] = []
    depth, quoted, escaped, start = 0, False, False, 0
    for at, sign in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = sign == "\\"
            quoted = sign != '"'
        elif sign == '"':
            quoted = True
        elif sign == "<":
            depth += 1
        elif sign == ">":
            depth = max(0, depth - 1)
        elif sign == "," and depth == 0:
            parts.append(value[start:at].strip())
            start = at + 1
    parts.append(value[start:].strip())
    return [part for part in parts if part]


def _after_name(value: str) -> str:
    """The value without a quoted display name, which may hold anything."""
    return re.sub(r'^\s*"(?:[^"\\]|\\.)*"', "", value)


def uri_of(value: str) -> str:
    """The URI of a From, To or Contact value."""
    bare = _after_name(value)
    found = _URI.search(bare)
    return found.group(1) if found else bare.partition(";")[0].strip()


def tag_of(value: str) -> str:
    """The tag of a From or To value, empty for none."""
    found = _TAG.search(_URI.sub("", _after_name(value)))
    return found.group(1) if found else ""


@dataclass(slots=True)
class Notes:
    """What has been seen of one dialog so far. ``caller``: this side sent the INVITE."""

    caller: bool
    call_id: str = ""
    local_tag: str = ""
    remote_tag: str = ""
    local_uri: str = ""
    remote_uri: str = ""
    cseq: int = 0
    target: str = ""
    routes: tuple[str, ...] = field(default=())

    def saw(self, message: str, *, sent: bool) -> Head:
        """Take what a message of this dialog tells; ``sent`` by us or received. Returns its head."""
        head = parse(message)
        status = head.status
        ours = sent if status == 0 else not sent  # the request of this transaction was ours
        local, remote = ("from", "to") if ours else ("to", "from")
        self.call_id = head.first("call-id") or self.call_id
        self.local_uri = self.local_uri or uri_of(head.first(local))
        self.remote_uri = self.remote_uri or uri_of(head.first(remote))
        self.local_tag = tag_of(head.first(local)) or self.local_tag
        settled = status == 0 or 200 <= status < 300  # a 1xx of a fork may bear another tag than the 2xx
        if settled or not self.remote_tag:
            self.remote_tag = tag_of(head.first(remote)) or self.remote_tag
        if ours and head.method not in ("ACK", "CANCEL"):
            self.cseq = max(self.cseq, head.cseq)
        if not sent and (head.method == "INVITE" or (head.method == "UPDATE" and self.target)):
            self._take_path(head, status)
        return head

    def _take_path(self, head: Head, status: int) -> None:
        if not self.target:  # the route set is fixed when the dialog begins (RFC 3261 12.2)
            records = [route for line in head.headers.get("record-route", ()) for route in split_list(line)]
            if status == 0 and not self.caller:
                self.routes = tuple(records)
            elif 200 <= status < 300 and self.caller:
                self.routes = tuple(reversed(records))
        contact = head.first("contact")
        if contact and (status == 0 or 200 <= status < 300):
            self.target = uri_of(split_list(contact)[0])

    def dialog(self) -> messages.Dialog:
        return messages.Dialog(
            call_id=self.call_id,
            local_tag=self.local_tag,
            remote_tag=self.remote_tag,
            local_uri=self.local_uri,
            remote_uri=self.remote_uri,
            cseq=self.cseq,
            routes=self.routes,
            target=self.target,
        )


def final_reply(request: str, status: int, phrase: str, tag: str) -> str:
    """A final reply to a request of our own, as its far end would send it (same Via, Call-ID, CSeq; RFC 3261 8.2.6)."""
    head = parse(request)
    to = head.first("to")
    if not tag_of(to):
        to = f"{to};tag={tag}"
    lines = [f"SIP/2.0 {status} {phrase}"]
    lines += [f"Via: {via}" for via in head.headers.get("via", ())]
    lines += [
        f"From: {head.first('from')}",
        f"To: {to}",
        f"Call-ID: {head.first('call-id')}",
        f"CSeq: {head.first('cseq')}",
        "Content-Length: 0",
    ]
    return "\r\n".join(lines) + "\r\n\r\n"
