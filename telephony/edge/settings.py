"""What the front door is set to, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import config.settings
from config.model import Centre, DialRule, Limits, Outside, Seat, Trunk

T1 = 0.5
"""RFC 3261's estimate of a round trip, seconds."""
T2 = 4.0
KEEP = 64 * T1
"""Seconds that a transaction is remembered after its end."""


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """Ports may be 0: a free one is taken and told by ``Door.ports``. ``tls_port`` counts only with a certificate and a
    key. ``names``: further host parts that mean this installation. Expiry limits are seconds (RFC 3261 10.3)."""

    realm: str
    bind: str
    advertise: str
    seat_port: int
    trunk_port: int
    centres: tuple[Centre, ...]
    seats: tuple[Seat, ...]
    trunks: tuple[Trunk, ...] = ()
    outside: tuple[Outside, ...] = ()
    dial_rules: tuple[DialRule, ...] = ()
    limits: Limits = field(default_factory=Limits)
    tls_port: int = 5061
    tls_certificate: str | None = None
    tls_key: str | None = None
    rooms_host: str = "127.0.0.1"
    rooms_port: int = 0
    names: tuple[str, ...] = ()
    min_expires: int = 60
    max_expires: int = 3600
    memory: Path | None = None
    """File where registrations over UDP outlive a restart."""


def of(settings: config.settings.Settings) -> DoorSettings:
    """The door's part of a checked configuration."""
    installation = settings.installation
    return DoorSettings(
        realm=settings.realm,
        bind=settings.bind,
        advertise=settings.advertise,
        seat_port=settings.sip_port,
        trunk_port=settings.trunk_port,
        centres=tuple(installation.centres),
        seats=tuple(installation.seats),
        trunks=tuple(installation.trunks),
        outside=tuple(installation.outside),
        dial_rules=tuple(installation.dial_rules),
        limits=installation.limits,
        tls_port=settings.sip_tls_port,
        tls_certificate=str(settings.tls_certificate) if settings.tls_certificate else None,
        tls_key=str(settings.tls_key) if settings.tls_key else None,
        memory=settings.data_dir / "registrations.json",
    )
