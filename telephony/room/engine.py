"""pjsua2 from start to end: endpoint, transport, codecs, account, the null audio device, tidy exit.

Everything runs in the main thread: no worker threads, no thread polls the media sockets; whoever owns the loop calls
:meth:`Engine.pump`. Only pjmedia's own clock thread (while the null device is open) and its event thread exist beside it, and
neither calls Python: players' ends are found by their position, not by ``onEof2``, which comes in the event thread.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pjsua2 as pj

log = logging.getLogger("room.engine")
CODECS = {"PCMA": 255, "PCMU": 254, "G722": 253}
"""Codec name to priority; every other codec is off."""
MOST_CALLS = 4
"""The wheel is compiled for this many calls in a process."""
DOMAIN = "hotline.invalid"
HANG_UP_TIME = 0.3
"""Seconds that BYEs get at exit."""


class Doorway(pj.Account):  # type: ignore[misc]
    """The one account: all calls come and go through the front door."""

    def __init__(self, on_invite: Callable[[int, str], None]) -> None:
        super().__init__()
        self._on_invite = on_invite

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        try:
            self._on_invite(prm.callId, prm.rdata.wholeMsg)
        except BaseException:
            log.exception("an incoming call could not be taken")


class Engine:
    def __init__(self) -> None:
        self.endpoint = pj.Endpoint()
        self.account: Doorway | None = None
        self.address = ("", 0)
        """Own SIP address (UDP)."""
        self.descriptor = -1
        """pjsip's UDP socket, to be polled."""
        self._device_open = False

    def start(
        self,
        *,
        door: str,
        contact: str,
        ports: tuple[int, int],
        on_invite: Callable[[int, str], None],
        media_bind: str = "127.0.0.1",
        media_advertise: str = "",
        trace: Path | None = None,
    ) -> None:
        """Bring SIP up on 127.0.0.1 and a free port. ``door``: ``host:port`` that every request is sent to; ``ports``: first and
        last RTP port; ``media_advertise``: address told in SDP where it differs from ``media_bind``; ``trace``: file for
        pjsip's own log with all messages. Raises ``pj.Error`` or ``OSError``.
        """
        self.endpoint.libCreate()
        settings = pj.EpConfig()
        settings.uaConfig.threadCnt = 0
        settings.uaConfig.mainThreadOnly = True
        settings.uaConfig.maxCalls = MOST_CALLS
        settings.uaConfig.userAgent = "hotline-room"
        settings.medConfig.threadCnt = 0
        settings.medConfig.hasIoqueue = False
        settings.medConfig.sndAutoCloseTime = -1
        settings.medConfig.clockRate = 8000
        settings.medConfig.sndClockRate = 8000
        settings.medConfig.noVad = True
        settings.medConfig.ecTailLen = 0
        settings.logConfig.consoleLevel = 0
        settings.logConfig.level = 5 if trace else 0
        settings.logConfig.msgLogging = 1 if trace else 0
        if trace:
            settings.logConfig.filename = str(trace)
        self.endpoint.libInit(settings)
        transport = pj.TransportConfig()
        transport.boundAddress = "127.0.0.1"
        transport.port = 0
        transport_id = self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self.endpoint.libStart()
        host, _, port = self.endpoint.transportGetInfo(transport_id).localName.rpartition(":")
        self.address = (host, int(port))
        self.descriptor = find_socket(self.address)
        codecs = self.endpoint.codecEnum2()
        for codec in codecs:
            self.endpoint.codecSetPriority(codec.codecId, CODECS.get(codec.codecId.partition("/")[0], 0))
        self.endpoint.audDevManager().setNoDev()
        self.account = Doorway(on_invite)
        self.account.create(_account(door, contact, ports, media_bind, media_advertise, transport_id), True)

    def pump(self) -> None:
        """Handle what has come in and what is due, without waiting."""
        for _ in range(32):
            if self.endpoint.libHandleEvents(0) <= 0:
                break

    @property
    def device_open(self) -> bool:
        return self._device_open

    def open_device(self) -> None:
        """Start the bridge's 20 ms clock (a null sound device)."""
        if not self._device_open:
            self.endpoint.audDevManager().setNullDev()
            self._device_open = True

    def close_device(self) -> None:
        """Stop the clock. Recorders must be gone before, or their header is never written."""
        if self._device_open:
            self.endpoint.audDevManager().setNoDev()
            self._device_open = False

    def stop(self) -> None:
        """Leave in good order; every Call, player and recorder must have been dropped before. Takes about a second."""
        end = time.monotonic() + HANG_UP_TIME
        self.endpoint.hangupAllCalls()
        while time.monotonic() < end:
            self.endpoint.libHandleEvents(10)
        self.close_device()
        if self.account is not None:
            self.account.shutdown()
            self.account = None
        self.endpoint.libDestroy()


def _account(
    door: str, contact: str, ports: tuple[int, int], media_bind: str, media_advertise: str, transport_id: int
) -> pj.AccountConfig:
    account = pj.AccountConfig()
    account.idUri = f"sip:room@{DOMAIN}"
    account.regConfig.registerOnAdd = False
    account.sipConfig.proxies.append(f"<sip:{door};lr>")
    account.sipConfig.contactForced = f"<sip:{contact}@{door}>"
    account.sipConfig.transportId = transport_id
    account.natConfig.contactRewriteUse = 0
    account.natConfig.viaRewriteUse = 0
    account.natConfig.sdpNatRewriteUse = 0
    account.natConfig.sipOutboundUse = 0
    account.natConfig.udpKaIntervalSec = 0
    account.mediaConfig.lockCodecEnabled = False
    account.mediaConfig.streamKaEnabled = False
    first, last = ports
    account.mediaConfig.transportConfig.port = first
    account.mediaConfig.transportConfig.portRange = last - first
    account.mediaConfig.transportConfig.boundAddress = media_bind
    account.mediaConfig.transportConfig.publicAddress = media_advertise or media_bind
    return account


def find_socket(address: tuple[str, int]) -> int:
    """The descriptor of this process's UDP socket with that local address; ``OSError`` if there is none."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            copy = socket.socket(fileno=os.dup(int(entry.name)))
        except OSError:
            continue  # no socket
        with copy:
            if copy.family == socket.AF_INET and copy.type == socket.SOCK_DGRAM and copy.getsockname() == address:
                return int(entry.name)
    raise OSError(f"no UDP socket of this process is bound to {address[0]}:{address[1]}")
