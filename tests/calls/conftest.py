"""An installation of its own for each test of this folder, and the command line on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.calls.responder import Hotline
from tests.storage.parts import Valkey, sqlite_url, valkey

__all__ = ["sqlite_url", "valkey"]


@pytest.fixture
def hotline(
    valkey: Valkey,
    sqlite_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Hotline:
    monkeypatch.setenv("HOTLINE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOTLINE_REDIS_URL", valkey.url)
    monkeypatch.setenv("HOTLINE_DATABASE_URL", sqlite_url)
    return Hotline(monkeypatch, capsys)
