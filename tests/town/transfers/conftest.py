"""An installation with a company of phones that stays for all tests of transfers; it rests before each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from robots.demo import hasten
from robots.town import Town, free_port
from tests.town.look import Look
from tests.town.transfers.stage import Stage


def impatient(config: dict[str, Any]) -> None:
    """Seats are rung 5 s and a transfer is tried 7 s; positions are told every 4 s; no wrap-up; the trunk to 122 is down."""
    hasten(config)
    config["transfers"] = {"ring": 5, "attempt": 7, "position_every": 4}
    for seat in config["seats"]:
        seat["wrap_up"] = 0
    config["trunks"].append({"id": "down", "addresses": ["192.0.2.0/24"], "host": "127.0.0.1", "port": free_port()})
    for line in config["outside"]:
        if line["id"] == "122":
            line["trunk"] = "down"


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Town(tmp_path_factory.mktemp("transfers"), edit=impatient) as town:
        look = Look(town)
        yield Stage(town, look)
        look.close()


@pytest.fixture
def stage(company: Stage) -> Iterator[Stage]:
    company.rest()
    yield company
