"""Signatures of webhooks, as the Standard Webhooks specification (1.0) has them. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
BYTES = 32


def fresh_secret() -> str:
    """``whsec_`` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode()


def sign(secret: str, event: str, timestamp: int, body: bytes) -> str:
    """``v1,`` and the HMAC-SHA-256 of ``id.timestamp.body`` in base64."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, f"{event}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def headers(secret: str, event: str, timestamp: int, body: bytes) -> dict[str, str]:
    """What a receiver checks: a repeated event has the same id, an old timestamp is a replay."""
    return {
        "content-type": "application/json",
        "webhook-id": event,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, event, timestamp, body),
    }
