"""Robot phones for a test, ended with it whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robots.handset import Phone

MakePhone = Callable[..., Phone]


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[MakePhone]:
    """Make phones that tape what they hear into the test's folder."""
    made: list[Phone] = []

    def make(user: str, secret: str | None = None, **settings: Any) -> Phone:
        settings.setdefault("folder", tmp_path)
        made.append(Phone(user, secret, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()
