"""One installation for all tests of this folder, and phones that leave with each test."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from robots.demo import hasten
from robots.handset import Phone
from robots.town import SECRET, Town
from tests.town.look import Look
from tests.town.prompts import Prompts


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The whole stack with the demo's short patience; started once. A module that needs another configuration defines a fixture
    of this name."""
    with Town(tmp_path_factory.mktemp("town"), edit=hasten) as town:
        yield town


def patient(config: dict[str, Any]) -> None:
    """For tests of queues: a short greeting; seats ring for 3 s; the position is told every 3 s; callers to Anning overflow after
    4 s; dispatchers have a minute for themselves; some seats have a wrap-up that lasts; two pages at a time, and few rooms."""
    hasten(config)
    config["limits"] |= {"rooms": 8, "rooms_spare": 3, "rooms_for_110": 2, "pages": 2}
    config["prompts"]["greeting_12345"] = {"text": "您好，通话将全程录音，正在接通，请稍候。"}
    for centre in config["centres"]:
        centre["queue"] |= {"ring": 3, "position_every": 3}
        if centre["id"] == "110-anning":
            centre["queue"]["max_wait"] = 4
        if centre["id"] == "110":
            centre["queue"]["direct"][0]["wait"] = 60
    for seat in config["seats"]:
        if seat["id"] in ("8005", "8006"):
            seat["wrap_up"] = 600


@pytest.fixture(scope="session")
def waiting_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The installation of the tests about queues and seats."""
    with Town(tmp_path_factory.mktemp("queues"), edit=patient) as town:
        yield town


@pytest.fixture
def town(installation: Town, request: pytest.FixtureRequest) -> Iterator[Town]:
    """The installation without phones; those of the test leave with it, and their seats forget what they were set to."""
    installation.tapes = installation.folder / "tapes" / request.node.name
    yield installation
    leave(installation)


@pytest.fixture
def look(town: Town) -> Iterator[Look]:
    """Eyes and hands for the installation."""
    eyes = Look(town)
    yield eyes
    eyes.close()


@pytest.fixture
def prompts(look: Look) -> Prompts:
    """The installation's prompts, to be found again on a tape."""
    return Prompts(look)


def leave(town: Town) -> None:
    """Close all phones of a town, and wait until no call and no seat has any of them."""
    used = {phone.user: phone for phone in town.phones if phone.registers and phone.seen("registered")}
    if town.phones:
        with ThreadPoolExecutor(len(town.phones)) as many:
            list(many.map(lambda phone: phone.close(), town.phones))
    town.phones.clear()
    town.names.clear()
    eyes = Look(town)
    try:
        for seat, phone in used.items():
            if not phone.seen("unregistered"):
                _sign_out(town, seat)
            eyes.seat_is(seat, registered=False, state="idle")
        eyes.calls_over()
    finally:
        eyes.close()


def _sign_out(town: Town, seat: str) -> None:
    """The phone was killed: another one takes its place and unregisters."""
    with Phone(seat, SECRET, registrar=town.registrar) as phone:
        phone.registered()


def wait_until_gone(town: Town, seat: str) -> None:
    """Wait until no call has this seat any more."""
    eyes = Look(town)
    try:
        town.until(
            lambda: not any(p.seat == seat and p.left_at is None for one in eyes.live() for p in one.parties),
            f"seat {seat} to be free",
        )
    finally:
        eyes.close()


def last_call(town: Town, caller: Phone, kind: str = "inbound") -> dict[str, Any]:
    """The record of a caller's newest call, when it has ended, as ``hotline calls show --json`` tells it."""
    eyes = Look(town)
    try:
        shown: dict[str, Any] = msgspec.to_builtins(eyes.last(caller.user, kind))
    finally:
        eyes.close()
    return shown
