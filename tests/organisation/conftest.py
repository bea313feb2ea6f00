"""Fixtures of this folder."""

from __future__ import annotations

from tests.catalog.parts import database_url, desk

__all__ = ["database_url", "desk"]
