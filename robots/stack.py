"""Sets up pjsua2 for a robot phone: endpoint, transport, codecs and the one account, as the settings ask."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pjsua2 as pj

from robots import line, tones
from robots.settings import MOST_CALLS, Settings

if TYPE_CHECKING:
    from robots.phone import Program

_TRANSPORTS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}
_RTP_TRIES = 64
"""Port numbers above a random start that a call may try."""


class Account(pj.Account):  # type: ignore[misc]
    """Passes registration and incoming calls on."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = program

    @line.guarded
    def onRegState(self, prm: Any) -> None:
        self.program.registration(prm.code, prm.reason, prm.expiration)

    @line.guarded
    def onIncomingCall(self, prm: Any) -> None:
        self.program.incoming(prm.callId, str(prm.rdata.wholeMsg), str(prm.rdata.srcAddress))


class Endpoint(pj.Endpoint):  # type: ignore[misc]
    """Tells when a connection comes or goes, so that the loop looks for its socket."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = program

    @line.guarded
    def onTransportState(self, prm: Any) -> None:
        self.program.sockets_changed = True


def open_endpoint(program: Program, wanted: Settings) -> tuple[Endpoint, int]:
    """Start pjsip without any thread for SIP; the endpoint and the port it listens on. Raises ``pj.Error`` (a port in use)."""
    endpoint = Endpoint(program)
    endpoint.libCreate()
    config = pj.EpConfig()
    config.logConfig.consoleLevel = 0
    config.logConfig.level = 5 if wanted.log_file else 0
    config.logConfig.msgLogging = 1 if wanted.log_file else 0
    config.logConfig.filename = wanted.log_file
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.maxCalls = MOST_CALLS
    config.uaConfig.userAgent = "hotline-robot"
    config.medConfig.threadCnt = 0
    config.medConfig.hasIoqueue = False
    config.medConfig.clockRate = tones.RATE
    config.medConfig.noVad = True
    config.medConfig.ecTailLen = 0
    config.medConfig.sndAutoCloseTime = -1
    endpoint.libInit(config)
    transport = pj.TransportConfig()
    transport.boundAddress = wanted.host
    transport.port = wanted.listen_port
    if wanted.transport == "tls":
        transport.tlsConfig.method = pj.PJSIP_TLSV1_2_METHOD
        transport.tlsConfig.verifyServer = bool(wanted.ca_file)
        transport.tlsConfig.CaListFile = wanted.ca_file
    made = endpoint.transportCreate(_TRANSPORTS[wanted.transport], transport)
    port = int(endpoint.transportGetInfo(made).localName.rsplit(":", 1)[1])
    endpoint.libStart()
    for codec in endpoint.codecEnum2():
        name = codec.codecId.split("/")[0]
        endpoint.codecSetPriority(codec.codecId, 200 - wanted.codecs.index(name) if name in wanted.codecs else 0)
    return endpoint, port


def open_account(program: Program, wanted: Settings, sip_port: int) -> Account:
    """The phone's one account; it takes calls for any user, and does not register by itself."""
    config = pj.AccountConfig()
    config.idUri = address(wanted, sip_port, wanted.user, wanted.display)
    low, high = wanted.rtp_ports
    media = config.mediaConfig
    media.transportConfig.boundAddress = wanted.host
    media.transportConfig.port = random.randrange(low, max(low + 2, high - _RTP_TRIES), 2)
    media.transportConfig.portRange = _RTP_TRIES
    media.lockCodecEnabled = False
    config.natConfig.contactRewriteUse = 0
    config.natConfig.viaRewriteUse = 0
    config.regConfig.registerOnAdd = False
    config.regConfig.timeoutSec = wanted.expires
    config.regConfig.retryIntervalSec = 0
    if wanted.registrar:
        host, port = wanted.registrar
        config.regConfig.registrarUri = f"sip:{host}:{port}{_suffix(wanted)}"
        if wanted.preload_route and not wanted.proxy:
            config.sipConfig.proxies.append(f"sip:{host}:{port}{_suffix(wanted)};lr")
    if wanted.proxy:
        config.sipConfig.proxies.append(wanted.proxy)
    if wanted.secret is not None:
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", wanted.user, 0, wanted.secret))
    account = Account(program)
    account.create(config)
    return account


def _suffix(wanted: Settings) -> str:
    return "" if wanted.transport == "udp" else f";transport={wanted.transport}"


def address(wanted: Settings, sip_port: int, user: str, display: str) -> str:
    """A From address of this phone."""
    if wanted.domain:
        where = wanted.domain
    elif wanted.registrar:
        where = "{}:{}".format(*wanted.registrar)
    else:
        where = f"{wanted.host}:{sip_port}"
    quoted = display.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <sip:{user}@{where}>' if display else f"<sip:{user}@{where}>"


def target(wanted: Settings, to: str) -> str:
    """A URI is taken as it is; a bare number goes to the registrar. Raises :class:`ValueError` where there is none."""
    if to.lower().startswith(("sip:", "sips:", "tel:", "<")):
        return to
    if wanted.registrar is None:
        raise ValueError(f"{to!r} is no URI, and this phone has no registrar to dial it through")
    host, port = wanted.registrar
    return f"sip:{to.replace('#', '%23')}@{host}:{port}{_suffix(wanted)}"
