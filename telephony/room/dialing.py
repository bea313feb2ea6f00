"""Builds what pjsua2 sends for us: INVITE parameters, headers, NOTIFY bodies; and refuses what must not go into a message."""

from __future__ import annotations

import re

import pjsua2 as pj

from telephony.ipc import messages
from telephony.room import engine

TOO_MANY = 70010
"""PJ_ETOOMANY: ``makeCall`` right after a disconnect; a tick later it works."""
PLACE_WITHIN = 4.0
"""Seconds in which a call must be placed: longer than dead phones are waited for (:data:`telephony.room.farewell.GIVE_UP`)."""
_TOKEN = re.compile(r"[A-Za-z0-9!%*_+`'.~-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_USER_SAFE = re.compile(r"[A-Za-z0-9\-_.!~*'()&=+$,;?/]")


class Unfit(ValueError):
    """A command's text that must not go into a SIP message."""


def check_text(what: str, text: str) -> None:
    """Refuse control characters: a line break in a header would begin another one."""
    if _CONTROL.search(text):
        raise Unfit(f"the {what} holds control characters")


def check(command: messages.Dial) -> None:
    if not re.fullmatch(r"(?i:sips?|tel):[^\s<>\"]+", command.uri):
        raise Unfit(f"{command.uri!r} is no URI to dial")
    check_text("caller", command.caller)
    check_text("display name", command.display)
    for name, value in command.headers.items():
        if not _TOKEN.fullmatch(name):
            raise Unfit(f"{name!r} is no header name")
        check_text(f"header {name}", value)


def from_value(caller: str, display: str) -> str:
    """From (RFC 3261 20.20); without a caller the anonymous form (RFC 3323 4.1.1.3)."""
    if not caller:
        return '"Anonymous" <sip:anonymous@anonymous.invalid>'
    user = "".join(sign if _USER_SAFE.fullmatch(sign) else "".join(f"%{byte:02X}" for byte in sign.encode()) for sign in caller)
    name = display.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" <sip:{user}@{engine.DOMAIN}>' if name else f"<sip:{user}@{engine.DOMAIN}>"


def reason_value(cause: int, text: str) -> str:
    """Reason (RFC 3326). Unlike elsewhere control characters become blanks: no text may keep a leg from ending."""
    quoted = _CONTROL.sub(" ", text).replace("\\", "\\\\").replace('"', '\\"')
    return f'SIP ;cause={cause} ;text="{quoted}"'


def add_header(option: pj.SipTxOption, name: str, value: str) -> None:
    header = pj.SipHeader()
    header.hName, header.hValue = name, value
    option.headers.append(header)


def parameters(command: messages.Dial) -> pj.CallOpParam:
    prm = pj.CallOpParam(True)
    prm.opt.audioCount = 1
    prm.opt.videoCount = 0
    prm.txOption.localUri = from_value(command.caller, command.display)
    for name, value in command.headers.items():
        add_header(prm.txOption, name, value)
    return prm


def fresh_port() -> pj.CallOpParam:
    """A re-INVITE that moves a leg's audio to another port of ours."""
    prm = pj.CallOpParam(True)
    prm.opt.audioCount = 1
    prm.opt.videoCount = 0
    prm.opt.flag = pj.PJSUA_CALL_REINIT_MEDIA
    return prm


def question() -> pj.CallSendRequestParam:
    """OPTIONS within the dialog: whoever is there answers it (RFC 3261 11)."""
    prm = pj.CallSendRequestParam()
    prm.method = "OPTIONS"
    return prm


def notify(command: messages.Notify) -> pj.CallSendRequestParam:
    """NOTIFY of a transfer's progress (RFC 3515 2.4.5)."""
    check_text("status", command.status)
    if not re.fullmatch(r"SIP/2\.0 [1-6][0-9][0-9] .*", command.status):
        raise Unfit(f"{command.status!r} is no SIP status line")
    prm = pj.CallSendRequestParam()
    prm.method = "NOTIFY"
    add_header(prm.txOption, "Event", "refer")
    state = "terminated;reason=noresource" if command.final else "active;expires=60"
    add_header(prm.txOption, "Subscription-State", state)
    prm.txOption.contentType = "message/sipfrag;version=2.0"
    prm.txOption.msgBody = command.status + "\r\n"
    return prm
