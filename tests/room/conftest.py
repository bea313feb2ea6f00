"""A front door, rooms and phones for one test, all ended with it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robots import handset
from tests.room.kit import Forwarder, RoomProcess

Rooms = Callable[..., RoomProcess]
Phones = Callable[..., handset.Phone]


@pytest.fixture
def door() -> Iterator[Forwarder]:
    forwarder = Forwarder()
    yield forwarder
    forwarder.close()


@pytest.fixture
def rooms(door: Forwarder, tmp_path: Path) -> Iterator[Rooms]:
    with contextlib.ExitStack() as stack:

        def make(name: str = "r1", **more: Any) -> RoomProcess:
            made = RoomProcess(tmp_path, door, name, **more)
            stack.callback(made.kill)
            return made

        yield make


@pytest.fixture
def room(rooms: Rooms) -> RoomProcess:
    return rooms()


@pytest.fixture
def phones(door: Forwarder, tmp_path: Path) -> Iterator[Phones]:
    """Makes phones; one that is not the caller is a seat of the door's under its user name."""
    with contextlib.ExitStack() as stack:

        def make(user: str, tone: int, behaviour: Any = None, **more: Any) -> handset.Phone:
            made = handset.Phone(user, tone=tone, folder=tmp_path, behaviour=behaviour or handset.answer(), **more)
            stack.callback(made.kill)
            made.ready()
            door.users[user] = ("127.0.0.1", made.sip_port)
            return made

        yield make
