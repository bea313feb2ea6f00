"""Endpoints of auth."""

from __future__ import annotations

from api.kit import routing

router = routing.router("/auth", "auth")
