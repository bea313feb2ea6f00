"""How a robot phone is made: the settings of its ``start`` command."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from robots import tones

MOST_CALLS = 4
"""The pjsua2 wheel carries no more in one process."""


@dataclass(slots=True)
class Settings:
    """How a phone is made; the same names in the ``start`` command."""

    user: str
    name: str = ""
    """For files; the user if empty."""
    secret: str | None = None
    display: str = ""
    registrar: tuple[str, int] | None = None
    """Where to register and what to dial through; None: an independent phone."""
    domain: str = ""
    """Host part of the own address; the registrar's host if empty."""
    transport: str = "udp"
    proxy: str = ""
    """An outbound proxy's URI, sent as a preloaded Route."""
    preload_route: bool = False
    """Send a preloaded Route that names the registrar, as pjsua's and Linphone's outbound proxy settings do."""
    host: str = "127.0.0.1"
    listen_port: int = 0
    rtp_ports: tuple[int, int] = (10000, 16383)
    """Below the ephemeral range, and apart from what rooms use by default."""
    tone: int = 0
    """Hz; 0: silent."""
    level: float = tones.LEVEL
    codecs: tuple[str, ...] = ("PCMA", "PCMU")
    folder: str = ""
    """Where tapes go; empty: no tapes."""
    behaviour: dict[str, Any] = field(default_factory=lambda: {"kind": "ring"})
    lines: int = MOST_CALLS
    """Further incoming calls are refused with 486."""
    expires: int = 300
    refer_code: int = 603
    """What a REFER that reaches this phone is answered."""
    ca_file: str = ""
    """Verify a TLS server against this; empty: believe it."""
    log_file: str = ""
