"""The board: a match with 200 seats and 200 waiting calls, and the round trips that a call makes.

Measured on a real Valkey over its unix socket, from one client: the time until the answer has been decoded, which is what a call
waits, and Valkey's own processor time for it. Other nodes and other calls are not in it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

from twisted.internet.defer import Deferred

from bench import processes, valkey
from bench.figures import Figure
from bench.run import Run
from telephony.queues import records
from telephony.queues.board import Board
from telephony.queues.scripts import connect

CROWD = 200


def measure(run: Run) -> list[Figure]:
    rounds = 5 if run.quick else 30
    run.say(f"board: {CROWD} seats, {CROWD} waiting calls …")
    with valkey.running(run.folder / "board") as (url, pid):
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            return loop.run_until_complete(_measure(loop, url, pid, rounds))
        finally:
            asyncio.set_event_loop(None)
            loop.close()


async def _measure(loop: asyncio.AbstractEventLoop, url: str, pid: int, rounds: int) -> list[Figure]:
    """The board's coroutines are Twisted's: each is run on this loop."""

    def do(work: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = Deferred.fromCoroutine(work).asFuture(loop)
        return future

    client = connect(url)
    crowd, small = Board(client, "{crowd}", time.time), Board(client, "{small}", time.time)
    figures: list[Figure] = []
    try:
        await _seats(do, crowd, CROWD)
        full, none, cost = [], [], 0.0
        for number in range(rounds):
            await _queue(do, crowd, number, CROWD)
            before = processes.cpu(pid)
            found, took = await _timed(do(crowd.match("12345", node="n1")))
            cost += processes.cpu(pid) - before
            full.append(took)
            if len(tuple(found)) != CROWD:
                raise RuntimeError(f"{len(tuple(found))} of {CROWD} waiting calls got a seat")
            await _queue(do, crowd, number + rounds, CROWD)
            none.append((await _timed(do(crowd.match("12345", node="n1"))))[1])
            for offer in found:
                await do(crowd.leave(offer.attempt))
                await do(crowd.release(offer.seat, offer.attempt))
            for index in range(CROWD):
                await do(crowd.leave(_name(number + rounds, index)))
        figures.append(Figure("board.match_all", f"match, {CROWD} free seats for {CROWD} waiting", 1000 * median(full), "ms"))
        figures.append(Figure("board.match_all_cpu", "of it Valkey's processor time", 1000 * cost / rounds, "ms"))
        figures.append(Figure("board.match_none", f"match, {CROWD} busy seats, {CROWD} waiting", 1000 * median(none), "ms"))
        figures += await _one_call(do, small, rounds * 5)
    finally:
        await client.aclose()
    return figures


async def _one_call(do: Callable[[Any], Awaitable[Any]], board: Board, rounds: int) -> list[Figure]:
    """The life of one call at a desk of 20 seats, step by step."""
    await _seats(do, board, 20)
    matches, whole = [], []
    for number in range(rounds):
        began = time.perf_counter()
        await _queue(do, board, number, 1)
        found, took = await _timed(do(board.match("12345", node="n1")))
        matches.append(took)
        (offer,) = found
        await do(board.ringing(offer.seat, offer.attempt))
        await do(board.talking(offer.seat, offer.attempt, offer.call, "n1"))
        await do(board.leave(offer.attempt))
        await do(board.release(offer.seat, offer.attempt))
        whole.append(time.perf_counter() - began)
    return [
        Figure("board.match_one", "match, 20 free seats for one call", 1000 * median(matches), "ms"),
        Figure("board.life", "all six steps of one call at the board", 1000 * median(whole), "ms"),
    ]


async def _seats(do: Callable[[Any], Awaitable[Any]], board: Board, count: int) -> None:
    for number in range(count):
        await do(board.sign_in(f"s{number}", "12345", ["general"]))
    await do(board.renew("n1", []))


async def _queue(do: Callable[[Any], Awaitable[Any]], board: Board, number: int, count: int) -> None:
    for index in range(count):
        name = _name(number, index)
        steps = (records.Step(("general",), 10), records.Step(("linkage",), 10))
        await do(
            board.enqueue(
                records.Waiting(id=name, call=f"c{name}", centre="12345", steps=steps, rank=1, since=time.time(), node="n1")
            )
        )


def _name(number: int, index: int) -> str:
    return f"a{number}-{index}"


async def _timed(work: Awaitable[Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    found = await work
    return found, time.perf_counter() - began
