"""A leg of the call: what is known of it (:class:`Leg`) and the pjsua2 object that carries it (:class:`PhoneCall`).

Callbacks only note facts and report them; nothing raises out of them, and the last reference to a PhoneCall is dropped inside
``onCallState`` DISCONNECTED: a later destructor would end whichever call has taken over the same number.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import pjsua2 as pj

from telephony.room import dialogs

log = logging.getLogger("room.legs")
SAME_PRESS = 0.5
"""Seconds in which the same digit by the other way (RFC 4733 and INFO) is the same key press."""
Callback = TypeVar("Callback", bound=Callable[..., Any])


class Reports(Protocol):
    """What a leg tells the room. All of it is called from inside pjsua2's callbacks: note it, do the work later."""

    def leg_progress(self, leg: Leg, code: int, remote: bool) -> None: ...

    def leg_established(self, leg: Leg) -> None: ...

    def leg_media(self, leg: Leg) -> None: ...

    def leg_digit(self, leg: Leg, digit: str) -> None: ...

    def leg_replied(self, leg: Leg, status: int) -> None:
        """A final reply to OPTIONS."""
        ...

    def leg_ended(self, leg: Leg, code: int, reason: str, by: str) -> None: ...


@dataclass(slots=True)
class Leg:
    name: str
    notes: dialogs.Notes
    call: PhoneCall | None = None
    established: bool = False
    hanging: bool = False
    """We have asked for its end."""
    lost: bool = False
    """Given up: its phone shows no sign of life."""
    media: pj.AudioMedia | None = None
    """The bridge port, None while there is no audio."""
    index: int = -1
    """Which of the SDP's media it is."""
    codec: str = ""
    held: bool = False
    told: tuple[str, bool] | None = None
    """Codec and hold as last reported."""
    request: str = ""
    """The INVITE that we sent, while it has had no final reply."""
    digits: dict[str, tuple[int, float]] = field(default_factory=dict)

    @property
    def incoming(self) -> bool:
        return not self.notes.caller


def guarded(callback: Callback) -> Callback:
    """Nothing leaves a callback: an exception there would end the process."""

    @functools.wraps(callback)
    def safe(self: PhoneCall, *args: Any) -> Any:
        try:
            return callback(self, *args)
        except BaseException:
            log.exception("a callback failed", extra={"callback": callback.__name__})
            return None

    return safe  # type: ignore[return-value]


class PhoneCall(pj.Call):  # type: ignore[misc]
    def __init__(self, account: pj.Account, leg: Leg, reports: Reports, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self._leg: Leg | None = leg
        self._reports = reports

    @guarded
    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        leg = self._leg
        if leg is None:
            return
        message, sent = _message(prm.e)
        head = leg.notes.saw(message, sent=sent) if message else None
        if head is not None and sent and head.status == 0 and head.method == "INVITE":
            leg.request = message
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED and not leg.established:
            leg.established = True
            leg.request = ""
            self._reports.leg_established(leg)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            by = _who_ended(leg, head, sent)
            code, reason = info.lastStatusCode, info.lastReason
            self._leg = None
            leg.call = None
            leg.media = None
            self._reports.leg_ended(leg, code, reason, by)

    @guarded
    def onCallTsxState(self, prm: pj.OnCallTsxStateParam) -> None:
        leg = self._leg
        if leg is None:
            return
        message, sent = _message(prm.e)
        if not message:
            return
        head = leg.notes.saw(message, sent=sent)
        if sent and head.status == 0 and head.method == "INVITE":
            leg.request = message
        elif not sent and head.status >= 200 and head.method == "INVITE":
            leg.request = ""
        elif not sent and head.status >= 200 and head.method == "OPTIONS":
            self._reports.leg_replied(leg, head.status)
        elif not sent and 100 <= head.status < 200 and head.method == "INVITE" and not leg.established:
            # Hop-by-hop 100s carry nothing of a phone; one from beyond the door names its maker or bears a tag.
            remote = head.status > 100 or bool(
                dialogs.tag_of(head.first("to")) or head.first("user-agent") or head.first("server")
            )
            self._reports.leg_progress(leg, head.status, remote)

    @guarded
    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        leg = self._leg
        if leg is None:
            return
        leg.media, leg.index = None, -1
        info = self.getInfo()  # held: its media are looked at in its own memory
        for media in info.media:
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            if media.status in (pj.PJSUA_CALL_MEDIA_NONE, pj.PJSUA_CALL_MEDIA_ERROR):
                continue
            leg.held = media.status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD
            leg.index = media.index
            if media.audioConfSlot != pj.PJSUA_INVALID_ID:
                leg.media = self.getAudioMedia(media.index)
                leg.codec = self.getStreamInfo(media.index).codecName
            break
        self._reports.leg_media(leg)

    @guarded
    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:
        leg = self._leg
        if leg is None:
            return
        digit, way, now = prm.digit, prm.method, time.monotonic()
        last_way, last_time = leg.digits.get(digit, (way, 0.0))
        leg.digits[digit] = (way, now)
        if way != last_way and now - last_time < SAME_PRESS:
            # The second telling of one press: the next one by either way counts again.
            del leg.digits[digit]
            return
        self._reports.leg_digit(leg, digit)

    @guarded
    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:
        # The front door keeps REFER for itself; one that gets here must not make pjsua dial by itself.
        prm.statusCode = pj.PJSIP_SC_FORBIDDEN

    @guarded
    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:
        prm.statusCode = pj.PJSIP_SC_FORBIDDEN

    def onCallRedirected(self, prm: pj.OnCallRedirectedParam) -> int:
        return int(pj.PJSIP_REDIRECT_STOP)

    def forget(self) -> None:
        """For a call that never came to be (a failed ``makeCall``)."""
        self._leg = None


def _who_ended(leg: Leg, head: dialogs.Head | None, sent: bool) -> str:
    """``us``, ``them`` or ``error``, by the message that came with the end (none: a timer or the transport)."""
    if leg.lost:
        return "error"
    if leg.hanging:
        return "us"
    if head is None:
        return "error"
    if sent:
        return "them" if head.status == 487 else "error"  # 487: our answer to an INVITE that was cancelled
    return "them" if head.status == 0 or not leg.established else "error"


def _message(event: pj.SipEvent) -> tuple[str, bool]:
    """The SIP message that an event is about, and whether we sent it; empty for timers and the like."""
    if event.type != pj.PJSIP_EVENT_TSX_STATE:
        return "", False
    state = event.body.tsxState
    if state.type == pj.PJSIP_EVENT_RX_MSG:
        return state.src.rdata.wholeMsg, False
    if state.type == pj.PJSIP_EVENT_TX_MSG:
        return state.src.tdata.wholeMsg, True
    return "", False
