"""One installation for all tests of this folder, and phones that leave with each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from robots.demo import hasten
from robots.handset import Phone
from robots.town import Town


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The whole stack with the demo's short patience; started once."""
    with Town(tmp_path_factory.mktemp("town"), edit=hasten) as town:
        yield town


@pytest.fixture
def town(installation: Town, request: pytest.FixtureRequest) -> Iterator[Town]:
    """The installation without phones; those of the test leave with it, and their seats forget what they were set to."""
    installation.tapes = installation.folder / "tapes" / request.node.name
    yield installation
    used = sorted({phone.user for phone in installation.phones if phone.registers})
    for phone in installation.phones:
        phone.close()
    installation.phones.clear()
    installation.names.clear()
    for seat in used:
        wait_until_gone(installation, seat)


def wait_until_gone(town: Town, seat: str) -> None:
    """Wait until no call has this seat any more."""

    def free() -> bool:
        live = town.calls("list", "--live")["calls"]
        return not any(p["seat"] == seat for one in live for p in town.calls("show", one["id"])["parties"] if not p["left_at"])

    town.until(free, f"seat {seat} to be free")


def last_call(town: Town, caller: Phone, kind: str = "inbound") -> dict[str, Any]:
    """The record of a caller's newest call, when it has ended."""

    def look() -> Any:
        found = town.calls("list", "--caller", caller.user, "--kind", kind)["calls"]
        return town.calls("show", found[0]["id"]) if found and found[0]["ended_at"] else None

    shown: dict[str, Any] = town.until(look, f"the record of the call of {caller.user}")
    return shown
