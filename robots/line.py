"""One call of a robot phone, as pjsua2 sees it: its states, media, tape and keys become events."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pjsua2 as pj

from robots import siptext

if TYPE_CHECKING:
    from robots.phone import Program

_MEDIA = {
    pj.PJSUA_CALL_MEDIA_NONE: "none",
    pj.PJSUA_CALL_MEDIA_ACTIVE: "active",
    pj.PJSUA_CALL_MEDIA_LOCAL_HOLD: "local_hold",
    pj.PJSUA_CALL_MEDIA_REMOTE_HOLD: "remote_hold",
    pj.PJSUA_CALL_MEDIA_ERROR: "error",
}


def guarded(callback: Callable[..., None]) -> Callable[..., None]:
    """No exception may leave a callback of pjsua2 (it would end the process): it becomes an ``error`` event."""

    @functools.wraps(callback)
    def wrapper(self: Any, *args: Any) -> None:
        try:
            callback(self, *args)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.program.tell(
                "error", command=callback.__name__, error=f"{describe(error)} ({Path(where.filename).name}:{where.lineno})"
            )

    return wrapper


def describe(error: Exception) -> str:
    """A sentence for an error, also for pjsua2's, whose ``str`` says nothing."""
    if isinstance(error, pj.Error):
        return f"{error.title}: {error.reason} ({error.status})"
    return f"{type(error).__name__}: {error}"


def _received(prm: Any) -> str:
    """Text of the message that caused a state change, empty if it came from us or a timer."""
    event = prm.e
    if event.type == pj.PJSIP_EVENT_TSX_STATE and event.body.tsxState.type == pj.PJSIP_EVENT_RX_MSG:
        return str(event.body.tsxState.src.rdata.wholeMsg)
    if event.type == pj.PJSIP_EVENT_RX_MSG:
        return str(event.body.rxMsg.rdata.wholeMsg)
    return ""


class Line(pj.Call):  # type: ignore[misc]
    """A call. The program keeps the only lasting reference and drops it inside DISCONNECTED."""

    def __init__(self, program: Program, account: Any, number: int, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self.program = program
        self.number = number
        self.ours = False
        """We have ended it, or refused it."""
        self.held = False
        self._tape: Any = None
        self._tape_file: Path | None = None
        self._state = ""

    def tell(self, event: str, **facts: Any) -> None:
        self.program.tell(event, call=self.number, **facts)

    def reply(self, code: int, reason: str = "") -> None:
        prm = pj.CallOpParam()
        prm.statusCode = code
        if reason:
            prm.reason = reason
        self.ours = self.ours or code >= 300
        self.answer(prm)

    def end(self, code: int = 0) -> None:
        """BYE, CANCEL, or a failure reply, as the state of the call asks for."""
        self.ours = True
        prm = pj.CallOpParam()
        prm.statusCode = code
        self.hangup(prm)

    def hold(self) -> None:
        prm = pj.CallOpParam()
        self.setHold(prm)
        self.held = True
        self.program.voice.hush(self.number)

    def unhold(self) -> None:
        prm = pj.CallOpParam(True)
        prm.opt.flag = pj.PJSUA_CALL_UNHOLD
        self.reinvite(prm)
        self.held = False

    def keys(self, digits: str, method: str, milliseconds: int) -> None:
        prm = pj.CallSendDtmfParam()
        prm.method = pj.PJSUA_DTMF_METHOD_SIP_INFO if method == "info" else pj.PJSUA_DTMF_METHOD_RFC2833
        prm.digits = digits
        prm.duration = milliseconds
        self.sendDtmf(prm)

    def refer(self, uri: str) -> None:
        self.xfer(uri, pj.CallOpParam(True))

    # --- callbacks

    @guarded
    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        code, reason, state = info.lastStatusCode, info.lastReason, info.state
        if state == pj.PJSIP_INV_STATE_EARLY and info.role == pj.PJSIP_ROLE_UAC:
            self.tell("progress", code=code, reason=reason)
        elif state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.tell("answered", code=code, sip_call_id=info.callIdString)
        elif state == pj.PJSIP_INV_STATE_DISCONNECTED:
            message = _received(prm)
            self.program.voice.detach(self.number)
            self._stop_tape()
            self.tell(
                "ended",
                code=code,
                reason=reason,
                by=self._ended_by(message, code),
                headers=siptext.interesting(message) if message else {},
            )
            self.program.forget(self.number)

    def _ended_by(self, message: str, code: int) -> str:
        """``us``, ``them``, or ``error`` when nobody has said so. A CANCEL shows only as our own 487 to it."""
        if self.ours:
            return "us"
        return "them" if message or code == pj.PJSIP_SC_REQUEST_TERMINATED else "error"

    @guarded
    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()
        media = next((one for one in info.media if one.type == pj.PJMEDIA_TYPE_AUDIO), None)
        if media is None or info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            return
        state = _MEDIA.get(media.status, "error")
        codec = ""
        if media.status not in (pj.PJSUA_CALL_MEDIA_NONE, pj.PJSUA_CALL_MEDIA_ERROR) and media.audioConfSlot >= 0:
            self.program.sockets_changed = True
            audio = self.getAudioMedia(media.index)
            if media.status == pj.PJSUA_CALL_MEDIA_LOCAL_HOLD or self.held:
                self.program.voice.quiet.startTransmit(audio)
            else:
                self.program.voice.attach(self.number, audio)
            self._listen(audio)
            codec = self.getStreamInfo(media.index).codecName
        else:
            self.program.voice.detach(self.number)
        self.tell("media", state=state, codec=codec)

    @guarded
    def onDtmfDigit(self, prm: Any) -> None:
        method = "info" if prm.method == pj.PJSUA_DTMF_METHOD_SIP_INFO else "rfc4733"
        self.tell("digit", digit=prm.digit, method=method)

    @guarded
    def onCallTransferRequest(self, prm: Any) -> None:
        prm.statusCode = self.program.refer_code
        self.tell("refer_asked", uri=prm.dstUri, code=int(prm.statusCode))

    @guarded
    def onCallTransferStatus(self, prm: Any) -> None:
        self.tell("refer", code=prm.statusCode, reason=prm.reason, final=bool(prm.finalNotify))
        prm.cont = True

    @guarded
    def onCallTsxState(self, prm: Any) -> None:
        change = prm.e.body.tsxState
        transaction = change.tsx
        if change.type != pj.PJSIP_EVENT_RX_MSG or transaction.role != pj.PJSIP_ROLE_UAC or transaction.statusCode < 200:
            return
        if transaction.method in ("REFER", "INFO"):
            self.tell("reply", method=transaction.method, code=transaction.statusCode)

    # --- tape

    def _listen(self, audio: Any) -> None:
        """Record all that the ear hears, from the first media to the end of the call, in one file without holes."""
        folder = self.program.folder
        if folder is None:
            return
        if self._tape is None:
            self._tape_file = folder / f"{self.program.name}-{self.number}.wav"
            self._tape = pj.AudioMediaRecorder()
            self._tape.createRecorder(str(self._tape_file))
            self.program.voice.quiet.startTransmit(self._tape)
            audio.startTransmit(self._tape)
            self.tell("recording", file=str(self._tape_file))
        else:
            audio.startTransmit(self._tape)

    def _stop_tape(self) -> None:
        if self._tape is not None and self._tape_file is not None:
            self._tape = None
            self.program.tape_closed(self.number, self._tape_file)
