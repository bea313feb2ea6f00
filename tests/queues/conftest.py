"""Boards on a real Valkey, with a clock that tests move by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import pytest_twisted
from redis.asyncio import Redis

from telephony import aio
from telephony.queues import records, scripts
from telephony.queues.board import Board
from tests import servers

_numbers = itertools.count(1)


class Clock:
    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def board_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Valkey]:
    """One server for all tests that leave it alone; each board has a prefix of its own."""
    with servers.valkey(tmp_path_factory.mktemp("board")) as server:
        yield server


@pytest.fixture
def client(board_server: servers.Valkey) -> Iterator[Redis]:
    client = scripts.connect(board_server.url, timeout=30)
    yield client
    pytest_twisted.blockon(aio.wait(client.aclose()))


@pytest.fixture
def board(client: Redis, clock: Clock) -> Board:
    return fresh_board(client, clock)


def fresh_board(client: Redis, clock: Clock) -> Board:
    return Board(client, f"{{test{next(_numbers)}}}", clock)


def waiting(
    attempt: str,
    since: float,
    *steps: tuple[str, float],
    rank: int = 1,
    centre: str = "12345",
    node: str = "n1",
    exclude: tuple[str, ...] = (),
    again: bool = True,
) -> records.Waiting:
    """A waiting attempt; each step is its groups joined by commas, and its wait."""
    return records.Waiting(
        id=attempt,
        call=f"call-{attempt}",
        centre=centre,
        steps=tuple(records.Step(tuple(groups.split(",")), wait) for groups, wait in steps or (("desk", 10.0),)),
        rank=rank,
        since=since,
        node=node,
        exclude=exclude,
        again=again,
    )
