"""Endpoints of accounts."""

from __future__ import annotations

from api.kit import routing

router = routing.router("/accounts", "accounts")
