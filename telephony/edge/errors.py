"""What can go wrong at the front door, each with a stable code and a sentence that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telephony.edge.message import Message


class EdgeError(Exception):
    """Base of the front door's errors."""

    code = "edge_error"


class PortInUse(EdgeError):
    """Another program listens where the door should."""

    code = "port_in_use"

    def __init__(self, what: str, transport: str, host: str, port: int, why: str) -> None:
        self.port = port
        super().__init__(
            f"port {port}/{transport.lower()} on {host} for {what} can't be opened ({why}): stop the program that holds it "
            f"(`ss -lnp 'sport = :{port}'` names it) or give this installation another port"
        )


class CertificateProblem(EdgeError):
    """The TLS certificate or key can't be used."""

    code = "certificate"

    def __init__(self, path: str, why: str) -> None:
        self.path = path
        super().__init__(f"{path} can't be used for TLS ({why}): give a PEM certificate chain and its unencrypted key")


class Malformed(EdgeError):
    """Bytes that are no acceptable SIP message. ``message`` holds what could be read, if it is enough to be answered."""

    code = "malformed"

    def __init__(self, status: int, reason: str, message: Message | None = None) -> None:
        self.status = status
        self.reason = reason
        self.message = message
        super().__init__(reason)
