"""Endpoints of events."""

from __future__ import annotations

from api.kit import routing

router = routing.router("/events", "events")
