"""Commands about pages on a real stream, over restarts of a node: a page that was stopped stays so, one that ended is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
import pytest_twisted
from redis.asyncio import Redis

from telephony import aio, contract
from telephony.queues import scripts
from telephony.switchboard.intake import Intake
from tests import servers

test = pytest_twisted.ensureDeferred
SPEECH = (contract.Text("请注意。"),)


@pytest.fixture
def client(valkey: servers.Valkey) -> Iterator[Redis]:
    client = scripts.connect(valkey.url, timeout=5)
    yield client
    pytest_twisted.blockon(aio.wait(client.aclose()))


@pytest.fixture
def blocking(valkey: servers.Valkey) -> Iterator[Redis]:
    client = Redis.from_url(valkey.url)
    yield client
    pytest_twisted.blockon(aio.wait(client.aclose()))


class Life:
    """One life of a node: takes commands, answers them as the exchange would, and ends pages when told to."""

    def __init__(self, blocking: Redis, client: Redis, node: str = "n1") -> None:
        self._node = node
        self.done: list[str] = []
        """What happened, in order: ``page p1``, ``stop p1``, ``stopped p1``, ``answer <id of a stop>``."""
        self.intake = Intake(blocking, client, node, lambda command: False)
        self.intake.handle = self._handle
        self.intake.refuse = lambda command, code, message: self.done.append(f"refused {command} {code}")
        self.intake.stop_page = lambda page: self.done.append(f"stop {page}")
        self.intake.page_stopped = self._page_stopped
        self.intake.start()

    async def _handle(self, command: contract.AnyCommand) -> None:
        if isinstance(command, contract.Page):
            self.done.append(f"page {command.id}")
            self._answer(command.id, page=command.id)
        elif isinstance(command, contract.StopPage):
            ended = await aio.wait(self.intake.ended(command.page))
            self.done.append(f"answer {command.id} {ended}")
            self._answer(command.id, ended=ended)

    def _page_stopped(self, command: contract.Page) -> None:
        self.done.append(f"stopped {command.id}")
        self._answer(command.id, page=command.id)
        self.intake.settled(command.id, "stopped")

    def _answer(self, command: str, **result: str) -> None:
        done = contract.CommandDone(id=f"d-{command}", at=1, node=self._node, command=command, ok=True, result=result)
        self.intake.replied(command, done)

    async def until(self, happened: str) -> None:
        await until(lambda: happened in self.done, f"{happened} among {self.done}")

    async def die(self) -> None:
        self.intake.stop()
        await aio.wait(asyncio.sleep(0))


async def until(so: Callable[[], object], what: str) -> None:
    async def look() -> None:
        while True:
            if so():
                return
            await asyncio.sleep(0.01)

    try:
        await aio.wait(asyncio.wait_for(look(), 20))
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None


async def give(client: Redis, *commands: contract.AnyCommand) -> None:
    for command in commands:
        await aio.wait(client.xadd(contract.COMMANDS, {contract.FIELD: contract.encode(command)}))


async def answered(client: Redis, command: str) -> contract.CommandDone:
    """The answer as its sender gets it."""
    found = await aio.wait(client.blpop([contract.reply_key(command)], timeout=4))
    assert found is not None
    done = contract.decode_event(found[1])
    assert isinstance(done, contract.CommandDone)
    return done


async def nothing_in_hand(client: Redis) -> None:
    """Wait until every command is acknowledged: no later life is going to carry it out again."""

    async def look() -> None:
        while True:
            found = await client.xpending(contract.COMMANDS, "node:n1")
            if not found["pending"]:
                return
            await asyncio.sleep(0.02)

    await aio.wait(asyncio.wait_for(look(), 10))


async def begin(blocking: Redis, client: Redis, node: str = "n1") -> Life:
    """A life that has joined the stream; only from then on it hears commands."""
    life = Life(blocking, client, node)
    hello = contract.StopPage(id=f"hello-{node}", page="nobody")
    for _ in range(400):
        groups = (
            await aio.wait(client.xinfo_groups(contract.COMMANDS)) if await aio.wait(client.exists(contract.COMMANDS)) else []
        )
        if any(group["name"] == f"node:{node}".encode() for group in groups):
            break
        await aio.wait(asyncio.sleep(0.01))
    await give(client, hello)
    await life.until("stop nobody")
    return life


def page(name: str) -> contract.Page:
    return contract.Page(id=name, to="7001", speech=SPEECH)


def stop(name: str, id: str = "s1") -> contract.StopPage:
    return contract.StopPage(id=id, page=name)


@test
async def test_a_page_that_a_restart_begins_anew_is_stopped(blocking: Redis, client: Redis) -> None:
    life = await begin(blocking, client)
    await give(client, page("p1"))
    await life.until("page p1")
    await life.die()
    await give(client, stop("p1"))
    life = Life(blocking, client)
    await life.until("answer s1 stopped")
    assert life.done.index("page p1") < life.done.index("stop p1"), "it is in hand when its stop comes"
    assert (await answered(client, "s1")).result == {"ended": "stopped"}
    await life.die()


@test
async def test_a_page_that_was_stopped_is_not_begun_anew(blocking: Redis, client: Redis) -> None:
    life = await begin(blocking, client)
    await give(client, page("p1"), stop("p1"))
    await life.until("answer s1 stopped")
    await answered(client, "s1")
    await life.die()  # and the page's end was not told yet
    life = Life(blocking, client)
    await life.until("stopped p1")
    assert "page p1" not in life.done
    await give(client, stop("p1", "s2"))
    await life.until("answer s2 stopped")
    await life.die()


@test
async def test_a_page_whose_stop_came_first_is_not_begun(blocking: Redis, client: Redis) -> None:
    life = await begin(blocking, client)
    await give(client, stop("p1"))
    await life.until("answer s1 unknown")
    await give(client, page("p1"))
    await life.until("stopped p1")
    assert (await answered(client, "p1")).ok
    assert "page p1" not in life.done
    await life.die()


@test
async def test_how_a_page_has_ended_is_known_after_a_restart(blocking: Redis, client: Redis) -> None:
    life = await begin(blocking, client)
    await give(client, page("p1"))
    await life.until("page p1")
    await answered(client, "p1")
    life.intake.settled("p1", "accepted")
    await give(client, stop("p1"))
    await life.until("answer s1 accepted")
    await answered(client, "s1")
    await nothing_in_hand(client)
    await life.die()
    life = Life(blocking, client)
    await give(client, stop("p1", "s2"))
    await life.until("answer s2 accepted")
    assert "page p1" not in life.done
    await life.die()


@test
async def test_every_node_stops_its_pages_and_one_of_them_answers(blocking: Redis, client: Redis) -> None:
    lives = [await begin(blocking, client, node) for node in ("n1", "n2")]
    await give(client, page("p1"))
    await until(lambda: [life for life in lives if "page p1" in life.done], "somebody to take the page")
    await give(client, stop("p1"))
    for life in lives:
        await life.until("stop p1")
    assert (await answered(client, "s1")).result == {"ended": "stopped"}
    assert sum("page p1" in life.done for life in lives) == 1
    for life in lives:
        await life.die()


@test
async def test_a_page_that_ends_while_redis_is_away_is_not_called_again(
    valkey: servers.Valkey, blocking: Redis, client: Redis
) -> None:
    life = await begin(blocking, client)
    await give(client, page("p1"))
    await life.until("page p1")
    await answered(client, "p1")
    valkey.kill()
    life.intake.settled("p1", "accepted")
    valkey.start()
    sender = scripts.connect(valkey.url)
    await give(sender, stop("p1"))
    await life.until("answer s1 accepted")
    await answered(sender, "s1")
    await nothing_in_hand(sender)
    assert life.done.count("page p1") == 1
    await life.die()
    await aio.wait(sender.aclose())
