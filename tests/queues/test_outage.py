"""Redis goes, comes back, is full or refuses: what the board says and what is left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_twisted
from redis.asyncio import Redis

from telephony import aio
from telephony.queues import changes, errors, scripts
from telephony.queues.board import Board
from tests import servers
from tests.queues.conftest import Clock, waiting

test = pytest_twisted.ensureDeferred


@pytest.fixture
def own(valkey: servers.Valkey) -> Iterator[Redis]:
    """Client of a server that the test may break."""
    client = scripts.connect(valkey.url, timeout=30)
    yield client
    pytest_twisted.blockon(aio.wait(client.aclose()))


async def until(news: AsyncIterator[str], centre: str) -> None:
    async for told in news:
        if told == centre:
            return


@test
async def test_a_lost_server_is_one_typed_error_and_the_board_is_whole_when_it_is_back(
    valkey: servers.Valkey, own: Redis, clock: Clock
) -> None:
    board = Board(own, "{hotline}", clock)
    await board.sign_in("8001", "12345", ["desk"])
    await board.enqueue(waiting("a", clock.now))
    await board.match("12345")
    valkey.kill()
    for attempt in (lambda: board.match("12345"), board.seats, lambda: board.position("a"), board.sweep):
        with pytest.raises(errors.BoardUnavailable) as caught:
            await attempt()
        assert caught.value.code == "queue.unavailable" and "HOTLINE_REDIS_URL" in caught.value.remedy
    valkey.start()
    assert [(q.waiting.id, q.seat) for q in await board.waiting("12345")] == [("a", "8001")]
    assert await board.ringing("8001", "a")


@test
async def test_a_server_without_memory_or_without_the_right_to_write_names_the_remedy(own: Redis, clock: Clock) -> None:
    board = Board(own, "{hotline}", clock)
    await board.sign_in("8001", "12345", ["desk"])
    await aio.wait(own.config_set("maxmemory", "1"))
    with pytest.raises(errors.BoardUnavailable, match="maxmemory"):
        await board.set_status("8001", "paused", "lunch")
    await aio.wait(own.config_set("maxmemory", "0"))
    await aio.wait(own.replicaof("127.0.0.1", 1))
    with pytest.raises(errors.BoardUnavailable, match="primary"):
        await board.set_status("8001", "paused", "lunch")
    await aio.wait(own.replicaof("NO", "ONE"))
    seat = await board.seat("8001")
    assert seat is not None and seat.status == "available"


@test
async def test_a_wrong_password_names_the_remedy(valkey: servers.Valkey, own: Redis, clock: Clock) -> None:
    await aio.wait(own.config_set("requirepass", "secret"))
    stranger = scripts.connect(valkey.url)
    try:
        with pytest.raises(errors.BoardUnavailable, match="password"):
            await Board(stranger, "{hotline}", clock).sweep()
    finally:
        await aio.wait(stranger.aclose())


@test
async def test_changes_name_the_centre_to_look_at(board: Board, clock: Clock) -> None:
    news = board.changes()
    assert await news.__anext__() == changes.EVERY
    await board.enqueue(waiting("a", clock.now))
    assert await news.__anext__() == "12345"
    await board.sign_in("9001", "110", ["desk"])
    assert await news.__anext__() == "110"
    await board.claim("9001", "b")
    await board.release("9001", "b")
    assert await news.__anext__() == "110"
    await news.close()
    assert [centre async for centre in news] == []


@test
async def test_changes_go_on_after_a_lost_server(valkey: servers.Valkey, own: Redis, clock: Clock) -> None:
    board = Board(own, "{hotline}", clock)
    news = board.changes()
    await until(news, changes.EVERY)
    valkey.kill()
    valkey.start()
    await until(news, changes.EVERY)
    await board.enqueue(waiting("a", clock.now))
    await until(news, "12345")
    await news.close()
