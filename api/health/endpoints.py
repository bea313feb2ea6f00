"""Endpoints of health."""

from __future__ import annotations

from api.kit import routing

router = routing.router("/health", "health")
